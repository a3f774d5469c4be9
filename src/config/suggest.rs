//! "Did you mean": the known word that a wrong one was probably meant to be.
//!
//! Invariant: suggests only words it was given. Knows no key of the file but by its synonyms.

/// What other programs call our keys and words.
const SYNONYMS: [(&str, &str); 36] = [
    ("api_base", "endpoint"),
    ("apikey", "api_key"),
    ("aws", "bedrock"),
    ("aws_access_key_id", "access_key_id"),
    ("aws_region", "region"),
    ("aws_secret_access_key", "secret_access_key"),
    ("aws_session_token", "session_token"),
    ("base_url", "endpoint"),
    ("backend", "provider"),
    ("backends", "targets"),
    ("circuit_breaker", "breaker"),
    ("claude", "anthropic"),
    ("cooldown", "open_for"),
    ("drop_params", "refuses"),
    ("fallback", "backups"),
    ("fallbacks", "targets"),
    ("google", "gemini"),
    ("grok", "xai"),
    ("key", "api_key"),
    ("key_hash", "key_sha256"),
    ("max_retries", "attempts"),
    ("num_retries", "attempts"),
    ("project_id", "project"),
    ("reasoning", "thinking"),
    ("request_timeout", "timeout"),
    ("retries", "attempts"),
    ("retry", "failover"),
    ("retry_on", "on"),
    ("secret", "api_key"),
    ("strategy", "order"),
    ("tenant_id", "tenant"),
    ("token_uri", "token_url"),
    ("type", "kind"),
    ("uri", "endpoint"),
    ("url", "endpoint"),
    ("vertex_ai", "vertex"),
];
/// Words longer than this are not compared: nobody mistyped that.
const MAX_WORD: usize = 64;

/// The candidate that `word` was probably meant to be.
pub(super) fn closest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    if word.len() > MAX_WORD {
        return None;
    }
    let wanted = plain(word);
    let synonym = SYNONYMS
        .iter()
        .find(|(other, _)| *other == wanted)
        .map(|(_, ours)| *ours);
    let scored = candidates.into_iter().filter_map(|candidate| {
        if synonym == Some(candidate) {
            return Some((0, candidate));
        }
        let known = plain(candidate);
        let distance = strsim::damerau_levenshtein(&wanted, &known);
        let is_prefix = wanted.len() >= 4 && known.starts_with(&wanted);
        let (shorter, longer) = (wanted.len().min(known.len()), wanted.len().max(known.len()));
        let allowed = if shorter < 3 { 0 } else { longer.div_ceil(4) };
        (distance <= allowed || is_prefix).then_some((distance + 1, candidate))
    });
    scored
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Without what people vary without thinking: case, and which sign joins the parts.
fn plain(word: &str) -> String {
    word.chars()
        .map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_mistakes_and_words_of_other_programs_find_the_right_key() {
        let keys = [
            "kind",
            "endpoint",
            "api_key",
            "deployment",
            "connect_timeout",
            "backups",
            "tls",
        ];
        for (word, meant) in [
            ("aip_key", Some("api_key")),
            ("API-Key", Some("api_key")),
            ("apiKey", Some("api_key")),
            ("base_url", Some("endpoint")),
            ("deploy", Some("deployment")),
            ("conect_timout", Some("connect_timeout")),
            ("fallback", Some("backups")),
            ("type", Some("kind")),
            ("colour", None),
            ("x", None),
            ("tl", None),
            ("", None),
        ] {
            assert_eq!(closest(word, keys), meant, "{word}");
        }
        assert_eq!(closest(&"a".repeat(10_000), keys), None);
    }
}
