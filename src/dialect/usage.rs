//! What an answer in the hub format says about itself: the tokens it took and the model that gave it; and what that
//! costs.
//!
//! Answers are read leniently and without building a tree: a strange number is an absent one, never an error.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::config::Price;

use super::scan::{count, key};

/// The tokens of one answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens of the prompt, cached ones included.
    pub input: u64,
    /// Tokens of the prompt that were read from a cache.
    pub cached_input: u64,
    /// Tokens of the prompt that were written to a cache.
    pub cache_write: u64,
    /// Tokens of the answer, reasoning included.
    pub output: u64,
    /// Tokens of the answer that were spent on reasoning.
    pub reasoning: u64,
}

/// The tokens that `body` reports, from the last `usage` object in it.
///
/// `body` may be a whole answer, one event of a stream, or the end of either: usage stands near the end, so the
/// search begins there and an answer of any size costs little.
pub fn usage(body: &[u8]) -> Option<Usage> {
    const KEY: &[u8] = b"\"usage\"";
    /// More places than an honest answer has; a body made of nothing else must not be read over and over.
    const MOST_PLACES: usize = 8;
    let mut end = body.len();
    for _ in 0..MOST_PLACES {
        let at = body
            .get(..end)?
            .windows(KEY.len())
            .rposition(|window| window == KEY)?;
        end = at + KEY.len() - 1;
        // Inside a string the quotes would be escaped, so this is a string by itself; with a colon it is a key.
        let is_whole = at.checked_sub(1).is_none_or(|before| body[before] != b'\\');
        let value = body[at + KEY.len()..]
            .trim_ascii_start()
            .strip_prefix(b":")
            .map(<[u8]>::trim_ascii_start);
        if let Some(value) = value
            && is_whole
            && let Some(usage) = Reported::read(value)
        {
            return Some(usage);
        }
    }
    None
}

/// The model that `body`, a whole answer or one event of a stream, says it is from.
pub fn answer_model(body: &[u8]) -> Option<String> {
    let mut found = None;
    // Reading ends as soon as the name is found, which the parser takes for an error; what was found stands.
    serde_json::Deserializer::from_slice(body)
        .deserialize_map(FindModel(&mut found))
        .ok();
    found.filter(|model| !model.is_empty())
}

/// The cost of `usage` in millionths of a dollar; not rounded, since a small answer costs less than one of them.
pub fn cost_micro_usd(price: &Price, usage: &Usage) -> f64 {
    let cached = usage.cached_input.min(usage.input);
    micro_usd(usage.input - cached, price.input)
        + micro_usd(cached, price.cached_input)
        + micro_usd(usage.output, price.output)
}

/// What so many tokens cost, in millionths of a dollar, at a price in dollars per million tokens.
#[expect(clippy::cast_precision_loss, reason = "counts are far below the limit")]
pub fn micro_usd(tokens: u64, price: f64) -> f64 {
    tokens as f64 * price
}

/// The object as providers write it. `prompt_tokens` and its kin are the hub's names, `input_tokens` and its kin
/// those of the newer interface; some servers write both.
#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Reported<'a> {
    #[serde(borrow)]
    prompt_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    input_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    completion_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    output_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    total_tokens: Option<&'a RawValue>,
    /// Anthropic's, beside its `input_tokens` and not in them.
    #[serde(borrow)]
    cache_read_input_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    cache_creation_input_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    prompt_cache_hit_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    prompt_tokens_details: Option<&'a RawValue>,
    #[serde(borrow)]
    input_tokens_details: Option<&'a RawValue>,
    #[serde(borrow)]
    completion_tokens_details: Option<&'a RawValue>,
    #[serde(borrow)]
    output_tokens_details: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[expect(clippy::struct_field_names, reason = "the names of the wire")]
struct Details<'a> {
    #[serde(borrow)]
    cached_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    cache_write_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning_tokens: Option<&'a RawValue>,
}

