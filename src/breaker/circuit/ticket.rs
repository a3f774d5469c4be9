//! What a passage through a circuit is remembered by.
//!
//! Invariant: a ticket names one epoch, and at most one live ticket of it is the probe's. Refuses
//! to know what the attempt does.

/// What a passage through a circuit is remembered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::breaker) struct Ticket {
    pub(super) epoch: u64,
    pub(super) role: Role,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Ordinary,
    Probe,
    /// A probe that has proved its point already; what it may still add is a failure.
    ProvenProbe,
}

impl Ticket {
    /// Whether it left as a circuit's probe.
    pub(in crate::breaker) fn is_probe(self) -> bool {
        self.role != Role::Ordinary
    }
}
