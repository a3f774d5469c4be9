//! What each provider is sent, and what never reaches it.

use std::collections::BTreeMap;

use understudy::sim::{Fault, Sim, UnmaskedRequest};

use super::{CHAT, NO_BREAKER, fault, sim};
use crate::support::{Gateway, RawProvider, Running, Script, chat};

/// Three manners of signing in, and headers of one's own.
const THREE: &str = r#"
providers:
  plain:
    kind: openai-compatible
    endpoint: "{plain}"
    api_key: sk-of-plain
    headers: { x-team: team-of-plain, OpenAI-Organization: org-of-plain }
  azure:
    kind: azure-openai
    endpoint: "{azure}"
    api_key: key-of-azure
    headers: { x-ms-region: region-of-azure }
  own: { kind: openai-compatible, endpoint: "{own}", auth: passthrough }
models:
  gpt-4o:
    targets:
      - { provider: plain, model: model-of-plain }
      - { provider: azure, model: "model:of/azure" }
      - { provider: own, model: "vendor/model-of-own" }
defaults:
  {breaker}
"#;

/// Odd on purpose: nothing but the model's name may change.
const BODY: &str = "{ \"messages\" :[{\"role\":\"user\",\"content\":\"\\u00fc \u{fc} \\\"model\\\": \\\"x\\\"\"}],\r\n\t\"model\":\
                    \"gpt-\\u0034o\" , \"seed\":1e3,\"unknown\":{\"model\":\"gpt-4o\"} ,\"seed\":12345678901234567890 }\n";
const MODEL: &str = "\"gpt-\\u0034o\"";

