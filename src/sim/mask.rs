//! Which parts of a request are keys, and what is shown of them.
//!
//! Invariant: of a key at most the last four characters are shown, and of one shorter than twelve nothing.

use http::Uri;

const SHOWN: usize = 4;
const SHORTEST_SHOWN: usize = 12;

/// The value of a header as it may be shown.
pub(super) fn masked_value(name: &str, value: &str) -> String {
    if !is_secret(name) {
        return value.to_owned();
    }
    match value.split_once(' ') {
        Some((scheme, key)) if name.ends_with("authorization") => format!("{scheme} {}", masked(key)),
        _ => masked(value),
    }
}

/// Path and query as they may be shown.
pub(super) fn masked_path(uri: &Uri) -> String {
    let Some(query) = uri.query() else {
        return uri.path().to_owned();
    };
    let masked_pair = |pair: &str| match pair.split_once('=') {
        Some((name, value)) if is_secret(&name.to_ascii_lowercase()) => format!("{name}={}", masked(value)),
        _ => pair.to_owned(),
    };
    let pairs: Vec<_> = query.split('&').map(masked_pair).collect();
    format!("{}?{}", uri.path(), pairs.join("&"))
}

/// A form as it may be shown.
pub(super) fn masked_form(form: &str) -> String {
    let masked_pair = |pair: &str| match pair.split_once('=') {
        Some((name, value)) if is_secret(name) => format!("{name}={}", masked(value)),
        _ => pair.to_owned(),
    };
    let pairs: Vec<_> = form.split('&').map(masked_pair).collect();
    pairs.join("&")
}

fn is_secret(name: &str) -> bool {
    [
        "key",
        "token",
        "secret",
        "authorization",
        "cookie",
        "password",
        "signature",
        "credential",
        "assertion",
    ]
    .iter()
    .any(|word| name.contains(word))
}

fn masked(key: &str) -> String {
    let length = key.chars().count();
    let shown = if length < SHORTEST_SHOWN { 0 } else { SHOWN };
    let end: String = key.chars().skip(length - shown).collect();
    format!("****{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_a_long_key_is_shown() {
        let table = [
            ("authorization", "Bearer sk-0123456789abcd", "Bearer ****abcd"),
            ("authorization", "sk-0123456789abcd", "****abcd"),
            ("api-key", "short", "****"),
            ("x-api-key", "0123456789éabc", "****éabc"),
            ("cookie", "a=b", "****"),
            ("content-type", "application/json", "application/json"),
        ];

        for (name, value, shown) in table {
            assert_eq!(masked_value(name, value), shown);
        }
    }

    #[test]
    fn secrets_in_a_form_are_masked() {
        let form = "grant_type=x&client_secret=0123456789abcd&assertion=a.b.c";

        assert_eq!(
            masked_form(form),
            "grant_type=x&client_secret=****abcd&assertion=****"
        );
    }

    #[test]
    fn keys_in_a_query_are_masked() {
        let uri = "/openai/x?api-version=1&api-key=0123456789abcd&Key=1"
            .parse()
            .unwrap();

        assert_eq!(
            masked_path(&uri),
            "/openai/x?api-version=1&api-key=****abcd&Key=****"
        );
    }
}
