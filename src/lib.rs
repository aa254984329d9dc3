//! keyferry
