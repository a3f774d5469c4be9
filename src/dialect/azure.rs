//! Azure OpenAI: OpenAI's bodies behind paths that name a deployment, or behind the newer `v1` paths.

use super::PathParts;
use super::path::segment;

/// Endpoints that end so speak the newer style, where the body names the deployment.
const V1: &str = "/openai/v1";

/// The path of one surface: in deployment style unless the endpoint says `v1`.
pub(super) fn path(parts: PathParts<'_>, suffix: &str) -> String {
    let PathParts {
        base,
        api_version,
        model,
    } = parts;
    let mut path = if base.ends_with(V1) {
        format!("{base}/{suffix}")
    } else if suffix == "responses" {
        // The body names the deployment here in either style.
        format!("{base}/openai/responses")
    } else {
        format!("{base}/openai/deployments/{}/{suffix}", segment(model))
    };
    if let Some(version) = api_version {
        path.push_str("?api-version=");
        path.push_str(&segment(version));
    }
    path
}

/// Azure lists its base models below `v1` only.
pub(super) fn models_path(base: &str) -> String {
    match base.strip_suffix(V1) {
        Some(root) => format!("{root}{V1}/models"),
        None => format!("{base}{V1}/models"),
    }
}

#[cfg(test)]
mod tests {
    use crate::catalog::Surface;
    use crate::dialect::{Dialect, PathParts};

    #[test]
    fn the_deployment_stands_in_the_path() {
        let parts = PathParts {
            base: "",
            api_version: Some("2024-10-21"),
            model: "my gpt/4",
        };

        let path = Dialect::AzureOpenAi.path(parts, Surface::Chat, false).unwrap();

        assert_eq!(
            path,
            "/openai/deployments/my%20gpt%2F4/chat/completions?api-version=2024-10-21"
        );
    }

    #[test]
    fn responses_have_no_deployment_in_their_path() {
        let parts = PathParts {
            base: "",
            api_version: Some("2025-03-01-preview"),
            model: "gpt",
        };

        assert_eq!(
            Dialect::AzureOpenAi
                .path(parts, Surface::Responses, true)
                .unwrap(),
            "/openai/responses?api-version=2025-03-01-preview"
        );
    }

    #[test]
    fn a_v1_endpoint_names_the_deployment_in_the_body() {
        let parts = PathParts {
            base: "/openai/v1",
            api_version: None,
            model: "my-gpt",
        };

        assert_eq!(
            Dialect::AzureOpenAi
                .path(parts, Surface::Embeddings, false)
                .unwrap(),
            "/openai/v1/embeddings"
        );
        assert_eq!(
            Dialect::AzureOpenAi.models_path("/openai/v1"),
            "/openai/v1/models"
        );
        assert_eq!(Dialect::AzureOpenAi.models_path(""), "/openai/v1/models");
    }
}
