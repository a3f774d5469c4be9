//! The hand on a running provider: in process, over HTTP, and from the command line.

use clap::Parser as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::client::{Answer, ask, get, open_until, post};
use super::{BOUND, CHAT, chat, hello, hello_streamed, sim};
use crate::sim::args::{SimArgs, run};
use crate::sim::{AwsKeys, Dialect, Fault, FaultRule, Manner, Pace, Sim, SimConfig, SimError, Thinking};

const KEY: &str = "Bearer sk-0123456789abcdef";

async fn console(sim: &Sim, method: &str, page: &str, body: &Value) -> Answer {
    ask(sim.addr(), (method, page), &[], body.to_string().as_bytes()).await
}

#[tokio::test]
async fn faults_are_switched_over_http() {
    let sim = sim("a").await;

    let set = console(
        &sim,
        "POST",
        "/sim/fault",
        &json!({"fault": "rate_limit", "retry_after": 7, "times": 1}),
    )
    .await;
    let first = chat(&sim, &hello("m")).await;
    let second = chat(&sim, &hello("m")).await;
    let script = json!([{"fault": "overloaded", "times": 1}, {"fault": "auth", "model": "m"}]);
    console(&sim, "POST", "/sim/fault", &script).await;
    let scripted = (
        chat(&sim, &hello("m")).await.status,
        chat(&sim, &hello("m")).await.status,
    );
    let other = chat(&sim, &hello("other")).await.status;
    let cleared = console(&sim, "DELETE", "/sim/fault", &Value::Null).await;

    assert_eq!(
        (set.status, &set.json()["faults"][0]["fault"]),
        (200, &json!("rate_limit"))
    );
    assert_eq!(
        (first.status, first.header("retry-after"), second.status),
        (429, Some("7"), 200)
    );
    assert_eq!((scripted, other), ((503, 401), 200));
    assert_eq!(cleared.json()["faults"], json!([]));
    assert_eq!(chat(&sim, &hello("m")).await.status, 200);
}

#[tokio::test]
async fn a_mistaken_switch_changes_nothing_and_is_explained() {
    let sim = sim("a").await;
    sim.control().set_fault(FaultRule::new(Fault::Auth));

    let typo = console(&sim, "POST", "/sim/fault", &json!({"fault": "rate_limt"})).await;
    let pace = console(&sim, "POST", "/sim/pace", &json!({"latency": "soon"})).await;
    let method = console(&sim, "PUT", "/sim/fault", &json!({})).await;
    let unknown = get(sim.addr(), "/sim/falt").await;

    let message = |answer: &Answer| answer.json()["error"]["message"].as_str().unwrap().to_owned();
    assert_eq!(
        (typo.status, pace.status, method.status, unknown.status),
        (400, 400, 405, 404)
    );
    assert!(
        message(&typo).contains("did you mean `rate_limit`?"),
        "{}",
        typo.text()
    );
    assert!(
        message(&pace).contains("`soon` is no length of time"),
        "{}",
        pace.text()
    );
    assert_eq!(sim.control().faults(), [FaultRule::new(Fault::Auth)]);
}

#[tokio::test]
async fn counters_tell_what_was_asked_and_answered() {
    let sim = sim("a").await;
    sim.control()
        .set_fault(FaultRule::new(Fault::Overloaded).times(1));

    chat(&sim, &hello("m")).await;
    chat(&sim, &hello_streamed("m")).await;
    get(sim.addr(), "/v1/models?limit=1").await;
    let stats = get(sim.addr(), "/sim/stats").await.json();

    assert_eq!(stats["requests"], 3);
    assert_eq!(
        stats["by_path"],
        json!({"/v1/chat/completions": 2, "/v1/models": 1})
    );
    assert_eq!(stats["by_status"], json!({"200": 2, "503": 1}));
    assert_eq!(stats["by_fault"], json!({"overloaded": 1}));
    assert_eq!(
        (
            &stats["concurrent"],
            &stats["max_concurrent"],
            &stats["abandoned"]
        ),
        (&json!(0), &json!(1), &json!(0))
    );
    assert_eq!(
        (&stats["connections"], &stats["open_connections"]),
        (&json!(4), &json!(1))
    );
}

#[tokio::test]
async fn answers_without_a_body_do_not_count_as_abandoned() {
    let sim = sim("a").await;
    sim.control().set_fault(
        FaultRule::new(Fault::ServerError)
            .status(http::StatusCode::NO_CONTENT)
            .times(1),
    );

    let no_content = chat(&sim, &hello("m")).await;
    let head = ask(sim.addr(), ("HEAD", "/v1/models"), &[], b"").await;
    sim.control().set_fault(FaultRule::new(Fault::Empty).times(1));
    let empty = chat(&sim, &hello("m")).await;

    let counters = sim.control().counters();
    assert_eq!((no_content.status, head.status, empty.status), (204, 405, 200));
    assert_eq!(
        (counters.abandoned, counters.concurrent, counters.requests),
        (0, 0, 3)
    );
}

