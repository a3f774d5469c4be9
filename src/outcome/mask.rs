//! Text of a provider, made fit for the client and the log.
//!
//! Invariant: what leaves here is one bounded line in which nothing that looks like a credential is left. It errs on
//! the side of masking: a request id lost is cheap, a key shown is not. It knows no real credential.

use super::error_body::MESSAGE_LIMIT;

/// What stands for a credential.
const MASK: &str = "***";

/// More than this is never looked at: the line is cut far sooner.
const SOURCE_LIMIT: usize = 4 * MESSAGE_LIMIT;

/// How keys of providers begin.
const KEY_PREFIXES: [&str; 22] = [
    "sk-", "sk_", "pk-", "rk-", "sess-", "key-", "xai-", "gsk_", "csk-", "fw_", "tgp_", "hf_", "r8_",
    "pplx-", "nvapi-", "AIza", "AQ.", "ya29.", "eyJ", "AKIA", "ASIA", "ghp_",
];

/// Runs of letters and digits at least this long are keys, not words.
const OPAQUE_RUN: usize = 32;

/// One line of at most [`MESSAGE_LIMIT`] characters, without anything that looks like a credential.
pub fn client_safe(text: &str) -> String {
    let line = one_line(text);
    let mut safe = String::with_capacity(line.len().min(SOURCE_LIMIT));
    let mut before = [String::new(), String::new()];
    for token in line.split_inclusive(is_delimiter) {
        let word = token.trim_end_matches(is_delimiter);
        if looks_secret(word, &before) {
            safe.push_str(MASK);
            safe.extend(token.chars().skip_while(|c| !is_delimiter(*c)));
        } else {
            safe.push_str(token);
        }
        if !word.is_empty() {
            before.swap(0, 1);
            before[1] = word.to_ascii_lowercase();
        }
    }
    bounded(&safe, MESSAGE_LIMIT)
}

/// The text cut to so many characters, the last of them an ellipsis if anything was lost.
pub(super) fn bounded(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some(_) => text.chars().take(limit.saturating_sub(1)).chain(['…']).collect(),
    }
}

/// White space and control characters become single spaces.
fn one_line(text: &str) -> String {
    let mut line = String::new();
    for c in text.trim().chars().take(SOURCE_LIMIT) {
        if c.is_whitespace() || c.is_control() {
            if !line.ends_with(' ') {
                line.push(' ');
            }
        } else {
            line.push(c);
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// Characters that no key has inside.
fn is_delimiter(c: char) -> bool {
    c.is_whitespace() || "\"'`<>()[]{},;:=?&/@\\|".contains(c)
}

/// Does this word look like a key, by itself or by the two words before it?
fn looks_secret(word: &str, before: &[String; 2]) -> bool {
    if word.is_empty() {
        return false;
    }
    if KEY_PREFIXES
        .iter()
        .any(|prefix| word.starts_with(prefix) && word.len() >= prefix.len() + 5)
    {
        return true;
    }
    let [earlier, last] = before;
    if earlier == "key" && last == "provided" {
        return true;
    }
    let introduced = matches!(
        last.as_str(),
        "bearer" | "basic" | "key" | "token" | "api-key" | "x-api-key" | "secret"
    );
    introduced && looks_opaque(word) || has_opaque_run(word)
}

/// A word nobody would write: already starred out, or long and with a digit.
fn looks_opaque(word: &str) -> bool {
    word.contains('*') || word.len() >= 8 && word.bytes().any(|b| b.is_ascii_digit())
}

/// A long run of letters and digits both, as in a key without a known beginning.
fn has_opaque_run(word: &str) -> bool {
    !word.starts_with("req")
        && word.split(|c: char| !c.is_ascii_alphanumeric()).any(|run| {
            run.len() >= OPAQUE_RUN
                && run.bytes().any(|b| b.is_ascii_digit())
                && run.bytes().any(|b| b.is_ascii_alphabetic())
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keys_are_masked() {
        for (said, shown) in [
            (
                "Incorrect API key provided: sk-proj-abc12345XYZ.",
                "Incorrect API key provided: ***",
            ),
            (
                "Incorrect API key provided: sk-ab***wxyz. See https://x.test/keys.",
                "Incorrect API key provided: *** See https://x.test/keys.",
            ),
            (
                "Incorrect API key provided: xa***. You can",
                "Incorrect API key provided: *** You can",
            ),
            (
                "got 'Authorization: Bearer abcdef12345'",
                "got 'Authorization: Bearer ***'",
            ),
            (
                "https://x.test/v1?key=AIzaSyA1234567&alt=sse",
                "https://x.test/v1?key=***&alt=sse",
            ),
            (
                "api-key 0123456789abcdef0123456789abcdef is disabled",
                "api-key *** is disabled",
            ),
            ("token eyJhbGciOi.eyJzdWIiOi.c2ln expired", "token *** expired"),
            ("hex 0123456789abcdef0123456789abcdef here", "hex *** here"),
        ] {
            assert_eq!(client_safe(said), shown);
        }
    }

    #[test]
    fn ordinary_words_are_kept() {
        for said in [
            "The model `gpt-4o-mini-2024-07-18` does not exist.",
            "Bearer authentication is required",
            "This model's maximum context length is 4096 tokens.",
            "Please retry after 12 seconds. Request id req_011CSHoEeqs5C35K2UUqR7Fy",
            "your API key is missing",
            "ask-me, risk-free and task_id",
        ] {
            assert_eq!(client_safe(said), said);
        }
    }

    #[test]
    fn a_message_is_one_line() {
        assert_eq!(client_safe("  a\r\n\tb\0c  "), "a b c");
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let shown = client_safe(&"é ".repeat(1000));

        assert_eq!(shown.chars().count(), MESSAGE_LIMIT);
        assert!(shown.ends_with('…'));
    }

    proptest! {
        #[test]
        fn any_text_stays_bounded_and_keeps_no_key(before in "\\PC{0,400}", after in "\\PC{0,40}") {
            let shown = client_safe(&format!("{before} sk-proj-0123456789abc {after}"));

            prop_assert!(shown.chars().count() <= MESSAGE_LIMIT);
            prop_assert!(!shown.contains("sk-proj-0"));
        }
    }
}