struct Three {
    sims: [(&'static str, Sim); 3],
    gateway: Running,
}

impl Three {
    async fn start() -> Self {
        let sims = [
            ("plain", sim("plain").await),
            ("azure", sim("azure").await),
            ("own", sim("own").await),
        ];
        let mut gateway = Gateway::with(THREE).fill("breaker", NO_BREAKER);
        for (name, sim) in &sims {
            let url = match *name {
                "azure" => sim.base_url().replace("/v1", ""),
                _ => sim.base_url(),
            };
            gateway = gateway.fill(name, url);
        }
        let gateway = gateway.start().await;
        Self { sims, gateway }
    }

    fn sim(&self, name: &str) -> &Sim {
        let found = self.sims.iter().find(|(other, _)| *other == name);
        &found.unwrap().1
    }

    /// The only request that a provider got since the last look.
    fn taken(&self, name: &str) -> UnmaskedRequest {
        let control = self.sim(name).control();
        let requests = control.recent_requests_unmasked_for_tests();
        assert_eq!(requests.len(), 1, "{name}: {requests:?}");
        control.reset();
        requests.into_iter().next().unwrap()
    }
}

fn headers(request: &UnmaskedRequest) -> BTreeMap<String, String> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = request.headers();
    assert_eq!(
        headers.len(),
        headers.keys_len(),
        "a header comes twice: {headers:?}"
    );
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect()
}

/// All that a provider may be sent, whoever was asked before it.
fn expected(name: &str, host: String) -> (BTreeMap<String, String>, &'static str, String) {
    let (path, model, own): (&str, &str, &[(&str, &str)]) = match name {
        "plain" => (
            "/v1/chat/completions",
            "\"model-of-plain\"",
            &[
                ("authorization", "Bearer sk-of-plain"),
                ("x-team", "team-of-plain"),
                ("openai-organization", "org-of-plain"),
            ],
        ),
        "azure" => (
            "/openai/deployments/model%3Aof%2Fazure/chat/completions?api-version=2024-10-21",
            "\"model:of/azure\"",
            &[("api-key", "key-of-azure"), ("x-ms-region", "region-of-azure")],
        ),
        _ => (
            "/v1/chat/completions",
            "\"vendor/model-of-own\"",
            &[("authorization", "Bearer key-of-caller")],
        ),
    };
    let body = BODY.replacen(MODEL, model, 1);
    let length = body.len().to_string();
    let all = [
        ("host", host.as_str()),
        ("content-type", "application/json"),
        ("content-length", &length),
        ("accept-encoding", "identity"),
        ("accept", "application/json"),
        ("user-agent", "agent/1.0"),
        ("x-client-request-id", "id-of-caller"),
    ];
    let headers = all
        .iter()
        .chain(own)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    (headers.collect(), path, body)
}

#[tokio::test]
async fn nothing_of_one_provider_or_of_ours_reaches_another_in_any_order() {
    let three = Three::start().await;
    let orders = [
        "plain,azure,own",
        "plain,own,azure",
        "azure,plain,own",
        "azure,own,plain",
        "own,plain,azure",
        "own,azure,plain",
    ];

    for http2 in [false, true] {
        for order in orders {
            let names: Vec<&str> = order.split(',').collect();
            three.sim(names[0]).control().set_fault(fault(Fault::ServerError));
            three.sim(names[1]).control().set_fault(fault(Fault::Reset));
            let call = three.gateway.call(http::Method::POST, CHAT).body(BODY);
            let call = call
                .bearer("key-of-caller")
                .header("content-type", "application/json; charset=utf-8")
                .header("accept", "application/json")
                .header("accept-encoding", "gzip, br")
                .header("user-agent", "agent/1.0")
                .header("x-client-request-id", "id-of-caller")
                .header("x-request-id", "forged")
                .header("x-request-id", "forged too")
                .header("cookie", "a=b")
                .header("x-api-key", "another key")
                .header("openai-organization", "org-of-caller")
                .header("x-forwarded-for", "10.1.2.3")
                .header("x-envoy-retry-on", "5xx")
                .header("x-envoy-attempt-count", "7")
                .header("x-understudy-retry", "rate_limited")
                .header("x-understudy-absent", "dns")
                .header("x-understudy-route", "probe")
                .header("x-understudy-order", order);

            let call = if http2 { call.http2() } else { call };
            let answer = call.send().await;

            assert_eq!(answer.status, 200, "{order}: {}", answer.text());
            let hops = [
                format!("{} server_error", names[0]),
                format!("{} reset", names[1]),
                format!("{} ok", names[2]),
            ];
            assert_eq!(answer.hops(), hops, "{order}");
            for name in names {
                let host = three.sim(name).addr().to_string();
                let request = three.taken(name);
                let (mut wanted, path, body) = expected(name, host);
                if name == "plain" {
                    // Its own header is there; the caller's of the same name is not.
                    wanted.insert("openai-organization".to_owned(), "org-of-plain".to_owned());
                }
                assert_eq!(headers(&request), wanted, "{name} in {order}");
                assert_eq!(request.uri().path_and_query().unwrap().as_str(), path, "{order}");
                assert_eq!(
                    String::from_utf8_lossy(request.masked().body()),
                    body,
                    "{name} in {order}"
                );
            }
        }
    }
    three.gateway.stop().await;
}

#[tokio::test]
async fn a_provider_without_a_credential_is_sent_none() {
    let (primary, open) = (sim("primary").await, sim("open").await);
    primary.control().set_fault(fault(Fault::Overloaded));
    let config = r#"
providers:
  primary: { kind: openai, endpoint: "{primary}", api_key: sk-primary }
  open: { kind: openai-compatible, endpoint: "{open}", auth: none }
  own: { kind: openai, endpoint: "{open}", auth: passthrough }
models:
  gpt-4o: { targets: [{ provider: primary }, { provider: open, priority: 1 }] }
  gpt-5: { targets: [{ provider: own }] }
"#;
    let gateway = Gateway::with(config)
        .fill("primary", primary.base_url())
        .fill("open", open.base_url())
        .start()
        .await;

    let moved = gateway
        .post(CHAT, chat("gpt-4o"))
        .bearer("key-of-caller")
        .send()
        .await;
    let by_key = gateway
        .post(CHAT, chat("gpt-5"))
        .header("api-key", "key-of-caller")
        .send()
        .await;
    let bare = gateway.post(CHAT, chat("gpt-5")).send().await;

    assert_eq!(
        (moved.status, by_key.status, bare.status),
        (http::StatusCode::OK, http::StatusCode::OK, http::StatusCode::OK)
    );
    let requests = open.control().recent_requests_unmasked_for_tests();
    let credentials = |request: &UnmaskedRequest| {
        let names = ["authorization", "api-key", "x-api-key", "cookie"];
        let found = names
            .iter()
            .filter_map(|name| request.header(name).map(str::to_owned));
        found.collect::<Vec<_>>()
    };
    assert_eq!(credentials(&requests[0]), [""; 0]);
    assert_eq!(
        credentials(&requests[1]),
        ["Bearer key-of-caller"],
        "in the header that its language wants"
    );
    assert_eq!(credentials(&requests[2]), [""; 0]);
    gateway.stop().await;
}

#[tokio::test]
async fn a_provider_that_speaks_to_envoy_is_not_heard() {
    let body = r#"{"error":{"message":"no","type":"invalid_request_error","param":null,"code":null}}"#;
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nx-understudy-retry: rate_limited\r\n\
         x-understudy-absent: dns\r\nx-understudy-provider: someone\r\nx-envoy-overloaded: true\r\n\
         x-envoy-ratelimited: true\r\nx-envoy-immediate-health-check-fail: true\r\nx-of-provider: 1\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let provider = RawProvider::start([Script::answering(answer)]).await;
    let backup = sim("backup").await;
    let gateway = Gateway::with(super::PAIR)
        .fill("primary", provider.base_url())
        .fill("backup", backup.base_url())
        .start()
        .await;

    for _ in 0..3 {
        let answer = gateway.post(CHAT, chat("gpt-4o")).send().await;

        assert_eq!((answer.status.as_u16(), answer.text().as_str()), (400, body));
        assert_eq!(answer.hops(), ["primary client_error"]);
        assert_eq!(answer.header("x-understudy-provider"), Some("primary"));
        assert_eq!(answer.header("x-of-provider"), Some("1"));
        for header in [
            "x-understudy-retry",
            "x-understudy-absent",
            "x-envoy-overloaded",
            "x-envoy-ratelimited",
        ] {
            assert_eq!(answer.header(header), None, "{header}");
        }
    }
    assert_eq!(
        (provider.requests().len(), backup.control().counters().requests),
        (3, 0)
    );
    gateway.stop().await;
}

#[tokio::test]
async fn a_reload_does_not_change_a_request_on_its_way() {
    let word = std::sync::Arc::new(tokio::sync::Notify::new());
    let slow = Script::new()
        .read_request()
        .wait_for(&word)
        .write("HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n");
    let primary = RawProvider::start([slow]).await;
    let (old, new) = (sim("old").await, sim("new").await);
    let mut gateway = Gateway::with(super::PAIR)
        .fill("primary", primary.base_url())
        .fill("backup", old.base_url())
        .start()
        .await;

    let on_its_way = tokio::spawn(gateway.post(CHAT, chat("gpt-4o")).send());
    primary.requests_when(1).await;
    gateway.rewrite_config(|yaml| yaml.replace("sk-backup", "sk-of-the-new"));
    gateway.refill("primary", new.base_url());
    gateway.wait_for_generation(2).await;
    gateway.until_ready().await;
    let fresh = gateway.post(CHAT, chat("gpt-4o")).send().await;
    word.notify_one();
    let answer = on_its_way.await.unwrap();

    assert_eq!(fresh.hops(), ["primary ok"]);
    assert_eq!(
        (new.control().counters().requests, fresh.status.as_u16()),
        (1, 200)
    );
    assert_eq!(
        answer.hops(),
        ["primary overloaded", "backup ok"],
        "{}",
        answer.text()
    );
    let asked = &old.control().recent_requests_unmasked_for_tests()[0];
    assert_eq!(
        asked.header("authorization"),
        Some("Bearer sk-backup"),
        "the key of its own generation"
    );
    gateway.stop().await;
}
