//! The languages that a simulated provider speaks, one file each, and the one shape they all have.
//!
//! A [`Language`] admits a caller, reads and checks what is asked as strictly as the real service does, and writes
//! answers, streams and errors in that service's words. Invariant: which language is spoken follows from the path
//! alone; adding one is a file here, its paths, and a row in each match below.

mod anthropic;
mod bedrock;
mod gemini;
mod openai;
mod shape;
mod vertex;

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use serde::{Serialize, Serializer};

use super::ask::{Ask, Reading};
use super::events::Teller;
use super::keys::Keys;
use super::provider::Call;
use super::refusal::{Reason, Refusal, Written};
use super::reply::{self, Stamp};
use super::route::{Api, Signpost};
use super::saying::Saying;

use anthropic::Anthropic;
use bedrock::Bedrock;
use gemini::Gemini;
use openai::OpenAi;

/// A provider's language: its paths, its sign-in, its bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, clap::ValueEnum)]
pub enum Dialect {
    /// `/v1/chat/completions` and its like.
    #[value(name = "openai")]
    OpenAi,
    /// The same under `/openai/deployments/{deployment}` and `/openai/v1`, with Azure's manners.
    Azure,
    /// `/v1/messages`.
    Anthropic,
    /// `/v1beta/models/{model}:generateContent`.
    Gemini,
    /// Gemini and Claude under `/v1/projects/{project}/locations/{location}/publishers`.
    Vertex,
    /// `/model/{id}/converse`.
    Bedrock,
}

impl Dialect {
    /// As it is written on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Azure => "azure",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Vertex => "vertex",
            Self::Bedrock => "bedrock",
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Dialect {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Whose manners an answer has: a dialect, and which of its faces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Surface {
    /// `/v1/...`, or no prefix at all.
    OpenAi,
    /// `/openai/deployments/{deployment}/...?api-version=...`
    AzureDeployment,
    /// `/openai/v1/...`
    AzureV1,
    /// `/v1/messages`, `/v1/models`, also below `/anthropic`
    Anthropic,
    /// `/v1beta/models/...`
    Gemini,
    /// `/v1/.../publishers/google/models/...`
    VertexGemini,
    /// `/v1/.../publishers/anthropic/models/...`
    VertexAnthropic,
    /// `/model/{id}/...`, `/foundation-models`
    Bedrock,
}

impl Surface {
    pub(super) const fn dialect(self) -> Dialect {
        match self {
            Self::OpenAi => Dialect::OpenAi,
            Self::AzureDeployment | Self::AzureV1 => Dialect::Azure,
            Self::Anthropic => Dialect::Anthropic,
            Self::Gemini => Dialect::Gemini,
            Self::VertexGemini | Self::VertexAnthropic => Dialect::Vertex,
            Self::Bedrock => Dialect::Bedrock,
        }
    }

    pub(super) fn language(self) -> &'static dyn Language {
        match self {
            Self::OpenAi => &OpenAi::OWN,
            Self::AzureDeployment => &OpenAi::DEPLOYMENT,
            Self::AzureV1 => &OpenAi::AZURE_V1,
            Self::Anthropic => &Anthropic::OWN,
            Self::Gemini => &Gemini::OWN,
            Self::VertexGemini => &Gemini::VERTEX,
            Self::VertexAnthropic => &Anthropic::VERTEX,
            Self::Bedrock => &Bedrock,
        }
    }
}

/// Finds the dialect whose path this is, and what is asked in it.
pub(super) fn route(path: &str, signpost: Signpost) -> Option<Api<'_>> {
    let found = |dialect: Dialect| match dialect {
        Dialect::OpenAi => openai::route(path),
        Dialect::Azure => openai::route_azure(path),
        Dialect::Anthropic => anthropic::route(path),
        Dialect::Gemini => gemini::route(path),
        Dialect::Vertex => vertex::route(path),
        Dialect::Bedrock => bedrock::route(path),
    };
    if let Some(only) = signpost.only {
        return found(only);
    }
    if let Some(api) = gemini::route(path).filter(|api| api.target.is_some()) {
        // A path that names a method is nobody else's.
        return Some(api);
    }
    // Models are listed at the same path in several languages; OpenAI's is the usual one.
    let order = [
        Dialect::OpenAi,
        Dialect::Anthropic,
        Dialect::Azure,
        Dialect::Gemini,
        Dialect::Vertex,
        Dialect::Bedrock,
    ];
    signpost.sign_in.into_iter().chain(order).find_map(found)
}

/// In whose manners an unknown path is refused: the only dialect's, or that of the paths it is most like.
pub(super) fn manners(path: &str, only: Option<Dialect>) -> Surface {
    match only {
        Some(Dialect::Azure) => Surface::AzureV1,
        Some(Dialect::Anthropic) => Surface::Anthropic,
        None if path.contains("/messages") => Surface::Anthropic,
        Some(Dialect::Bedrock) => Surface::Bedrock,
        None if path.starts_with("/model/") => Surface::Bedrock,
        Some(Dialect::Gemini) => Surface::Gemini,
        None if path.starts_with("/v1beta/") => Surface::Gemini,
        Some(Dialect::Vertex) => Surface::VertexGemini,
        None if path.contains("/publishers/") => Surface::VertexGemini,
        Some(Dialect::OpenAi) | None => Surface::OpenAi,
    }
}

/// How a service looks from outside, whatever is asked of it.
pub(super) trait Manners: Sync {
    /// An error.
    fn refuse(&self, refusal: &Refusal<'_>) -> Written;

    /// Whether the safety system speaks by an error; otherwise by a good answer without words.
    fn filters_by_error(&self) -> bool {
        false
    }

    /// Puts on the headers that every answer has.
    fn sign(&self, headers: &mut HeaderMap, stamp: &Stamp<'_>);
}

/// What a dialect has to be able to do.
pub(super) trait Language: Manners {
    /// Looks at the headers that let a caller in.
    fn admit(&self, call: &Call<'_>, keys: &Keys) -> Result<(), Reason>;

    /// Reads and checks the body of a question to a model.
    fn read(&self, call: &Call<'_>) -> Reading;

    /// A whole answer as one JSON document.
    fn plain(&self, call: &Call<'_>, saying: &Saying) -> String;

    /// The writer of a streamed answer.
    fn teller(&self, call: &Call<'_>, ask: &Ask, saying: Arc<Saying>) -> Box<dyn Teller>;

    /// What a stream's `content-type` is.
    fn stream_type(&self, _call: &Call<'_>) -> HeaderValue {
        reply::EVENT_STREAM
    }

    /// The models there are.
    fn models(&self, ids: &[String], name: &str) -> String;

    /// One model.
    fn model(&self, id: &str, name: &str) -> String;

    /// How many tokens a question has, where that can be asked.
    fn count(&self, tokens: u64) -> String {
        tokens.to_string()
    }
}
