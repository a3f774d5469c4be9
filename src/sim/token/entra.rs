//! Entra's client credentials.

use serde_json::{Value, json};

use super::Form;
use crate::sim::refusal::Reason;
use crate::sim::sign_in::EntraClient;

/// Looks at a client's id and secret.
pub(super) fn admit(form: &Form, known: Option<&EntraClient>) -> Result<(), Reason> {
    let denied = |code, message: String| Err(Reason::Denied { code, message });
    let field = |name: &str| form.get(name).map(String::as_str).filter(|text| !text.is_empty());
    for name in ["grant_type", "client_id", "client_secret", "scope"] {
        if field(name).is_none() {
            let message =
                format!("AADSTS900144: The request body must contain the following parameter: '{name}'.");
            return denied("invalid_request", message);
        }
    }
    let given = |name| field(name).unwrap_or_default();
    if given("grant_type") != "client_credentials" {
        let message = format!(
            "AADSTS70003: The app requested an unsupported grant type '{}'.",
            given("grant_type")
        );
        return denied("unsupported_grant_type", message);
    }
    if !given("scope").ends_with("/.default") {
        let message = format!(
            "AADSTS1002012: The provided value for scope {} is not valid. Client credential flows must have a scope \
             value with /.default suffixed to the resource identifier.",
            given("scope")
        );
        return denied("invalid_scope", message);
    }
    match known {
        Some(client) if client.id != given("client_id") => {
            let message = format!(
                "AADSTS700016: Application with identifier '{}' was not found in the directory.",
                given("client_id")
            );
            denied("unauthorized_client", message)
        }
        Some(client) if client.secret != given("client_secret") => denied(
            "invalid_client",
            "AADSTS7000215: Invalid client secret provided.".to_owned(),
        ),
        Some(_) | None => Ok(()),
    }
}

/// Adds to an error what else Entra says.
pub(super) fn dress(body: &mut Value, description: &str) {
    let number = description
        .strip_prefix("AADSTS")
        .and_then(|rest| rest.split(':').next()?.parse::<u32>().ok());
    body["error_codes"] = json!(number.into_iter().collect::<Vec<_>>());
    body["timestamp"] = json!("2026-11-01 12:00:00Z");
    body["trace_id"] = json!("00000000-0000-0000-0000-000000000001");
    body["correlation_id"] = json!("00000000-0000-0000-0000-000000000002");
}
