//! Credentials show nothing, name everything that is to be hidden, and tokens outlive a reload.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::*;
use crate::catalog::{Catalog, Generation};
use crate::config::{Config, Sources};

/// Files that a test makes up; no environment.
struct Files;

impl Sources for Files {
    fn env(&self, _: &str) -> Option<String> {
        None
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let email = match path.to_str() {
            Some("/one.json") => "one@project",
            Some("/other.json") => "other@project",
            _ => return Err(io::ErrorKind::NotFound.into()),
        };
        let file = serde_json::json!({
            "project_id": "project", "client_email": email, "token_uri": "https://oauth2.googleapis.com/token",
            "private_key": "-----BEGIN PRIVATE KEY-----\nfirst/line\nlast/line\n-----END PRIVATE KEY-----\n",
        });
        Ok(file.to_string().into_bytes())
    }
}

fn catalog(providers: &str) -> Catalog {
    let text = format!(
        "providers: {{ {providers} }}\nmodels: {{ m: {{ targets: [ {{ provider: a, model: x }} ] }} }}"
    );
    let config = Config::parse(&text, &Files, |_| Ok(())).unwrap_or_else(|refusal| panic!("{refusal}"));
    Catalog::build(&config, Generation(1)).unwrap()
}

fn vertex(name: &str, file: &str) -> String {
    format!("{name}: {{ kind: vertex, location: us, service_account: file:/{file}.json }}")
}

fn slot(catalog: &Catalog, provider: usize) -> &Arc<TokenSlot> {
    match &catalog.providers[provider].credential {
        Credential::Token(slot) => slot,
        other => panic!("{other:?}"),
    }
}

fn secrets(credential: &Credential) -> Vec<String> {
    let mut secrets = Vec::new();
    credential.each_secret(|secret| secrets.push(String::from_utf8(secret.to_vec()).unwrap()));
    secrets
}

const AZURE: &str = "a: { kind: azure-openai, endpoint: https://r.example, deployment: d, \
    entra: { tenant: t, client_id: c, client_secret: entra-secret } }";

#[test]
fn everything_secret_is_named_and_nothing_of_it_is_shown() {
    let now = SystemTime::UNIX_EPOCH;
    let bedrock = "a: { kind: bedrock, region: us-east-1, access_key_id: AKID, secret_access_key: aws-secret, \
        session_token: aws-token }";
    for (providers, token, expected) in [
        ("a: { kind: anthropic, api_key: sk-1 }", None, vec!["sk-1"]),
        ("a: { kind: mistral, api_key: sk-1 }", None, vec!["sk-1"]),
        (bedrock, None, vec!["AKID", "aws-secret", "aws-token"]),
        (AZURE, Some(()), vec!["token-2", "token-1", "entra-secret"]),
        (
            &vertex("a", "one"),
            Some(()),
            vec!["token-2", "token-1", "first/line", "last/line"],
        ),
        ("a: { kind: openai, auth: passthrough }", None, vec![]),
    ] {
        let catalog = catalog(providers);
        if token.is_some() {
            for token in ["token-1", "token-2"] {
                slot(&catalog, 0).store(&Secret::try_new(token).unwrap(), now);
            }
        }

        let credential = &catalog.providers[0].credential;
        assert_eq!(secrets(credential), expected, "{providers}");
        let shown = format!("{catalog:?}");
        for secret in expected {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        assert_eq!(
            credential.fingerprint().is_some(),
            !providers.contains("passthrough")
        );
    }
}

#[test]
fn a_token_is_good_until_it_expires() {
    let (catalog, now) = (catalog(AZURE), SystemTime::UNIX_EPOCH);
    let slot = slot(&catalog, 0);
    assert!(slot.current(now).is_none() && slot.expires_at().is_none());

    let expires_at = now + Duration::from_secs(10);
    slot.store(&Secret::try_new("abc").unwrap(), expires_at);

    let current = slot.current(now).unwrap();
    assert_eq!(current.expose(), "Bearer abc");
    assert!(slot.current(now + Duration::from_secs(9)).is_some());
    assert!(slot.current(expires_at).is_none());
    assert_eq!(slot.expires_at(), Some(expires_at));
}

#[test]
fn one_identity_has_one_token_in_a_catalog_and_in_the_next() {
    let old = catalog(&format!(
        "{}, {}, {}",
        vertex("a", "one"),
        vertex("b", "one"),
        vertex("c", "other")
    ));
    let mut new = catalog(&format!(
        "{}, {}",
        vertex("a", "other"),
        AZURE.replacen('a', "d", 1)
    ));
    assert!(Arc::ptr_eq(slot(&old, 0), slot(&old, 1)));
    assert_eq!(old.token_slots().len(), 2);

    new.adopt_tokens(&old);

    assert!(Arc::ptr_eq(slot(&old, 2), slot(&new, 0)));
    assert!(matches!(slot(&new, 1).source(), TokenSource::Entra(_)));
    assert_eq!(new.token_slots().len(), 2);
}
