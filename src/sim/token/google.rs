//! Google's exchange of a service account's signed claims for a token.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio_rustls::rustls::SignatureScheme;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::SubjectPublicKeyInfoDer;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;

use super::Form;
use crate::sim::config::SimError;
use crate::sim::refusal::Reason;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// How long claims may be valid, in seconds.
const LONGEST: u64 = 3600;
/// How far a caller's clock may be ahead, in seconds.
const SKEW: u64 = 300;

/// The public half of a service account's key: an `RSAPublicKey`.
pub(in crate::sim) struct GoogleKey(Vec<u8>);

impl GoogleKey {
    /// Reads a `PUBLIC KEY` in PEM.
    pub(in crate::sim) fn from_pem(pem: &str) -> Result<Self, SimError> {
        let invalid = |reason: &str| SimError::GoogleKey(reason.to_owned());
        let info = SubjectPublicKeyInfoDer::from_pem_slice(pem.as_bytes())
            .map_err(|error| SimError::GoogleKey(error.to_string()))?;
        let key = rsa_key(info.as_ref()).ok_or_else(|| invalid("it is no RSA key"))?;
        Ok(Self(key.to_vec()))
    }

    fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let known = ring::default_provider().signature_verification_algorithms.mapping;
        let mut algorithms = known
            .iter()
            .filter(|(scheme, _)| *scheme == SignatureScheme::RSA_PKCS1_SHA256)
            .flat_map(|(_, algorithms)| algorithms.iter());
        algorithms.any(|algorithm| algorithm.verify_signature(&self.0, message, signature).is_ok())
    }
}

impl fmt::Debug for GoogleKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GoogleKey(..)")
    }
}

/// Takes the key out of its envelope: a sequence of an algorithm and a bit string.
fn rsa_key(info: &[u8]) -> Option<&[u8]> {
    const SEQUENCE: u8 = 0x30;
    const BITS: u8 = 0x03;
    let (outer, _) = element(info, SEQUENCE)?;
    let (_algorithm, rest) = element(outer, SEQUENCE)?;
    let (bits, _) = element(rest, BITS)?;
    let key = bits.strip_prefix(&[0])?;
    element(key, SEQUENCE).map(|_| key)
}

/// The content of a DER element with this tag, and what comes after it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, first], rest) = der.split_first_chunk::<2>()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        let length = digits.iter().try_fold(0usize, |length, digit| {
            Some(length.checked_mul(256)? + usize::from(*digit))
        })?;
        (length, rest)
    };
    if found != tag {
        return None;
    }
    rest.split_at_checked(length)
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    iss: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    aud: String,
    #[serde(default)]
    iat: u64,
    #[serde(default)]
    exp: u64,
}

/// Looks at the claims and at who signed them; `now` is in Unix seconds.
pub(super) fn admit(form: &Form, key: Option<&GoogleKey>, now: u64) -> Result<(), Reason> {
    let denied = |code, message: &str| {
        Err(Reason::Denied {
            code,
            message: message.to_owned(),
        })
    };
    let grant = form.get("grant_type").map(String::as_str).unwrap_or_default();
    if grant != GRANT {
        return denied("unsupported_grant_type", &format!("Invalid grant_type: {grant}"));
    }
    let assertion = form.get("assertion").map(String::as_str).unwrap_or_default();
    let Some((header, claims, signed, signature)) = parts(assertion) else {
        return denied("invalid_grant", "Invalid JWT: The assertion is malformed.");
    };
    if header.alg != "RS256" {
        return denied("invalid_grant", "Invalid JWT: The algorithm must be RS256.");
    }
    if claims.iss.is_empty() {
        return denied("invalid_grant", "Invalid JWT: iss field missing.");
    }
    if claims.scope.is_empty() {
        return denied(
            "invalid_scope",
            "Invalid OAuth scope or ID token audience provided.",
        );
    }
    if !claims.aud.ends_with("/token") {
        return denied("invalid_grant", "Invalid JWT: Failed audience check.");
    }
    let is_timely = claims.iat <= now + SKEW
        && now < claims.exp
        && claims
            .exp
            .checked_sub(claims.iat)
            .is_some_and(|length| length <= LONGEST);
    if !is_timely {
        return denied(
            "invalid_grant",
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe. Check your \
             iat and exp values in the JWT claim.",
        );
    }
    match key {
        Some(key) if !key.has_signed(signed.as_bytes(), &signature) => {
            denied("invalid_grant", "Invalid JWT Signature.")
        }
        Some(_) | None => Ok(()),
    }
}

