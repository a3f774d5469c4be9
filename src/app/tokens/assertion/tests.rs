use serde_json::Value;

use super::*;
use crate::app::tokens::tests::{account, endpoint};
use crate::config::{Secret, ServiceAccount};

/// The other half of the key in `account.pem`.
const PUBLIC_KEY: &[u8] = include_bytes!("../tests/account.der");

fn decoded(part: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(part).unwrap()
}

#[test]
fn a_statement_says_who_for_what_and_until_when_and_is_signed() {
    let account = account(endpoint("127.0.0.1:4100"));
    let today = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_010);

    let statement = signed(&account, today).unwrap();

    let (said, signature) = statement.rsplit_once('.').unwrap();
    let (header, claims) = said.split_once('.').unwrap();
    let read = |part| serde_json::from_slice::<Value>(&decoded(part)).unwrap();
    assert_eq!(
        read(header),
        json!({ "alg": "RS256", "typ": "JWT", "kid": "key-1" })
    );
    assert_eq!(
        read(claims),
        json!({
            "iss": "understudy@project.iam.example",
            "scope": "https://www.googleapis.com/auth/cloud-platform",
            "aud": "http://127.0.0.1:4100/token",
            "iat": 1_000_000,
            "exp": 1_003_600,
        })
    );
    let provider = tokio_rustls::rustls::crypto::ring::default_provider();
    let algorithms = provider.signature_verification_algorithms.mapping;
    let (_, rsa) = algorithms
        .iter()
        .find(|(scheme, _)| *scheme == SignatureScheme::RSA_PKCS1_SHA256)
        .unwrap();
    let verified = rsa[0].verify_signature(PUBLIC_KEY, said.as_bytes(), &decoded(signature));
    assert!(verified.is_ok());
}

#[test]
fn a_key_without_an_id_names_none() {
    let account = ServiceAccount {
        private_key_id: None,
        ..account(endpoint("127.0.0.1:4100"))
    };

    let statement = signed(&account, SystemTime::UNIX_EPOCH).unwrap();

    let header = decoded(statement.split('.').next().unwrap());
    assert_eq!(header, br#"{"alg":"RS256","typ":"JWT"}"#);
}

#[test]
fn what_is_no_rsa_key_signs_nothing() {
    let pem = |inner: &str| format!("-----BEGIN PRIVATE KEY-----\n{inner}\n-----END PRIVATE KEY-----\n");
    for key in [
        pem("AAAA"),
        pem("MIIB"),
        include_str!("../tests/elliptic.pem").to_owned(),
    ] {
        let account = ServiceAccount {
            private_key: Secret::try_pem(&key).unwrap(),
            ..account(endpoint("127.0.0.1:4100"))
        };

        let failure = signed(&account, SystemTime::UNIX_EPOCH).err();
        assert!(matches!(failure, Some(Failure::Key)), "{failure:?}");
    }
}
