//! What a client wants, free of any dialect.

use std::time::Duration;

use crate::catalog::{Lacks, ModelIx, ProviderIx, Surface, TargetIx};

/// One client's wish, as far as planning needs to know it.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The part of the API it speaks to.
    pub surface: Surface,
    /// The model it names.
    pub model: ModelIx,
    /// Whether the answer is to be a stream.
    pub stream: bool,
    /// What the target must be able to do.
    pub features: Features,
    /// Lower bound of the prompt's tokens, from its size.
    pub input_tokens: u64,
    /// Most tokens of the answer, when the caller said so.
    pub max_tokens: Option<u64>,
    /// How the caller narrowed our choice.
    pub narrowing: Narrowing,
    /// Targets that the ask cannot be carried to in their language, and the feature that is in the way.
    pub unfit: Vec<(TargetIx, &'static str)>,
}

impl Ask {
    /// What keeps the ask from being carried to `target`.
    pub(super) fn cannot_reach(&self, target: TargetIx) -> Option<&'static str> {
        let unfit = self.unfit.iter().find(|(unfit, _)| *unfit == target);
        unfit.map(|(_, feature)| *feature)
    }

    /// Where the caller wants `provider`: 0 is first, and 0 for all when there is no wish; `None` is not at all.
    pub(super) fn wish_for(&self, provider: ProviderIx) -> Option<usize> {
        let order = &self.narrowing.order;
        if order.is_empty() {
            Some(0)
        } else {
            order.iter().position(|wanted| *wanted == provider)
        }
    }

    /// The first feature of the ask that a target with these gaps does not have.
    pub(super) fn beyond(&self, lacks: Lacks) -> Option<&'static str> {
        let wanted = self.features;
        let lacks_tools = lacks.tools || lacks.chat_tools && self.surface != Surface::Responses;
        [
            ("tools", wanted.tools && lacks_tools),
            ("vision", wanted.vision && lacks.vision),
            ("streaming", wanted.streaming && lacks.streaming),
            ("json_schema", wanted.json_schema && lacks.json_schema),
            ("n", wanted.many && lacks.many),
        ]
        .into_iter()
        .find_map(|(feature, is_missing)| is_missing.then_some(feature))
    }
}

/// What a target must be able to do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a set of independent flags read from the request"
)]
pub struct Features {
    /// Tools are offered.
    pub tools: bool,
    /// Images are shown.
    pub vision: bool,
    /// A stream is wanted.
    pub streaming: bool,
    /// A JSON schema is to be followed.
    pub json_schema: bool,
    /// More than one answer is wanted.
    pub many: bool,
}

/// How the caller narrowed our choice; it can never widen it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Narrowing {
    /// `x-understudy-failover: off`: one attempt.
    pub failover_off: bool,
    /// `x-understudy-order`: only these providers, in this order; empty means no wish.
    pub order: Vec<ProviderIx>,
    /// `x-understudy-timeout`: less time for the whole request.
    pub timeout: Option<Duration>,
}
