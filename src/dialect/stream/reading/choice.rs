//! The choices of one JSON value.

use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::super::super::scan::key;
use super::{Complaint, Presence, Said, Wanted, has_substance, is_truthy, raw};

/// Why a provider gives up in the middle of an answer, instead of finishing it; as JSON.
const GIVEN_UP: [&str; 2] = [r#""error""#, r#""insufficient_system_resource""#];

/// Reads the list of choices.
pub(super) struct ChoiceList<'s, 'a> {
    pub(super) wanted: Wanted,
    pub(super) said: &'s mut Said<'a>,
}

impl<'de> DeserializeSeed<'de> for ChoiceList<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ChoiceList<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of choices")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.said.choices = Presence::Empty;
        let mut position = 0;
        while seq
            .next_element_seed(Choice {
                position,
                wanted: self.wanted,
                said: self.said,
            })?
            .is_some()
        {
            self.said.choices = Presence::Filled;
            position += 1;
        }
        Ok(())
    }
}

/// Reads one choice.
struct Choice<'s, 'a> {
    /// Its place in the list, for servers that give no index.
    position: u32,
    wanted: Wanted,
    said: &'s mut Said<'a>,
}

/// The fields of a choice that are looked at.
#[derive(Clone, Copy)]
enum Name {
    Index,
    DeltaOrMessage,
    Text,
    FinishReason,
    Error,
    Other,
}

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        key(deserializer, |name| match name {
            "index" => Self::Index,
            "delta" | "message" => Self::DeltaOrMessage,
            "text" => Self::Text,
            "finish_reason" => Self::FinishReason,
            "error" => Self::Error,
            _ => Self::Other,
        })
    }
}

impl<'de> DeserializeSeed<'de> for Choice<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Choice<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a choice")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let said = self.said;
        let mut index = self.position;
        let mut reason = None;
        while let Some(name) = map.next_key()? {
            match name {
                Name::Index => index = raw(&mut map)?.parse().unwrap_or(index),
                Name::DeltaOrMessage if self.wanted.meaning => said.is_meaningful |= speaks(raw(&mut map)?),
                Name::Text if self.wanted.meaning => said.is_meaningful |= has_substance(raw(&mut map)?),
                Name::FinishReason => reason = Some(raw(&mut map)?),
                Name::Error => {
                    let error = raw(&mut map)?;
                    if is_truthy(error) {
                        said.complaint = Some(Complaint::Inner(error));
                    }
                }
                Name::DeltaOrMessage | Name::Text | Name::Other => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        // An answer has at most 128 choices; what is beyond shares the last bit.
        let bit = 1 << index.min(u128::BITS - 1);
        said.begun |= bit;
        if let Some(reason) = reason.filter(|reason| has_substance(reason)) {
            said.finished |= bit;
            said.is_meaningful = true;
            said.finish_reason = Some(reason);
            if GIVEN_UP.contains(&reason) {
                said.complaint = said.complaint.or(Some(Complaint::GivenUp(reason)));
            }
        }
        Ok(())
    }
}

/// Does a message or a piece of one say anything, under whatever name, besides whose it is?
///
/// New kinds of content appear faster than lists of them, and a stream that is held for want of a known one would be
/// taken for silent.
fn speaks(message: &str) -> bool {
    let mut deserializer = serde_json::Deserializer::from_str(message);
    deserializer.deserialize_any(Message).unwrap_or(false)
}

struct Message;

struct IsRole(bool);

impl<'de> Deserialize<'de> for IsRole {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        key(deserializer, |name| Self(name == "role"))
    }
}

impl<'de> Visitor<'de> for Message {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut says = false;
        while let Some(IsRole(is_role)) = map.next_key()? {
            says |= has_substance(raw(&mut map)?) && !is_role;
        }
        Ok(says)
    }
}
