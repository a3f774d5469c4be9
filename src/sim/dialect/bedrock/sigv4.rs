//! Signatures of AWS (version 4), computed again over the request that arrived.
//!
//! Invariant: nothing but the received bytes, the secret and the moment of arrival decides. It is written from the
//! published recipe and shares no code with what signs, so that it can judge it.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use http::request::Parts;
use sha2::{Digest as _, Sha256};

use crate::sim::refusal::Reason;
use crate::sim::sign_in::AwsKeys;

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const SERVICE: &str = "bedrock";
/// How far the clocks may be apart.
const WINDOW: Duration = Duration::from_mins(5);

/// What the authorization says.
struct Claim<'a> {
    access_key: &'a str,
    /// `date/region/service/aws4_request`
    scope: &'a str,
    signed: Vec<&'a str>,
    signature: &'a str,
}

impl<'a> Claim<'a> {
    fn parse(authorization: &'a str) -> Option<Self> {
        let fields = authorization.strip_prefix(ALGORITHM)?;
        let field = |name: &str| {
            let mut all = fields.split(',').map(str::trim);
            all.find_map(|field| field.strip_prefix(name)?.strip_prefix('='))
        };
        let (access_key, scope) = field("Credential")?.split_once('/')?;
        Some(Self {
            access_key,
            scope,
            signed: field("SignedHeaders")?.split(';').collect(),
            signature: field("Signature")?,
        })
    }
}

/// Whether the request says that it is signed.
pub(super) fn is_signed(headers: &HeaderMap) -> bool {
    text(headers, "authorization").is_some_and(|value| value.starts_with(ALGORITHM))
}

/// Checks who signed a request, when, and what.
pub(super) fn verify(
    parts: &Parts,
    body: &[u8],
    keys: Option<&AwsKeys>,
    now: SystemTime,
) -> Result<(), Reason> {
    let headers = &parts.headers;
    let authorization = text(headers, "authorization").unwrap_or_default();
    let incomplete = |what: &str| {
        denied(
            "IncompleteSignatureException",
            format!("Authorization header requires {what}."),
        )
    };
    let claim = Claim::parse(authorization)
        .ok_or_else(|| incomplete("'Credential', 'SignedHeaders' and 'Signature' parameters"))?;
    let timestamp = text(headers, "x-amz-date").ok_or_else(|| incomplete("an 'X-Amz-Date' header"))?;
    check_time(timestamp, now)?;
    check_scope(&claim, timestamp, keys)?;
    check_signed(&claim, headers)?;
    let Some(keys) = keys else { return Ok(()) };
    check_holder(&claim, headers, keys)?;
    let digest = hex(&Sha256::digest(body));
    if text(headers, "x-amz-content-sha256").is_some_and(|given| given != digest) {
        return Err(mismatch());
    }
    let canonical = canonical(parts, &claim.signed, &digest);
    let expected = sign(&keys.secret_access_key, timestamp, claim.scope, &canonical);
    if expected == claim.signature {
        Ok(())
    } else {
        Err(mismatch())
    }
}

fn denied(code: &'static str, message: String) -> Reason {
    Reason::Denied { code, message }
}

