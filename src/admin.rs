//! TODO(admin)
