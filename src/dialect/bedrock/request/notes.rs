//! What is noted beside a request, and how soon it is served.
//!
//! Invariant: no answer hangs on a note, so one that would be refused is left out by name.

use serde::{Serialize, Serializer};

use super::LeftOut;
use crate::dialect::hub::{Chat, Text};

/// Most entries of metadata.
const MOST_ENTRIES: usize = 16;

/// Longest key, and longest value, of metadata.
const LONGEST_WORD: usize = 256;

/// What is written beside the request into the provider's own log.
#[derive(Default)]
pub(super) struct Metadata<'a>(Vec<(&'a str, Text<'a>)>);

impl Metadata<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Metadata<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

/// The caller's metadata, and whom it calls for.
pub(super) fn metadata<'a>(chat: &'a Chat<'a>, left: &mut LeftOut<'_>) -> Metadata<'a> {
    let mut noted = Metadata::default();
    let mut is_whole = true;
    let asked = left.keep("metadata", chat.metadata.as_ref());
    for (key, raw) in asked.iter().flat_map(|object| object.members()) {
        is_whole &= Text::read(raw).is_some_and(|value| noted.add(key, value));
    }
    if !is_whole {
        left.note("metadata");
    }
    if let Some(user) = left.keep("user", chat.user.clone()) {
        let has_one = noted.0.iter().any(|(key, _)| *key == "user");
        if has_one || !noted.add("user", user) {
            left.note("user");
        }
    }
    noted
}

impl<'a> Metadata<'a> {
    /// Adds an entry, if it is one that is taken.
    fn add(&mut self, key: &'a str, value: Text<'a>) -> bool {
        if key.is_empty() || !is_noted(key) || !is_noted(&value.decoded()) {
            return false;
        }
        if let Some((_, before)) = self.0.iter_mut().find(|(known, _)| *known == key) {
            *before = value;
            return true;
        }
        if self.0.len() >= MOST_ENTRIES {
            return false;
        }
        self.0.push((key, value));
        true
    }
}

/// May this be a word of metadata?
fn is_noted(word: &str) -> bool {
    let is_allowed = |letter: char| {
        letter.is_ascii_alphanumeric() || letter.is_ascii_whitespace() || ":_@$#=/+,-.".contains(letter)
    };
    word.len() <= LONGEST_WORD && word.chars().all(is_allowed)
}

/// How soon the request is to be served.
#[derive(Serialize)]
pub(super) struct ServiceTier {
    #[serde(rename = "type")]
    kind: &'static str,
}

/// The tier that was asked for, in Bedrock's words; `None` is the account's own.
pub(super) fn tier(chat: &Chat<'_>, left: &mut LeftOut<'_>) -> Option<ServiceTier> {
    let kind = match left.keep("service_tier", chat.service_tier.as_deref())? {
        "auto" => return None,
        "default" => "default",
        "flex" => "flex",
        "priority" | "fast" => "priority",
        "reserved" => "reserved",
        _ => {
            left.note("service_tier");
            return None;
        }
    };
    Some(ServiceTier { kind })
}