fn mismatch() -> Reason {
    denied(
        "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details."
            .to_owned(),
    )
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn check_time(timestamp: &str, now: SystemTime) -> Result<(), Reason> {
    let invalid = |message: String| Err(denied("InvalidSignatureException", message));
    let Some(signed) = moment(timestamp) else {
        return invalid(format!(
            "Date must be in ISO-8601 'basic format'. Got '{timestamp}'."
        ));
    };
    if signed + WINDOW < now {
        return invalid(format!(
            "Signature expired: {timestamp} is now earlier than five minutes ago."
        ));
    }
    if now + WINDOW < signed {
        return invalid(format!(
            "Signature not yet current: {timestamp} is still later than in five minutes."
        ));
    }
    Ok(())
}

fn check_scope(claim: &Claim<'_>, timestamp: &str, keys: Option<&AwsKeys>) -> Result<(), Reason> {
    let invalid = |what: &str| {
        let message = format!("Credential should be scoped to {what}.");
        Err(denied("InvalidSignatureException", message))
    };
    let words: Vec<_> = claim.scope.split('/').collect();
    let [date, region, service, end] = words[..] else {
        return invalid("date, region, service and 'aws4_request'");
    };
    if !timestamp.starts_with(date) || date.len() != 8 {
        return invalid("the date of the request");
    }
    if keys
        .and_then(|keys| keys.region.as_deref())
        .is_some_and(|known| known != region)
        || region.is_empty()
    {
        return invalid("a valid region");
    }
    if service != SERVICE {
        return invalid("correct service: 'bedrock'");
    }
    if end != "aws4_request" {
        return invalid("a valid terminator: 'aws4_request'");
    }
    Ok(())
}

/// What cannot be left unsigned is signed, and what is signed is there, in order.
fn check_signed(claim: &Claim<'_>, headers: &HeaderMap) -> Result<(), Reason> {
    let needed = ["host", "x-amz-date", "x-amz-security-token"];
    let is_needed = |name: &&str| *name == "host" || headers.contains_key(*name);
    let forgotten = needed
        .into_iter()
        .filter(is_needed)
        .find(|name| !claim.signed.contains(name));
    if let Some(name) = forgotten {
        let message = format!("'{name}' must be a 'SignedHeader' in the AWS Authorization.");
        return Err(denied("InvalidSignatureException", message));
    }
    if claim.signed.is_sorted() {
        Ok(())
    } else {
        Err(mismatch())
    }
}

fn check_holder(claim: &Claim<'_>, headers: &HeaderMap, keys: &AwsKeys) -> Result<(), Reason> {
    let token = text(headers, "x-amz-security-token");
    if claim.access_key != keys.access_key_id || token != keys.session_token.as_deref() {
        return Err(denied(
            "UnrecognizedClientException",
            "The security token included in the request is invalid.".to_owned(),
        ));
    }
    Ok(())
}

/// The request as it is signed.
fn canonical(parts: &Parts, signed: &[&str], digest: &str) -> String {
    let mut out = format!("{}\n", parts.method);
    // The path is encoded once more than it travels.
    let segments = parts.uri.path().split('/').map(encoded);
    out.push_str(&segments.collect::<Vec<_>>().join("/"));
    out.push('\n');
    let mut query: Vec<_> = parts.uri.query().unwrap_or_default().split('&').collect();
    query.sort_unstable();
    out.push_str(&query.join("&"));
    out.push('\n');
    for name in signed {
        let values = parts.headers.get_all(*name).into_iter();
        let values = values.map(|value| squeezed(&String::from_utf8_lossy(value.as_bytes())));
        let mut value = values.collect::<Vec<_>>().join(",");
        // Over HTTP/2 the host is no header.
        if *name == "host" && value.is_empty() {
            value = parts.uri.authority().map(ToString::to_string).unwrap_or_default();
        }
        writeln!(out, "{name}:{value}").expect("a String takes every write");
    }
    out.push('\n');
    out.push_str(&signed.join(";"));
    out.push('\n');
    out.push_str(digest);
    out
}

fn encoded(segment: &str) -> String {
    let mut out = String::with_capacity(segment.len());
    for byte in segment.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("a String takes every write");
        }
    }
    out
}