#[tokio::test]
async fn requests_under_way_are_counted_at_once() {
    let sim = sim("a").await;
    sim.control()
        .set_fault(FaultRule::new(Fault::Stall).after_events(1));
    let body = hello_streamed("m").to_string();

    let held = futures_util::future::join_all(
        (0..50).map(|_| open_until(sim.addr(), CHAT, body.as_bytes(), "assistant")),
    )
    .await;
    let during = sim.control().counters();
    drop(held);
    let after = sim
        .control()
        .counters_when(BOUND, |counters| counters.concurrent == 0)
        .await
        .unwrap();

    assert_eq!((during.concurrent, during.open_connections), (50, 50));
    assert_eq!((after.max_concurrent, after.abandoned), (50, 50));
}

#[tokio::test]
async fn the_last_requests_are_shown_with_their_keys_masked() {
    let sim = sim("a").await;
    let path = "/v1/chat/completions?key=0123456789abcdef";
    let headers = [("X-First", "1"), ("Authorization", KEY), ("x-last", "2")];

    post(sim.addr(), path, &headers, hello("m").to_string().as_bytes()).await;
    let page = get(sim.addr(), "/sim/requests").await;

    let shown = &page.json()[0];
    let names: Vec<_> = shown["headers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| pair[0].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "host",
            "connection",
            "x-first",
            "authorization",
            "x-last",
            "content-length"
        ]
    );
    assert_eq!(shown["headers"][3][1], "Bearer ****cdef");
    assert_eq!(shown["path"], "/v1/chat/completions?key=****cdef");
    assert_eq!(
        (&shown["method"], &shown["status"], &shown["fault"]),
        (&json!("POST"), &json!(200), &Value::Null)
    );
    assert_eq!(shown["body"], hello("m").to_string());
    assert_eq!(shown["body_size"], hello("m").to_string().len());
    assert!(!page.text().contains("0123456789"));
}

#[tokio::test]
async fn only_the_accessor_for_tests_gives_keys_out_and_even_it_hides_them_in_debug() {
    let sim = sim("a").await;

    post(
        sim.addr(),
        CHAT,
        &[("authorization", KEY)],
        hello("m").to_string().as_bytes(),
    )
    .await;

    let unmasked = sim.control().recent_requests_unmasked_for_tests();
    let printed = format!("{unmasked:?} {:?} {:?}", sim.control().recent_requests(), sim);
    assert_eq!(unmasked[0].header("authorization"), Some(KEY));
    assert!(
        printed.contains("****cdef") && !printed.contains("0123456789"),
        "{printed}"
    );
}

#[tokio::test]
async fn the_memory_of_requests_is_bounded() {
    let sim = Sim::start(SimConfig {
        keep_requests: 2,
        ..SimConfig::named("a")
    })
    .await
    .unwrap();
    let forgetful = Sim::start(SimConfig {
        keep_requests: 0,
        ..SimConfig::named("b")
    })
    .await
    .unwrap();
    let mut long = hello("m");
    long["metadata"] = json!("x".repeat(100_000));

    for body in [hello("m"), hello("m"), long.clone()] {
        chat(&sim, &body).await;
        chat(&forgetful, &body).await;
    }

    let kept = sim.control().recent_requests();
    assert_eq!(
        kept.iter()
            .map(crate::sim::ReceivedRequest::number)
            .collect::<Vec<_>>(),
        [2, 3]
    );
    assert_eq!(
        (kept[1].body().len(), kept[1].body_size()),
        (16 * 1024, long.to_string().len())
    );
    assert_ne!(kept[0].body_sha256(), kept[1].body_sha256());
    assert_eq!(forgetful.control().recent_requests().len(), 0);
}

#[tokio::test]
async fn the_hash_of_a_body_is_that_of_the_whole() {
    let sim = sim("a").await;

    post(sim.addr(), CHAT, &[], b"abc").await;

    // The well-known digest of `abc`.
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(sim.control().recent_requests()[0].body_sha256(), digest);
}

#[tokio::test]
async fn a_reset_goes_back_to_the_start() {
    let faults = vec![FaultRule::new(Fault::Auth).times(1)];
    let sim = Sim::start(SimConfig {
        faults,
        ..SimConfig::named("a")
    })
    .await
    .unwrap();
    let statuses = async || {
        (
            chat(&sim, &hello("m")).await.status,
            chat(&sim, &hello("m")).await.status,
        )
    };

    let before = statuses().await;
    sim.control().set_pace(Pace {
        tokens: 1,
        ..Pace::default()
    });
    let cleared = console(&sim, "POST", "/sim/reset", &Value::Null).await.json();
    let kept = sim.control().recent_requests().len();

    assert_eq!((before, statuses().await), ((401, 200), (401, 200)));
    assert_eq!(
        (&cleared["requests"], kept, sim.control().pace()),
        (&json!(0), 0, Pace::default())
    );
}

