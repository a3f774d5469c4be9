//! Makes a request in OpenAI's form fit one target by edits on its bytes.
//!
//! Invariant: what is not edited stays as it was written, byte for byte, and a body without anything to edit is shared
//! and not copied. A body that has not the form of a request stays as it is, for the provider to judge. It knows
//! vendors and models by their data only.

mod call_id;
mod edits;
mod fields;
#[cfg(test)]
mod tests;
mod turns;

use std::ops::Range;

use bytes::Bytes;

use super::facts::{Facts, MaxTokensField, Thinking};
use super::scan::replace_model;
use super::vendor::{CallIds, Messages, Vendor};
use crate::catalog::Surface;
use edits::{Edits, Members, Value};
use fields::Fields;

/// Whom a request is made to fit.
#[derive(Debug, Clone, Copy)]
pub struct Wearer<'a> {
    /// Which vendor.
    pub vendor: &'a Vendor,
    /// What is known of the model.
    pub facts: &'a Facts,
}

/// A request that fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retouched {
    /// The body; the very same where nothing had to be done.
    pub body: Bytes,
    /// Fields that are left out, in alphabetical order.
    pub dropped: Vec<String>,
}

/// The request in `body`, to `surface`, as `wearer` takes it.
///
/// `model` is the model's name there, and where the literal stands that it replaces; without it, the name stays.
pub fn retouch(
    body: &Bytes,
    model: Option<(&Range<usize>, &str)>,
    surface: Surface,
    wearer: Wearer<'_>,
) -> Retouched {
    let has_extras = wearer.refuses_extras_of(body, surface);
    let edited = (has_extras || !wearer.takes_everything(surface))
        .then(|| std::str::from_utf8(body).ok())
        .flatten()
        .and_then(|text| edit(text, surface, wearer, has_extras));
    let Some((mut edits, dropped)) = edited else {
        let body = model.map_or_else(|| body.clone(), |(span, name)| replace_model(body, span, name));
        return Retouched {
            body,
            dropped: Vec::new(),
        };
    };
    if let Some((span, name)) = model {
        let literal = serde_json::Value::from(name).to_string();
        if body.get(span.clone()) != Some(literal.as_bytes()) {
            edits.replace(span.clone(), literal);
        }
    }
    Retouched {
        body: edits.apply(body),
        dropped,
    }
}

/// The edits of a body, and what they leave out.
fn edit<'t>(
    text: &'t str,
    surface: Surface,
    wearer: Wearer<'_>,
    has_extras: bool,
) -> Option<(Edits<'t>, Vec<String>)> {
    let shapes_messages = has_extras || (surface == Surface::Chat && wearer.shapes_messages());
    let members = if shapes_messages {
        Members::with_messages(text)?
    } else {
        Members::read(text)?
    };
    let mut edits = Edits::of(text);
    let mut fields = Fields::new(wearer, surface);
    fields.edit(&members, &mut edits);
    let mut dropped = fields.into_dropped();
    for member in &members.0 {
        let Value::Messages(turns) = &member.value else {
            continue;
        };
        for turn in turns {
            if turns::edit(turn, wearer.vendor.messages, &mut edits) {
                dropped.push("messages.name".to_owned());
            }
        }
    }
    dropped.sort_unstable();
    dropped.dedup();
    Some((edits, dropped))
}

impl Wearer<'_> {
    /// Is every request to this part of the API fine as it is?
    fn takes_everything(&self, surface: Surface) -> bool {
        let Self { vendor, facts } = self;
        let drops_nothing = vendor.refuses.is_empty() && facts.refuses.is_empty();
        drops_nothing && (surface != Surface::Chat || !self.shapes_chat())
    }

    /// Are there requests for chat completions that have to be changed, beside fields that are refused?
    fn shapes_chat(&self) -> bool {
        let Self { vendor, facts } = self;
        self.shapes_messages()
            || facts.thinking == Thinking::Never
            || !facts.refused_efforts.is_empty()
            || facts.tools_need_no_effort
            || facts.max_tokens_field != MaxTokensField::AsSent
            || !(vendor.renames.is_empty() && vendor.adds.is_empty())
    }

    fn shapes_messages(&self) -> bool {
        let any = Messages {
            developer: true,
            lists_of_texts: true,
            names: true,
            call_ids: CallIds::Any,
            ..self.vendor.messages
        };
        self.vendor.messages != any
    }

    /// Might there be something in the messages that was meant for another vendor? Only then they are looked at for it.
    fn refuses_extras_of(&self, body: &[u8], surface: Surface) -> bool {
        let may_refuse = surface == Surface::Chat && !self.vendor.messages.extra_content;
        may_refuse && memchr::memmem::find(body, b"\"extra_content\"").is_some()
    }
}
