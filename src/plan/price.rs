//! What an ask would cost at a target, as far as that can be known before the answer.

use crate::catalog::{Surface, Target};

use super::Ask;
use crate::dialect::usage::micro_usd;

/// Tokens of answer that are assumed when the caller set no limit: a few paragraphs. Only the comparison of targets
/// follows from it, never a bill.
const ASSUMED_ANSWER_TOKENS: u64 = 500;

/// The price of `ask` at `target` in millionths of a dollar; `None` when the operator declared no price.
///
/// Nothing is assumed to be cached, and an answer is assumed to be as long as it may be.
pub(super) fn of(ask: &Ask, target: &Target) -> Option<f64> {
    let price = target.price.as_ref()?;
    let answer = match ask.surface {
        Surface::Embeddings => 0,
        Surface::Chat | Surface::Completions | Surface::Messages | Surface::Responses => {
            ask.max_tokens.unwrap_or(ASSUMED_ANSWER_TOKENS)
        }
    };
    Some(micro_usd(ask.input_tokens, price.input) + micro_usd(answer, price.output))
}
