//! TODO(attempt)
