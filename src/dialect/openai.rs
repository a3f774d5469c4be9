//! OpenAI's own language, which every compatible server speaks too.

use super::hub::{Answer, Chat, Unsupported};
use super::language::{About, Inlet, Language, NoAnswer, Recipient, Request};
use crate::catalog::HeaderSecret;

/// OpenAI's own language.
pub(super) struct OpenAi;

/// The credential as a bearer token.
pub(super) fn bearer(key: &[u8]) -> HeaderSecret {
    HeaderSecret::new([b"Bearer ", key].concat().into())
}

impl Language for OpenAi {
    fn request<'a>(&self, _chat: &'a Chat<'a>, _to: Recipient<'a>) -> Result<Request<'a>, Unsupported> {
        Err(Unsupported("chat"))
    }

    fn answer<'a>(&self, _body: &'a [u8], _about: &About<'a>) -> Result<Answer<'a>, NoAnswer> {
        Err(NoAnswer::WrongShape)
    }

    fn stream(&self) -> Option<Box<dyn Inlet>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use crate::catalog::Surface;
    use crate::dialect::{Dialect, PathParts};

    #[test]
    fn the_endpoint_is_the_sdks_base_url() {
        let parts = PathParts {
            base: "/v1",
            api_version: None,
            model: "m",
        };

        assert_eq!(
            Dialect::OpenAi.path(parts, Surface::Chat, false).unwrap(),
            "/v1/chat/completions"
        );
        assert_eq!(
            Dialect::OpenAiCompatible
                .path(parts, Surface::Embeddings, false)
                .unwrap(),
            "/v1/embeddings"
        );
        assert_eq!(Dialect::OpenAi.models_path("/v1"), "/v1/models");
        assert_eq!(Dialect::OpenAi.credential_value(b"k").expose(), "Bearer k");
    }
}
