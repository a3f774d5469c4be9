//! From a path to what is asked: the `OpenAI` paths, the two Azure styles, and the provider's own console.
//!
//! It refuses to guess: a path that neither service knows is unknown here too, so that a gateway's rewriting of
//! paths is put to the test.

use std::borrow::Cow;

/// Whose manners an answer has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Surface {
    /// `/v1/...`, or no prefix at all.
    OpenAi,
    /// `/openai/deployments/{deployment}/...?api-version=...`
    AzureDeployment,
    /// `/openai/v1/...`
    AzureV1,
}

impl Surface {
    pub(super) const fn is_azure(self) -> bool {
        matches!(self, Self::AzureDeployment | Self::AzureV1)
    }
}

/// What is asked of the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Endpoint<'a> {
    Chat,
    Completions,
    Embeddings,
    Models,
    /// One model, by its id.
    Model(Cow<'a, str>),
}

impl Endpoint<'_> {
    pub(super) const fn is_inference(&self) -> bool {
        matches!(self, Self::Chat | Self::Completions | Self::Embeddings)
    }
}

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Route<'a> {
    Api {
        surface: Surface,
        /// The deployment that the path names.
        deployment: Option<Cow<'a, str>>,
        endpoint: Endpoint<'a>,
    },
    /// `/sim/...`: the rest of the path.
    Console(&'a str),
    /// `/healthz`
    Health,
    Unknown,
}

/// Reads a path without its query.
pub(super) fn of(path: &str) -> Route<'_> {
    if let Some(rest) = path.strip_prefix("/sim")
        && (rest.is_empty() || rest.starts_with('/'))
    {
        return Route::Console(rest.trim_matches('/'));
    }
    if path == "/healthz" {
        return Route::Health;
    }
    if let Some(rest) = path.strip_prefix("/openai/deployments/") {
        return deployment(rest);
    }
    let (surface, rest) = match path.strip_prefix("/openai/v1/") {
        Some(rest) => (Surface::AzureV1, rest),
        None => (
            Surface::OpenAi,
            path.strip_prefix("/v1/")
                .or_else(|| path.strip_prefix('/'))
                .unwrap_or(path),
        ),
    };
    match endpoint(rest) {
        Some(endpoint) => Route::Api {
            surface,
            deployment: None,
            endpoint,
        },
        None => Route::Unknown,
    }
}

fn deployment(rest: &str) -> Route<'_> {
    let Some((deployment, rest)) = rest.split_once('/') else {
        return Route::Unknown;
    };
    match endpoint(rest).filter(Endpoint::is_inference) {
        Some(endpoint) if !deployment.is_empty() => Route::Api {
            surface: Surface::AzureDeployment,
            deployment: Some(decoded(deployment)),
            endpoint,
        },
        _ => Route::Unknown,
    }
}

fn endpoint(rest: &str) -> Option<Endpoint<'_>> {
    Some(match rest {
        "chat/completions" => Endpoint::Chat,
        "completions" => Endpoint::Completions,
        "embeddings" => Endpoint::Embeddings,
        "models" => Endpoint::Models,
        _ => Endpoint::Model(decoded(rest.strip_prefix("models/").filter(|id| !id.is_empty())?)),
    })
}

/// Undoes percent-encoding; what is none stays as it is.
fn decoded(text: &str) -> Cow<'_, str> {
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

    fn api<'a>(surface: Surface, deployment: Option<&'a str>, endpoint: Endpoint<'a>) -> Route<'a> {
        Route::Api {
            surface,
            deployment: deployment.map(Cow::Borrowed),
            endpoint,
        }
    }

    #[test]
    fn every_known_path_leads_somewhere_and_no_other() {
        let azure = |name, endpoint| api(Surface::AzureDeployment, Some(name), endpoint);
        let table = [
            ("/v1/chat/completions", api(Surface::OpenAi, None, Endpoint::Chat)),
            ("/chat/completions", api(Surface::OpenAi, None, Endpoint::Chat)),
            (
                "/v1/completions",
                api(Surface::OpenAi, None, Endpoint::Completions),
            ),
            ("/v1/embeddings", api(Surface::OpenAi, None, Endpoint::Embeddings)),
            ("/models", api(Surface::OpenAi, None, Endpoint::Models)),
            (
                "/v1/models/a/b:c",
                api(Surface::OpenAi, None, Endpoint::Model("a/b:c".into())),
            ),
            (
                "/v1/models/a%2Fb%zz%",
                api(Surface::OpenAi, None, Endpoint::Model("a/b%zz%".into())),
            ),
            (
                "/openai/v1/chat/completions",
                api(Surface::AzureV1, None, Endpoint::Chat),
            ),
            (
                "/openai/deployments/d/chat/completions",
                azure("d", Endpoint::Chat),
            ),
            (
                "/openai/deployments/d%23stall/embeddings",
                azure("d#stall", Endpoint::Embeddings),
            ),
            ("/sim/fault", Route::Console("fault")),
            ("/sim", Route::Console("")),
            ("/healthz", Route::Health),
            ("/simple", Route::Unknown),
            ("/v2/chat/completions", Route::Unknown),
            ("/v1/v1/chat/completions", Route::Unknown),
            ("/v1/chat/completions/", Route::Unknown),
            ("/v1/models/", Route::Unknown),
            ("/openai/deployments/d/models", Route::Unknown),
            ("/openai/deployments//chat/completions", Route::Unknown),
            ("/", Route::Unknown),
            ("*", Route::Unknown),
        ];

        for (path, expected) in table {
            assert_eq!(of(path), expected, "{path}");
        }
    }
}
