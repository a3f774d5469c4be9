//! What a failed answer means: its class, who is to blame, how long to wait, and what to tell the client.
//!
//! Invariant: everything here is a pure function of what the provider sent and of a `now` that was passed in; any
//! bytes at all get a class, never a panic. It knows nothing of circuits, plans, clocks or gRPC, and of no other
//! module of ours.
//!
//! - [`Class`] is the table: does it move on, who is blamed, what the circuit does with it.
//! - [`judge()`] reads a provider's answer into a [`Class`], from its body's words, then its text, then its status.
//! - [`hint`] reads how long the provider asked to wait.
//! - [`decode`] opens compressed bodies, within a bound.
//! - [`FailoverOn`] is a policy's choice of what moves on.
//! - [`final_answer()`] is the one answer the client gets when everything failed, [`callers_error`] the one for its own
//!   mistake.
//! - [`request_id()`] is what the provider calls the request.

mod class;
mod content_encoding;
mod error_body;
mod failover_on;
mod final_answer;
mod header_view;
mod judge;
mod mask;
mod request_id;
mod retry_after;

pub use class::{Class, ClassSet, Effect, Scope, UnknownClass, Verdict};
pub use content_encoding::{Decoded, decode};
pub use error_body::{ErrorBody, MESSAGE_LIMIT};
pub use failover_on::{BadName, FailoverOn};
pub use final_answer::{Ending, FinalAnswer, Tried, callers_error, final_answer, openai_error};
pub use header_view::HeaderView;
pub use judge::{ErrorDialect, Evidence, Judged, judge};
pub use mask::client_safe;
pub use request_id::request_id;
pub use retry_after::{LONGEST_HINT, hint};
