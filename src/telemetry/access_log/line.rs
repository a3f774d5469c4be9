//! The words of an access line, written from the event without a copy.

use std::time::Duration;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::dialect::Dialect;
use crate::dialect::usage::Usage;
use crate::telemetry::event::{AttemptRecord, RequestEnded};

/// Characters of a name from outside that a line shows.
pub const LONGEST_NAME: usize = 256;

/// One access line.
pub(super) struct Line<'a>(pub(super) &'a RequestEnded);

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let event = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("timestamp", &Text(humantime::format_rfc3339_millis(event.at)))?;
        map.serialize_entry("request_id", &*event.id)?;
        entry(&mut map, "client", event.client.as_ref().map(|(_, name)| &**name))?;
        map.serialize_entry("outcome", event.outcome.label())?;
        entry(&mut map, "reason", event.reason)?;
        entry(&mut map, "status", event.status)?;
        map.serialize_entry("stream", &event.stream)?;
        gen_ai(&mut map, event)?;
        entry(&mut map, "cost_usd", event.cost_micro_usd.map(usd))?;
        map.serialize_entry("attempts", &Attempts(&event.attempts))?;
        map.serialize_entry("duration_ms", &millis(event.duration))?;
        map.serialize_entry("upstream_ms", &millis(event.upstream))?;
        map.serialize_entry("overhead_ms", &millis(event.added.total()))?;
        map.serialize_entry("generation", &event.generation.0)?;
        let rate = event.tokens_per_second().map(|rate| (rate * 10.0).round() / 10.0);
        entry(&mut map, "output_tokens_per_second", rate)?;
        entry(&mut map, "forced", event.forced.then_some(true))?;
        map.end()
    }
}

/// What OpenTelemetry has a name for.
fn gen_ai<M: SerializeMap>(map: &mut M, event: &RequestEnded) -> Result<(), M::Error> {
    entry(
        map,
        "gen_ai.operation.name",
        event.surface.map(crate::catalog::Surface::operation),
    )?;
    let model = event
        .asked_model
        .as_ref()
        .or(event.model.as_ref().map(|(_, name)| name));
    entry(map, "gen_ai.request.model", model.map(|name| bounded(name)))?;
    if let Some(last) = event.attempts.last() {
        map.serialize_entry("gen_ai.provider.name", system(last))?;
        map.serialize_entry("provider", &*last.provider)?;
    }
    entry(
        map,
        "gen_ai.response.model",
        event.response_model.as_ref().map(|name| bounded(name)),
    )?;
    let Some(Usage {
        input,
        cached_input,
        cache_write,
        output,
        reasoning,
    }) = event.usage
    else {
        return Ok(());
    };
    map.serialize_entry("gen_ai.usage.input_tokens", &input)?;
    map.serialize_entry("gen_ai.usage.output_tokens", &output)?;
    entry(
        map,
        "gen_ai.usage.cache_read.input_tokens",
        (cached_input > 0).then_some(cached_input),
    )?;
    entry(
        map,
        "gen_ai.usage.cache_creation.input_tokens",
        (cache_write > 0).then_some(cache_write),
    )?;
    entry(
        map,
        "gen_ai.usage.reasoning.output_tokens",
        (reasoning > 0).then_some(reasoning),
    )
}

/// OpenTelemetry's well-known name of the provider's kind; the account's own name where there is none.
fn system(record: &AttemptRecord) -> &str {
    match record.dialect {
        Dialect::OpenAi => "openai",
        Dialect::AzureOpenAi => "azure.ai.openai",
        Dialect::OpenAiCompatible => &record.provider,
        Dialect::Anthropic => "anthropic",
        Dialect::Gemini => "gcp.gemini",
        Dialect::VertexGemini | Dialect::VertexAnthropic => "gcp.vertex_ai",
        Dialect::Bedrock => "aws.bedrock",
    }
}

fn entry<M: SerializeMap, T: Serialize>(map: &mut M, key: &str, value: Option<T>) -> Result<(), M::Error> {
    match value {
        Some(value) => map.serialize_entry(key, &value),
        None => Ok(()),
    }
}

struct Attempts<'a>(&'a [AttemptRecord]);

impl Serialize for Attempts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.0.len()))?;
        for record in self.0 {
            seq.serialize_element(&One(record))?;
        }
        seq.end()
    }
}

struct One<'a>(&'a AttemptRecord);

impl Serialize for One<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let record = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("provider", &*record.provider)?;
        map.serialize_entry("model", &*record.provider_model)?;
        map.serialize_entry("class", record.label())?;
        entry(&mut map, "detail", record.detail)?;
        entry(&mut map, "status", record.status)?;
        map.serialize_entry("ms", &millis(record.duration))?;
        entry(&mut map, "first_token_ms", record.first_token.map(millis))?;
        map.end()
    }
}

/// A value that is written as it displays, without a string in between.
struct Text<T>(T);

impl<T: std::fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Milliseconds, to the microsecond.
#[expect(clippy::cast_precision_loss, reason = "2^53 microseconds are 285 years")]
fn millis(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1e3
}

/// Dollars, to the billionth: sums of prices have digits that mean nothing.
fn usd(micro: f64) -> f64 {
    (micro * 1e3).round() / 1e9
}

fn bounded(name: &str) -> &str {
    name.char_indices()
        .nth(LONGEST_NAME)
        .map_or(name, |(end, _)| name.split_at(end).0)
}
