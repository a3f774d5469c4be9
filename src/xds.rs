//! TODO(xds)
