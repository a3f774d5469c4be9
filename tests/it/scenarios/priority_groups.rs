//! `priority-groups.yaml`: group 1 always answers 429 with `Retry-After`; the first request gets that 429, the second
//! one is served by group 2, each with its provider's name for the model and its own key.

use super::*;

#[tokio::test]
async fn the_first_request_gets_the_429_and_the_second_is_served_by_the_other_group() {
    let (first_group, second_group) = (sim("group1").await, sim("group2").await);
    first_group
        .control()
        .set_fault(fault(Fault::RateLimit).retry_after("17"));
    let env = [
        ("GROUP1_URL", first_group.base_url()),
        ("GROUP2_URL", second_group.base_url()),
        ("RESERVE_API_KEY", "key-reserve".to_owned()),
    ];
    let gateway = start(&example("priority-groups.yaml"), env).await;
    let ask = || gateway.post(CHAT, chat("assistant")).bearer("sk-callers-own");

    let first = ask().send().await;
    let second = ask().send().await;
    let third = ask().send().await;

    assert_eq!(
        (first.status.as_u16(), first.header("retry-after")),
        (429, Some("17")),
        "{}",
        first.text()
    );
    assert_eq!(
        first.json()["error"]["code"],
        "rate_limit_exceeded",
        "the provider's own words"
    );
    for answer in [&second, &third] {
        assert_eq!(
            (answer.status.as_u16(), answer.hops()),
            (200, vec!["reserve ok".to_owned()])
        );
    }
    let to_first = first_group.control().recent_requests_unmasked_for_tests();
    let to_second = second_group.control().recent_requests_unmasked_for_tests();
    assert_eq!(
        (to_first.len(), to_second.len()),
        (1, 2),
        "no request is ever sent twice"
    );
    let model = |request: &understudy::sim::UnmaskedRequest| {
        let body: Value = serde_json::from_slice(request.masked().body()).unwrap();
        body["model"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        (model(&to_first[0]), model(&to_second[0])),
        ("gpt-4o-mini".to_owned(), "llama-3.3-70b-versatile".to_owned())
    );
    assert_eq!(to_first[0].header("authorization"), Some("Bearer sk-callers-own"));
    assert_eq!(to_second[0].header("authorization"), Some("Bearer key-reserve"));
    let benched = target(&gateway, "assistant", "callers-own").await;
    assert!(
        (10..=17).contains(&benched["until"]["in_seconds"].as_i64().unwrap()),
        "{benched:#}"
    );
    assert_eq!(retries(&gateway, &["callers-own", "reserve"]).await, 0);
    gateway.stop().await;
}

#[tokio::test]
async fn a_callers_wrong_key_is_the_callers_to_see_and_benches_nothing() {
    let (first_group, second_group) = (sim("group1").await, sim("group2").await);
    first_group
        .control()
        .set_faults(vec![fault(Fault::Auth).times(1)]);
    let env = [
        ("GROUP1_URL", first_group.base_url()),
        ("GROUP2_URL", second_group.base_url()),
        ("RESERVE_API_KEY", "key-reserve".to_owned()),
    ];
    let gateway = start(&example("priority-groups.yaml"), env).await;

    let wrong = gateway
        .post(CHAT, chat("assistant"))
        .bearer("sk-wrong")
        .send()
        .await;
    let right = gateway
        .post(CHAT, chat("assistant"))
        .bearer("sk-right")
        .send()
        .await;

    assert_eq!(
        (wrong.status.as_u16(), right.hops()),
        (401, vec!["callers-own ok".to_owned()])
    );
    gateway.stop().await;
}
