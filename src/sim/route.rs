//! From a path to what is asked: the paths of every dialect, the token endpoints, and the provider's own console.
//!
//! It refuses to guess: a path that no service knows is unknown here too, so that a gateway's rewriting of paths is put
//! to the test. Where two dialects share a path, a header tells them apart.

use std::borrow::Cow;

use http::HeaderMap;

use super::dialect::{self, Dialect, Surface};
use super::token::{self, Door};

/// What is asked of the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Endpoint<'a> {
    /// A conversation; where the path does not say whether it is streamed, the body does.
    Chat,
    /// A conversation that the path wants streamed.
    ChatStream,
    Completions,
    /// The newer form of a conversation.
    Responses,
    Embeddings,
    /// How many tokens a conversation has.
    Count,
    Models,
    /// One model, by its id.
    Model(Cow<'a, str>),
}

impl Endpoint<'_> {
    pub(super) const fn is_inference(&self) -> bool {
        !matches!(self, Self::Models | Self::Model(_))
    }
}

/// A path of a provider's service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Api<'a> {
    pub(super) surface: Surface,
    /// The model or deployment that the path names.
    pub(super) target: Option<Cow<'a, str>>,
    pub(super) endpoint: Endpoint<'a>,
}

impl<'a> Api<'a> {
    pub(super) const fn new(surface: Surface, endpoint: Endpoint<'a>) -> Self {
        Self {
            surface,
            target: None,
            endpoint,
        }
    }
}

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    Api(Api<'a>),
    /// Where tokens are issued.
    Token(Door),
    /// `/sim/...`: the rest of the path.
    Console(&'a str),
    /// `/healthz`
    Health,
    /// To nothing, in these manners.
    Unknown(Surface),
}

/// What tells dialects apart besides the path.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Signpost {
    /// The only dialect that is spoken, if not all are.
    pub(super) only: Option<Dialect>,
    /// Whose sign-in the request brings, where that is one of those that share a path.
    pub(super) sign_in: Option<Dialect>,
}

impl Signpost {
    pub(super) fn new(only: Option<Dialect>, headers: &HeaderMap) -> Self {
        let sign_in = if headers.contains_key("anthropic-version") {
            Some(Dialect::Anthropic)
        } else if headers.contains_key("x-goog-api-key") {
            Some(Dialect::Gemini)
        } else {
            None
        };
        Self { only, sign_in }
    }
}

/// Reads a path without its query.
pub(super) fn of(path: &str, signpost: Signpost) -> Route<'_> {
    if let Some(rest) = path.strip_prefix("/sim")
        && (rest.is_empty() || rest.starts_with('/'))
    {
        return Route::Console(rest.trim_matches('/'));
    }
    if path == "/healthz" {
        return Route::Health;
    }
    if let Some(door) = token::door(path) {
        return Route::Token(door);
    }
    match dialect::route(path, signpost) {
        Some(api) => Route::Api(api),
        None => Route::Unknown(dialect::manners(path, signpost.only)),
    }
}

