//! The parts against the clients that they are made for: kube and the AWS SDK.

#![expect(
    clippy::unwrap_used,
    reason = "a test's helper fails by panicking, as the test itself does"
)]

mod control_plane;
mod fake_aws;
mod moto;
mod sdk;
