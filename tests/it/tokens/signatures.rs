//! Regions of Bedrock that compute each signature again, over what has arrived.

use std::collections::BTreeSet;

use understudy::sim::{AwsKeys, Dialect, Fault, FaultRule, Sim, SimConfig};

use crate::support::{Answer, Gateway, Running, chat, chat_stream};

const CHAT: &str = "/v1/chat/completions";

const CONFIG: &str = r#"
defaults:
  breaker: { consecutive_failures: off, error_rate: off }
  failover: { attempts: 4, attempts_per_target: 2, backoff: { base: 1ms, max: 2ms } }
providers:
  east: { kind: bedrock, region: us-east-1, endpoint: "{east}", access_key_id: AKIDOURS, secret_access_key: secret/of+ours }
  west:
    kind: bedrock
    region: us-west-2
    endpoint: "{west}"
    access_key_id: ASIATEMPORARY
    secret_access_key: temporary/secret
    session_token: "a/session+token=="
  stale:
    kind: bedrock
    region: us-west-2
    endpoint: "{west}"
    access_key_id: ASIATEMPORARY
    secret_access_key: temporary/secret
    session_token: "of/yesterday=="
  wrong: { kind: bedrock, region: us-east-1, endpoint: "{east}", access_key_id: AKIDOURS, secret_access_key: secret/of+others }
  abroad: { kind: bedrock, region: eu-west-1, endpoint: "{east}", access_key_id: AKIDOURS, secret_access_key: secret/of+ours }
models:
  both:
    targets:
      - { provider: east, model: "us.anthropic.claude-sonnet-4-5-v1:0" }
      - { provider: west, model: "global.anthropic.claude-sonnet-4-5-v1:0", priority: 1 }
  wrong: { targets: [{ provider: wrong, model: amazon.nova-pro-v1:0 }, { provider: west, model: amazon.nova-pro-v1:0, priority: 1 }] }
  stale: { targets: [{ provider: stale, model: amazon.nova-pro-v1:0 }, { provider: east, model: amazon.nova-pro-v1:0, priority: 1 }] }
  abroad: { targets: [{ provider: abroad, model: amazon.nova-pro-v1:0 }, { provider: east, model: amazon.nova-pro-v1:0, priority: 1 }] }
"#;

struct Regions {
    east: Sim,
    west: Sim,
    gateway: Running,
}

impl Regions {
    async fn start() -> Self {
        let region = async |name: &str, keys: AwsKeys| {
            let mut config = SimConfig::named(name);
            config.dialect = Some(Dialect::Bedrock);
            config.sign_in.aws = Some(AwsKeys {
                region: Some(name.to_owned()),
                ..keys
            });
            Sim::start(config).await.unwrap()
        };
        let east = region("us-east-1", AwsKeys::new("AKIDOURS", "secret/of+ours")).await;
        let temporary = AwsKeys {
            session_token: Some("a/session+token==".to_owned()),
            ..AwsKeys::new("ASIATEMPORARY", "temporary/secret")
        };
        let west = region("us-west-2", temporary).await;
        let gateway = Gateway::with(CONFIG)
            .fill("east", east.origin())
            .fill("west", west.origin());
        Self {
            gateway: gateway.start().await,
            east,
            west,
        }
    }

    /// Asks plain and streamed; both answers have come to their end.
    async fn ask(&self, model: &str) -> [Answer; 2] {
        let plain = self.gateway.post(CHAT, chat(model)).send().await;
        let streamed = self
            .gateway
            .post(CHAT, chat_stream(model))
            .stream()
            .await
            .read_all()
            .await;
        for answer in [&plain, streamed.partial()] {
            assert_eq!(answer.status, 200, "{model}: {}", answer.text());
        }
        assert_eq!(
            streamed.events().last().map(String::as_str),
            Some("[DONE]"),
            "{model}"
        );
        [plain, streamed.answer()]
    }
}

/// Every authorization that `sim` was shown, in the order of the requests.
fn authorizations(sim: &Sim) -> Vec<String> {
    let requests = sim.control().recent_requests_unmasked_for_tests();
    let all = requests
        .iter()
        .map(|request| request.header("authorization").unwrap().to_owned());
    all.collect()
}

#[tokio::test]
async fn each_attempt_is_signed_for_itself_whichever_region_it_goes_to() {
    let regions = Regions::start().await;
    regions
        .east
        .control()
        .set_fault(FaultRule::new(Fault::Overloaded).times(2));

    let answer = regions.gateway.post(CHAT, chat("both")).send().await;

    assert_eq!(
        answer.hops(),
        ["east overloaded", "east overloaded", "west ok"],
        "{}",
        answer.text()
    );
    // The first attempts met a fault and no judge of signatures; now there is none.
    for answer in regions.ask("both").await {
        assert_eq!(answer.hops(), ["east ok"]);
    }
    regions
        .east
        .control()
        .set_fault(FaultRule::new(Fault::RateLimit).times(1).retry_after("0"));
    let answer = regions.gateway.post(CHAT, chat_stream("both")).stream().await;
    let hops = answer.hops();
    assert_eq!(
        (hops[0].as_str(), hops.len()),
        ("east rate_limited", 2),
        "{hops:?}"
    );
    answer.read_all().await.answer();

    let (east, west) = (authorizations(&regions.east), authorizations(&regions.west));
    assert!(
        east.iter()
            .all(|it| it.contains("Credential=AKIDOURS/") && it.contains("/us-east-1/bedrock/"))
    );
    assert!(
        west.iter()
            .all(|it| it.contains("Credential=ASIATEMPORARY/") && it.contains("/us-west-2/bedrock/"))
    );
    let signatures: BTreeSet<&str> = [&east[0], &west[0]]
        .into_iter()
        .map(|it| it.rsplit_once("Signature=").unwrap().1)
        .collect();
    assert_eq!(signatures.len(), 2);
    let requests = regions.east.control().recent_requests_unmasked_for_tests();
    assert!(
        requests
            .iter()
            .all(|request| request.header("x-amz-security-token").is_none())
    );
    regions.gateway.stop().await;
}

#[tokio::test]
async fn temporary_keys_are_shown_with_their_token() {
    let regions = Regions::start().await;
    regions
        .east
        .control()
        .set_fault(FaultRule::new(Fault::Overloaded));

    for answer in regions.ask("both").await {
        assert_eq!(answer.header("x-understudy-provider"), Some("west"));
    }

    for request in regions.west.control().recent_requests_unmasked_for_tests() {
        assert_eq!(request.header("x-amz-security-token"), Some("a/session+token=="));
        let signed = request.header("authorization").unwrap();
        assert!(signed.contains("x-amz-date;x-amz-security-token,"), "{signed}");
    }
    regions.gateway.stop().await;
}

#[tokio::test]
async fn keys_that_are_not_good_there_are_the_credentials_fault() {
    let regions = Regions::start().await;

    for (model, served) in [("wrong", "west"), ("stale", "east"), ("abroad", "east")] {
        let answer = regions.gateway.post(CHAT, chat(model)).send().await;
        assert_eq!(
            answer.hops(),
            [format!("{model} auth"), format!("{served} ok")],
            "{}",
            answer.text()
        );
        assert_eq!(answer.trail()[0].status, Some(403), "{model}");
    }
    regions.gateway.stop().await;
}