/// Undoes percent-encoding; what is none stays as it is.
pub(super) fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match rest {
            [b'%', high, low, ..] => hex(*high).zip(hex(*low)).map(|(high, low)| high * 16 + low),
            _ => None,
        };
        out.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn led(path: &str, only: Option<Dialect>) -> String {
        let signpost = Signpost { only, sign_in: None };
        match of(path, signpost) {
            Route::Api(Api {
                surface,
                target,
                endpoint,
            }) => format!("{surface:?} {} {endpoint:?}", target.unwrap_or_default()),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn paths_of_openai_and_azure_lead_to_them() {
        let table = [
            ("/v1/chat/completions", "OpenAi  Chat"),
            ("/chat/completions", "OpenAi  Chat"),
            ("/v1/completions", "OpenAi  Completions"),
            ("/v1/embeddings", "OpenAi  Embeddings"),
            ("/v1/responses", "OpenAi  Responses"),
            ("/openai/v1/responses", "AzureV1  Responses"),
            ("/openai/responses", "AzureDeployment  Responses"),
            ("/models", "OpenAi  Models"),
            ("/v1/models/a/b:c", "OpenAi  Model(\"a/b:c\")"),
            ("/v1/models/a%2Fb%zz%", "OpenAi  Model(\"a/b%zz%\")"),
            ("/openai/v1/chat/completions", "AzureV1  Chat"),
            ("/openai/deployments/d/chat/completions", "AzureDeployment d Chat"),
            (
                "/openai/deployments/d%23stall/embeddings",
                "AzureDeployment d#stall Embeddings",
            ),
        ];

        for (path, expected) in table {
            assert_eq!(led(path, None), expected, "{path}");
        }
    }

    #[test]
    fn paths_of_the_other_dialects_lead_to_them_and_nearly_right_ones_to_their_manners() {
        let table = [
            ("/v1/messages", "Anthropic  Chat"),
            ("/anthropic/v1/messages", "Anthropic  Chat"),
            ("/v1/messages/count_tokens", "Anthropic  Count"),
            ("/anthropic/v1/models", "Anthropic  Models"),
            ("/model/a.b-v1%3A0/converse", "Bedrock a.b-v1:0 Chat"),
            ("/model/a%2Fb/converse-stream", "Bedrock a/b ChatStream"),
            ("/model/a/b/converse", "Unknown(Bedrock)"),
            ("/model/a/invoke", "Unknown(Bedrock)"),
            ("/foundation-models", "Bedrock  Models"),
            ("/foundation-models/a", "Bedrock  Model(\"a\")"),
            ("/v1beta/models", "Gemini  Models"),
            ("/v1/models/g:streamGenerateContent", "Gemini g ChatStream"),
            ("/v1beta/models/g", "Gemini  Model(\"g\")"),
            ("/v1beta/models/g:generateContent", "Gemini g Chat"),
            ("/v1beta/models/g:streamGenerateContent", "Gemini g ChatStream"),
            ("/v1beta/models/g:embedContent", "Unknown(Gemini)"),
            ("/v1beta/models/:generateContent", "Unknown(Gemini)"),
            (
                "/v1/projects/p/locations/l/publishers/google/models/g:generateContent",
                "VertexGemini g Chat",
            ),
            (
                "/v1/publishers/google/models/g:streamGenerateContent",
                "VertexGemini g ChatStream",
            ),
            ("/v1beta1/publishers/google/models", "VertexGemini  Models"),
            (
                "/v1/projects/p/locations/l/publishers/anthropic/models/c@1:rawPredict",
                "VertexAnthropic c@1 Chat",
            ),
            (
                "/v1/projects/p/locations/l/publishers/anthropic/models/c:streamRawPredict",
                "VertexAnthropic c Chat",
            ),
            (
                "/v1/projects/p/locations/l/publishers/anthropic/models/c:predict",
                "Unknown(VertexGemini)",
            ),
            (
                "/v1/projects//locations/l/publishers/google/models/g:generateContent",
                "Unknown(VertexGemini)",
            ),
            ("/v1/messages/", "Unknown(Anthropic)"),
        ];

        for (path, expected) in table {
            assert_eq!(led(path, None), expected, "{path}");
        }
    }

    #[test]
    fn what_is_no_dialects_path_is_the_consoles_or_nobodys() {
        let table = [
            ("/v1beta/models/g:countTokens", "Gemini g Count"),
            ("/token", "Token(Google)"),
            ("/contoso/oauth2/v2.0/token", "Token(Entra)"),
            ("/sim/fault", "Console(\"fault\")"),
            ("/sim", "Console(\"\")"),
            ("/healthz", "Health"),
            ("/simple", "Unknown(OpenAi)"),
            ("/v2/chat/completions", "Unknown(OpenAi)"),
            ("/v1/v1/chat/completions", "Unknown(OpenAi)"),
            ("/v1/chat/completions/", "Unknown(OpenAi)"),
            ("/v1/models/", "Unknown(OpenAi)"),
            ("/openai/deployments/d/models", "Unknown(OpenAi)"),
            ("/openai/deployments/d/responses", "Unknown(OpenAi)"),
            ("/openai/deployments//chat/completions", "Unknown(OpenAi)"),
            ("/", "Unknown(OpenAi)"),
            ("*", "Unknown(OpenAi)"),
        ];

        for (path, expected) in table {
            assert_eq!(led(path, None), expected, "{path}");
        }
    }

    #[test]
    fn whoever_speaks_one_dialect_knows_no_other_path() {
        let table = [
            ("/v1/models", Dialect::OpenAi, "OpenAi  Models"),
            ("/v1/models", Dialect::Anthropic, "Anthropic  Models"),
            ("/v1/models", Dialect::Azure, "Unknown(AzureV1)"),
            ("/v1/models", Dialect::Gemini, "Gemini  Models"),
            ("/v1/messages", Dialect::OpenAi, "Unknown(OpenAi)"),
            ("/v1/chat/completions", Dialect::Anthropic, "Unknown(Anthropic)"),
            ("/openai/v1/models", Dialect::OpenAi, "Unknown(OpenAi)"),
            ("/token", Dialect::OpenAi, "Token(Google)"),
        ];

        for (path, only, expected) in table {
            assert_eq!(led(path, Some(only)), expected, "{path} {only}");
        }
    }

    #[test]
    fn a_header_tells_apart_who_wants_the_models() {
        for (sign_in, surface) in [
            (None, Surface::OpenAi),
            (Some(Dialect::Anthropic), Surface::Anthropic),
            (Some(Dialect::Gemini), Surface::Gemini),
        ] {
            let led = of("/v1/models", Signpost { only: None, sign_in });

            assert_eq!(led, Route::Api(Api::new(surface, Endpoint::Models)));
        }
    }
}