/// Without spaces at the ends, and with one where there were several.
fn squeezed(value: &str) -> String {
    value.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn sign(secret: &str, timestamp: &str, scope: &str, canonical: &str) -> String {
    let hash = hex(&Sha256::digest(canonical));
    let to_sign = format!("{ALGORITHM}\n{timestamp}\n{scope}\n{hash}");
    let first = format!("AWS4{secret}").into_bytes();
    let key = scope
        .split('/')
        .fold(first, |key, word| hmac(&key, word.as_bytes()).to_vec());
    hex(&hmac(&key, to_sign.as_bytes()))
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    const BLOCK: usize = 64;
    let mut padded = [0u8; BLOCK];
    if key.len() > BLOCK {
        let digest: [u8; 32] = Sha256::digest(key).into();
        padded[..32].copy_from_slice(&digest);
    } else {
        padded[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::new_with_prefix(padded.map(|byte| byte ^ 0x36))
        .chain_update(message)
        .finalize();
    Sha256::new_with_prefix(padded.map(|byte| byte ^ 0x5c))
        .chain_update(inner)
        .finalize()
        .into()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(64), |text, byte| {
        text + &format!("{byte:02x}")
    })
}

/// Reads `20261101T120000Z`.
fn moment(timestamp: &str) -> Option<SystemTime> {
    let (date, time) = timestamp.strip_suffix('Z')?.split_once('T')?;
    let is_number =
        |text: &str, length| text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(date, 8) || !is_number(time, 6) {
        return None;
    }
    let pair = |text: &str, at: usize| text.get(at..at + 2)?.parse::<u64>().ok();
    let year = pair(date, 0)? * 100 + pair(date, 2)?;
    let seconds = pair(time, 0)? * 3600 + pair(time, 2)? * 60 + pair(time, 4)?;
    let days = days(year, pair(date, 4)?, pair(date, 6)?)?;
    UNIX_EPOCH.checked_add(Duration::from_secs(days * 86_400 + seconds))
}

/// The days from 1970 to a date.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    // March is the first month of a year here, so that the leap day is its last.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year.checked_sub(1)?, month + 9)
    };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day;
    days.checked_sub(719_469)
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    const BODY: &[u8] = br#"{"messages":[{"role":"user","content":[{"text":"hi"}]}]}"#;
    const PATH: &str = "/model/anthropic.claude-haiku-4-5-20251001-v1%3A0/converse";
    const SIGNATURE: &str = "016b9bc93d8674bf01d6f741160edf28b7d689ba9921c1e9548ef14b41fe6488";

    /// The request of the published vector.
    fn vector() -> Parts {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261101/us-east-1/bedrock/aws4_request, \
             SignedHeaders=content-type;host;x-amz-date, Signature={SIGNATURE}"
        );
        let request = Request::post(PATH)
            .header("host", "bedrock-runtime.us-east-1.amazonaws.com")
            .header("content-type", "application/json")
            .header("x-amz-date", "20261101T120000Z")
            .header("authorization", authorization);
        request.body(()).unwrap().into_parts().0
    }

    fn keys() -> AwsKeys {
        AwsKeys::new("AKIDEXAMPLE", "EXAMPLESECRET")
    }

    /// Noon of the vector's day.
    fn noon() -> SystemTime {
        moment("20261101T120000Z").unwrap()
    }

    fn told(parts: &Parts, body: &[u8], keys: &AwsKeys, now: SystemTime) -> String {
        match verify(parts, body, Some(keys), now) {
            Ok(()) => "ok".to_owned(),
            Err(Reason::Denied { code, message }) => format!("{code}: {message}"),
            Err(reason) => format!("{reason:?}"),
        }
    }

    #[test]
    fn the_published_vector_is_computed_again() {
        let digest = hex(&Sha256::digest(BODY));
        let canonical = canonical(&vector(), &["content-type", "host", "x-amz-date"], &digest);

        assert_eq!(
            digest,
            "c3335e07d6e89650bf94cb98664be69f8774dbc3198df221f113db0a59ea14f0"
        );
        assert_eq!(
            hex(&Sha256::digest(&canonical)),
            "22a70fb58ab68e69fe13de3deec79cd5010780dd08a8a14c9538d0932b60a16d"
        );
        assert_eq!(told(&vector(), BODY, &keys(), noon()), "ok");
    }

    fn with(name: &'static str, value: &str) -> Parts {
        let mut parts = vector();
        parts.headers.insert(name, value.parse().unwrap());
        parts
    }

    #[test]
    fn whatever_is_changed_breaks_the_signature() {
        let mut moved = vector();
        moved.uri = PATH.replace("%3A", ":").parse().unwrap();
        let other = AwsKeys::new("AKIDEXAMPLE", "OTHER");
        let table = [
            (vector(), b"{}".as_slice(), keys()),
            (moved, BODY, keys()),
            (with("host", "other"), BODY, keys()),
            (with("content-type", "text/plain"), BODY, keys()),
            (with("x-amz-content-sha256", "0"), BODY, keys()),
            (vector(), BODY, other),
        ];

        for (number, (parts, body, keys)) in table.into_iter().enumerate() {
            let told = told(&parts, body, &keys, noon());
            assert!(told.contains("does not match"), "{number}: {told}");
        }
    }

    #[test]
    fn the_clocks_may_be_five_minutes_apart() {
        let more = WINDOW + Duration::from_secs(1);
        let table = [
            (noon() + WINDOW, "ok"),
            (noon() - WINDOW, "ok"),
            (noon() + more, "Signature expired"),
            (noon() - more, "not yet current"),
        ];

        for (now, expected) in table {
            let told = told(&vector(), BODY, &keys(), now);
            assert!(told.contains(expected), "{told}");
        }
        let told = told(&with("x-amz-date", "yesterday"), BODY, &keys(), noon());
        assert!(told.contains("Date must be in"), "{told}");
    }

    #[test]
    fn who_signs_says_so_in_full_and_for_this_service() {
        let authorization = vector().headers["authorization"].to_str().unwrap().to_owned();
        let authorized = |from: &str, to: &str| with("authorization", &authorization.replace(from, to));
        let region = AwsKeys {
            region: Some("eu-west-1".to_owned()),
            ..keys()
        };
        let temporary = AwsKeys {
            session_token: Some("token".to_owned()),
            ..keys()
        };
        let table = [
            (vector(), region, "a valid region"),
            (
                authorized("/bedrock/", "/s3/"),
                keys(),
                "correct service: 'bedrock'",
            ),
            (
                authorized("20261101/", "20261102/"),
                keys(),
                "the date of the request",
            ),
            (authorized(";host", ""), keys(), "'host' must be a 'SignedHeader'"),
            (
                authorized("Signature=", "Sig="),
                keys(),
                "IncompleteSignatureException",
            ),
            (
                authorized("AKIDEXAMPLE", "AKIDOTHER"),
                keys(),
                "UnrecognizedClientException",
            ),
            (vector(), temporary, "UnrecognizedClientException"),
            (
                with("x-amz-security-token", "t"),
                keys(),
                "'x-amz-security-token' must be",
            ),
        ];

        for (parts, keys, expected) in table {
            let told = told(&parts, BODY, &keys, noon());
            assert!(told.contains(expected), "{expected}: {told}");
        }
    }

    #[test]
    fn without_a_secret_the_form_and_the_time_are_still_looked_at() {
        assert_eq!(verify(&vector(), b"{}", None, noon()), Ok(()));
        assert!(verify(&vector(), BODY, None, UNIX_EPOCH).is_err());
    }

    #[test]
    fn dates_are_read_across_leap_days() {
        let table = [
            ("19700101T000000Z", Some(0)),
            ("20000229T000001Z", Some(951_782_401)),
            ("20240301T000000Z", Some(1_709_251_200)),
            ("20261101T120000Z", Some(1_793_534_400)),
            ("19691231T235959Z", None),
            ("2026110T1120000Z", None),
            ("20261101120000Z", None),
            ("\u{e9}0261101T12000Z", None),
        ];

        for (text, expected) in table {
            let seconds = moment(text).map(|it| it.duration_since(UNIX_EPOCH).unwrap().as_secs());
            assert_eq!(seconds, expected, "{text}");
        }
    }
}
