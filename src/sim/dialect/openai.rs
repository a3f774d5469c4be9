//! OpenAI's language, and Azure's two ways of speaking it.

mod answer;
mod chunks;
mod refusal;
mod request;
mod responses;
mod strict;

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};

use super::{Language, Manners, Surface};
use crate::sim::ask::{Ask, Reading};
use crate::sim::events::Teller;
use crate::sim::keys::{self, Keys};
use crate::sim::mint::Audience;
use crate::sim::provider::Call;
use crate::sim::refusal::{Reason, Refusal, Written};
use crate::sim::reply::Stamp;
use crate::sim::route::{Api, Endpoint, decoded};
use crate::sim::saying::Saying;
use chunks::Chunks;

/// Which of its faces is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Face {
    Own,
    Deployment,
    AzureV1,
}

/// The language.
pub(in crate::sim) struct OpenAi(Face);

impl OpenAi {
    pub(in crate::sim) const OWN: Self = Self(Face::Own);
    pub(in crate::sim) const DEPLOYMENT: Self = Self(Face::Deployment);
    pub(in crate::sim) const AZURE_V1: Self = Self(Face::AzureV1);
}

/// OpenAI's own paths, with and without `/v1`.
pub(super) fn route(path: &str) -> Option<Api<'_>> {
    let rest = path
        .strip_prefix("/v1/")
        .or_else(|| path.strip_prefix('/'))
        .unwrap_or(path);
    Some(Api::new(Surface::OpenAi, endpoint(rest)?))
}

/// Azure's paths: by deployment, and `/openai/v1`.
pub(super) fn route_azure(path: &str) -> Option<Api<'_>> {
    let rest = path.strip_prefix("/openai/")?;
    if let Some(rest) = rest.strip_prefix("v1/") {
        return Some(Api::new(Surface::AzureV1, endpoint(rest)?));
    }
    if rest == "responses" {
        // The deployment is the model in the body.
        return Some(Api::new(Surface::AzureDeployment, Endpoint::Responses));
    }
    let (deployment, rest) = rest.strip_prefix("deployments/")?.split_once('/')?;
    let endpoint = endpoint(rest).filter(|it| it.is_inference() && *it != Endpoint::Responses)?;
    (!deployment.is_empty()).then(|| Api {
        surface: Surface::AzureDeployment,
        target: Some(decoded(deployment)),
        endpoint,
    })
}

fn endpoint(rest: &str) -> Option<Endpoint<'_>> {
    Some(match rest {
        "chat/completions" => Endpoint::Chat,
        "completions" => Endpoint::Completions,
        "embeddings" => Endpoint::Embeddings,
        "responses" => Endpoint::Responses,
        "models" => Endpoint::Models,
        _ => Endpoint::Model(decoded(rest.strip_prefix("models/").filter(|id| !id.is_empty())?)),
    })
}

fn azure_key<'a>(call: &Call<'a>) -> Option<&'a [u8]> {
    call.parts.headers.get("api-key").map(HeaderValue::as_bytes)
}

fn admit_own(call: &Call<'_>, keys: &Keys) -> Result<(), Reason> {
    let bearer = keys::bearer(&call.parts.headers);
    // Whoever speaks OpenAI's language alone knows nothing of Azure's header.
    keys.check(bearer.or_else(|| azure_key(call).filter(|_| !call.is_strict)))
}

/// Azure takes its key, or a token of Entra's.
fn admit_azure(call: &Call<'_>, keys: &Keys) -> Result<(), Reason> {
    let is_open = !keys.has_api_key() && keys.entra.is_none();
    match (azure_key(call), keys::bearer(&call.parts.headers)) {
        (Some(key), _) if keys.has_api_key() => keys.check(Some(key)),
        (None, Some(token)) => keys.check_token(token, Audience::Entra, call.received, is_open),
        _ if is_open => Ok(()),
        (Some(_), _) => Err(Reason::WrongKey),
        (None, None) => Err(Reason::MissingKey),
    }
}

impl Language for OpenAi {
    fn admit(&self, call: &Call<'_>, keys: &Keys) -> Result<(), Reason> {
        match self.0 {
            Face::Own => admit_own(call, keys)?,
            Face::Deployment | Face::AzureV1 => admit_azure(call, keys)?,
        }
        let query = call.parts.uri.query().unwrap_or_default();
        let has_version = query
            .split('&')
            .any(|pair| pair.starts_with("api-version=") && pair.len() > 12);
        if self.0 == Face::Deployment && !has_version {
            return Err(Reason::UnknownPath(call.parts.uri.path().to_owned()));
        }
        Ok(())
    }

    fn read(&self, call: &Call<'_>) -> Reading {
        match call.endpoint {
            Endpoint::Responses => responses::read(call),
            _ => request::read(call),
        }
    }

    fn plain(&self, call: &Call<'_>, saying: &Saying) -> String {
        match call.endpoint {
            Endpoint::Completions => answer::completion(self.0, saying),
            Endpoint::Responses => responses::plain(saying),
            _ => answer::chat(self.0, saying),
        }
    }

    fn teller(&self, call: &Call<'_>, ask: &Ask, saying: Arc<Saying>) -> Box<dyn Teller> {
        if call.endpoint == Endpoint::Responses {
            return responses::teller(saying);
        }
        let is_chat = call.endpoint != Endpoint::Completions;
        Box::new(Chunks::new(self.0, (is_chat, ask.wants_usage), saying))
    }

    fn models(&self, ids: &[String], name: &str) -> String {
        answer::models(ids, name)
    }

    fn model(&self, id: &str, name: &str) -> String {
        answer::model(id, name)
    }
}

impl Manners for OpenAi {
    fn refuse(&self, refusal: &Refusal<'_>) -> Written {
        refusal::written(self.0, refusal)
    }

    fn filters_by_error(&self) -> bool {
        true
    }

    fn sign(&self, headers: &mut HeaderMap, stamp: &Stamp<'_>) {
        stamp.put(headers, "x-request-id");
        headers.insert("openai-processing-ms", HeaderValue::from(stamp.millis));
    }
}
