//! OpenAI's own language, which every compatible server speaks too.

use crate::catalog::HeaderSecret;

/// A path below the configured endpoint.
pub(super) fn path(base: &str, suffix: &str) -> String {
    format!("{base}/{suffix}")
}

/// The credential as a bearer token.
pub(super) fn bearer(key: &[u8]) -> HeaderSecret {
    HeaderSecret::new([b"Bearer ", key].concat().into())
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

        assert_eq!(Dialect::OpenAi.path(parts, Surface::Chat), "/v1/chat/completions");
        assert_eq!(
            Dialect::OpenAiCompatible.path(parts, Surface::Embeddings),
            "/v1/embeddings"
        );
        assert_eq!(Dialect::OpenAi.models_path("/v1"), "/v1/models");
        assert_eq!(Dialect::OpenAi.credential_value(b"k").expose(), "Bearer k");
    }
}