impl Reported<'_> {
    /// The usage at the beginning of `value`; what follows it is not looked at.
    fn read(value: &[u8]) -> Option<Usage> {
        if !value.starts_with(b"{") {
            return None;
        }
        let mut deserializer = serde_json::Deserializer::from_slice(value);
        Reported::deserialize(&mut deserializer).ok()?.to_usage()
    }

    fn to_usage(&self) -> Option<Usage> {
        let input = number(self.prompt_tokens).or_else(|| number(self.input_tokens));
        let output = number(self.completion_tokens).or_else(|| number(self.output_tokens));
        let total = number(self.total_tokens);
        if input.is_none() && output.is_none() && total.is_none() {
            return None;
        }
        let prompt = details(self.prompt_tokens_details.or(self.input_tokens_details));
        let answer = details(self.completion_tokens_details.or(self.output_tokens_details));
        let cached = number(prompt.cached_tokens).or_else(|| number(self.prompt_cache_hit_tokens));
        let reasoning = number(answer.reasoning_tokens).unwrap_or(0);
        let output = output.unwrap_or(0);
        let input = input.unwrap_or_else(|| total.unwrap_or(0).saturating_sub(output));
        let read = number(self.cache_read_input_tokens).unwrap_or(0);
        let written = number(self.cache_creation_input_tokens).unwrap_or(0);
        let beside = if self.prompt_tokens.is_none() {
            read.saturating_add(written)
        } else {
            0
        };
        // Some count reasoning beside the answer and not in it; only the total tells.
        let with_reasoning = output.saturating_add(reasoning);
        let is_beside = total.is_some_and(|total| total == input.saturating_add(with_reasoning));
        let input = input.saturating_add(beside);
        let output = if is_beside { with_reasoning } else { output };
        Some(Usage {
            input,
            cached_input: cached.unwrap_or(read),
            cache_write: number(prompt.cache_write_tokens).unwrap_or(written),
            output,
            reasoning,
        })
    }
}

fn number(raw: Option<&RawValue>) -> Option<u64> {
    count(raw?.get())
}

fn details(raw: Option<&RawValue>) -> Details<'_> {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok())
        .unwrap_or_default()
}

struct FindModel<'f>(&'f mut Option<String>);

impl<'de> Visitor<'de> for FindModel<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(IsModel(is_model)) = map.next_key()? {
            if is_model {
                *self.0 = map.next_value()?;
                return Ok(());
            }
            map.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }
}

struct IsModel(bool);

