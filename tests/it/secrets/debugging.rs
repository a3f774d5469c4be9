//! What a program that uses this library may print.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use understudy::catalog::{Catalog, Generation};
use understudy::config::{Config, Secret};
use understudy::session::{self, Arrived, Head, Headers, Lent, Live, Planned, SessionId};

use super::clouds::{MODELS, write_account};
use super::{CHAT, CONFIG, SECRETS, every_secret, secret};
use crate::support::chat;
use crate::support::sources::TestSources;

/// The configuration of this module, without a gateway.
fn config() -> Config {
    let folder = tempfile::tempdir().unwrap();
    let mut sources = TestSources::default();
    for (name, value) in SECRETS {
        sources.set(name, value);
    }
    std::fs::write(folder.path().join("key"), secret("FILE_KEY")).unwrap();
    write_account(folder.path());
    let text = ["anthropic", "gemini", "bedrock", "vertex", "entra"]
        .into_iter()
        .fold(CONFIG.to_owned(), |text, cloud| {
            text.replace(&format!("{{{cloud}}}"), &format!("https://{cloud}.test"))
        })
        .replace("{dir}", &folder.path().display().to_string())
        .replace("{admin}", "127.0.0.1:9900")
        .replace("{azure}", "https://azure.test")
        .replace("{primary}", "https://primary.test/v1")
        .replace("{backup}", "https://backup.test/v1");
    let path = folder.path().join("understudy.yaml");
    std::fs::write(&path, text).unwrap();
    understudy::app::load(&path, &sources).unwrap_or_else(|error| panic!("{error}"))
}

fn assert_silent(what: &str, shown: &impl Debug) {
    for text in [format!("{shown:?}"), format!("{shown:#?}")] {
        for (name, secret) in every_secret() {
            // Bytes are printed as text or as numbers.
            let numbers = format!("{:?}", secret.as_bytes());
            let is_there = text.contains(secret) || text.contains(numbers.trim_matches(['[', ']']));
            assert!(!is_there, "{name} is shown by {what}: {text}");
        }
    }
}

/// The catalog of that configuration, with tokens that were fetched and fetched again.
fn catalog() -> Catalog {
    let catalog = Catalog::build(&config(), Generation(1)).unwrap();
    let slots = catalog.token_slots();
    assert_eq!(slots.len(), 2);
    for slot in slots {
        for token in ["ya29.sim-first", "eyJ0.sim-second"] {
            let token = Secret::try_new(token).unwrap();
            slot.store(&token, SystemTime::now() + Duration::from_hours(1));
        }
    }
    catalog
}

#[derive(Debug)]
struct Sent(Vec<(Bytes, Bytes)>);

impl Headers for Sent {
    fn iter(&self) -> impl Iterator<Item = (&Bytes, &Bytes)> {
        self.0.iter().map(|(name, value)| (name, value))
    }
}

#[test]
fn configuration_and_catalog_print_no_key() {
    let catalog = catalog();

    assert_silent("the configuration", &config());
    assert_silent("the catalog", &catalog);
    for provider in &catalog.providers {
        assert_silent("a provider", provider);
        assert_silent("a credential", &provider.credential);
    }
    for slot in catalog.token_slots() {
        assert_silent("the place of a token", slot);
        assert_silent("what a token is fetched with", slot.source());
        assert_silent("a token", &slot.current(SystemTime::now()));
    }
    assert_silent("what is live", &Live::new(Arc::new(catalog)));
}

#[test]
fn each_step_of_a_request_prints_no_key() {
    let live = Arc::new(Live::new(Arc::new(catalog())));
    each_step(&live, "gpt-4o", &["PRIMARY_KEY"]);
    for (model, _) in MODELS {
        let leaving: &[&str] = match model {
            "anthropic" => &["ANTHROPIC_KEY"],
            "gemini" => &["GEMINI_KEY"],
            "bedrock" => &["AWS_ID", "AWS_SESSION"],
            _ => &["a token of Entra"],
        };
        each_step(&live, model, leaving);
    }
}

/// A request for `model`, which leaves with these secrets.
fn each_step(live: &Arc<Live>, model: &str, leaving: &[&str]) {
    let authorization = format!("Bearer {}", secret("CLIENT_KEY"));
    let sent = [
        (":method", "POST"),
        (":path", CHAT),
        ("authorization", &authorization),
    ];
    let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    let headers = Sent(
        sent.iter()
            .map(|(name, value)| (bytes(name), bytes(value)))
            .collect(),
    );
    let head = Head {
        headers: &headers,
        ends: false,
        errand_token: secret("STRANGER_KEY"),
    };
    assert_silent("the head", &head);
    let now = Instant::now();

    let arrived = session::arrive(SessionId(1), live, &head, now);
    assert_silent("the arrival", &arrived);
    let Arrived::Await(arrival) = arrived else {
        panic!("{arrived:?}")
    };
    let (mut rng, mut happened) = (fastrand::Rng::with_seed(1), Vec::new());
    let mut lent = Lent {
        rng: &mut rng,
        happened: &mut happened,
        today: SystemTime::now(),
        now,
    };
    let planned = session::plan(*arrival, &Bytes::from(chat(model).to_string()), &mut lent);
    assert_silent("the plan", &planned);
    let Planned::Go(mut session, _) = planned else {
        panic!("{planned:?}")
    };
    let outcall = session.attempt(1, &headers, &mut lent).unwrap();
    for (name, secret) in every_secret().filter(|(name, _)| leaving.contains(name)) {
        let carries = |(_, value): &(Bytes, Bytes)| String::from_utf8_lossy(value).contains(secret);
        assert!(outcall.headers.set.iter().any(carries), "{name} leaves here");
    }
    assert_silent("the request that leaves", &outcall);
    assert_silent("the session", &session);
    assert_silent("what happened", &happened);
}
