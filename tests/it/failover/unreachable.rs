//! Providers that cannot be reached at all: no connection, no name, no TLS, or one that breaks.

use understudy::sim::{Fault, Sim, SimConfig};

use super::{CHAT, PAIR, disturbed, failing, fault, sim, target};
use crate::support::{Authority, Gateway, NOWHERE, RawProvider, Script, chat, chat_stream, closed_port};

const LONE: &str = r#"
providers: { lone: { kind: openai-compatible, endpoint: "{lone}", api_key: sk-lone } }
models: { gpt-4o: { targets: [{ provider: lone }], failover: { attempts: 1 } } }
"#;

async fn secure(authority: &Authority, name: &str, server: &str, http1_only: bool) -> Sim {
    let mut config = SimConfig::named(name);
    config.tls = Some(authority.issue(server));
    config.http1_only = http1_only;
    Sim::start(config).await.unwrap()
}

#[tokio::test]
async fn each_way_of_not_getting_through_is_told_apart() {
    let authority = Authority::new();
    let stranger = secure(&Authority::new(), "stranger", "localhost", false).await;
    let misnamed = secure(&authority, "misnamed", "other.test", false).await;
    let plain = sim("plain").await;
    let resetting = failing("resetting", fault(Fault::Reset)).await;
    let closing = RawProvider::start([Script::new().read_request()]).await;
    let unwilling = RawProvider::start([Script::new().reset()]).await;
    let by_name = |url: String| url.replace("127.0.0.1", "localhost");
    let backup = sim("backup").await;
    let rows = [
        ("refused", format!("http://{}/v1", closed_port()), "connect"),
        (
            "refused-by-name",
            format!("http://localhost:{}/v1", closed_port().port()),
            "connect",
        ),
        ("nowhere", format!("http://{NOWHERE}/v1"), "connect"),
        ("nowhere-tls", format!("https://{NOWHERE}/v1"), "connect"),
        ("stranger", by_name(stranger.base_url()), "reset"),
        ("misnamed", by_name(misnamed.base_url()), "reset"),
        (
            "no-tls",
            by_name(plain.base_url()).replace("http:", "https:"),
            "reset",
        ),
        ("resetting", resetting.base_url(), "reset"),
        ("closing", closing.base_url(), "reset"),
        ("unwilling", unwilling.base_url(), "reset"),
    ];
    let mut providers =
        String::from("providers:\n  backup: { kind: openai-compatible, endpoint: \"{backup}\" }\n");
    let mut models = String::from("models:\n");
    for (name, url, _) in &rows {
        let tls = if url.starts_with("https") {
            "tls: { ca: \"{dir}/authority.pem\" }, "
        } else {
            ""
        };
        providers += &format!("  {name}: {{ {tls}kind: openai-compatible, endpoint: \"{url}\" }}\n");
        models += &format!(
            "  m-{name}: {{ targets: [{{ provider: {name} }}, {{ provider: backup, priority: 1 }}] }}\n\
             \x20 lone-{name}: {{ targets: [{{ provider: {name} }}], failover: {{ attempts: 1 }} }}\n"
        );
    }
    let gateway = Gateway::with(&(providers + &models)).fill("backup", backup.base_url());
    authority.write_to(gateway.dir());
    let gateway = gateway.start().await;

    for (name, _, class) in &rows {
        let moved = gateway.post(CHAT, chat(&format!("m-{name}"))).send().await;
        let lone = gateway
            .post(CHAT, chat_stream(&format!("lone-{name}")))
            .send()
            .await;

        assert_eq!(moved.status, 200, "{name}: {}", moved.text());
        // Envoy does not say of an attempt it goes on from why its connection never came to be.
        let hop = moved.trail()[0].clone();
        assert!(hop.class == *class || hop.class == "connect", "{name}: {hop:?}");
        assert_eq!(
            (hop.status, moved.hops()[1].as_str()),
            (None, "backup ok"),
            "{name}"
        );
        let error = &lone.json()["error"];
        assert_eq!(
            (lone.status.as_u16(), &error["code"]),
            (502, &"server_error".into()),
            "{name}: {error:#}"
        );
        assert_eq!(
            error["attempts"].as_array().unwrap().len(),
            1,
            "{name}: {error:#}"
        );
        // Two in a row: the endpoint is benched for every model behind it.
        let status = gateway.status().await;
        let benched = disturbed(target(&status, &format!("m-{name}"), name));
        assert_eq!(benched.len(), 1, "{name}: {benched:?}");
        assert!(benched[0].starts_with("endpoint open "), "{name}: {benched:?}");
        let spared = gateway.post(CHAT, chat(&format!("m-{name}"))).send().await;
        assert_eq!(spared.hops(), ["backup ok"], "{name}");
    }
    for (name, sim) in [
        ("stranger", &stranger),
        ("misnamed", &misnamed),
        ("plain", &plain),
    ] {
        assert_eq!(sim.control().counters().requests, 0, "{name} was told nothing");
    }
    gateway.stop().await;
}

