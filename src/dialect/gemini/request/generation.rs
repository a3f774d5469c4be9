//! How the answer is to be made.
//!
//! Invariant: a setting that the model answers with an error is left out and named.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::dialect::facts::{Facts, Thinking};
use crate::dialect::hub::{Chat, Effort, Format, Number, Text, Unsupported};

/// Most stop sequences.
const MOST_STOPS: usize = 5;

/// Most answers to one request.
const MOST_ANSWERS: u64 = 8;

/// The settings that are there, by name.
pub(super) struct Generation<'a>(Vec<(&'static str, Setting<'a>)>);

#[derive(Serialize)]
#[serde(untagged)]
enum Setting<'a> {
    Number(Number<'a>),
    Count(u64),
    Texts(Vec<&'a Text<'a>>),
    Word(&'static str),
    Schema(&'a RawValue),
    Thinking(ThinkingConfig),
}

/// One or the other, never both.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum ThinkingConfig {
    ThinkingLevel(&'static str),
    ThinkingBudget(u32),
}

impl Serialize for Generation<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, setting)| (name, setting)))
    }
}

impl<'a> Generation<'a> {
    /// What `chat` says of it; the names of what it leaves out are added to `dropped`.
    pub(super) fn of(
        chat: &'a Chat<'a>,
        facts: &Facts,
        dropped: &mut Vec<String>,
    ) -> Result<Self, Unsupported> {
        refuse(chat, facts)?;
        let seed = chat.seed.filter(|seed| is_int32(*seed));
        if chat.seed.is_some() && seed.is_none() {
            dropped.push("seed".to_owned());
        }
        let thinking = chat.effort.and_then(|effort| ThinkingConfig::of(effort, facts));
        if thinking.is_none() && is_thought_wanted(chat, facts) {
            dropped.push("reasoning_effort".to_owned());
        }
        let mut written = Vec::new();
        let mut put = |theirs: &str, ours, setting| match setting {
            Some(_) if facts.refuse(theirs) => dropped.push(theirs.to_owned()),
            Some(setting) => written.push((ours, setting)),
            None => {}
        };
        let number = |number: Option<Number<'a>>| number.map(Setting::Number);
        let count = |count: Option<u64>| count.map(Setting::Count);
        put("temperature", "temperature", number(chat.temperature));
        put("top_p", "topP", number(chat.top_p));
        put("top_k", "topK", number(chat.top_k));
        put("max_tokens", "maxOutputTokens", count(chat.max_tokens));
        put("stop", "stopSequences", stops(chat)?);
        put("n", "candidateCount", count(chat.n.filter(|n| *n > 1)));
        put("seed", "seed", number(seed));
        put(
            "presence_penalty",
            "presencePenalty",
            number(chat.presence_penalty),
        );
        put(
            "frequency_penalty",
            "frequencyPenalty",
            number(chat.frequency_penalty),
        );
        put("response_format", "responseMimeType", mime_type(&chat.format));
        put("response_format", "responseJsonSchema", schema(&chat.format));
        put(
            "reasoning_effort",
            "thinkingConfig",
            thinking.map(Setting::Thinking),
        );
        Ok(Self(written))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Refuses what would change the answer if it were left out.
fn refuse(chat: &Chat<'_>, facts: &Facts) -> Result<(), Unsupported> {
    let answers = chat.n.unwrap_or(1);
    let is_single = facts.thinking == Thinking::Level || facts.refuse("n");
    let has_format = !matches!(chat.format, Format::Text);
    let has_schema = schema(&chat.format).is_some();
    let is_older = matches!(
        facts.thinking,
        Thinking::Never | Thinking::Budget | Thinking::BudgetAlways
    );
    let refused = [
        ("json_schema", has_schema && facts.refuses_json_schema),
        ("logprobs", chat.logprobs || chat.top_logprobs.is_some()),
        // From Gemini 3 on, a request has one answer.
        ("n", answers > MOST_ANSWERS || (answers > 1 && is_single)),
        // Before Gemini 3, an answer that is held to a form cannot call functions.
        (
            "response_format_with_tools",
            has_format && is_older && !chat.tools.is_empty(),
        ),
    ];
    match refused.iter().find(|(_, is_asked)| *is_asked) {
        Some((name, _)) => Err(Unsupported(name)),
        None => Ok(()),
    }
}

fn stops<'a>(chat: &'a Chat<'a>) -> Result<Option<Setting<'a>>, Unsupported> {
    let stops: Vec<_> = chat.stop.iter().filter(|text| !text.is_empty()).collect();
    match stops.len() {
        0 => Ok(None),
        1..=MOST_STOPS => Ok(Some(Setting::Texts(stops))),
        _ => Err(Unsupported("stop")),
    }
}

fn is_int32(number: Number<'_>) -> bool {
    let value = number.value();
    value.fract() == 0.0 && (f64::from(i32::MIN)..=f64::from(i32::MAX)).contains(&value)
}

fn mime_type<'a>(format: &Format<'_>) -> Option<Setting<'a>> {
    (!matches!(format, Format::Text)).then_some(Setting::Word("application/json"))
}

fn schema<'a>(format: &Format<'a>) -> Option<Setting<'a>> {
    match format {
        Format::JsonSchema { schema, .. } => schema.map(Setting::Schema),
        Format::Text | Format::JsonObject => None,
    }
}

/// Is something asked of its thinking, and not only what holds anyway?
fn is_thought_wanted(chat: &Chat<'_>, facts: &Facts) -> bool {
    let is_idle = facts.thinking == Thinking::Never;
    chat.effort
        .is_some_and(|effort| effort != Effort::None || !is_idle)
}

impl ThinkingConfig {
    /// How to ask for that effort; `None` where that cannot be asked for.
    fn of(effort: Effort, facts: &Facts) -> Option<Self> {
        match facts.thinking {
            Thinking::Never => None,
            Thinking::BudgetAlways if effort == Effort::None => None,
            Thinking::Unknown | Thinking::Budget | Thinking::BudgetAlways => {
                Some(Self::ThinkingBudget(match effort {
                    Effort::None => 0,
                    Effort::Minimal | Effort::Low => 1024,
                    Effort::Medium => 8192,
                    Effort::High | Effort::XHigh | Effort::Max => 24_576,
                }))
            }
            Thinking::Level | Thinking::Adaptive | Thinking::AdaptiveByDefault | Thinking::Always => {
                Self::nearest(effort, &facts.refused_efforts)
            }
        }
    }

    /// The level that is nearest to that effort, the greater of two. `MINIMAL` is an error for so many models that it
    /// is never sent; that none be spent on thinking, none of them can be told.
    fn nearest(effort: Effort, refused: &[String]) -> Option<Self> {
        let levels = [
            (Effort::High, "HIGH"),
            (Effort::Medium, "MEDIUM"),
            (Effort::Low, "LOW"),
        ];
        let known = levels
            .iter()
            .filter(|(level, _)| !refused.iter().any(|word| word == level.as_str()));
        known
            .min_by_key(|(level, _)| (*level as u8).abs_diff(effort as u8))
            .map(|(_, word)| Self::ThinkingLevel(word))
    }
}
