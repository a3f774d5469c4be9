//! What is known of an attempt's answer before it comes, and the headers that it gets when its form changes.

use std::time::{SystemTime, UNIX_EPOCH};

use super::Session;
use super::held::{Held, cleaned};
use super::operations::Lent;
use crate::attempt::HeaderChanges;
use crate::catalog::{Surface, Target};
use crate::dialect::About;
use crate::outcome::request_id;

/// The form that an answer gets.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    /// A complete answer of so many bytes.
    Json(usize),
    /// A stream.
    Stream,
}

impl Session {
    /// The part of the API that the caller speaks to.
    pub(super) fn surface(&self) -> Surface {
        self.caller().map_or(Surface::Chat, |caller| caller.ask.surface)
    }

    /// What the attempt at `index` asks.
    pub(super) fn target(&self, index: usize) -> &Target {
        self.live.catalog.target(self.attempts[index].target)
    }

    /// Whether the answer of the attempt at `index` is in another form than its caller's.
    pub(super) fn is_foreign(&self, index: usize) -> bool {
        !self.target(index).dialect.is_understood_on(self.surface())
    }

    /// Lends what is known of the answer of the attempt at `index`.
    pub(super) fn with_about<T>(
        &self,
        index: usize,
        lent: &Lent<'_>,
        then: impl FnOnce(&About<'_>) -> T,
    ) -> T {
        let prefix = match self.surface() {
            Surface::Messages => "msg_",
            _ => "chatcmpl-",
        };
        then(&About {
            id: &format!("{prefix}{}", self.id),
            model: &self.target(index).provider_model,
            created: seconds(lent.today),
            shows_usage: self.caller().is_some_and(|caller| caller.asks_usage),
        })
    }

    /// The headers of an answer whose bytes become others.
    pub(super) fn reformed(&self, index: usize, held: &Held, form: Form) -> HeaderChanges {
        let mut headers = cleaned(held, self.provider(index));
        headers.remove("content-encoding");
        match form {
            Form::Json(length) => {
                headers.set("content-type", "application/json");
                headers.set("content-length", length.to_string());
            }
            Form::Stream => {
                headers.set("content-type", "text/event-stream");
                headers.set("cache-control", "no-cache");
                headers.remove("content-length");
            }
        }
        if let Some(id) = request_id(held) {
            self.identify(&mut headers, id);
        }
        headers
    }

    /// Tells the request's id where callers of this surface look for it.
    pub(super) fn identify(&self, headers: &mut HeaderChanges, id: &str) {
        headers.set("x-request-id", id.to_owned());
        if self.surface() == Surface::Messages {
            headers.set("request-id", id.to_owned());
        }
    }
}

fn seconds(today: SystemTime) -> u64 {
    today
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
