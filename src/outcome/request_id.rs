//! What a provider calls the request that it answered.
//!
//! Invariant: the id is one word of plain characters, fit for a log line and a header; anything else is none. It
//! knows nothing of ids of our own.

use super::header_view::HeaderView;

/// Where providers say it, the most used first.
const HEADERS: [&str; 5] = [
    "x-request-id",
    "request-id",
    "x-amzn-requestid",
    "apim-request-id",
    "x-generation-id",
];

/// A longer one is no id.
const LONGEST: usize = 128;

/// The provider's own id of a request, by which its support finds it.
pub fn request_id(headers: &dyn HeaderView) -> Option<&str> {
    HEADERS
        .iter()
        .filter_map(|name| headers.text(name))
        .find(|id| (1..=LONGEST).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_str(value).unwrap(),
                )
            })
            .collect()
    }

    #[test]
    fn every_vendors_header_is_read() {
        for name in HEADERS {
            assert_eq!(
                request_id(&headers(&[(name, " req_011C-a ")])),
                Some("req_011C-a")
            );
        }
        assert_eq!(request_id(&HeaderMap::new()), None);
    }

    #[test]
    fn what_is_no_id_is_passed_over() {
        for bad in ["", "two words", &"x".repeat(LONGEST + 1)] {
            let both = headers(&[("x-request-id", bad), ("request-id", "req_1")]);

            assert_eq!(request_id(&both), Some("req_1"), "{bad}");
        }
    }
}
