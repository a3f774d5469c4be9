//! The six steps, driven by hand: what a host would see, without a host.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::attempt::HeaderChanges;
use crate::catalog::{Catalog, Generation};
use crate::config::{Config, Sources};
use crate::outcome::Class;

struct NoSources;

impl Sources for NoSources {
    fn env(&self, _: &str) -> Option<String> {
        None
    }

    fn read(&self, _: &Path) -> std::io::Result<Vec<u8>> {
        Err(std::io::ErrorKind::NotFound.into())
    }
}

const PROVIDERS: &str = "
listen: 127.0.0.1:10000
providers:
  a: {kind: openai-compatible, endpoint: http://a.test/v1, api_key: key-a, headers: {x-team: red}}
  b: {kind: azure-openai, endpoint: https://b.test, api_key: key-b, deployment: dep}
  c: {kind: openai-compatible, endpoint: http://c.test/v1, auth: passthrough}
";

const TWO: &str = "models: {m: {order: ordered, targets: [{provider: a}, {provider: b, priority: 1}]}}";

/// A header map.
#[derive(Debug, Default)]
struct Map(Vec<(Bytes, Bytes)>);

impl Map {
    fn of(headers: &[(&str, &str)]) -> Self {
        let owned = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        Self(
            headers
                .iter()
                .map(|(name, value)| (owned(name), owned(value)))
                .collect(),
        )
    }

    /// What the map becomes when a host carries out the changes.
    fn changed(mut self, changes: HeaderChanges) -> Self {
        self.0.retain(|(name, _)| {
            !changes.remove.contains(name) && !changes.set.iter().any(|(set, _)| set == name)
        });
        self.0.extend(changes.set);
        self
    }
}

impl Headers for Map {
    fn iter(&self) -> impl Iterator<Item = (&Bytes, &Bytes)> {
        self.0.iter().map(|(name, value)| (name, value))
    }
}

/// A host driven by hand.
struct Host {
    live: Arc<Live>,
    happened: Vec<Happened>,
    rng: fastrand::Rng,
    now: Instant,
}

impl Host {
    fn with(models: &str) -> Self {
        let config = Config::parse(&format!("{PROVIDERS}{models}"), &NoSources, |_| Ok(())).unwrap();
        let catalog = Catalog::build(&config, Generation(1)).unwrap();
        let live = Arc::new(Live::new(Arc::new(catalog)));
        Self {
            live,
            happened: Vec::new(),
            rng: fastrand::Rng::with_seed(7),
            now: Instant::now(),
        }
    }

    fn step<T>(&mut self, step: impl FnOnce(&mut Lent<'_>) -> T) -> T {
        let (rng, happened) = (&mut self.rng, &mut self.happened);
        step(&mut Lent {
            rng,
            happened,
            today: SystemTime::UNIX_EPOCH,
            now: self.now,
        })
    }

    fn arrive(&mut self, headers: &Map, body: &Value) -> Planned {
        let head = Head {
            headers,
            ends: false,
            errand_token: "token",
        };
        let arrived = arrive(SessionId(1), &self.live.clone(), &head, self.now);
        let Arrived::Await(arrival) = arrived else {
            panic!("not awaited: {arrived:?}")
        };
        let body = Bytes::from(body.to_string());
        self.step(|lent| plan(*arrival, &body, lent))
    }

    fn go(&mut self, body: &Value) -> (Session, Dispatch) {
        match self.arrive(&chat(&[]), body) {
            Planned::Go(session, dispatch) => (*session, dispatch),
            Planned::Reply(refused) => panic!("refused: {refused:?}"),
        }
    }

    fn answer(&mut self, session: &mut Session, number: u32, headers: &[(&str, &str)], body: &str) -> Step {
        let ends = body.is_empty();
        let step = self.step(|lent| session.on_response_headers(number, &Map::of(headers), ends, lent));
        if step != Step::Hold {
            return step;
        }
        self.step(|lent| session.on_chunk(number, &Bytes::copy_from_slice(body.as_bytes()), true, lent))
    }

    fn finish(
        &mut self,
        session: &mut Session,
        status: &str,
        details: &str,
        attempts: u32,
    ) -> (Map, Option<Value>) {
        let headers = Map::of(&[(":status", status)]);
        let answer = self.step(|lent| session.on_final(&headers, HostWords { details, attempts }, lent));
        let body = answer.body.map(|body| serde_json::from_slice(&body).unwrap());
        (headers.changed(answer.headers), body)
    }

    fn told(&self) -> Vec<(u32, &'static str)> {
        let attempt = |fact: &Happened| match fact {
            Happened::Attempt(record) => Some((record.number, record.label())),
            _ => None,
        };
        self.happened.iter().filter_map(attempt).collect()
    }

    fn request(&self) -> Option<RequestOutcome> {
        self.happened.iter().find_map(|fact| match fact {
            Happened::Request(record) => Some(record.outcome),
            _ => None,
        })
    }
}

fn chat(more: &[(&str, &str)]) -> Map {
    let mut headers = vec![
        (":method", "POST"),
        (":path", "/v1/chat/completions"),
        ("content-type", "application/json"),
    ];
    headers.extend_from_slice(more);
    Map::of(&headers)
}

fn ask() -> Value {
    json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]})
}

fn text<'a>(headers: &'a Map, name: &str) -> Option<&'a str> {
    headers.text(name)
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn no_header_of_one_attempt_reaches_the_next() {
    let mut host = Host::with(TWO);
    let (mut session, dispatch) = host.go(&ask());
    let planned = chat(&[("user-agent", "sdk"), ("x-forwarded-proto", "http")]).changed(dispatch.headers);

    let first = host.step(|lent| session.attempt(1, &planned, lent)).unwrap();
    let at_a = planned.changed(first.headers);
    host.answer(&mut session, 1, &[(":status", "503")], "{}");
    let second = host.step(|lent| session.attempt(2, &at_a, lent)).unwrap();
    let at_b = at_a.changed(second.headers);

    let internal = |map: &Map| {
        map.iter()
            .map(|(name, _)| String::from_utf8_lossy(name).into_owned())
            .filter(|name| name.starts_with("x-"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        internal(&at_b),
        Vec::<String>::new(),
        "not even x-team, which belongs to the first provider"
    );
    assert_eq!(
        (text(&at_b, "authorization"), text(&at_b, "api-key")),
        (None, Some("key-b"))
    );
    assert_eq!(
        (text(&at_b, ":authority"), text(&at_b, ":scheme")),
        (Some("b.test"), Some("https"))
    );
    assert!(
        text(&at_b, ":path")
            .unwrap()
            .starts_with("/openai/deployments/dep/chat/completions?api-version=")
    );
    assert_eq!(
        serde_json::from_slice::<Value>(&first.body).unwrap()["model"],
        "m"
    );
    assert_eq!(
        serde_json::from_slice::<Value>(&second.body).unwrap()["model"],
        "dep"
    );
}

#[test]
fn a_failure_that_moves_on_names_its_class_and_the_next_cluster() {
    let mut host = Host::with(TWO);
    let (mut session, dispatch) = host.go(&ask());
    assert_eq!(dispatch.clusters, ["a".into(), "b".into()]);
    host.step(|lent| session.attempt(1, &chat(&[]), lent)).unwrap();

    let step = host.answer(
        &mut session,
        1,
        &[
            (":status", "429"),
            ("retry-after", "7"),
            ("x-envoy-ratelimited", "1"),
        ],
        "{}",
    );

    let Step::Discard {
        headers,
        clusters: Some(clusters),
    } = step
    else {
        panic!("{step:?}")
    };
    assert_eq!(clusters, ["a".into(), "b".into()]);
    assert_eq!(
        headers.set,
        [(Bytes::from("x-understudy-retry"), Bytes::from("rate_limited"))]
    );
    assert_eq!(
        headers.remove,
        [Bytes::from("x-envoy-ratelimited"), Bytes::from("retry-after")]
    );
    host.step(|lent| session.attempt(2, &chat(&[]), lent)).unwrap();
    host.answer(
        &mut session,
        2,
        &[(":status", "200"), JSON],
        r#"{"choices":[{}],"usage":{"prompt_tokens":2}}"#,
    );
    let (headers, body) = host.finish(&mut session, "200", "via_upstream", 2);
    assert_eq!(body, None);
    assert_eq!(
        text(&headers, "x-understudy-trail"),
        Some("a;rate_limited;429;0ms, b;ok;200;0ms")
    );
    assert_eq!(host.told(), [(1, "rate_limited"), (2, "ok")]);
    assert_eq!(host.request(), Some(RequestOutcome::Success));
    assert!(session.is_over());
}

#[test]
fn a_refused_attempt_that_never_showed_itself_is_told_by_the_next() {
    let mut host = Host::with(TWO);
    let (mut session, _) = host.go(&ask());

    host.step(|lent| session.attempt(2, &chat(&[]), lent)).unwrap();

    assert_eq!(host.told(), [(1, "connect")]);
}

#[test]
fn the_hosts_header_tells_a_timeout_from_a_broken_connection() {
    for (word, class) in [("true", "timeout"), ("false", "reset")] {
        let mut host = Host::with(TWO);
        let (mut session, _) = host.go(&ask());
        host.step(|lent| session.attempt(1, &chat(&[]), lent)).unwrap();
        host.step(|lent| session.on_attempt_end(1, lent));

        host.step(|lent| session.attempt(2, &chat(&[("x-envoy-is-timeout-retry", word)]), lent))
            .unwrap();

        assert_eq!(host.told(), [(1, class)], "{word}");
    }
}

#[test]
fn the_callers_mistake_passes_untouched_and_benches_nobody() {
    let mut host = Host::with(TWO);
    let (mut session, _) = host.go(&ask());
    host.step(|lent| session.attempt(1, &chat(&[]), lent)).unwrap();

    let body = r#"{"error":{"message":"bad","type":"invalid_request_error","param":"n","code":null}}"#;
    let step = host.answer(&mut session, 1, &[(":status", "400"), JSON], body);

    let released = Step::Release {
        headers: HeaderChanges::default(),
        held: vec![Bytes::from(body)],
        end: true,
    };
    assert_eq!(step, released);
    let (headers, replaced) = host.finish(&mut session, "400", "via_upstream", 1);
    assert_eq!((text(&headers, ":status"), replaced), (Some("400"), None));
    assert_eq!(host.request(), Some(RequestOutcome::CallerError));
    assert!(
        !host
            .happened
            .iter()
            .any(|fact| matches!(fact, Happened::Circuit(..)))
    );
}

#[test]
fn a_retry_that_the_host_would_make_and_we_do_not_want_is_vetoed() {
    let mut host = Host::with(
        "models: {m: {targets: [{provider: a}], failover: {attempts: 3}, breaker: {consecutive_failures: 1}}}",
    );
    let (mut session, _) = host.go(&ask());
    host.step(|lent| session.attempt(1, &chat(&[]), lent)).unwrap();

    let step = host.answer(&mut session, 1, &[(":status", "503")], "{}");

    let Step::Discard {
        headers,
        clusters: None,
    } = step
    else {
        panic!("the circuit is open: {step:?}")
    };
    assert_eq!(headers.set, [(Bytes::from(":status"), Bytes::from("418"))]);
    let (headers, body) = host.finish(&mut session, "418", "via_upstream", 1);
    assert_eq!(text(&headers, ":status"), Some("503"));
    assert_eq!(body.unwrap()["error"]["attempts"][0]["class"], "overloaded");
}

#[test]
fn our_own_refused_key_is_never_a_401_to_the_caller() {
    let mut host = Host::with("models: {m: {targets: [{provider: a}], failover: {mode: off}}}");
    let (mut session, _) = host.go(&ask());
    host.step(|lent| session.attempt(1, &chat(&[]), lent)).unwrap();

    host.answer(
        &mut session,
        1,
        &[(":status", "401"), JSON],
        r#"{"error":{"code":"invalid_api_key"}}"#,
    );
    let (headers, body) = host.finish(&mut session, "401", "via_upstream", 1);

    assert_ne!(text(&headers, ":status"), Some("401"));
    assert_eq!(body.unwrap()["error"]["attempts"][0]["class"], "auth");
}

#[test]
fn the_callers_own_refused_key_is_the_callers() {
    let mut host = Host::with("models: {m: {targets: [{provider: c}]}}");
    let Planned::Go(mut session, dispatch) = host.arrive(&chat(&[("authorization", "Bearer mine")]), &ask())
    else {
        panic!()
    };
    let planned = chat(&[("authorization", "Bearer mine")]).changed(dispatch.headers);
    assert_eq!(
        text(&planned, "authorization"),
        None,
        "taken off before anything else can happen"
    );
    let outcall = host.step(|lent| session.attempt(1, &planned, lent)).unwrap();
    assert_eq!(
        text(&planned.changed(outcall.headers), "authorization"),
        Some("Bearer mine")
    );

    host.answer(
        &mut session,
        1,
        &[(":status", "401"), JSON],
        r#"{"error":{"code":"invalid_api_key"}}"#,
    );
    let (headers, body) = host.finish(&mut session, "401", "via_upstream", 1);

    assert_eq!((text(&headers, ":status"), body), (Some("401"), None));
}

#[test]
fn the_last_attempt_without_an_answer_is_told_by_the_host() {
    let cases = [
        ("upstream_per_try_timeout", Class::Timeout, 504),
        (
            "upstream_reset_before_response_started{connection_termination}",
            Class::Reset,
            502,
        ),
        (
            "upstream_reset_before_response_started{remote_connection_failure|TLS_error:x}",
            Class::Connect,
            502,
        ),
        (OUT_OF_TIME, Class::Timeout, 504),
        ("response_timeout", Class::Timeout, 504),
    ];
    for (details, class, status) in cases {
        let mut host = Host::with("models: {m: {targets: [{provider: a}], failover: {attempts: 1}}}");
        let (mut session, _) = host.go(&ask());
        host.step(|lent| session.attempt(1, &chat(&[]), lent)).unwrap();
        host.step(|lent| session.on_attempt_end(1, lent));

        let (headers, body) = host.finish(&mut session, "503", details, 1);

        assert_eq!(host.told(), [(1, class.as_str())], "{details}");
        assert_eq!(
            text(&headers, ":status"),
            Some(status.to_string().as_str()),
            "{details}"
        );
        assert_eq!(
            body.unwrap()["error"]["attempts"][0]["class"],
            class.as_str(),
            "{details}"
        );
    }
}

#[test]
fn a_client_that_leaves_counts_against_nobody() {
    let mut host = Host::with(TWO);
    let (mut session, _) = host.go(&ask());
    host.step(|lent| session.attempt(1, &chat(&[]), lent)).unwrap();

    host.step(|lent| session.on_gone(lent));

    assert_eq!(host.told(), [(1, "abandoned")]);
    assert_eq!(host.request(), Some(RequestOutcome::Abandoned));
    assert!(session.is_over());
    assert!(
        !host
            .happened
            .iter()
            .any(|fact| matches!(fact, Happened::Circuit(..)))
    );
}

#[test]
fn a_benched_target_is_left_out_and_an_empty_plan_says_when_to_come_back() {
    let mut host = Host::with("models: {m: {targets: [{provider: a}], when_all_open: fail}}");
    let (mut session, _) = host.go(&ask());
    host.step(|lent| session.attempt(1, &chat(&[]), lent)).unwrap();
    host.answer(&mut session, 1, &[(":status", "429"), ("retry-after", "7")], "{}");
    host.finish(&mut session, "429", "via_upstream", 1);
    host.now += Duration::from_secs(2);

    let Planned::Reply(refused) = host.arrive(&chat(&[]), &ask()) else {
        panic!("must not be tried")
    };

    assert!(refused.unavailable);
    assert_eq!(refused.refusal.reply.status, 503);
    assert_eq!(refused.refusal.reply.headers, [("retry-after", Bytes::from("5"))]);
}

#[test]
fn a_caller_narrows_and_never_widens() {
    let mut host = Host::with(TWO);
    let headers = [
        ("x-understudy-failover", "off"),
        ("x-understudy-order", "b"),
        ("x-understudy-timeout", "10m"),
    ];
    let Planned::Go(session, dispatch) = host.arrive(&chat(&headers), &ask()) else {
        panic!()
    };

    assert_eq!(dispatch.clusters, ["b".into()]);
    let retries = dispatch
        .headers
        .set
        .iter()
        .find(|(name, _)| name == "x-envoy-max-retries")
        .unwrap();
    assert_eq!(retries.1, "0");
    assert_eq!(
        session.deadline(),
        host.now + Duration::from_mins(2),
        "ten minutes are more than the policy gives"
    );
}

#[test]
fn what_cannot_be_followed_is_refused_with_the_callers_own_words() {
    let host = Host::with(TWO);
    let cases = [
        (chat(&[("x-understudy-order", "a, zebra")]), 400, "zebra"),
        (chat(&[("x-understudy-timeout", "soon")]), 400, "soon"),
        (chat(&[("x-understudy-failover", "maybe")]), 400, "maybe"),
        (
            Map::of(&[(":method", "GET"), (":path", "/v1/chat/completions")]),
            405,
            "GET",
        ),
        (
            Map::of(&[(":method", "POST"), (":path", "/v2/zebra?q")]),
            404,
            "/v2/zebra",
        ),
        (
            Map::of(&[(":method", "GET"), (":path", "/v1/models/zebra%2Fx")]),
            404,
            "zebra/x",
        ),
    ];
    for (headers, status, word) in cases {
        let head = Head {
            headers: &headers,
            ends: false,
            errand_token: "token",
        };

        let Arrived::Reply(refusal) = arrive(SessionId(1), &host.live, &head, host.now) else {
            panic!("{headers:?}")
        };

        assert_eq!(refusal.reply.status, status, "{headers:?}");
        assert!(
            String::from_utf8_lossy(&refusal.reply.body).contains(word),
            "{:?}",
            refusal.reply
        );
    }
}

#[test]
fn an_errand_needs_our_own_secret() {
    let host = Host::with(TWO);
    for (token, is_planned) in [("token", true), ("guessed", false)] {
        let headers = Map::of(&[
            (":method", "GET"),
            (":path", "/v1/models"),
            (ERRAND_TOKEN, token),
            (ERRAND_PROVIDER, "b"),
        ]);
        let head = Head {
            headers: &headers,
            ends: true,
            errand_token: "token",
        };

        let arrived = arrive(SessionId(1), &host.live, &head, host.now);

        assert_eq!(matches!(arrived, Arrived::Planned(_)), is_planned, "{arrived:?}");
    }
}

#[test]
fn a_final_answer_does_not_carry_the_waits_of_one_provider() {
    let mut host = Host::with("models: {m: {targets: [{provider: a}], failover: {attempts: 1}}}");
    let (mut session, _) = host.go(&ask());
    host.step(|lent| session.attempt(1, &chat(&[]), lent)).unwrap();
    host.answer(&mut session, 1, &[(":status", "429"), ("retry-after", "7")], "{}");
    let headers = Map::of(&[
        (":status", "429"),
        ("retry-after-ms", "90"),
        ("x-ratelimit-reset-tokens", "1s"),
    ]);

    let words = HostWords {
        details: "via_upstream",
        attempts: 1,
    };
    let answer = host.step(|lent| session.on_final(&headers, words, lent));

    let headers = headers.changed(answer.headers);
    assert_eq!(text(&headers, "retry-after"), Some("7"));
    assert_eq!(
        (
            text(&headers, "retry-after-ms"),
            text(&headers, "x-ratelimit-reset-tokens")
        ),
        (None, None)
    );
}
