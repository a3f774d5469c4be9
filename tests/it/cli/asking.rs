use http::Method;
use nix::sys::signal::Signal;
use serde_json::Value;
use understudy::sim::{Fault, FaultRule, Sim, SimConfig};

use super::program::{Place, Ran, Served};
use crate::support::{Call, chat, closed_port};

async fn sim(name: &str, key: &str) -> Sim {
    let config = SimConfig {
        api_key: Some(key.into()),
        ..SimConfig::named(name)
    };
    Sim::start(config).await.unwrap()
}

fn two(one: &Sim, other: &Sim) -> String {
    format!(
        "providers:\n  \
           one: {{ kind: openai, endpoint: \"{}\", api_key: key-one }}\n  \
           two: {{ kind: azure-openai, endpoint: \"http://{}\", api_key: key-two, deployment: d }}\n\
         models:\n  \
           m: {{ aliases: [mm], order: ordered, targets: [ {{ provider: one }}, {{ provider: two, priority: 1 }} ] }}\n",
        one.base_url(),
        other.addr()
    )
}

async fn up(place: &Place) -> Served {
    place.serve(&["up", "--envoy-threads", "1"], "\"serving\"").await
}

fn good(ran: &Ran) -> &str {
    assert_eq!(ran.code, Some(0), "{ran:?}");
    &ran.out
}

#[tokio::test]
async fn explain_and_status_tell_what_the_running_one_knows() {
    let (one, other) = (sim("one", "key-one").await, sim("two", "key-two").await);
    let place = Place::with_config(&two(&one, &other));
    let up = up(&place).await;
    one.control()
        .set_fault(FaultRule::new(Fault::RateLimit).retry_after("600"));
    let answer = Call::new(place.addresses.listen, Method::POST, "/v1/chat/completions")
        .json(&chat("m"))
        .send()
        .await;

    let explained = place.run(&["explain", "mm"]).await;
    let json = place.run(&["explain", "m", "--json"]).await;
    let status = place.run(&["status"]).await;
    let status_json = place
        .run(&["status", "--json", "--admin", &place.addresses.admin.to_string()])
        .await;
    let unknown = place.run(&["explain", "n"]).await;
    up.stop(Signal::SIGTERM).await;

    assert_eq!(answer.status, 200);
    let explained = good(&explained);
    let first = "m (also mm): by priority, then in the order of the file, up to 3 attempts\nnow, as http://";
    assert!(explained.starts_with(first), "{explained}");
    let row = |text: &str, cells: &[&str]| {
        let found = text
            .lines()
            .find(|line| cells.iter().all(|cell| line.contains(cell)));
        assert!(found.is_some(), "no line with {cells:?} in\n{text}");
    };
    row(explained, &["1    two", "serving", "priority 1"]);
    row(
        explained,
        &["-    one", "benched for ", "(rate_limited)", "left out"],
    );
    let json: Value = serde_json::from_str(good(&json)).unwrap();
    assert_eq!(json["targets"][1]["skip"]["reason"], "circuit_open");
    let status = good(&status);
    row(status, &["Understudy ", ": ready"]);
    row(status, &["Envoy", "1.40.0", "runs generation 1"]);
    row(status, &["one/m", "benched for", "rate_limited 429"]);
    row(status, &["two/d", "serving"]);
    let json: Value = serde_json::from_str(good(&status_json)).unwrap();
    assert_eq!(json["readiness"]["ready"], true);
    assert_eq!(unknown.code, Some(1));
    assert_eq!(
        unknown.err,
        "understudy: no model is called `n`; the models are: m\n"
    );
}

#[tokio::test]
async fn the_running_one_can_be_asked_without_the_keys_of_its_service() {
    let (one, other) = (sim("one", "key-one").await, sim("two", "key-two").await);
    let place = Place::with_config(&two(&one, &other));
    let up = up(&place).await;
    let addresses = place.addresses;
    // As if the service alone had the keys.
    place.write(
        "elsewhere.yaml",
        &format!(
            "admin: {}\nproviders: {{ p: {{ kind: openai, api_key: \"${{NOT_HERE}}\" }} }}\n",
            addresses.admin
        ),
    );

    let status = place.run(&["status", "--ready", "-c", "elsewhere.yaml"]).await;
    up.stop(Signal::SIGTERM).await;

    assert_eq!(good(&status), "ready\n");
}

