//! Walks over any JSON value and notes what was looked for, wherever it stands.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Bytes of text that are taken for one token; real texts have fewer per token.
const BYTES_PER_TOKEN: u64 = 6;

/// What was found in one field of the request.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Bytes of text that a model will read.
    text_bytes: u64,
    /// Tokens that were given as numbers.
    token_numbers: u64,
    /// Tokens of the largest item of a batch.
    largest_item: u64,
    /// Elements of the outermost array.
    pub(super) elements: usize,
    /// A part that is an image was seen.
    pub(super) has_image: bool,
    /// A format of type `json_schema` was seen.
    pub(super) has_schema: bool,
    /// The value of `include_usage`.
    pub(super) include_usage: Option<bool>,
}

impl Findings {
    pub(super) fn tokens(&self) -> u64 {
        self.largest_item + self.token_numbers + self.text_bytes / BYTES_PER_TOKEN
    }

    fn add_text(&mut self, text: &str) {
        if !is_base64_url(text) {
            self.text_bytes += u64::try_from(text.len()).unwrap_or(u64::MAX);
        }
    }
}

/// What a value is to the one who looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Nothing by itself; what it contains may be.
    Plain,
    /// Text for the model, as are the elements when it is an array.
    Text,
    /// One or several texts or token arrays, each of which is a prompt by itself.
    Batch,
    /// The `type` of the object that it stands in.
    Type,
    /// The value of `include_usage`.
    IncludeUsage,
}

/// Walks over one value.
pub(super) struct Walk<'f> {
    pub(super) role: Role,
    pub(super) findings: &'f mut Findings,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        if self.role == Role::IncludeUsage {
            self.findings.include_usage = Some(value);
        }
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        if self.role == Role::Text {
            self.findings.token_numbers += 1;
        }
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        match self.role {
            Role::Text | Role::Batch => self.findings.add_text(text),
            Role::Type => match text {
                "image_url" | "input_image" | "image" => self.findings.has_image = true,
                "json_schema" => self.findings.has_schema = true,
                _ => {}
            },
            Role::Plain | Role::IncludeUsage => {}
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let role = match self.role {
            Role::Batch => return batch(self.findings, seq),
            Role::Text => Role::Text,
            Role::Plain | Role::Type | Role::IncludeUsage => Role::Plain,
        };
        let mut elements = 0;
        while seq
            .next_element_seed(Walk {
                role,
                findings: self.findings,
            })?
            .is_some()
        {
            elements += 1;
        }
        self.findings.elements = elements;
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Key(role)) = map.next_key()? {
            map.next_value_seed(Walk {
                role,
                findings: self.findings,
            })?;
        }
        Ok(())
    }
}

/// A flat array of numbers is one prompt; of anything else, every element is one.
fn batch<'de, A: SeqAccess<'de>>(findings: &mut Findings, mut seq: A) -> Result<(), A::Error> {
    let mut numbers = 0;
    loop {
        let mut item = Findings::default();
        let walk = Walk {
            role: Role::Text,
            findings: &mut item,
        };
        if seq.next_element_seed(walk)?.is_none() {
            break;
        }
        // A number leaves one token and no elements; an array of one number leaves an element too.
        if item.token_numbers == 1 && item.elements == 0 {
            numbers += 1;
        }
        findings.largest_item = findings.largest_item.max(item.tokens());
        findings.has_image |= item.has_image;
    }
    findings.largest_item = findings.largest_item.max(numbers);
    Ok(())
}

/// A key inside a value, as the role that it gives to what follows.
struct Key(Role);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        key(deserializer, |name| {
            Self(match name {
                "content" | "text" | "arguments" | "description" => Role::Text,
                "type" => Role::Type,
                "include_usage" => Role::IncludeUsage,
                _ => Role::Plain,
            })
        })
    }
}

/// Reads an object's key and tells it apart without a copy.
pub(in crate::dialect) fn key<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    tell: impl FnOnce(&str) -> T,
) -> Result<T, D::Error> {
    struct Name<F>(F);

    impl<T, F: FnOnce(&str) -> T> Visitor<'_> for Name<F> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a name")
        }

        fn visit_str<E: Error>(self, name: &str) -> Result<T, E> {
            Ok((self.0)(name))
        }
    }

    deserializer.deserialize_str(Name(tell))
}

/// True for `data:image/png;base64,...` and its like, which may stand where a text is expected.
fn is_base64_url(text: &str) -> bool {
    /// Longer than any media type with its parameters.
    const HEAD: usize = 128;
    text.starts_with("data:")
        && text
            .as_bytes()
            .iter()
            .take(HEAD)
            .position(|byte| *byte == b',')
            .is_some_and(|comma| {
                text.as_bytes()
                    .get(..comma)
                    .is_some_and(|head| head.ends_with(b";base64"))
            })
}
