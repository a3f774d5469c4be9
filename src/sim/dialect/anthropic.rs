//! Anthropic's language: the Messages API.

mod answer;
mod body;
mod events;
mod family;
mod refusal;
mod request;
mod rules;
pub(super) mod schema;
mod thought;
mod turns;

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use serde_json::json;

use super::gemini::{self, Cloud, Gemini};
use super::{Language, Manners, Surface};
use crate::sim::ask::{Ask, Reading};
use crate::sim::events::Teller;
use crate::sim::keys::{self, Keys};
use crate::sim::provider::Call;
use crate::sim::refusal::{Reason, Refusal, Written};
use crate::sim::reply::Stamp;
use crate::sim::route::{Api, Endpoint, decoded};
use crate::sim::saying::Saying;
use request::Place;

pub(super) use body::{OUTPUT, THINKING};
pub(super) use family::Family;
pub(super) use request::{thought as thought_of, words as words_of};
pub(super) use thought::signature;

/// The language.
pub(in crate::sim) struct Anthropic(Place);

impl Anthropic {
    pub(in crate::sim) const OWN: Self = Self(Place::Own);
    pub(in crate::sim) const VERTEX: Self = Self(Place::Vertex);
}

/// Its paths, also where others serve it, below `/anthropic`.
pub(super) fn route(path: &str) -> Option<Api<'_>> {
    let path = path.strip_prefix("/anthropic").unwrap_or(path);
    let endpoint = match path.strip_prefix("/v1/")? {
        "messages" => Endpoint::Chat,
        "messages/count_tokens" => Endpoint::Count,
        "models" => Endpoint::Models,
        rest => Endpoint::Model(decoded(rest.strip_prefix("models/").filter(|id| !id.is_empty())?)),
    };
    Some(Api::new(Surface::Anthropic, endpoint))
}

/// Versions are named by their days, as in `2023-06-01`; new ones come without notice.
fn is_date(version: &[u8]) -> bool {
    let digits = |word: &[u8]| word.iter().all(u8::is_ascii_digit).then_some(word.len());
    let lengths: Vec<_> = version.split(|byte| *byte == b'-').map(digits).collect();
    lengths == [Some(4), Some(2), Some(2)]
}

impl Language for Anthropic {
    fn admit(&self, call: &Call<'_>, keys: &Keys) -> Result<(), Reason> {
        if self.0 == Place::Vertex {
            return gemini::admit(call, keys, Cloud::Vertex);
        }
        let headers = &call.parts.headers;
        let own = headers.get("x-api-key").map(HeaderValue::as_bytes);
        keys.demand(own.or_else(|| keys::bearer(headers)))?;
        match headers.get("anthropic-version").map(HeaderValue::as_bytes) {
            None => Err(Reason::said("anthropic-version: header is required")),
            Some(version) if is_date(version) => Ok(()),
            Some(version) => Err(Reason::said(format!(
                "anthropic-version: \"{}\" is not a valid version",
                String::from_utf8_lossy(version)
            ))),
        }
    }

    fn read(&self, call: &Call<'_>) -> Reading {
        request::read(call, self.0)
    }

    fn plain(&self, _call: &Call<'_>, saying: &Saying) -> String {
        answer::message(saying).to_string()
    }

    fn teller(&self, _call: &Call<'_>, _ask: &Ask, saying: Arc<Saying>) -> Box<dyn Teller> {
        Box::new(events::Events::new(self.0, saying))
    }

    fn models(&self, ids: &[String], name: &str) -> String {
        answer::models(ids, name).to_string()
    }

    fn model(&self, id: &str, name: &str) -> String {
        answer::model(id, name).to_string()
    }

    fn count(&self, tokens: u64) -> String {
        json!({"input_tokens": tokens}).to_string()
    }
}

impl Manners for Anthropic {
    fn refuse(&self, refusal: &Refusal<'_>) -> Written {
        match self.0 {
            Place::Own => refusal::written(refusal),
            // What goes wrong before the model is asked is told by Google.
            Place::Vertex => match refusal.reason {
                Reason::RateLimited
                | Reason::Quota
                | Reason::MissingKey
                | Reason::WrongKey
                | Reason::Denied { .. }
                | Reason::UnknownModel(_)
                | Reason::UnknownPath(_)
                | Reason::WrongMethod(_)
                | Reason::TooLarge(_) => Gemini::VERTEX.refuse(refusal),
                Reason::Status(_)
                | Reason::Overloaded
                | Reason::ContextLength
                | Reason::ContentFilter
                | Reason::Invalid { .. } => refusal::written(refusal),
            },
        }
    }

    fn sign(&self, headers: &mut HeaderMap, stamp: &Stamp<'_>) {
        stamp.put(headers, "request-id");
        if stamp.is_good && self.0 == Place::Own {
            refusal::limits(headers, "49");
        }
    }
}
