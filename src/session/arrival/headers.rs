//! Which of the caller's headers go further, and which are taken off the request.
//!
//! Invariant: whatever is not named here reaches no provider.

use bytes::Bytes;

use crate::session::operations::Headers;

/// Headers of the caller that providers may see.
const FORWARDED: [&str; 6] = [
    "accept",
    "user-agent",
    "openai-beta",
    "anthropic-beta",
    "anthropic-version",
    "x-client-request-id",
];

pub(super) fn forwarded<H: Headers>(headers: &H) -> Vec<(Bytes, Bytes)> {
    let allowed = |name: &Bytes| {
        FORWARDED
            .iter()
            .any(|allowed| allowed.as_bytes() == name.as_ref())
    };
    let mut forwarded: Vec<(Bytes, Bytes)> = Vec::new();
    for (name, value) in headers.iter().filter(|(name, _)| allowed(name)) {
        // Each name is set once further on, so that several lines of it become one.
        match forwarded.iter_mut().find(|(known, _)| known == name) {
            Some((_, said)) => *said = [said.as_ref(), b", ", value].concat().into(),
            None => forwarded.push((name.clone(), value.clone())),
        }
    }
    forwarded
}

/// Everything but pseudo-headers, what providers may see, and what the host itself needs: for the body, and
/// `x-forwarded-proto`, without which Envoy matches no route. The attempt stage removes these too.
pub(super) fn stripped<H: Headers>(headers: &H) -> Vec<Bytes> {
    let kept = |name: &[u8]| {
        name.first() == Some(&b':')
            || FORWARDED.iter().any(|allowed| allowed.as_bytes() == name)
            || matches!(
                name,
                b"content-type" | b"content-length" | b"transfer-encoding" | b"host" | b"x-forwarded-proto"
            )
    };
    let mut names: Vec<Bytes> = Vec::new();
    for (name, _) in headers.iter() {
        if !kept(name) && !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}
