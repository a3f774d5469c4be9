//! Envoy's external processing, both stages, in front of the [session](crate::session).
//!
//! ```text
//! server ─▶ plan_stage    (one gRPC stream per request:  arrive, plan, final answer)
//!        └▶ attempt_stage (one gRPC stream per attempt:  request out, answer in)
//! broken                   (one gRPC stream per Envoy:    who ended an answer that was flowing)
//! ```
//!
//! This module turns messages into steps and operations into messages, and nothing else. It alone knows Envoy's
//! external processing wire format, and it decides nothing.

mod attempt_stage;
mod broken;
mod plan_stage;
mod server;
mod sessions;
mod telling;
mod wire;

pub use broken::BrokenRequests;
pub use server::Processor;
pub use sessions::Gateway;
