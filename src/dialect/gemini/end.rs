//! Why a candidate ended, and the errors that are told as if they were answers.
//!
//! Invariant: a reason that is not known is one of failure, which counts only where nothing was said.

use bytes::Bytes;

use crate::dialect::hub::Finish;
use crate::dialect::language::NoAnswer;
use crate::outcome::openai_error;

/// What a candidate said, as far as it bears on its end.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Heard {
    pub(super) has_said: bool,
    pub(super) calls: usize,
    /// There was something that the hub has no word for: an image, code that ran.
    pub(super) has_more: bool,
}

/// Why a candidate ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// It was complete.
    Stop,
    /// It was long enough.
    Length,
    /// It was held back.
    Filter,
    /// The model gave up: the reason.
    Failure(String),
}

impl End {
    /// The end of that reason; none for the word that stands for none.
    pub(super) fn from_word(word: &str) -> Option<End> {
        match word {
            "" | "FINISH_REASON_UNSPECIFIED" => None,
            "STOP" => Some(Self::Stop),
            "MAX_TOKENS" => Some(Self::Length),
            "SAFETY" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII" | "RECITATION" | "MODEL_ARMOR" => {
                Some(Self::Filter)
            }
            _ if word.starts_with("IMAGE_") => Some(Self::Filter),
            _ => Some(Self::Failure(word.to_owned())),
        }
    }

    /// The hub's word for it, of a candidate that said this; if it gave up before it said anything, or all that it said
    /// is lost on the way, what an answer is that is nothing else.
    pub(super) fn finish(&self, heard: Heard) -> Result<Finish, NoAnswer> {
        let Heard {
            has_said,
            calls,
            has_more,
        } = heard;
        match self {
            Self::Length => Ok(Finish::Length),
            Self::Filter => Ok(Finish::ContentFilter),
            Self::Stop | Self::Failure(_) if calls > 0 => Ok(Finish::ToolCalls),
            Self::Failure(reason) if !has_said => {
                let message = format!("the model gave up with finishReason `{reason}`");
                Err(NoAnswer::Error(openai_error(
                    "server_error",
                    Some(reason),
                    None,
                    &message,
                )))
            }
            Self::Stop if has_more && !has_said => Err(NoAnswer::Empty),
            Self::Stop | Self::Failure(_) => Ok(Finish::Stop),
        }
    }
}

/// What to say of a prompt that was not let through to the model.
pub(super) fn blocked(reason: &str) -> Bytes {
    let message = format!("the prompt was blocked with blockReason `{reason}`");
    openai_error("invalid_request_error", Some("content_filter"), None, &message)
}
