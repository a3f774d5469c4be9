//! The messages of a body.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::call_id;
use super::edits::{Edits, Members};
use crate::dialect::vendor::{CallIds, Messages};

/// Edits one message; says whether a name was left out.
pub(super) fn edit(turn: &Members<'_>, taken: Messages, edits: &mut Edits<'_>) -> bool {
    let has_role = |role: &str| {
        turn.0
            .iter()
            .any(|member| member.name() == "role" && member.raw() == role)
    };
    // The retired results of functions are nothing without their name.
    let may_have_name = taken.names || has_role("\"function\"");
    let remakes_ids = taken.call_ids == CallIds::NineAlphanumerics;
    let (mut keeps_one, mut drops_name) = (false, false);
    for (index, member) in turn.0.iter().enumerate() {
        match member.name().as_ref() {
            "role" if !taken.developer && member.raw() == "\"developer\"" => edits.set(member, "\"system\""),
            "content" if !taken.lists_of_texts => {
                if let Some(text) = flat(member.raw()) {
                    edits.set(member, text);
                }
            }
            "tool_call_id" if remakes_ids => remake(turn, index, edits),
            "tool_calls" if remakes_ids || !taken.extra_content => fit_calls(member.raw(), taken, edits),
            "name" if !may_have_name => {
                edits.remove(turn, index, keeps_one);
                drops_name |= !member.is_null();
                continue;
            }
            _ => {}
        }
        keeps_one = true;
    }
    drops_name
}

/// Makes the calls of a message fit. What Google wants back with them is left out in silence: we have put it there.
fn fit_calls(raw: &str, taken: Messages, edits: &mut Edits<'_>) {
    let calls = serde_json::from_str::<Vec<Members<'_>>>(raw);
    for call in calls.unwrap_or_default() {
        let mut keeps_one = false;
        for (index, member) in call.0.iter().enumerate() {
            match member.name().as_ref() {
                "id" if taken.call_ids == CallIds::NineAlphanumerics => remake(&call, index, edits),
                "extra_content" if !taken.extra_content => {
                    edits.remove(&call, index, keeps_one);
                    continue;
                }
                _ => {}
            }
            keeps_one = true;
        }
    }
}

/// Gives a call the id that it has there.
fn remake(members: &Members<'_>, index: usize, edits: &mut Edits<'_>) {
    let Some(member) = members.0.get(index) else {
        return;
    };
    let id = serde_json::from_str::<Cow<'_, str>>(member.raw());
    if let Some(id) = id.ok().and_then(|id| call_id::nine_alphanumerics(&id)) {
        edits.set(member, format!("\"{id}\""));
    }
}

/// A list of texts and of nothing else as one text, a line for each; as it is to be written.
fn flat(raw: &str) -> Option<String> {
    if !raw.starts_with('[') {
        return None;
    }
    let texts: Vec<Literal<'_>> = serde_json::from_str(raw).ok()?;
    let inner = texts.iter().map(|Literal(literal)| literal.as_ref());
    Some(format!("\"{}\"", inner.collect::<Vec<_>>().join("\\n")))
}

/// The text of a part, as it is written, without its quotes. A part that is none is an error, told at once.
struct Literal<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Literal<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Part).map(Literal)
    }
}

struct Part;

impl<'de> Visitor<'de> for Part {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a part that is text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        let literal = serde_json::to_string(text).map_err(E::custom)?;
        Ok(Cow::Owned(inner(&literal).to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut text = None;
        while let Some(key) = map.next_key::<Cow<'_, str>>()? {
            match key.as_ref() {
                "type" => {
                    let kind = map.next_value::<&RawValue>()?.get();
                    if !matches!(kind, "\"text\"" | "\"refusal\"") {
                        return Err(A::Error::custom("another kind of part"));
                    }
                }
                "text" | "refusal" => text = Some(map.next_value::<&RawValue>()?.get()),
                _ => _ = map.next_value::<IgnoredAny>()?,
            }
        }
        let literal = text.filter(|text| text.starts_with('"'));
        literal
            .map(|literal| Cow::Borrowed(inner(literal)))
            .ok_or_else(|| A::Error::custom("no text"))
    }
}

fn inner(literal: &str) -> &str {
    literal
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
        .unwrap_or_default()
}
