use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::catalog::{Catalog, Credential, Generation};
use crate::config::{Config, Sources};

/// Keys that sign for a region.
#[derive(Clone, Copy)]
struct Keys<'a> {
    access_key_id: &'a str,
    secret_access_key: &'a str,
    session_token: Option<&'a str>,
    region: &'a str,
}

fn sign(
    keys: Keys<'_>,
    request: &Unsigned<'_>,
    today: SystemTime,
) -> Result<Vec<(&'static str, Bytes)>, Unsignable> {
    let token = keys.session_token.map(str::to_owned);
    let credentials = Credentials::new(keys.access_key_id, keys.secret_access_key, token, None, "test");
    signed(credentials, keys.region, request, today)
}

const KEYS: Keys<'_> = Keys {
    access_key_id: "AKIDEXAMPLE",
    secret_access_key: "EXAMPLESECRET",
    session_token: None,
    region: "us-east-1",
};

const REQUEST: Unsigned<'_> = Unsigned {
    method: "POST",
    authority: "bedrock-runtime.us-east-1.amazonaws.com",
    path: "/model/anthropic.claude-haiku-4-5-20251001-v1%3A0/converse",
    content_type: Some("application/json"),
    body: br#"{"messages":[{"role":"user","content":[{"text":"hi"}]}]}"#,
};

/// 20261101T120000Z.
fn noon() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_hours(498_204)
}

fn value<'a>(headers: &'a [(&'static str, Bytes)], name: &str) -> &'a str {
    let found = headers.iter().find(|(header, _)| *header == name);
    std::str::from_utf8(&found.unwrap().1).unwrap()
}

#[test]
fn the_published_vector_comes_out() {
    let headers = sign(KEYS, &REQUEST, noon()).unwrap();

    assert_eq!(value(&headers, "x-amz-date"), "20261101T120000Z");
    assert_eq!(
        value(&headers, "authorization"),
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261101/us-east-1/bedrock/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date, \
         Signature=016b9bc93d8674bf01d6f741160edf28b7d689ba9921c1e9548ef14b41fe6488"
    );
    assert_eq!(headers.len(), 2);
}

#[test]
fn a_session_token_is_sent_and_signed() {
    let keys = Keys {
        session_token: Some("token/1+2=="),
        ..KEYS
    };

    let headers = sign(keys, &REQUEST, noon()).unwrap();

    assert_eq!(value(&headers, "x-amz-security-token"), "token/1+2==");
    let authorization = value(&headers, "authorization");
    assert!(
        authorization.contains("SignedHeaders=content-type;host;x-amz-date;x-amz-security-token,"),
        "{authorization}"
    );
}

#[test]
fn a_request_without_a_body_is_signed_too() {
    let listing = Unsigned {
        method: "GET",
        path: "/foundation-models?byProvider=x",
        content_type: None,
        body: b"",
        ..REQUEST
    };

    let headers = sign(KEYS, &listing, noon()).unwrap();

    let expected = by_hand(KEYS, &listing, ("20261101", "20261101T120000Z"));
    assert_eq!(value(&headers, "authorization"), expected);
}

#[test]
fn the_keys_of_the_configuration_sign() {
    struct Nothing;
    impl Sources for Nothing {
        fn env(&self, _: &str) -> Option<String> {
            None
        }

        fn read(&self, _: &Path) -> std::io::Result<Vec<u8>> {
            Err(std::io::ErrorKind::NotFound.into())
        }
    }
    let text = "providers: { a: { kind: bedrock, region: us-east-1, access_key_id: AKIDEXAMPLE, \
        secret_access_key: EXAMPLESECRET, session_token: abc } }\n\
        models: { m: { targets: [ { provider: a, model: x } ] } }";
    let config = Config::parse(text, &Nothing, |_| Ok(())).unwrap();
    let catalog = Catalog::build(&config, Generation(1)).unwrap();
    let Credential::Signed(keys) = &catalog.providers[0].credential else {
        panic!("{:?}", catalog.providers[0].credential);
    };

    let headers = super::sign(keys, &REQUEST, noon()).unwrap();

    let same = Keys {
        session_token: Some("abc"),
        ..KEYS
    };
    assert_eq!(headers, sign(same, &REQUEST, noon()).unwrap());
}

#[test]
fn whatever_changes_changes_the_signature() {
    let signature = |keys, request: &Unsigned<'_>, today| {
        let headers = sign(keys, request, today).unwrap();
        let authorization = value(&headers, "authorization");
        authorization.rsplit_once('=').unwrap().1.to_owned()
    };
    let known = signature(KEYS, &REQUEST, noon());
    let changes: [fn(&mut Keys<'_>, &mut Unsigned<'_>); 9] = [
        |_, request| request.body = b"{}",
        |_, request| request.path = "/model/x/converse",
        |_, request| request.path = "/model/anthropic.claude-haiku-4-5-20251001-v1%3A0/converse?a=b",
        |_, request| request.authority = "localhost:8443",
        |_, request| request.method = "PUT",
        |_, request| request.content_type = None,
        |keys, _| keys.region = "eu-west-1",
        |keys, _| keys.secret_access_key = "ANOTHERSECRET",
        |keys, _| keys.session_token = Some("t"),
    ];

    for change in changes {
        let (mut keys, mut request) = (KEYS, REQUEST);
        change(&mut keys, &mut request);
        assert_ne!(signature(keys, &request, noon()), known, "{request:?}");
    }
    assert_ne!(signature(KEYS, &REQUEST, noon() + Duration::from_secs(1)), known);
}

#[test]
fn what_is_no_request_is_refused_without_a_panic() {
    for request in [
        Unsigned {
            path: "/a b",
            ..REQUEST
        },
        Unsigned {
            authority: "",
            ..REQUEST
        },
        Unsigned {
            authority: "a/b\nc",
            ..REQUEST
        },
        Unsigned {
            content_type: Some("a\r\nb"),
            ..REQUEST
        },
    ] {
        assert_eq!(sign(KEYS, &request, noon()), Err(Unsignable), "{request:?}");
    }
}

fn hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").unwrap();
        hex
    })
}