/// Header, claims, the text that is signed, and the signature.
fn parts(assertion: &str) -> Option<(Header, Claims, &str, Vec<u8>)> {
    let (signed, signature) = assertion.rsplit_once('.')?;
    let (header, claims) = signed.split_once('.')?;
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    Some((json(header)?, json(claims)?, signed, signature))
}

fn json<T: DeserializeOwned>(encoded: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const PEM: &str = include_str!("public-key.pem");
    /// Signed with the other half of that key, for the hour after this moment.
    const SIGNED: &str = include_str!("assertion.jwt");
    const ISSUED: u64 = 1_790_000_000;

    fn asked(assertion: &str) -> Form {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        [pair("grant_type", GRANT), pair("assertion", assertion)]
            .into_iter()
            .collect()
    }

    fn told(form: &Form, key: Option<&GoogleKey>, now: u64) -> String {
        match admit(form, key, now) {
            Ok(()) => "ok".to_owned(),
            Err(Reason::Denied { code, message }) => format!("{code}: {message}"),
            Err(reason) => format!("{reason:?}"),
        }
    }

    #[test]
    fn only_what_the_account_signed_gets_a_token_and_only_in_time() {
        let key = GoogleKey::from_pem(PEM).unwrap();
        let (text, signature) = SIGNED.trim_end().rsplit_once('.').unwrap();
        let other = signature.replacen(|letter: char| letter != 'A', "A", 1);
        let forged = format!("{text}.{other}");

        let good = asked(SIGNED.trim_end());
        assert_eq!(told(&good, Some(&key), ISSUED), "ok");
        assert_eq!(told(&good, Some(&key), ISSUED + 3599), "ok");
        assert!(told(&good, Some(&key), ISSUED + 3600).contains("short-lived"));
        assert!(told(&good, Some(&key), ISSUED - 301).contains("short-lived"));
        assert_eq!(
            told(&asked(&forged), Some(&key), ISSUED),
            "invalid_grant: Invalid JWT Signature."
        );
        assert_eq!(told(&asked(&forged), None, ISSUED), "ok");
    }

    #[test]
    fn claims_are_looked_at_without_a_key_too() {
        let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let jwt = |header: Value, claims: Value| format!("{}.{}.c2ln", encoded(&header), encoded(&claims));
        let header = json!({"alg": "RS256"});
        let claims =
            json!({"iss": "a", "scope": "s", "aud": "https://x/token", "iat": ISSUED, "exp": ISSUED + 60});
        let with = |name: &str, value: Value| {
            let mut claims = claims.clone();
            claims[name] = value;
            jwt(header.clone(), claims)
        };
        let table = [
            (jwt(header.clone(), claims.clone()), "ok"),
            (jwt(json!({"alg": "HS256"}), claims.clone()), "algorithm"),
            (with("iss", json!("")), "iss field missing"),
            (with("scope", json!("")), "invalid_scope"),
            (with("aud", json!("https://x")), "audience check"),
            (with("exp", json!(ISSUED + 4000)), "short-lived"),
            ("a.b".to_owned(), "malformed"),
            ("\u{e9}.b.c".to_owned(), "malformed"),
            (String::new(), "malformed"),
        ];

        for (assertion, expected) in table {
            let told = told(&asked(&assertion), None, ISSUED);
            assert!(told.contains(expected), "{assertion}: {told}");
        }
        assert!(told(&Form::new(), None, ISSUED).contains("unsupported_grant_type"));
    }

    #[test]
    fn what_is_no_rsa_key_is_refused() {
        for der in [
            &b""[..],
            b"\x30",
            b"\x30\x82\xff",
            b"\x30\x03\x30\x01\x00",
            b"\x30\xff",
        ] {
            assert_eq!(rsa_key(der), None);
        }
        assert!(GoogleKey::from_pem("none").is_err());
    }
}
