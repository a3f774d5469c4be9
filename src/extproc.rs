//! TODO(extproc)