fn keyed(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// Everything but unreserved characters percent-encoded, `kept` too.
fn encoded(text: &str, kept: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        let c = char::from(byte);
        if byte.is_ascii_alphanumeric() || "-._~".contains(c) || kept.contains(c) {
            out.push(c);
        } else {
            write!(out, "%{byte:02X}").unwrap();
        }
        out
    })
}

/// The `authorization` header, made as the documents describe it, without the crate.
fn by_hand(keys: Keys<'_>, request: &Unsigned<'_>, (date, moment): (&str, &str)) -> String {
    let (path, query) = request.path.split_once('?').unwrap_or((request.path, ""));
    let content_type = request
        .content_type
        .map(|value| format!("content-type:{value}\n"));
    let token = keys
        .session_token
        .map(|token| format!("x-amz-security-token:{token}\n"));
    let signed = [
        content_type.as_ref().map(|_| "content-type"),
        Some("host"),
        Some("x-amz-date"),
        token.as_ref().map(|_| "x-amz-security-token"),
    ];
    let signed = signed.into_iter().flatten().collect::<Vec<_>>().join(";");
    let canonical = format!(
        "{}\n{}\n{query}\n{}host:{}\nx-amz-date:{moment}\n{}\n{signed}\n{}",
        request.method,
        encoded(path, "/"),
        content_type.unwrap_or_default(),
        request.authority,
        token.unwrap_or_default(),
        hash(request.body),
    );
    let scope = format!("{date}/{}/{SERVICE}/aws4_request", keys.region);
    let to_sign = format!(
        "AWS4-HMAC-SHA256\n{moment}\n{scope}\n{}",
        hash(canonical.as_bytes())
    );
    let mut key = format!("AWS4{}", keys.secret_access_key).into_bytes();
    for step in scope.split('/') {
        key = keyed(&key, step);
    }
    format!(
        "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={signed}, Signature={}",
        keys.access_key_id,
        hex(&keyed(&key, &to_sign))
    )
}

#[test]
fn the_hand_made_signature_is_the_published_one() {
    let authorization = by_hand(KEYS, &REQUEST, ("20261101", "20261101T120000Z"));

    assert!(
        authorization.ends_with("016b9bc93d8674bf01d6f741160edf28b7d689ba9921c1e9548ef14b41fe6488"),
        "{authorization}"
    );
}

proptest! {
    #[test]
    fn odd_models_and_bodies_are_signed_as_by_hand(
        model in "\\PC{1,30}",
        body in proptest::collection::vec(any::<u8>(), 0..200),
        secret in "[!-~]{1,80}",
        token in proptest::option::of("[!-~]{1,40}"),
        region in "[a-z]{2}-[a-z]{4}-[1-9]",
        typed in any::<bool>(),
    ) {
        // As a model's name stands in the path; a name of dots alone is none.
        prop_assume!(!model.chars().all(|c| c == '.'));
        let path = format!("/model/{}/converse-stream", encoded(&model, ""));
        let keys = Keys { secret_access_key: &secret, session_token: token.as_deref(), region: &region, ..KEYS };
        let content_type = typed.then_some("application/json");
        let request = Unsigned { path: &path, body: &body, content_type, authority: "127.0.0.1:4100", ..REQUEST };

        let headers = sign(keys, &request, noon()).unwrap();

        let expected = by_hand(keys, &request, ("20261101", "20261101T120000Z"));
        prop_assert_eq!(value(&headers, "authorization"), expected);
    }
}