impl<'de> Deserialize<'de> for IsModel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        key(deserializer, |name| Self(name == "model"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "compared with what `usage` gives")]
    fn tokens(input: u64, cached_input: u64, output: u64, reasoning: u64) -> Option<Usage> {
        Some(Usage {
            input,
            cached_input,
            cache_write: 0,
            output,
            reasoning,
        })
    }

    #[test]
    fn usage_is_read_as_each_server_writes_it() {
        let cases = [
            // The hub format, in full.
            (
                r#"{"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":3}}}"#,
                tokens(10, 4, 5, 3),
            ),
            // Embeddings have no answer.
            (
                r#"{"usage":{"prompt_tokens":8,"total_tokens":8}}"#,
                tokens(8, 0, 0, 0),
            ),
            // Null details, as some servers send unless told otherwise.
            (
                r#"{"usage":{"prompt_tokens":1,"completion_tokens":2,"prompt_tokens_details":null}}"#,
                tokens(1, 0, 2, 0),
            ),
            // Both vocabularies in one object.
            (
                r#"{"usage":{"prompt_tokens":7,"completion_tokens":2,"input_tokens":0,"output_tokens":0}}"#,
                tokens(7, 0, 2, 0),
            ),
            (
                r#"{"usage":{"input_tokens":7,"output_tokens":2,"input_tokens_details":{"cached_tokens":1},"output_tokens_details":{"reasoning_tokens":2}}}"#,
                tokens(7, 1, 2, 2),
            ),
            // Cache hits beside the details.
            (
                r#"{"usage":{"prompt_tokens":9,"completion_tokens":1,"prompt_cache_hit_tokens":6}}"#,
                tokens(9, 6, 1, 0),
            ),
            // Reasoning counted beside the answer, as the total shows.
            (
                r#"{"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":35,"completion_tokens_details":{"reasoning_tokens":20}}}"#,
                tokens(10, 0, 25, 20),
            ),
            // Only a total.
            (r#"{"usage":{"total_tokens":12}}"#, tokens(12, 0, 0, 0)),
            // Floats and strange numbers.
            (
                r#"{"usage":{"prompt_tokens":10.0,"completion_tokens":-3,"total_tokens":"x"}}"#,
                tokens(10, 0, 0, 0),
            ),
            // White space, and keys after it.
            (
                "{ \"usage\"\n:\t{ \"prompt_tokens\" : 1 } , \"z\" : 2 }",
                tokens(1, 0, 0, 0),
            ),
        ];
        for (body, expected) in cases {
            assert_eq!(usage(body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn what_is_beside_anthropics_input_is_counted_too() {
        let body = br#"{"usage":{"input_tokens":10,"cache_creation_input_tokens":5,"cache_read_input_tokens":90,"output_tokens":7}}"#;

        let usage = usage(body).unwrap();

        assert_eq!(
            (usage.input, usage.cached_input, usage.cache_write, usage.output),
            (105, 90, 5, 7)
        );
    }

    #[test]
    fn what_is_no_usage_is_none() {
        let bodies = [
            "",
            "null",
            "<html>usage</html>",
            "{}",
            r#"{"usage":null}"#,
            r#"{"usage":{}}"#,
            r#"{"usage":[1]}"#,
            r#"{"usage":{"prompt_tokens":1"#,
            r#"{"usage"}"#,
            r#"["usage"]"#,
            r#"{"a":"usage"}"#,
            r#"{"content":"\"usage\":{\"prompt_tokens\":1}"}"#,
            r#"{"x\"usage":{"prompt_tokens":1}}"#,
        ];
        for body in bodies {
            assert_eq!(usage(body.as_bytes()), None, "{body}");
        }
    }

    #[test]
    fn the_last_usage_counts_and_null_is_none_of_them() {
        let body = b"data: {\"usage\":{\"prompt_tokens\":1}}\n\ndata: {\"usage\":{\"prompt_tokens\":2}}\n\n\
            data: {\"usage\":null}\n\ndata: [DONE]\n\n";

        assert_eq!(usage(body), tokens(2, 0, 0, 0));
    }

    #[test]
    fn a_body_of_nothing_but_usage_is_given_up() {
        let body = r#"{"usage":"#.repeat(200_000);

        assert_eq!(usage(body.as_bytes()), None);
    }

    #[test]
    fn the_model_of_an_answer_is_its_outermost_one() {
        let cases = [
            (
                r#"{"id":"x","model":"gpt-4o-2024-08-06","choices":[]}"#,
                Some("gpt-4o-2024-08-06"),
            ),
            (
                r#"{"choices":[{"model":"inner"}],"model":"outer"}"#,
                Some("outer"),
            ),
            (r#"{"mod\u0065l":"a\/b"}"#, Some("a/b")),
            // Found before the body turns out to be cut.
            (r#"{"model":"m","choices":[{"#, Some("m")),
            (r#"{"model":null}"#, None),
            (r#"{"model":""}"#, None),
            (r#"{"model":7}"#, None),
            (r#"{"choices":[{"model":"inner"}]}"#, None),
            ("[]", None),
            ("", None),
        ];
        for (body, model) in cases {
            assert_eq!(answer_model(body.as_bytes()).as_deref(), model, "{body}");
        }
    }

    #[test]
    fn cost_counts_cached_tokens_at_their_own_price() {
        let price = Price {
            input: 2.5,
            cached_input: 1.25,
            output: 10.0,
        };
        let usage = Usage {
            input: 1000,
            cached_input: 400,
            cache_write: 0,
            output: 100,
            reasoning: 50,
        };

        // 600 x 2.5 + 400 x 1.25 + 100 x 10, in millionths of a dollar.
        assert!((cost_micro_usd(&price, &usage) - 3000.0).abs() < 1e-9);
    }

    #[test]
    fn more_cached_tokens_than_tokens_cost_no_less_than_nothing() {
        let price = Price {
            input: 1.0,
            cached_input: 0.5,
            output: 1.0,
        };
        let usage = Usage {
            input: 10,
            cached_input: 50,
            cache_write: 0,
            output: 0,
            reasoning: 0,
        };

        assert!((cost_micro_usd(&price, &usage) - 5.0).abs() < 1e-9);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            usage(&bytes);
            answer_model(&bytes);
        }

        #[test]
        fn any_values_in_usage_are_read_without_a_panic(text in "[\\[\\]{}:,\"\\\\0-9a-eu .-]{0,60}") {
            usage(format!("{{\"usage\":{{\"prompt_tokens\":{text}").as_bytes());
        }
    }
}
