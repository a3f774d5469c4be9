//! Where each dialect has the parts of its API.
//!
//! Invariant: a model's name is percent-encoded wherever it stands in a path. It knows no hosts and no keys.

use std::fmt::Write as _;

use super::{Dialect, azure};
use crate::catalog::Surface;

/// What a path is made of.
#[derive(Debug, Clone, Copy)]
pub struct PathParts<'a> {
    /// The path of the configured endpoint, without a slash at its end.
    pub base: &'a str,
    /// Azure's `api-version`, when one is to be sent.
    pub api_version: Option<&'a str>,
    /// What the provider calls the model.
    pub model: &'a str,
}

/// The path, with its query, of one surface; a surface that is translated is served by the dialect's own.
pub(super) fn path(dialect: Dialect, parts: PathParts<'_>, surface: Surface, stream: bool) -> Option<String> {
    let PathParts { base, model, .. } = parts;
    let is_chat = matches!(surface, Surface::Chat | Surface::Messages);
    match dialect {
        Dialect::OpenAi | Dialect::OpenAiCompatible => Some(format!("{base}/{}", openai_suffix(surface))),
        Dialect::AzureOpenAi => Some(azure::path(parts, openai_suffix(surface))),
        _ if !is_chat => None,
        Dialect::Anthropic => Some(format!("{base}/v1/messages")),
        Dialect::Gemini => Some(google(&format!("{base}/v1beta/models"), model, stream)),
        Dialect::VertexGemini => Some(google(&format!("{base}/publishers/google/models"), model, stream)),
        Dialect::VertexAnthropic => {
            let verb = if stream { "streamRawPredict" } else { "rawPredict" };
            let model = segment(model);
            Some(format!("{base}/publishers/anthropic/models/{model}:{verb}"))
        }
        Dialect::Bedrock => {
            let verb = if stream { "converse-stream" } else { "converse" };
            Some(format!("{base}/model/{}/{verb}", segment(model)))
        }
    }
}

/// The path that lists models.
pub(super) fn models(dialect: Dialect, base: &str) -> String {
    match dialect {
        Dialect::OpenAi | Dialect::OpenAiCompatible => format!("{base}/models"),
        Dialect::AzureOpenAi => azure::models_path(base),
        Dialect::Anthropic => format!("{base}/v1/models"),
        Dialect::Gemini => format!("{base}/v1beta/models"),
        Dialect::VertexGemini | Dialect::VertexAnthropic => "/v1beta1/publishers/google/models".to_owned(),
        Dialect::Bedrock => format!("{base}/foundation-models"),
    }
}

/// Callers of Anthropic's surface are served by chat completions.
fn openai_suffix(surface: Surface) -> &'static str {
    match surface {
        Surface::Messages => Surface::Chat.suffix(),
        other => other.suffix(),
    }
}

fn google(models: &str, model: &str, stream: bool) -> String {
    let model = segment(model.strip_prefix("models/").unwrap_or(model));
    if stream {
        format!("{models}/{model}:streamGenerateContent?alt=sse")
    } else {
        format!("{models}/{model}:generateContent")
    }
}

/// Percent-encodes what may not stand in one segment of a path.
pub(super) fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => write!(encoded, "%{byte:02X}").expect("writing to a string cannot fail"),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(dialect: Dialect, base: &str, model: &str, stream: bool) -> String {
        let parts = PathParts {
            base,
            api_version: None,
            model,
        };
        path(dialect, parts, Surface::Chat, stream).unwrap()
    }

    #[test]
    fn each_dialect_has_its_own_path_for_chat() {
        let vertex = "/v1/projects/p/locations/global";
        let cases = [
            (Dialect::OpenAi, "/v1", "m", false, "/v1/chat/completions"),
            (Dialect::Anthropic, "", "claude", true, "/v1/messages"),
            (
                Dialect::Gemini,
                "",
                "gemini-3-pro",
                false,
                "/v1beta/models/gemini-3-pro:generateContent",
            ),
            (
                Dialect::Gemini,
                "",
                "models/gemini-3-pro",
                true,
                "/v1beta/models/gemini-3-pro:streamGenerateContent?alt=sse",
            ),
            (
                Dialect::VertexGemini,
                vertex,
                "gemini-3-pro",
                false,
                "/v1/projects/p/locations/global/publishers/google/models/gemini-3-pro:generateContent",
            ),
            (
                Dialect::VertexAnthropic,
                vertex,
                "claude-opus-5@1",
                true,
                "/v1/projects/p/locations/global/publishers/anthropic/models/claude-opus-5%401:streamRawPredict",
            ),
            (
                Dialect::Bedrock,
                "",
                "anthropic.claude-haiku-4-5-20251001-v1:0",
                false,
                "/model/anthropic.claude-haiku-4-5-20251001-v1%3A0/converse",
            ),
            (
                Dialect::Bedrock,
                "",
                "arn:a/b",
                true,
                "/model/arn%3Aa%2Fb/converse-stream",
            ),
        ];
        for (dialect, base, model, stream, expected) in cases {
            assert_eq!(at(dialect, base, model, stream), expected);
        }
    }
}
