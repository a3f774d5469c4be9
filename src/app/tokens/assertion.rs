//! The signed statement by which a service account of Google proves who it is (RFC 7523).
//!
//! Invariant: the private key is read here and nowhere else, and leaves only as a signature.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use tokio_rustls::rustls::SignatureScheme;
use tokio_rustls::rustls::crypto::ring::sign::any_supported_type;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::exchange::Failure;
use crate::config::ServiceAccount;

/// What the token may be used for: everything that the account may do.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";
/// How long a statement is good; Google accepts no longer one.
const GOOD_FOR: Duration = Duration::from_hours(1);
/// It begins to be good a little earlier, for a server whose clock is behind ours.
const SKEW: Duration = Duration::from_secs(10);

/// The statement, in the three parts of a JSON web token.
pub(super) fn signed(account: &ServiceAccount, today: SystemTime) -> Result<String, Failure> {
    let mut header = json!({ "alg": "RS256", "typ": "JWT" });
    if let Some(id) = &account.private_key_id {
        header["kid"] = json!(id);
    }
    let issued = today
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .saturating_sub(SKEW);
    let claims = json!({
        "iss": account.client_email,
        "scope": SCOPE,
        "aud": account.token_url.to_string(),
        "iat": issued.as_secs(),
        "exp": (issued + GOOD_FOR).as_secs(),
    });
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let statement = format!("{}.{}", part(header), part(claims));
    let signature = signature(account.private_key.expose(), statement.as_bytes()).ok_or(Failure::Key)?;
    Ok(format!("{statement}.{}", URL_SAFE_NO_PAD.encode(signature)))
}

/// RSA with PKCS#1 padding over SHA-256.
fn signature(pem: &str, statement: &[u8]) -> Option<Vec<u8>> {
    let key = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).ok()?;
    let key = any_supported_type(&PrivateKeyDer::Pkcs8(key)).ok()?;
    let signer = key.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256])?;
    signer.sign(statement).ok()
}

#[cfg(test)]
mod tests;
