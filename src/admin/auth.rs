//! Who may use the admin server.
//!
//! With a token, everything but the probes and the empty page needs it. Without one the server is for this machine
//! only, and then the danger is a web page in the operator's browser: a request whose `Host` is not a name of this
//! machine comes from a name that was re-bound to it, and an order that another site sent is refused by its `Origin`.
//! The token is kept as a digest only.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use http::header::{AUTHORIZATION, HOST, ORIGIN};
use http::{HeaderMap, Method, Uri};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What the admin server asks of a request before it answers.
#[derive(Clone)]
pub struct Guard {
    token: Option<[u8; 32]>,
}

/// An address that others can reach, and no token to keep them out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenRequired(pub SocketAddr);

impl fmt::Display for TokenRequired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.0.port();
        write!(
            f,
            "the admin address {} can be reached by others; set an admin token, or use 127.0.0.1:{port}",
            self.0
        )
    }
}

impl std::error::Error for TokenRequired {}

/// Why a request is not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No token, or a wrong one.
    Token,
    /// Its `Host` is not a name of this machine.
    Host,
    /// A page of another site sent it.
    CrossSite,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token => "this needs the admin token; send it as `Authorization: Bearer <token>`",
            Self::Host => {
                "without a token only this machine is answered; address it as localhost, 127.0.0.1 or [::1]"
            }
            Self::CrossSite => {
                "orders are taken from this server's own page and from programs, not from other sites"
            }
        })
    }
}

/// What a guard needs to know of a request.
#[derive(Clone, Copy)]
pub(super) struct Credentials<'a> {
    pub(super) method: &'a Method,
    pub(super) uri: &'a Uri,
    pub(super) headers: &'a HeaderMap,
}

impl Guard {
    /// The guard for a server at `address`.
    pub fn new(address: SocketAddr, token: Option<&str>) -> Result<Self, TokenRequired> {
        let token = token.filter(|token| !token.is_empty()).map(digest);
        if token.is_none() && !address.ip().to_canonical().is_loopback() {
            return Err(TokenRequired(address));
        }
        Ok(Self { token })
    }

    /// Whether the sender may see and do everything.
    pub(super) fn admit(&self, request: Credentials<'_>) -> Result<(), Refusal> {
        match &self.token {
            Some(expected) if !has_token(request.headers, expected) => return Err(Refusal::Token),
            None if !is_addressed_to_this_machine(request) => return Err(Refusal::Host),
            Some(_) | None => {}
        }
        if *request.method == Method::POST && is_from_another_site(request.headers) {
            return Err(Refusal::CrossSite);
        }
        Ok(())
    }

