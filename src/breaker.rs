//! TODO(breaker)
