//! `azure-regions.yaml`: backups that inherit; 503, timeout and connection errors move on; 401, 429 and 400 never;
//! a request may opt out.

use understudy::sim::UnmaskedRequest;

use super::*;
use crate::support::closed_port;

const MODEL: &str = "gpt-4.1-mini";
const ALL: [&str; 3] = ["azure-east", "azure-east-backup-1", "azure-other"];

struct Regions {
    east: Sim,
    west: Sim,
    other: Sim,
    gateway: Running,
}

async fn regions(yaml: &str) -> Regions {
    let (east, west, other) = (sim("east").await, sim("west").await, sim("other").await);
    let root = |sim: &Sim| sim.base_url().replace("/v1", "");
    let env = [
        ("AZURE_EAST_URL", root(&east)),
        ("AZURE_WEST_URL", root(&west)),
        ("AZURE_OTHER_URL", root(&other)),
        ("AZURE_OPENAI_KEY", "key-main".to_owned()),
        ("OTHER_SUBSCRIPTION_KEY", "key-other".to_owned()),
    ];
    let gateway = start(yaml, env).await;
    Regions {
        east,
        west,
        other,
        gateway,
    }
}

fn only(sim: &Sim) -> UnmaskedRequest {
    let requests = sim.control().recent_requests_unmasked_for_tests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    requests.into_iter().next().unwrap()
}

#[tokio::test]
async fn backups_follow_in_their_order_and_inherit_what_they_do_not_say() {
    let all = regions(&example("azure-regions.yaml")).await;
    all.east.control().set_fault(fault(Fault::Overloaded));
    all.west.control().set_fault(fault(Fault::Overloaded));

    let answer = all.gateway.post(CHAT, chat(MODEL)).send().await;

    assert_eq!(
        answer.hops(),
        [
            "azure-east overloaded",
            "azure-east-backup-1 overloaded",
            "azure-other ok"
        ],
        "{}",
        answer.text()
    );
    let path = |deployment: &str| {
        format!("/openai/deployments/{deployment}/chat/completions?api-version=2024-10-21")
    };
    for (sim, key, deployment) in [
        (&all.east, "key-main", "gpt-4.1-mini"),
        (&all.west, "key-main", "gpt-4.1-mini"),
        (&all.other, "key-other", "my-gpt"),
    ] {
        let request = only(sim);
        assert_eq!(request.header("api-key"), Some(key));
        assert_eq!(request.header("authorization"), None);
        assert_eq!(request.uri().path_and_query().unwrap().as_str(), path(deployment));
        assert_eq!(
            request.header("host").map(str::to_owned),
            Some(sim.addr().to_string())
        );
    }
    assert_eq!(retries(&all.gateway, &ALL).await, 2);
    all.gateway.stop().await;
}

#[tokio::test]
async fn only_what_another_region_can_mend_moves_on() {
    let yaml = changed(
        example("azure-regions.yaml"),
        "per_try_timeout: 30s",
        "per_try_timeout: 300ms",
    );
    let all = regions(&yaml).await;
    for (rule, moves) in [
        (fault(Fault::Overloaded), true),
        (fault(Fault::Hang), true),
        (fault(Fault::Reset), true),
        (fault(Fault::RateLimit).retry_after("9"), false),
        (fault(Fault::Auth), false),
        (fault(Fault::ContentFilter), false),
        (fault(Fault::ContextLength), false),
        (status(400), false),
        (status(500), false),
    ] {
        let what = format!("{rule:?}");
        all.east.control().reset();
        all.east.control().set_fault(rule);
        forgive(&all.gateway, &ALL).await;
        let answer = all.gateway.post(CHAT, chat(MODEL)).send().await;

        assert_eq!(
            answer.hops().len(),
            if moves { 2 } else { 1 },
            "{what}: {:?}",
            answer.hops()
        );
        assert_eq!(answer.status == 200, moves, "{what}");
        assert_eq!(all.east.control().counters().requests, 1, "{what}");
        if answer.status == 429 {
            assert_eq!(answer.header("retry-after"), Some("9"), "as it came");
            let next = all.gateway.post(CHAT, chat(MODEL)).send().await;
            assert_eq!(
                next.hops(),
                ["azure-east-backup-1 ok"],
                "requests after it go to the next region"
            );
        }
    }
    all.gateway.stop().await;
}

#[tokio::test]
async fn a_region_that_cannot_be_reached_is_passed_over_and_a_request_may_opt_out() {
    let west = sim("west").await;
    let env = [
        ("AZURE_EAST_URL", format!("http://{}", closed_port())),
        ("AZURE_WEST_URL", west.base_url().replace("/v1", "")),
    ];
    let gateway = start(&example("azure-regions.yaml"), env).await;

    let declined = gateway
        .post(CHAT, chat(MODEL))
        .header("x-understudy-failover", "off")
        .send()
        .await;
    let moved = gateway.post(CHAT, chat(MODEL)).send().await;

    assert_eq!(
        (declined.status.as_u16(), declined.hops()),
        (502, vec!["azure-east connect".to_owned()]),
        "{}",
        declined.text()
    );
    assert_eq!(moved.hops(), ["azure-east connect", "azure-east-backup-1 ok"]);
    gateway.stop().await;
}