#[tokio::test]
async fn when_nobody_runs_explain_answers_from_the_file_and_says_so() {
    let (one, other) = (sim("one", "key-one").await, sim("two", "key-two").await);
    let place = Place::with_config(&two(&one, &other));

    let explained = place.run(&["explain", "m"]).await;

    assert_eq!(
        good(&explained),
        format!(
            "m (also mm): by priority, then in the order of the file, up to 3 attempts\n\
             by understudy.yaml alone, as if every circuit were closed: no Understudy answers at {}\n\n\
             try  provider  its model  standing  why\n\
             1    one       m          serving   priority 0, in the order of the file\n\
             2    two       d          serving   priority 1, in the order of the file\n",
            place.addresses.admin
        )
    );
}

#[tokio::test]
async fn probe_finds_what_works_and_what_does_not_and_why() {
    let (one, other) = (sim("one", "key-one").await, sim("two", "another-key").await);
    let closed = closed_port();
    let place = Place::with_config(&format!(
        "{}  e: {{ targets: [ {{ provider: one, model: text-embedding-3-small }} ] }}\n  \
           gone: {{ targets: [ {{ provider: three }}, {{ provider: one, model: \"m#rate_limit\" }} ] }}\n",
        two(&one, &other).replace(
            "models:\n",
            &format!(
                "  three: {{ kind: openai-compatible, endpoint: \"http://{closed}/v1\", auth: none }}\n  \
                   four: {{ kind: openai, endpoint: \"{}\", auth: passthrough }}\nmodels:\n  \
                   own: {{ targets: [ {{ provider: four, model: x }} ] }}\n",
                one.base_url()
            )
        )
    ));

    let all = place.run(&["probe", "--json"]).await;
    let table = place.run(&["probe", "--model", "mm", "--provider", "one"]).await;
    let with_key = place
        .run(&["probe", "--provider", "four", "--caller-key", "key-one"])
        .await;

    assert_eq!(all.code, Some(1), "{all:?}");
    let found: Vec<Value> = serde_json::from_str(&all.out).unwrap();
    let told: Vec<[&str; 4]> = found
        .iter()
        .map(|row| ["provider", "provider_model", "found", "class"].map(|key| row[key].as_str().unwrap()))
        .collect();
    assert_eq!(
        told,
        [
            ["four", "x", "left_out", "-"],
            ["one", "m", "well", "ok"],
            ["two", "d", "failed", "auth"],
            ["one", "text-embedding-3-small", "well", "ok"],
            ["three", "gone", "failed", "connect"],
            ["one", "m#rate_limit", "failed", "rate_limited"],
        ]
    );
    assert!(!all.out.contains("key-two"));
    let lines: Vec<&str> = good(&table).lines().collect();
    assert!(lines[0].starts_with("model  provider  its model  result  status  ms"));
    assert!(lines[1].starts_with("m      one       m          ok      200"));
    assert_eq!(lines[3], "1 target: 1 well, 0 not");
    assert!(good(&with_key).contains("1 target: 1 well, 0 not"));
}

#[tokio::test]
async fn the_demo_comes_out_as_told_and_ends_with_envoys_own_counters() {
    let demo = Place::new().run(&["demo"]).await;

    let told = good(&demo);
    for part in [
        "openai;rate_limited;429;",
        "20 x 200 by azure-east; openai was asked 0 times",
        "openai;connect;-;",
        "cluster.azure-east.upstream_rq_retry: 2",
        "cluster.azure-east.upstream_rq_retry_success: 2",
    ] {
        assert!(told.contains(part), "no `{part}` in\n{told}");
    }
}
