//! Behaviour of the real binary against a real kube-apiserver and an independent AWS emulator.
//!
//! One control plane, one moto behind a proxy that counts and breaks calls, one operator for all; each test owns a
//! namespace and a name prefix at AWS. `KEYFERRY_TEST_CRDS=eso` runs the same tests on ESO-shaped CRDs.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::too_many_lines,
    clippy::needless_pass_by_value,
    clippy::match_wild_err_arm,
    reason = "tests say what failed by panicking, and read like stories"
)]

mod bad_input;
mod canary;
mod cluster_external_secret;
mod connections;
mod crds;
mod drift;
mod examples;
mod find;
mod generators;
mod generic_targets;
mod harness;
mod identity;
mod install;
mod leadership;
mod life;
mod migration;
mod namespaced;
mod on_missing;
mod parameter_store;
mod policies;
mod restart;
mod retries;
mod rewrite;
mod rights;
mod several_stores;
mod stalling;
mod stores;
mod sync;
mod templates;
mod tenants;
mod windows;
mod world;
