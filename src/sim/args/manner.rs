//! The flags of how answers are made.

use clap::Args;

use crate::sim::manner::{Manner, Thinking};

/// How else the answers are made.
#[derive(Clone, Debug, Args)]
pub struct MannerArgs {
    /// Whether answers show thoughts before their words
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    pub thinking: Thinking,
    /// Calls in an answer to a request that demands one
    #[arg(long, value_name = "COUNT", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub calls: u32,
    /// Say something before the calls
    #[arg(long)]
    pub preamble: bool,
    /// How many tokens every prompt is said to have; without it, a quarter of the body's bytes
    #[arg(long, value_name = "COUNT")]
    pub prompt_tokens: Option<u64>,
    /// How many of them are said to come from a cache
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub cached_tokens: u64,
    /// How many of them are said to be written to a cache
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    pub cache_write_tokens: u64,
}

impl From<MannerArgs> for Manner {
    fn from(args: MannerArgs) -> Self {
        let MannerArgs {
            thinking,
            calls,
            preamble,
            prompt_tokens,
            cached_tokens,
            cache_write_tokens,
        } = args;
        Self {
            thinking,
            calls,
            preamble,
            prompt_tokens,
            cached_tokens,
            cache_write_tokens,
        }
    }
}
