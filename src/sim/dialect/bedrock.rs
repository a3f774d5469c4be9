//! Bedrock's language: Converse, plain and in binary frames.

mod answer;
mod body;
mod events;
mod frame;
mod refusal;
mod request;
mod rules;
mod sigv4;

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use serde_json::json;

use super::{Language, Manners, Surface};
use crate::sim::ask::{Ask, Reading};
use crate::sim::events::Teller;
use crate::sim::keys::{self, Keys};
use crate::sim::provider::Call;
use crate::sim::refusal::{Reason, Refusal, Written};
use crate::sim::reply::Stamp;
use crate::sim::route::{Api, Endpoint, decoded};
use crate::sim::saying::Saying;

/// The language.
pub(in crate::sim) struct Bedrock;

/// Its paths: those of the runtime, and the listing of the other host.
pub(super) fn route(path: &str) -> Option<Api<'_>> {
    if let Some(rest) = path.strip_prefix("/foundation-models") {
        let endpoint = match rest.strip_prefix('/') {
            None if rest.is_empty() => Endpoint::Models,
            Some(id) if !id.is_empty() => Endpoint::Model(decoded(id)),
            _ => return None,
        };
        return Some(Api::new(Surface::Bedrock, endpoint));
    }
    let (id, action) = path.strip_prefix("/model/")?.split_once('/')?;
    let endpoint = match action {
        "converse" => Endpoint::Chat,
        "converse-stream" => Endpoint::ChatStream,
        _ => return None,
    };
    (!id.is_empty()).then(|| Api {
        surface: Surface::Bedrock,
        target: Some(decoded(id)),
        endpoint,
    })
}

impl Language for Bedrock {
    fn admit(&self, call: &Call<'_>, keys: &Keys) -> Result<(), Reason> {
        if sigv4::is_signed(&call.parts.headers) {
            // Where only a bearer's key opens, no signature does.
            return match &keys.aws {
                None if keys.has_api_key() => Err(Reason::WrongKey),
                aws => sigv4::verify(call.parts, call.body, aws.as_ref(), call.received),
            };
        }
        match keys::bearer(&call.parts.headers) {
            Some(_) if keys.aws.is_some() && !keys.has_api_key() => Err(Reason::WrongKey),
            given => keys.demand(given),
        }
    }

    fn read(&self, call: &Call<'_>) -> Reading {
        request::read(call)
    }

    fn plain(&self, _call: &Call<'_>, saying: &Saying) -> String {
        answer::answer(saying).to_string()
    }

    fn teller(&self, _call: &Call<'_>, _ask: &Ask, saying: Arc<Saying>) -> Box<dyn Teller> {
        Box::new(events::Events::new(saying))
    }

    fn stream_type(&self, _call: &Call<'_>) -> HeaderValue {
        HeaderValue::from_static("application/vnd.amazon.eventstream")
    }

    fn models(&self, ids: &[String], name: &str) -> String {
        answer::models(ids, name).to_string()
    }

    fn model(&self, id: &str, name: &str) -> String {
        json!({"modelDetails": answer::model(id, name)}).to_string()
    }
}

impl Manners for Bedrock {
    fn refuse(&self, refusal: &Refusal<'_>) -> Written {
        refusal::written(refusal)
    }

    fn sign(&self, headers: &mut HeaderMap, stamp: &Stamp<'_>) {
        stamp.put(headers, "x-amzn-requestid");
    }
}