#[tokio::test]
async fn the_pace_is_changed_over_http_and_what_is_left_out_stays() {
    let sim = sim("a").await;

    let changed = console(
        &sim,
        "POST",
        "/sim/pace",
        &json!({"latency": "1ms", "inter_token": "1ms"}),
    )
    .await
    .json();
    console(&sim, "POST", "/sim/pace", &json!({"tokens": 2})).await;
    let answer = chat(&sim, &hello_streamed("m")).await;

    assert_eq!(
        (&changed["latency"], &changed["tokens"]),
        (&json!("1ms"), &json!(10))
    );
    assert_eq!(
        (answer.chunks().len(), answer.header("openai-processing-ms")),
        (4, Some("1"))
    );
}

#[tokio::test]
async fn the_manner_is_changed_over_http_and_what_is_left_out_stays() {
    let sim = sim("a").await;

    let changed = console(
        &sim,
        "POST",
        "/sim/manner",
        &json!({"calls": 2, "thinking": "always"}),
    )
    .await;
    console(
        &sim,
        "POST",
        "/sim/manner",
        &json!({"cached_tokens": 5, "prompt_tokens": 9}),
    )
    .await;
    let mistaken = console(&sim, "POST", "/sim/manner", &json!({"call": 3})).await;
    let mut body = hello("m");
    body["tools"] = json!([{"type": "function", "function": {"name": "look"}}]);
    body["tool_choice"] = json!("required");
    let called = chat(&sim, &body).await.json();
    body["stream"] = json!(true);
    let chunks = chat(&sim, &body).await.chunks();

    let message = &called["choices"][0]["message"];
    let deltas: Vec<_> = chunks.iter().map(|chunk| &chunk["choices"][0]["delta"]).collect();
    let indices: Vec<_> = deltas
        .iter()
        .filter_map(|delta| delta["tool_calls"][0]["id"].as_str())
        .collect();
    let thought: String = deltas
        .iter()
        .filter_map(|delta| delta["reasoning_content"].as_str())
        .collect();
    assert_eq!(
        (&changed.json()["calls"], &changed.json()["preamble"]),
        (&json!(2), &json!(false))
    );
    assert!(
        mistaken.status == 400 && mistaken.text().contains("unknown field `call`"),
        "{}",
        mistaken.text()
    );
    assert_eq!(message["reasoning_content"], "sim a thinks");
    assert_eq!(message["tool_calls"][1]["id"], "call_1_1");
    assert_eq!(
        (indices, thought.as_str()),
        (vec!["call_2", "call_2_1"], "sim a thinks")
    );
    assert_eq!(deltas.last().unwrap(), &&json!({}));
    assert_eq!(called["usage"]["prompt_tokens_details"]["cached_tokens"], 5);
    assert_eq!(called["usage"]["prompt_tokens"], 9);
}

#[tokio::test]
async fn providers_in_one_process_know_nothing_of_each_other() {
    let (one, other) = (sim("one").await, sim("other").await);
    one.control().set_fault(FaultRule::new(Fault::Html));

    let answers = (chat(&one, &hello("m")).await, chat(&other, &hello("m")).await);

    assert_eq!((answers.0.status, answers.1.status), (502, 200));
    assert_eq!(other.control().counters().by_fault.len(), 0);
}

#[tokio::test]
async fn a_stopped_provider_frees_its_port_and_its_connections() {
    let sim = sim("a").await;
    sim.control().set_fault(FaultRule::new(Fault::Hang));
    let (addr, body) = (sim.addr(), hello("m").to_string());
    let hanging = tokio::spawn(async move {
        let stream = tokio::net::TcpStream::connect(addr).await.unwrap();
        super::client::ask_on(stream, ("POST", CHAT), &[], body.as_bytes()).await
    });
    sim.control()
        .counters_when(BOUND, |counters| counters.concurrent == 1)
        .await
        .unwrap();

    sim.shutdown().await;
    let again = Sim::start(SimConfig {
        listen: addr,
        ..SimConfig::named("b")
    })
    .await
    .unwrap();

    assert!(hanging.await.unwrap().is_err());
    assert_eq!(get(again.addr(), "/healthz").await.status, 200);
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listen = taken.local_addr().unwrap();

    let bind = Sim::start(SimConfig {
        listen,
        ..SimConfig::named("a")
    })
    .await
    .unwrap_err();
    let name = Sim::start(SimConfig::named("a b")).await.unwrap_err();

    assert!(bind.to_string().contains(&format!("{listen} is taken")), "{bind}");
    assert!(
        name.to_string().contains("the name `a b` cannot be used"),
        "{name}"
    );
}

