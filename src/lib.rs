//! keyferry keeps Kubernetes Secrets equal to AWS Secrets Manager and SSM Parameter Store.
//!
//! ```text
//! watch ──► plan ──► fetch ──► rewrite ──► render ──► apply ──► report
//!  kube      pure   AWS, kube    pure       pure       kube      kube
//! ```
//!
//! `operator` watches and schedules; `sync` holds the stages, one module each; `aws` is the one way to AWS,
//! `secrets_api` the one way to Kubernetes Secrets and `resources_api` that to targets of other kinds.

pub mod api;
mod api_server;
pub mod aws;
pub mod cli;
pub mod commands;
pub mod crds;
pub mod dry_run;
pub mod generators;
pub mod inventory;
pub mod migrate;
pub mod operator;
pub mod reference;
pub mod resources_api;
pub mod rights;
pub mod run;
pub mod secret_bytes;
pub mod secrets_api;
pub mod sync;
pub mod telemetry;