#[tokio::test]
async fn a_lone_provider_that_cannot_be_reached_is_told_by_its_reason() {
    let authority = Authority::new();
    let misnamed = secure(&authority, "misnamed", "other.test", false).await;
    for (url, class, reason) in [
        (format!("http://{}/v1", closed_port()), "connect", "refused"),
        (format!("http://{NOWHERE}/v1"), "connect", "could not be resolved"),
        (
            misnamed.base_url().replace("127.0.0.1", "localhost"),
            "connect",
            "certificate",
        ),
    ] {
        let config = LONE.replace("endpoint:", "tls: { ca: \"{dir}/authority.pem\" }, endpoint:");
        let config = if url.starts_with("https") {
            config
        } else {
            LONE.to_owned()
        };
        let gateway = Gateway::with(&config).fill("lone", &url);
        authority.write_to(gateway.dir());
        let gateway = gateway.start().await;

        let answer = gateway.post(CHAT, chat("gpt-4o")).send().await;

        let attempt = &answer.json()["error"]["attempts"][0];
        assert_eq!(
            (answer.status.as_u16(), &attempt["class"]),
            (502, &class.into()),
            "{url}: {}",
            answer.text()
        );
        assert!(
            attempt["message"].as_str().unwrap().contains(reason),
            "{url}: {attempt:#}"
        );
        gateway.stop().await;
    }
}

#[tokio::test]
async fn providers_behind_tls_speak_the_http_that_they_offer() {
    let authority = Authority::new();
    let modern = secure(&authority, "modern", "localhost", false).await;
    let old = secure(&authority, "old", "localhost", true).await;
    let config = PAIR
        .replace("endpoint:", "tls: { ca: \"{dir}/authority.pem\" }, endpoint:")
        .replace(
            "models:",
            "defaults: { breaker: { consecutive_failures: off, error_rate: off } }\nmodels:",
        );
    let gateway = Gateway::with(&config)
        .fill("primary", modern.base_url().replace("127.0.0.1", "localhost"))
        .fill("backup", old.base_url().replace("127.0.0.1", "localhost"));
    authority.write_to(gateway.dir());
    let gateway = gateway.start().await;

    let direct = gateway.post(CHAT, chat("gpt-4o")).send().await;
    for broken in [Fault::ServerError, Fault::Reset, Fault::Hang] {
        modern.control().set_fault(fault(broken));
        if broken == Fault::Hang {
            break;
        }
        for call in [
            gateway.post(CHAT, chat("gpt-4o")),
            gateway.post(CHAT, chat_stream("gpt-4o")).http2(),
        ] {
            let answer = call.send().await;
            assert_eq!(
                (answer.status.as_u16(), answer.hops()[1].as_str()),
                (200, "backup ok"),
                "{broken}: {}",
                answer.text()
            );
        }
    }

    assert_eq!(direct.hops(), ["primary ok"]);
    let (to_modern, to_old) = (
        modern.control().recent_requests(),
        old.control().recent_requests(),
    );
    assert_eq!(to_modern[0].version(), http::Version::HTTP_2);
    assert_eq!(to_modern[0].server_name(), Some("localhost"));
    assert!(
        to_old
            .iter()
            .all(|request| request.version() == http::Version::HTTP_11),
        "{to_old:?}"
    );
    let host = format!("localhost:{}", modern.addr().port());
    assert!(
        to_modern[0].headers().contains(&("host".to_owned(), host)),
        "{to_modern:?}"
    );
    assert_eq!(to_modern[0].body_size(), to_old[0].body_size());
    gateway.stop().await;
}
