//! Circuits: who is benched, for how long, and who may try again.
//!
//! ```text
//!             failures, or one plain enough            time is up, a probe leaves
//!   Closed ------------------------------> Open{until} -------------------------> HalfOpen
//!     ^                                     ^  |                                   |    |
//!     |        one failure                  |  | a forced attempt succeeds         |    |
//!     |   +---------------------------------+  v                                   |    |
//!     +-- Ramping 10, 25, 50, 100 % <--------------------- the probe succeeds -----+    |
//!                                           ^----------------- the probe fails ---------+
//! ```
//!
//! Three circuits guard each target: its endpoint's, its credential's and its own. A target is
//! available when all three allow it, and a failure is held against the one that is to blame.
//! [`Board::availability`] *advises* the planner; the [`Permit`] from [`Board::admit`] *decides*.
//!
//! Invariant: at most one live probe per circuit, and nothing stays shut for ever: every bench and
//! every probe has a deadline, so a circuit nobody hears from ends up asking for a probe.
//!
//! This module refuses to know providers beyond an id, what a failure means, HTTP, the clock,
//! tasks and metrics. Every change is a value ([`Change`]) that the caller logs and counts once.

mod availability;
mod board;
mod circuit;
mod cooldown;
mod key;
mod permit;
mod ramp;
mod settings;
mod speed;
mod transition;
mod vote;
mod window;

pub use availability::{Availability, Standing, TargetAvailability};
pub use board::{Board, TargetKeys, TargetSnapshot};
pub use circuit::CircuitSnapshot;
pub use key::{CircuitKey, CredentialKey, EndpointKey, Scope, TargetKey, UnknownCircuit};
pub use permit::{Admission, Permit, Refusal};
pub use settings::{BreakerSettings, ErrorRate, InvalidErrorRate};
pub use transition::{Cause, Change, StateWord, Transition};
pub use vote::{Failure, Health, Vote, Weight};
pub use window::WindowCounts;
