//! Embeddings: the same numbers for everybody, in as many dimensions as asked for.
//!
//! Invariant: the list of floats and the base64 text of the same length hold the same numbers, exactly.

use std::fmt::Write as _;
use std::sync::Arc;

use parking_lot::Mutex;

use super::saying::quoted;

/// What kind of embeddings are wanted, all of it legal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) inputs: usize,
    pub(super) dimensions: u32,
    pub(super) is_base64: bool,
}

impl Wanted {
    /// The length of an embedding for which none was asked.
    pub(super) const DIMENSIONS: u32 = 64;
    /// The longest that can be asked for.
    pub(super) const MAX_DIMENSIONS: u32 = 65_536;
}

/// Makes embeddings, and keeps the last one, since most callers ask for the same form.
#[derive(Debug, Default)]
pub(super) struct Vectors {
    last: Mutex<Option<(Form, Arc<str>)>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Form {
    dimensions: u32,
    least_bytes: usize,
    is_base64: bool,
}

impl Vectors {
    /// The answer to an embedding request, given its prompt tokens and the least size of a vector.
    pub(super) fn answer(
        &self,
        wanted: Wanted,
        model: &str,
        (prompt_tokens, least_bytes): (u64, usize),
    ) -> String {
        let vector = self.vector(Form {
            dimensions: wanted.dimensions,
            least_bytes,
            is_base64: wanted.is_base64,
        });
        document(&vector, wanted.inputs, model, prompt_tokens)
    }

    fn vector(&self, form: Form) -> Arc<str> {
        let mut last = self.last.lock();
        match &*last {
            Some((of, vector)) if *of == form => Arc::clone(vector),
            _ => {
                let vector: Arc<str> = form.vector().into();
                *last = Some((form, Arc::clone(&vector)));
                vector
            }
        }
    }
}

impl Form {
    /// The vector as it stands in the JSON, with at least so many numbers and at least so many bytes.
    fn vector(self) -> String {
        let dimensions = self.dimensions as usize;
        if self.is_base64 {
            // Four characters for three bytes, four bytes for a number.
            let dimensions = dimensions.max(self.least_bytes.div_ceil(16) * 3);
            let bytes: Vec<u8> = (0..dimensions)
                .flat_map(|position| number(position).to_le_bytes())
                .collect();
            return format!("\"{}\"", base64(&bytes));
        }
        let mut out = String::with_capacity((dimensions * 12).max(self.least_bytes) + 16);
        out.push('[');
        let mut position = 0;
        while position < dimensions || out.len() < self.least_bytes {
            let comma = if position == 0 { "" } else { "," };
            write!(out, "{comma}{:?}", number(position)).expect("a String takes every write");
            position += 1;
        }
        out.push(']');
        out
    }
}

/// A multiple of 1/1024 between -1/2 and 1/2: exact in decimals and in binary.
fn number(position: usize) -> f32 {
    f32::from(i16::try_from(position * 37 % 1024).unwrap_or_default() - 512) / 1024.0
}

/// The same vector for each input.
fn document(vector: &str, inputs: usize, model: &str, prompt_tokens: u64) -> String {
    let mut out = String::with_capacity(inputs * (vector.len() + 64) + model.len() + 128);
    out.push_str(r#"{"object":"list","data":["#);
    for index in 0..inputs {
        let comma = if index == 0 { "" } else { "," };
        write!(
            out,
            r#"{comma}{{"object":"embedding","index":{index},"embedding":{vector}}}"#
        )
        .expect("a String takes every write");
    }
    let model = quoted(model);
    write!(
        out,
        r#"],"model":{model},"usage":{{"prompt_tokens":{prompt_tokens},"total_tokens":{prompt_tokens}}}}}"#
    )
    .expect("a String takes every write");
    out
}

/// Base64 with padding.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group
            .iter()
            .fold(0u32, |bits, byte| (bits << 8) | u32::from(*byte))
            << (8 * (3 - group.len()));
        for position in 0..4 {
            let index = (bits >> (18 - 6 * position)) & 63;
            out.push(if position <= group.len() {
                char::from(ALPHABET[index as usize])
            } else {
                '='
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_padded_as_the_standard_says() {
        let table = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("\u{fb}ÿ", "w7vDvw=="),
        ];

        for (plain, encoded) in table {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }

    #[test]
    fn a_vector_has_as_many_numbers_and_bytes_as_asked_for() {
        let form = |dimensions, least_bytes, is_base64| {
            Form {
                dimensions,
                least_bytes,
                is_base64,
            }
            .vector()
        };

        let numbers: Vec<f32> = serde_json::from_str(&form(2000, 0, false)).unwrap();
        let text: String = serde_json::from_str(&form(2000, 0, true)).unwrap();

        assert_eq!(numbers.len(), 2000);
        assert!(numbers.iter().all(|number| (-0.5..0.5).contains(number)));
        assert_eq!(text.len(), (2000usize * 4).div_ceil(3) * 4);
        assert!(form(1, 5000, false).len() >= 5000 && form(1, 5000, true).len() >= 5000);
    }
}
