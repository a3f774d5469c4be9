//! Vertex: Gemini and Claude under one roof, with its own paths and its own sign-in.
//!
//! It has no words of its own: content is [`gemini`]'s, messages are [`anthropic`](super::anthropic)'s, and what goes
//! wrong before a model is asked is told in Google's.

use super::{Surface, gemini};
use crate::sim::route::{Api, Endpoint, decoded};

/// Its paths: with a project and a location, or without.
pub(super) fn route(path: &str) -> Option<Api<'_>> {
    let rest = path
        .strip_prefix("/v1/")
        .or_else(|| path.strip_prefix("/v1beta1/"))?;
    let rest = publishers(rest)?;
    if let Some(rest) = rest.strip_prefix("google/models") {
        return match rest.strip_prefix('/') {
            Some(rest) => gemini::method(Surface::VertexGemini, rest),
            None if rest.is_empty() => Some(Api::new(Surface::VertexGemini, Endpoint::Models)),
            None => None,
        };
    }
    let (model, method) = rest.strip_prefix("anthropic/models/")?.rsplit_once(':')?;
    let is_known = method == "rawPredict" || method == "streamRawPredict";
    (is_known && !model.is_empty() && !model.contains('/')).then(|| Api {
        surface: Surface::VertexAnthropic,
        target: Some(decoded(model)),
        // Whether it is streamed, the body says.
        endpoint: Endpoint::Chat,
    })
}

/// What comes after `[projects/{project}/locations/{location}/]publishers/`.
fn publishers(rest: &str) -> Option<&str> {
    let Some(rest) = rest.strip_prefix("projects/") else {
        return rest.strip_prefix("publishers/");
    };
    let (project, rest) = rest.split_once('/')?;
    let (location, rest) = rest.strip_prefix("locations/")?.split_once('/')?;
    let rest = rest.strip_prefix("publishers/")?;
    (!project.is_empty() && !location.is_empty()).then_some(rest)
}
