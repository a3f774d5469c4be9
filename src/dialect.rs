//! TODO(dialect)
