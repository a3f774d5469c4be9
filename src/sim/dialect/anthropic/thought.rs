//! The signature under a thought.
//!
//! Invariant: it fits exactly one text, so that whoever brings a changed thought back is found out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

/// The signature of a thought; one that is not shown is signed too.
pub(in crate::sim::dialect) fn signature(text: Option<&str>) -> String {
    let digest = Sha256::new_with_prefix("a thought of the simulated model: ")
        .chain_update(text.unwrap_or_default())
        .finalize();
    STANDARD.encode(digest)
}
