//! What operators of the operator see: metrics, logs, health.

pub mod admin;
pub mod logging;
pub mod metrics;
