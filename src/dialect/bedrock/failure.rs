//! Failures that Bedrock tells inside an answer, as bodies that [`judge`](crate::outcome::judge) reads.
//!
//! Invariant: there is no status to read any more, so the body carries the one that the same failure has outside.

use bytes::Bytes;
use serde::Serialize;

use crate::dialect::hub::Object;

/// Failures and the status that each has.
const STATUSES: [(&str, u16); 12] = [
    ("validationException", 400),
    ("serviceQuotaExceededException", 400),
    ("accessDeniedException", 403),
    ("resourceNotFoundException", 404),
    ("modelTimeoutException", 408),
    ("modelErrorException", 424),
    ("modelStreamErrorException", 424),
    ("throttlingException", 429),
    ("modelNotReadyException", 429),
    ("internalServerException", 500),
    ("internalFailure", 500),
    ("serviceUnavailableException", 503),
];

/// One failure.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failure<'a> {
    /// What it is called.
    pub(super) name: &'a str,
    /// What is said of it.
    pub(super) message: &'a str,
    /// The status that the model's own server gave.
    pub(super) original_status: Option<u64>,
}

impl Failure<'_> {
    /// Of the provider, and without a name.
    pub(super) fn own(message: &str) -> Bytes {
        let failure = Failure {
            name: "server_error",
            message,
            original_status: None,
        };
        failure.body()
    }

    /// The failure as a body.
    pub(super) fn body(self) -> Bytes {
        let name = plain(self.name);
        let status = STATUSES
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        let body = Body {
            error: Inner {
                message: self.message,
                kind: name,
                code: status.map(|(_, status)| *status),
                original_status: self.original_status,
            },
        };
        serde_json::to_vec(&body)
            .expect("plain values are written without failure")
            .into()
    }
}

/// The failure that an answer tells in place of an output.
pub(super) fn inside(answer: &Object<'_>) -> Bytes {
    let message = answer.word("message").or_else(|| answer.word("Message"));
    match (answer.word("__type"), message) {
        (None, None) => Failure::own("the provider answered without an output"),
        (None, Some(message)) => Failure::own(&message),
        (Some(name), message) => {
            let failure = Failure {
                name: &name,
                message: message
                    .as_deref()
                    .unwrap_or("the provider answered without an output"),
                original_status: None,
            };
            failure.body()
        }
    }
}

/// A name without the namespace before it and the address behind it.
fn plain(name: &str) -> &str {
    let name = name.rsplit_once('#').map_or(name, |(_, name)| name);
    name.split_once(':').map_or(name, |(name, _)| name)
}

#[derive(Serialize)]
struct Body<'a> {
    error: Inner<'a>,
}

#[derive(Serialize)]
struct Inner<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(rename = "originalStatusCode", skip_serializing_if = "Option::is_none")]
    original_status: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, original_status: Option<u64>) -> String {
        let failure = Failure {
            name,
            message: "m",
            original_status,
        };
        String::from_utf8(failure.body().to_vec()).unwrap()
    }

    #[test]
    fn a_failure_carries_the_status_it_has_outside() {
        assert_eq!(
            written("throttlingException", None),
            r#"{"error":{"message":"m","type":"throttlingException","code":429}}"#
        );
        assert_eq!(
            written("modelStreamErrorException", Some(503)),
            r#"{"error":{"message":"m","type":"modelStreamErrorException","code":424,"originalStatusCode":503}}"#
        );
        assert_eq!(
            written("somethingNewException", None),
            r#"{"error":{"message":"m","type":"somethingNewException"}}"#
        );
    }

    #[test]
    fn a_name_is_known_without_its_surroundings_and_in_any_case() {
        for name in [
            "ThrottlingException",
            "com.amazonaws.bedrock#ThrottlingException",
            "ThrottlingException:http://internal.amazon.com/coral/",
        ] {
            assert_eq!(
                written(name, None),
                r#"{"error":{"message":"m","type":"ThrottlingException","code":429}}"#
            );
        }
    }
}
