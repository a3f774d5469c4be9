//! The URL of a provider, and what each kind makes of it.
//!
//! Invariant: what comes out has a host that can be resolved, and a base path that other paths can follow.

use crate::config::kind::Kind;
use crate::config::mistake::Invalid;
use crate::config::provider::{Endpoint, Scheme};
use crate::config::server::host_name;

/// What a URL may look like.
const EXAMPLE: &str = "https://api.openai.com/v1";
/// The path of Azure's newer API, which has no dated versions.
pub(super) const AZURE_V1: &str = "/openai/v1";
/// What people paste from an example request.
const OPERATIONS: [&str; 6] = [
    "/chat/completions",
    "/completions",
    "/embeddings",
    "/messages",
    "/models",
    "/responses",
];
/// Where providers with a language of their own speak OpenAI's too.
const COMPATIBLE: [&str; 3] = ["/openai", "/openai/v1", "/endpoints/openapi"];

/// A URL as it was written.
pub(super) fn parse(text: &str) -> Result<Endpoint, Invalid> {
    let text = text.trim();
    let (scheme, rest) = split_scheme(text)?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let no_host =
        || Invalid::new("has no host that can be asked for").hint(format!("write for example `{EXAMPLE}`"));
    let host = host_name(host).ok_or_else(no_host)?;
    let port = match port {
        None => scheme.default_port(),
        Some(port) => {
            let is_digits = port.bytes().all(|byte| byte.is_ascii_digit());
            let port = port.parse().ok().filter(|port| *port != 0 && is_digits);
            port.ok_or_else(|| Invalid::new("has no valid port").hint("use 1 to 65535, or leave it out"))?
        }
    };
    Ok(Endpoint {
        scheme,
        host,
        port,
        base_path: base_path(path)?,
    })
}

fn split_scheme(text: &str) -> Result<(Scheme, &str), Invalid> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err(Invalid::new("is not a URL").hint("begin with `https://` or `http://`"));
    };
    match scheme.to_ascii_lowercase().as_str() {
        "https" => Ok((Scheme::Https, rest)),
        "http" => Ok((Scheme::Http, rest)),
        _ => Err(Invalid::new("is neither `https://` nor `http://`").hint("begin with one of them")),
    }
}

fn base_path(path: &str) -> Result<String, Invalid> {
    if path.contains(['?', '#']) {
        return Err(Invalid::new("has a query or a fragment").hint("end it before the `?` or `#`"));
    }
    if !path
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\'))
    {
        return Err(Invalid::new("has characters that no path may have").hint("percent-encode them"));
    }
    let path = path.trim_end_matches('/');
    if let Some(operation) = OPERATIONS.iter().find(|operation| path.ends_with(*operation)) {
        return Err(Invalid::new("is the URL of one operation").hint(format!("leave out `{operation}`")));
    }
    Ok(path.to_owned())
}

/// The credentials in a URL would be shown wherever the URL is.
pub(super) fn has_credentials(text: &str) -> bool {
    let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
    rest.split(['/', '?', '#'])
        .next()
        .is_some_and(|authority| authority.contains('@'))
}

/// A URL that secrets are sent to in exchange for a token.
pub(super) fn token_url(endpoint: Endpoint) -> Result<Endpoint, Invalid> {
    if endpoint.scheme == Scheme::Http && !endpoint.is_loopback() {
        return Err(Invalid::new("would be sent secrets in plain text").hint("begin with `https://`"));
    }
    Ok(endpoint)
}

/// What the kind makes of it: the base path ends where the paths of its language begin.
pub(super) fn settle(mut endpoint: Endpoint, kind: Kind) -> Result<Endpoint, Invalid> {
    let versions: &[&str] = match kind {
        Kind::AzureOpenAi => return settle_azure(endpoint),
        Kind::Anthropic => &["/v1"],
        Kind::Gemini => &["/v1beta", "/v1"],
        Kind::Vertex | Kind::Bedrock => &[],
        _ => return Ok(endpoint),
    };
    if COMPATIBLE.iter().any(|path| endpoint.base_path.ends_with(path)) {
        let invalid = Invalid::new("is where it speaks OpenAI's language");
        return Err(invalid.hint(format!(
            "write `kind: openai-compatible`, or for {kind} end the URL before that path"
        )));
    }
    let length = versions
        .iter()
        .find_map(|version| endpoint.base_path.strip_suffix(version))
        .map(str::len);
    endpoint
        .base_path
        .truncate(length.unwrap_or(endpoint.base_path.len()));
    Ok(endpoint)
}

