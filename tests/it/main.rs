//! Behaviour against a real control plane. Each test owns a namespace and a prefix of names.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on should stop where it is"
)]

mod crds;
mod harness;
mod stores;
