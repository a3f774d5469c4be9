//! The harness: a real Envoy, Understudy in this process, and providers that do as they are told.
//!
//! ```ignore
//! let primary = Sim::start(SimConfig::named("primary")).await.unwrap();
//! let gateway = Gateway::with(CONFIG).fill("primary", primary.base_url()).start().await;
//! let answer = gateway.post("/v1/chat/completions", chat("gpt-4o")).send().await;
//! assert_eq!(answer.status, 200);
//! gateway.stop().await;
//! ```
//!
//! Invariants: nothing waits without a bound, and who waits in vain says what was seen last; no test shares an address
//! with another, in this process or a neighbouring one; a gateway that is stopped leaves no process, no open session
//! and no crash unnoticed.

#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    missing_docs,
    clippy::assigning_clones,
    clippy::float_cmp,
    clippy::needless_pass_by_value,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a harness offers more than one test takes, and says what is wrong by panicking"
)]

pub mod access;
pub mod answer;
pub mod call;
pub mod client;
pub mod gateway;
pub mod log;
pub mod loopback;
pub mod raw_client;
pub mod raw_provider;
pub mod scrape;
pub mod sources;
pub mod streaming;
pub mod tls;
pub mod waiting;

pub use answer::{Answer, Hop};
pub use call::{Call, chat, chat_stream};
pub use client::Connection;
pub use gateway::{Gateway, Running, envoy_binary};
pub use log::{log_line, log_text};
pub use loopback::{Addresses, NOWHERE, closed_port};
pub use raw_client::RawClient;
pub use raw_provider::{RawProvider, RawRequest, Script};
pub use scrape::Scrape;
pub use streaming::{Ended, Ending, Streaming};
pub use tls::Authority;
pub use waiting::{BOUND, until, within};
