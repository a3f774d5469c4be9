//! The fields at the top of a body.
//!
//! Invariant: a field that is left out although it says something is told by its name.

use super::Wearer;
use super::edits::{Edits, Member, Members};
use crate::catalog::Surface;
use crate::dialect::facts::{MaxTokensField, Thinking};
use crate::dialect::hub::Effort;
use crate::dialect::openai::effort::nearest;

const MAX_TOKENS: &str = "max_tokens";
const MAX_COMPLETION_TOKENS: &str = "max_completion_tokens";
const EFFORT: &str = "reasoning_effort";

/// What is done to the fields of one body.
pub(super) struct Fields<'w> {
    wearer: Wearer<'w>,
    surface: Surface,
    /// The model takes the tools in this body only if it is told not to think.
    must_not_think: bool,
    /// Names of the vendor's or the model's own, of fields with another one in the hub, that say something here.
    said: Vec<&'static str>,
    dropped: Vec<String>,
}

/// What is done to one field.
enum Deed {
    Keep,
    /// It goes, and that is told.
    Drop,
    /// It goes, and nothing is lost.
    Forget,
    Rename(&'static str),
    Set(&'static str),
    /// It says something else, and that is told.
    Force(&'static str),
}

impl<'w> Fields<'w> {
    pub(super) fn new(wearer: Wearer<'w>, surface: Surface) -> Self {
        Self {
            wearer,
            surface,
            must_not_think: false,
            said: Vec::new(),
            dropped: Vec::new(),
        }
    }

    /// The names of what was left out.
    pub(super) fn into_dropped(self) -> Vec<String> {
        self.dropped
    }

    /// Edits the members of a body.
    pub(super) fn edit(&mut self, members: &Members<'_>, edits: &mut Edits<'_>) {
        let offers_tools = |member: &Member<'_>| {
            let is_offer = matches!(member.name().as_ref(), "tools" | "functions");
            is_offer
                && member
                    .raw()
                    .strip_prefix('[')
                    .is_some_and(|rest| rest.trim_ascii_start() != "]")
        };
        self.must_not_think = self.wearer.facts.tools_need_no_effort && members.0.iter().any(offers_tools);
        let says = |name: &str| {
            let mut members = members.0.iter();
            members.any(|member| member.name() == name && !member.is_null())
        };
        self.said = self
            .renames()
            .map(|(_, theirs)| theirs)
            .filter(|name| says(name))
            .collect();
        let mut keeps_one = false;
        for (index, member) in members.0.iter().enumerate() {
            match self.deed(member) {
                Deed::Keep => {}
                Deed::Rename(name) => edits.rename(member, name),
                Deed::Set(word) => edits.set(member, quoted(word)),
                Deed::Force(word) => {
                    edits.set(member, quoted(word));
                    self.dropped.push(member.name().into_owned());
                }
                deed @ (Deed::Drop | Deed::Forget) => {
                    edits.remove(members, index, keeps_one);
                    if matches!(deed, Deed::Drop) && !member.is_null() {
                        self.dropped.push(member.name().into_owned());
                    }
                    continue;
                }
            }
            keeps_one = true;
        }
        if self.surface == Surface::Chat && keeps_one {
            let is_there = |name: &str| members.0.iter().any(|member| member.name() == name);
            let not_to_think = self.must_not_think.then_some((EFFORT, "\"none\""));
            let adds = self.wearer.vendor.adds.iter().copied().chain(not_to_think);
            for (name, json) in adds.filter(|(name, _)| !is_there(name)) {
                edits.append(name, json);
            }
        }
    }

    /// The fields that have two names: the one that goes, and the one that is meant.
    fn renames(&self) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
        let limit = match self.wearer.facts.max_tokens_field {
            MaxTokensField::AsSent => None,
            MaxTokensField::MaxTokens => Some((MAX_COMPLETION_TOKENS, MAX_TOKENS)),
            MaxTokensField::MaxCompletionTokens => Some((MAX_TOKENS, MAX_COMPLETION_TOKENS)),
        };
        self.wearer.vendor.renames.iter().copied().chain(limit)
    }

    fn deed(&self, member: &Member<'_>) -> Deed {
        let Wearer { vendor, facts } = self.wearer;
        let name = member.name();
        let name = name.as_ref();
        if vendor.refuses.contains(&name) || facts.refuse(name) {
            return Deed::Drop;
        }
        if self.surface != Surface::Chat {
            return Deed::Keep;
        }
        let Some((_, theirs)) = self
            .renames()
            .find(|(ours, theirs)| [*ours, *theirs].contains(&name))
        else {
            return self.effort(name, member);
        };
        match name {
            // Nothing said by one name must not stand beside something said by the other.
            _ if member.is_null() => Deed::Forget,
            name if name == theirs => Deed::Keep,
            _ if self.said.contains(&theirs) => Deed::Forget,
            _ => Deed::Rename(theirs),
        }
    }

    /// How hard to think, if it is that.
    fn effort(&self, name: &str, member: &Member<'_>) -> Deed {
        let facts = self.wearer.facts;
        if name != EFFORT {
            return Deed::Keep;
        }
        let asked = serde_json::from_str::<String>(member.raw()).ok();
        let asked = asked.as_deref().and_then(Effort::from_word);
        if self.must_not_think {
            return match asked {
                Some(Effort::None) => Deed::Keep,
                None if member.is_null() => Deed::Set(Effort::None.as_str()),
                _ => Deed::Force(Effort::None.as_str()),
            };
        }
        let Some(asked) = asked else {
            return Deed::Keep;
        };
        let is_refused = facts.refused_efforts.iter().any(|word| word == asked.as_str());
        match nearest(asked, facts) {
            _ if facts.thinking == Thinking::Never && asked == Effort::None => Deed::Forget,
            _ if facts.thinking != Thinking::Never && !is_refused => Deed::Keep,
            Some(effort) => Deed::Set(effort.as_str()),
            None => Deed::Drop,
        }
    }
}

fn quoted(word: &str) -> String {
    format!("\"{word}\"")
}
