use http::{Method, StatusCode};
use nix::sys::signal::Signal;
use nix::unistd::Pid;
use tokio::net::TcpStream;
use understudy::sim::{Pace, Sim, SimConfig};

use super::program::{Place, is_alive, number_in};
use crate::support::scrape::Scrape;
use crate::support::waiting::until;
use crate::support::{Call, chat, chat_stream};

fn config(provider: &Sim) -> String {
    format!(
        "providers: {{ p: {{ kind: openai-compatible, endpoint: \"{}\", auth: none }} }}\n\
         models: {{ m: {{ targets: [ {{ provider: p }} ] }} }}\n",
        provider.base_url()
    )
}

async fn provider() -> Sim {
    Sim::start(SimConfig::named("p")).await.unwrap()
}

#[tokio::test]
async fn up_says_where_everything_is_and_serves() {
    let provider = provider().await;
    let place = Place::with_config(&config(&provider));
    let mut up = place.serve(&["up", "--envoy-threads", "1"], "\"serving\"").await;
    let addresses = place.addresses;

    let answer = Call::new(addresses.listen, Method::POST, "/v1/chat/completions")
        .json(&chat("m"))
        .send()
        .await;
    let access = up.line().await;
    let ready = place.run(&["status", "--ready"]).await;
    let (code, said) = up.stop(Signal::SIGTERM).await;

    assert_eq!(answer.status, StatusCode::OK);
    assert!(access.contains(r#""outcome":"success","status":200"#), "{access}");
    assert_eq!((ready.code, ready.out.as_str()), (Some(0), "ready\n"));
    assert_eq!(code, Some(0), "{said}");
    for place in [
        format!(r#""clients":"http://{}/v1""#, addresses.listen),
        format!(r#""page":"http://{}/""#, addresses.admin),
        format!(r#""envoy_admin":"http://{}/""#, addresses.envoy_admin),
    ] {
        assert!(said.contains(&place), "{place} in {said}");
    }
    assert!(!said.contains("WARN") && !said.contains("ERROR"), "{said}");
}

#[tokio::test]
async fn for_a_person_it_says_so_in_words() {
    let provider = provider().await;
    let place = Place::with_config(&format!("log: {{ format: text }}\n{}", config(&provider)));
    let up = place
        .serve(
            &["up", "--envoy-threads", "1", "--no-access-log"],
            "Ctrl-C ends both.",
        )
        .await;

    let (code, said) = up.stop(Signal::SIGINT).await;

    assert_eq!(code, Some(0));
    for place in [
        format!("  clients      http://{}/v1\n", place.addresses.listen),
        format!("  admin page   http://{}/\n", place.addresses.admin),
        format!("  Envoy admin  http://{}/\n", place.addresses.envoy_admin),
    ] {
        assert!(said.contains(&place), "{place} in {said}");
    }
}

#[tokio::test]
async fn a_killed_envoy_is_back_soon() {
    let provider = provider().await;
    let place = Place::with_config(&config(&provider));
    let mut up = place.serve(&["up", "--envoy-threads", "1"], "\"serving\"").await;
    let pid = envoy_pid(&place).await;

    nix::sys::signal::kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    let back = up.until_said("Envoy runs").await;
    let listen = place.addresses.listen;
    let is_open = async || TcpStream::connect(listen).await.is_ok();
    until("listener after Envoy was killed", is_open, |open| *open).await;
    let answer = Call::new(listen, Method::POST, "/v1/chat/completions")
        .json(&chat("m"))
        .send()
        .await;
    let (code, said) = up.stop(Signal::SIGTERM).await;

    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(number_in(&back, "restarts"), 1);
    assert!(said.contains("Envoy ended, and is started again"), "{said}");
    assert_eq!(code, Some(0));
    assert!(!is_alive(number_in(&back, "pid")));
}

#[tokio::test]
async fn a_stop_lets_a_stream_end_and_leaves_nothing() {
    let provider = provider().await;
    provider.control().set_pace(Pace {
        inter_token: std::time::Duration::from_millis(60),
        tokens: 20,
        ..Pace::default()
    });
    let place = Place::with_config(&config(&provider));
    let mut up = place.serve(&["up", "--envoy-threads", "1"], "\"serving\"").await;
    let pid = envoy_pid(&place).await;
    let listen = place.addresses.listen;

    let stream = Call::new(listen, Method::POST, "/v1/chat/completions")
        .json(&chat_stream("m"))
        .stream()
        .await;
    up.signal(Signal::SIGTERM);
    let said = up.until_said("shutdown began").await;
    let is_refused = async || TcpStream::connect(listen).await.is_err();
    until("refusal of new clients", is_refused, |refused| *refused).await;
    let ended = stream.read_all().await;
    let (code, _) = up.ended().await;

    assert_eq!(number_in(&said, "in_flight"), 1);
    assert!(
        String::from_utf8_lossy(&ended.answer().body)
            .trim_end()
            .ends_with("data: [DONE]"),
        "the stream was cut"
    );
    assert_eq!(code, Some(0));
    assert!(!is_alive(pid));
    assert!(!place.path().join("run/understudy.sock").exists());
}

#[tokio::test]
async fn serve_is_ready_with_an_envoy_or_when_told_that_none_will_ask() {
    let provider = provider().await;
    let place = Place::with_config(&config(&provider));

    let serve = place
        .serve(&["serve"], "listener bound\",\"purpose\":\"admin")
        .await;
    let waits = place.run(&["status", "--ready"]).await;
    serve.stop(Signal::SIGTERM).await;
    let serve = place
        .serve(
            &["serve", "--static-envoy"],
            "listener bound\",\"purpose\":\"admin",
        )
        .await;
    let ready = place.run(&["status", "--ready"]).await;
    let (code, _) = serve.stop(Signal::SIGTERM).await;

    assert_eq!(
        (waits.code, waits.out.as_str()),
        (Some(1), "not ready: no Envoy is connected\n")
    );
    assert_eq!((ready.code, ready.out.as_str()), (Some(0), "ready\n"));
    assert_eq!(code, Some(0));
}

#[tokio::test]
async fn sim_prints_its_base_url_and_answers_there() {
    let place = Place::new();
    let mut sim = place
        .serve(
            &["sim", "--name", "x", "--fault", "server_error:503"],
            "faults, counters",
        )
        .await;
    let base_url = sim.line().await;
    let address = base_url
        .trim_start_matches("http://")
        .trim_end_matches("/v1")
        .parse()
        .unwrap();

    let answer = Call::new(address, Method::POST, "/v1/chat/completions")
        .json(&chat("m"))
        .send()
        .await;
    let (code, _) = sim.stop(Signal::SIGTERM).await;

    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(code, Some(0));
}

/// The process behind Envoy's admin server.
async fn envoy_pid(place: &Place) -> i32 {
    let answer = Call::new(place.addresses.envoy_admin, Method::GET, "/server_info")
        .send()
        .await;
    let info: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let started = info["command_line_options"]["config_path"]
        .as_str()
        .unwrap()
        .to_owned();
    let found = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let entry = entry.ok()?;
        let line = std::fs::read(entry.path().join("cmdline")).ok()?;
        let is_envoy = String::from_utf8_lossy(&line).contains(&started);
        let pid = entry.file_name().to_str()?.parse().ok()?;
        is_envoy.then_some(pid)
    });
    found.into_iter().next().unwrap()
}

/// Most bytes that one open stream may cost Understudy: its tasks, its two gRPC streams, its request and what is held
/// of its answer.
const BYTES_PER_STREAM: f64 = 64.0 * 1024.0;

#[tokio::test]
async fn an_open_stream_costs_little_memory() {
    const STREAMS: u32 = 500;
    let provider = provider().await;
    let usual = provider.control().pace();
    // Each says something, and then nothing for as long as it is looked at.
    let inter_token = std::time::Duration::from_mins(10);
    provider.control().set_pace(Pace { inter_token, ..usual });
    let place = Place::with_config(&format!(
        "{}defaults: {{ failover: {{ stall_timeout: 10m, timeout: 11m }} }}\n",
        config(&provider)
    ));
    let up = place
        .serve(&["up", "--envoy-threads", "1", "--no-access-log"], "\"serving\"")
        .await;
    let addresses = place.addresses;
    let resident = || async {
        let metrics = Call::new(addresses.admin, Method::GET, "/metrics").send().await;
        Scrape::parse(&metrics.text())
            .metric("process_resident_memory_bytes")
            .value()
    };
    let open = |count| async move {
        let mut streams = Vec::new();
        for _ in 0..count {
            let call =
                Call::new(addresses.listen, Method::POST, "/v1/chat/completions").json(&chat_stream("m"));
            let mut stream = call.stream().await;
            stream.read_until("sim").await;
            streams.push(stream);
        }
        streams
    };
    // What is set up once, with the first requests, is not what a stream costs.
    drop(open(20).await);

    let before = resident().await;
    let streams = open(STREAMS).await;
    let during = resident().await;

    let each = (during - before) / f64::from(STREAMS);
    assert!(
        each < BYTES_PER_STREAM,
        "{each} bytes for one open stream, {before} before, {during} during"
    );
    drop(streams);
    up.stop(Signal::SIGTERM).await;
}
