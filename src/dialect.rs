//! The wire languages of providers: where requests go, how we sign in, how bodies are rewritten and read.
//!
//! One file per language. It knows nothing of health, plans or gRPC.

pub mod scan;
pub mod usage;

/// A provider's wire language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenAI itself.
    OpenAi,
    /// Azure OpenAI, in deployment or `v1` style.
    AzureOpenAi,
    /// Any server that speaks OpenAI's language.
    OpenAiCompatible,
}