    /// Whether the sender may load the page, which is empty until it is given the token.
    pub(super) fn admit_to_page(&self, request: Credentials<'_>) -> Result<(), Refusal> {
        if self.token.is_some() {
            Ok(())
        } else {
            self.admit(request)
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("token", &self.token.map(|_| "***"))
            .finish()
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// Compares digests, so that neither the length nor a common beginning shows in the time it takes.
fn has_token(headers: &HeaderMap, expected: &[u8; 32]) -> bool {
    let Some((scheme, token)) = only(headers, AUTHORIZATION).and_then(|value| value.split_once(' ')) else {
        return false;
    };
    let is_equal: bool = digest(token.trim()).ct_eq(expected).into();
    scheme.eq_ignore_ascii_case("bearer") && is_equal
}

/// The value of a header that must stand there once and be text.
fn only(headers: &HeaderMap, name: http::HeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn is_addressed_to_this_machine(request: Credentials<'_>) -> bool {
    let in_header = only(request.headers, HOST).is_some_and(names_this_machine);
    let in_uri = request
        .uri
        .authority()
        .is_none_or(|authority| names_this_machine(authority.as_str()));
    in_header && in_uri
}

fn names_this_machine(host: &str) -> bool {
    let name = without_port(host).trim_end_matches('.').to_ascii_lowercase();
    if name == "localhost" || name.ends_with(".localhost") {
        return true;
    }
    let address = name.trim_start_matches('[').trim_end_matches(']');
    address
        .parse::<IpAddr>()
        .is_ok_and(|ip| ip.to_canonical().is_loopback())
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    }
}

/// Browsers say where an order comes from; programs say nothing.
fn is_from_another_site(headers: &HeaderMap) -> bool {
    let is_foreign_fetch = headers
        .get_all("sec-fetch-site")
        .iter()
        .any(|site| site != "same-origin" && site != "none");
    let is_foreign_origin = headers.contains_key(ORIGIN)
        && only(headers, ORIGIN)
            .and_then(|origin| origin.split_once("://"))
            .map(|(_, origin)| origin)
            != only(headers, HOST);
    is_foreign_fetch || is_foreign_origin
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: Method, uri: &str, headers: &[(&'static str, &str)]) -> http::Request<()> {
        let mut request = http::Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    fn admit(guard: &Guard, request: &http::Request<()>) -> Result<(), Refusal> {
        guard.admit(Credentials {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
        })
    }

    fn loopback() -> Guard {
        Guard::new("127.0.0.1:9900".parse().unwrap(), None).unwrap()
    }

    fn with_token() -> Guard {
        Guard::new("0.0.0.0:9900".parse().unwrap(), Some("letmein")).unwrap()
    }

    #[test]
    fn only_a_loopback_address_goes_without_a_token() {
        for (address, is_allowed) in [
            ("127.0.0.1:9900", true),
            ("127.8.8.8:1", true),
            ("[::1]:9900", true),
            ("[::ffff:127.0.0.1]:9900", true),
            ("0.0.0.0:9900", false),
            ("[::]:9900", false),
            ("10.0.0.7:9900", false),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(Guard::new(address, None).is_ok(), is_allowed, "{address}");
            assert_eq!(
                Guard::new(address, Some("")).is_ok(),
                is_allowed,
                "an empty token is none, {address}"
            );
            assert!(Guard::new(address, Some("x")).is_ok());
        }
    }

    #[test]
    fn without_a_token_only_names_of_this_machine_are_answered() {
        for (host, is_admitted) in [
            ("localhost", true),
            ("LocalHost:9900", true),
            ("admin.localhost:9900", true),
            ("localhost.:9900", true),
            ("127.0.0.1:9900", true),
            ("[::1]:9900", true),
            ("[::1]", true),
            ("evil.example", false),
            ("localhost.evil.example:9900", false),
            ("127.0.0.1.evil.example", false),
            ("0.0.0.0:9900", false),
            ("10.0.0.7", false),
            ("", false),
        ] {
            let request = request(Method::GET, "/", &[("host", host)]);
            assert_eq!(admit(&loopback(), &request).is_ok(), is_admitted, "{host}");
        }
        assert_eq!(
            admit(&loopback(), &request(Method::GET, "/", &[])),
            Err(Refusal::Host)
        );
        let twice = request(
            Method::GET,
            "/",
            &[("host", "localhost"), ("host", "evil.example")],
        );
        assert_eq!(admit(&loopback(), &twice), Err(Refusal::Host));
        let absolute = request(Method::GET, "http://evil.example/", &[("host", "localhost")]);
        assert_eq!(admit(&loopback(), &absolute), Err(Refusal::Host));
    }

    #[test]
    fn with_a_token_exactly_that_token_is_admitted_under_any_name() {
        for (value, is_admitted) in [
            ("Bearer letmein", true),
            ("bearer  letmein", true),
            ("Bearer letmei", false),
            ("Bearer letmeinn", false),
            ("Bearer LETMEIN", false),
            ("Bearer", false),
            ("Basic letmein", false),
            ("letmein", false),
        ] {
            let request = request(
                Method::GET,
                "/",
                &[("host", "understudy.internal"), ("authorization", value)],
            );
            assert_eq!(admit(&with_token(), &request).is_ok(), is_admitted, "{value}");
        }
        assert_eq!(
            admit(&with_token(), &request(Method::GET, "/", &[])),
            Err(Refusal::Token)
        );
    }

    #[test]
    fn an_order_from_another_site_is_refused() {
        let host = ("host", "localhost:9900");
        for (header, is_admitted) in [
            (("origin", "http://localhost:9900"), true),
            (("sec-fetch-site", "same-origin"), true),
            (("sec-fetch-site", "none"), true),
            (("x-anything", "a program"), true),
            (("origin", "http://localhost:8080"), false),
            (("origin", "https://evil.example"), false),
            (("origin", "null"), false),
            (("sec-fetch-site", "cross-site"), false),
            (("sec-fetch-site", "same-site"), false),
        ] {
            let order = request(Method::POST, "/", &[host, header]);
            assert_eq!(admit(&loopback(), &order).is_ok(), is_admitted, "{header:?}");
        }
    }

    #[test]
    fn a_guard_does_not_show_its_token() {
        let shown = format!("{:?}", with_token());

        assert_eq!(shown, r#"Guard { token: Some("***") }"#);
    }
}