/// Azure's base path ends where `/openai/deployments` or nothing follows.
fn settle_azure(mut endpoint: Endpoint) -> Result<Endpoint, Invalid> {
    if endpoint.base_path.ends_with(AZURE_V1) {
        return Ok(endpoint);
    }
    if let Some((before, after)) = endpoint.base_path.split_once("/openai/deployments") {
        let deployment = after
            .trim_start_matches('/')
            .split('/')
            .next()
            .unwrap_or_default();
        let before = Endpoint {
            base_path: before.to_owned(),
            ..endpoint.clone()
        };
        let deployment = if deployment.is_empty() { "NAME" } else { deployment };
        return Err(Invalid::new("is the URL of one deployment").hint(format!(
            "write `endpoint: {before}` and `deployment: {deployment}`"
        )));
    }
    if let Some(before) = endpoint.base_path.strip_suffix("/openai") {
        let length = before.len();
        endpoint.base_path.truncate(length);
    }
    Ok(endpoint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_come_out_whole() {
        for (text, shown, host, port, base_path) in [
            (
                "https://api.openai.com/v1",
                "https://api.openai.com/v1",
                "api.openai.com",
                443,
                "/v1",
            ),
            (
                "https://api.openai.com/v1/",
                "https://api.openai.com/v1",
                "api.openai.com",
                443,
                "/v1",
            ),
            (
                "HTTP://LocalHost:8000",
                "http://localhost:8000",
                "localhost",
                8000,
                "",
            ),
            ("http://[::1]:80/x/y", "http://[::1]/x/y", "::1", 80, "/x/y"),
            ("http://[::1]", "http://[::1]", "::1", 80, ""),
            (
                "http://sim_a:9001/v1",
                "http://sim_a:9001/v1",
                "sim_a",
                9001,
                "/v1",
            ),
            (" https://h:443 ", "https://h", "h", 443, ""),
        ] {
            let endpoint = parse(text).unwrap();
            assert_eq!(endpoint.to_string(), shown, "{text}");
            assert_eq!(
                (endpoint.host.as_str(), endpoint.port, endpoint.base_path.as_str()),
                (host, port, base_path)
            );
        }
    }

    #[test]
    fn what_is_no_endpoint_says_what_to_write() {
        for (text, told) in [
            (
                "api.openai.com",
                "is not a URL (begin with `https://` or `http://`)",
            ),
            (
                "ftp://x",
                "is neither `https://` nor `http://` (begin with one of them)",
            ),
            (
                "https://",
                "has no host that can be asked for (write for example `https://api.openai.com/v1`)",
            ),
            (
                "https://a b",
                "has no host that can be asked for (write for example `https://api.openai.com/v1`)",
            ),
            (
                "https://x:0",
                "has no valid port (use 1 to 65535, or leave it out)",
            ),
            (
                "https://x:+1",
                "has no valid port (use 1 to 65535, or leave it out)",
            ),
            (
                "https://x:99999",
                "has no valid port (use 1 to 65535, or leave it out)",
            ),
            (
                "https://x/v1?a=b",
                "has a query or a fragment (end it before the `?` or `#`)",
            ),
            (
                "https://x/ä",
                "has characters that no path may have (percent-encode them)",
            ),
            (
                "https://x/v1/chat/completions",
                "is the URL of one operation (leave out `/chat/completions`)",
            ),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), told, "{text}");
        }
    }

    #[test]
    fn azure_keeps_what_precedes_its_own_paths() {
        for (text, base_path) in [
            ("https://r.openai.azure.com", ""),
            ("https://r.openai.azure.com/openai", ""),
            ("https://r.openai.azure.com/openai/v1/", "/openai/v1"),
            ("https://gateway.example/team/openai", "/team"),
            (
                "https://r.services.ai.azure.com/api/projects/p/openai/v1",
                "/api/projects/p/openai/v1",
            ),
        ] {
            let endpoint = settle(parse(text).unwrap(), Kind::AzureOpenAi).unwrap();
            assert_eq!(endpoint.base_path, base_path, "{text}");
        }
        let pasted = parse("https://r.openai.azure.com/openai/deployments/my-gpt").unwrap();
        assert_eq!(
            settle(pasted, Kind::AzureOpenAi).unwrap_err().to_string(),
            "is the URL of one deployment (write `endpoint: https://r.openai.azure.com` and `deployment: my-gpt`)"
        );
    }

    #[test]
    fn a_native_endpoint_ends_before_its_version() {
        for (text, kind, base_path) in [
            ("https://api.anthropic.com/v1/", Kind::Anthropic, ""),
            ("https://gateway.example/claude", Kind::Anthropic, "/claude"),
            (
                "https://generativelanguage.googleapis.com/v1beta",
                Kind::Gemini,
                "",
            ),
            ("http://127.0.0.1:1", Kind::Bedrock, ""),
            ("https://api.groq.com/openai/v1", Kind::Groq, "/openai/v1"),
        ] {
            let endpoint = settle(parse(text).unwrap(), kind).unwrap();
            assert_eq!(endpoint.base_path, base_path, "{text}");
        }
        let compatible = parse("https://generativelanguage.googleapis.com/v1beta/openai").unwrap();
        assert_eq!(
            settle(compatible, Kind::Gemini).unwrap_err().to_string(),
            "is where it speaks OpenAI's language (write `kind: openai-compatible`, or for gemini end the URL before that path)"
        );
    }

    #[test]
    fn secrets_are_exchanged_by_tls_or_on_this_machine() {
        for (text, is_good) in [
            ("https://oauth2.googleapis.com/token", true),
            ("http://127.0.0.1:1/token", true),
            ("http://localhost/token", true),
            ("http://metadata/token", false),
        ] {
            assert_eq!(token_url(parse(text).unwrap()).is_ok(), is_good, "{text}");
        }
    }

    #[test]
    fn credentials_are_found_wherever_a_url_may_hold_them() {
        assert!(has_credentials("https://user:pass@host/v1"));
        assert!(has_credentials("key@host"));
        assert!(!has_credentials("https://host/@cf/x"));
    }
}
