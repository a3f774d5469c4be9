//! TODO(outcome)
