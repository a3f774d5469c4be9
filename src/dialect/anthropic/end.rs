//! What an answer says of its end, complete or told event by event: why it came, and what it took.

use crate::dialect::hub::{Finish, Object};
use crate::dialect::usage::Usage;

/// Why an answer ended, in the hub's words.
pub(super) fn finish(stop_reason: Option<&str>, has_calls: bool) -> Finish {
    match stop_reason {
        Some("max_tokens" | "model_context_window_exceeded") => Finish::Length,
        Some("tool_use") => Finish::ToolCalls,
        Some("refusal") => Finish::ContentFilter,
        // Whatever a server calls it: calls that were made are to be carried out.
        _ if has_calls => Finish::ToolCalls,
        _ => Finish::Stop,
    }
}

/// An answer that is said to be complete and has nothing in it is none.
pub(super) fn is_empty(finish: Finish, says_something: bool) -> bool {
    !says_something && matches!(finish, Finish::Stop | Finish::ToolCalls)
}

/// The counts that were told; a later one of the same name counts instead of the earlier.
#[derive(Debug, Default)]
pub(super) struct Counts {
    input: Option<u64>,
    cache_write: Option<u64>,
    cache_read: Option<u64>,
    output: Option<u64>,
    thinking: Option<u64>,
}

impl Counts {
    /// Reads the counts in `usage`.
    pub(super) fn add(&mut self, usage: &Object<'_>) {
        let details = usage.object("output_tokens_details");
        let thinking = details.and_then(|details| details.count("thinking_tokens"));
        replace(&mut self.input, usage.count("input_tokens"));
        replace(&mut self.cache_write, usage.count("cache_creation_input_tokens"));
        replace(&mut self.cache_read, usage.count("cache_read_input_tokens"));
        replace(&mut self.output, usage.count("output_tokens"));
        replace(&mut self.thinking, thinking);
    }

    /// The sum as the hub counts: here, what was read from a cache or written to one is no part of the input.
    pub(super) fn usage(&self) -> Option<Usage> {
        let is_told = self.input.is_some() || self.output.is_some();
        let (cached_input, cache_write) = (self.cache_read.unwrap_or(0), self.cache_write.unwrap_or(0));
        let input = self.input.unwrap_or(0);
        is_told.then(|| Usage {
            input: input.saturating_add(cached_input).saturating_add(cache_write),
            cached_input,
            cache_write,
            output: self.output.unwrap_or(0),
            reasoning: self.thinking.unwrap_or(0),
        })
    }
}

fn replace(count: &mut Option<u64>, told: Option<u64>) {
    *count = told.or(*count);
}
