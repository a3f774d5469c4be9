//! Placeholder until the judgement lands.
#![allow(missing_docs, reason = "placeholder")]
#[derive(Debug, Clone, Default)]
pub struct FailoverOn;