#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    sim: SimArgs,
}

fn line(words: &[&str]) -> Result<SimConfig, String> {
    let line = Line::try_parse_from([&["sim"], words].concat()).map_err(|error| error.to_string())?;
    line.sim
        .into_config()
        .map_err(|error: SimError| error.to_string())
}

#[test]
fn every_flag_reaches_the_configuration() {
    let words = "--name x --listen 127.0.0.1:81 --model a --model b --api-key k --latency 50ms --first-token 1s \
                 --inter-token 10ms --tokens 5 --answer-bytes 9 --http1-only --keep-requests 3 --seed 4 \
                 --fault rate_limit:8 --fault stall --fault-rate 0.3 --fault-times 2 --fault-model a --fault-on all \
                 --fault-status 503 --retry-after 7 --fault-header x-a:b --dialect anthropic --thinking always --calls 2 \
                 --preamble --prompt-tokens 8 --cached-tokens 4 --cache-write-tokens 2 \
                 --aws-access-key AKID --aws-secret-key hidden1 --aws-session-token hidden2 --aws-region eu-west-1 \
                 --entra-client-id app --entra-client-secret hidden3 --token-lifetime 5s";

    let config = line(&words.split_whitespace().collect::<Vec<_>>()).unwrap();

    let [limited, stalled] = &config.faults[..] else {
        panic!("two faults: {:?}", config.faults)
    };
    assert_eq!(
        (config.name.as_str(), config.listen.port(), config.models.len()),
        ("x", 81, 2)
    );
    assert_eq!(
        (
            config.pace.latency.as_millis(),
            config.pace.tokens,
            config.pace.answer_bytes
        ),
        (50, 5, 9)
    );
    assert_eq!(
        (config.http1_only, config.keep_requests, config.seed),
        (true, 3, Some(4))
    );
    assert_eq!(
        (limited.retry_after.as_deref(), stalled.retry_after.as_deref()),
        (Some("8"), Some("7"))
    );
    assert_eq!(
        (stalled.fault, stalled.times, stalled.headers.len()),
        (Fault::Stall, Some(2), 1)
    );
    assert_eq!(config.dialect, Some(Dialect::Anthropic));
    let manner = Manner {
        thinking: Thinking::Always,
        calls: 2,
        preamble: true,
        prompt_tokens: Some(8),
        cached_tokens: 4,
        cache_write_tokens: 2,
    };
    assert_eq!(config.manner, manner);
    let aws = AwsKeys {
        session_token: Some("hidden2".to_owned()),
        region: Some("eu-west-1".to_owned()),
        ..AwsKeys::new("AKID", "hidden1")
    };
    assert_eq!(config.sign_in.aws, Some(aws));
    assert_eq!(config.sign_in.token_lifetime.as_secs(), 5);
    let printed = format!("{config:?}");
    assert!(
        !printed.contains("\"k\"") && !printed.contains("hidden"),
        "{printed}"
    );
}

#[test]
fn a_mistaken_flag_is_explained() {
    let table = [
        (vec!["--fault", "rate-limt"], "did you mean `rate_limit`?"),
        (
            vec!["--fault", "auth", "--fault-rate", "30"],
            "the rate `30` is no share",
        ),
        (vec!["--fault-rate", "0.3"], "--fault"),
        (
            vec!["--fault", "server_error", "--fault-status", "42"],
            "the status `42`",
        ),
        (vec!["--tls-cert", "x"], "--tls-key"),
        (
            vec!["--tls-cert", "/nowhere/c", "--tls-key", "/nowhere/k"],
            "cannot read `/nowhere/c`",
        ),
        (vec!["--tokens", "0"], "0 is not in"),
        (
            vec!["--dialect", "claude"],
            "[possible values: openai, azure, anthropic, gemini, vertex, bedrock]",
        ),
        (vec!["--aws-access-key", "x"], "--aws-secret-key"),
    ];

    for (words, expected) in table {
        let error = line(&words).unwrap_err();
        assert!(error.contains(expected), "{words:?}: {error}");
    }
}

#[tokio::test]
async fn it_runs_until_told_to_stop() {
    let line = Line::try_parse_from(["sim", "--name", "cli"]).unwrap();
    let (announced, addr) = tokio::sync::oneshot::channel();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();

    let running = tokio::spawn(run(
        line.sim,
        async {
            stopped.await.ok();
        },
        |sim| announced.send(sim.addr()).unwrap(),
    ));
    let addr = addr.await.unwrap();
    let index = get(addr, "/sim").await.json();
    stop.send(()).unwrap();

    assert_eq!(index["name"], "cli");
    assert_eq!(index["faults"].as_array().unwrap().len(), Fault::ALL.len());
    running.await.unwrap().unwrap();
}
