//! Generators of `generators.external-secrets.io/v1alpha1`: they make values instead of reading them.
//!
//! An ExternalSecret names one in `dataFrom[].sourceRef.generatorRef`. Kinds that this operator does not implement have
//! no type here, and no CRD.

mod cluster;
mod ecr;
mod fake;
mod mfa;
mod password;
mod ssh_key;
mod sts;
mod uuid;

pub use cluster::{ClusterGenerator, ClusterGeneratorSpec, GeneratorSpec};
pub use ecr::{EcrAuthorizationToken, EcrAuthorizationTokenSpec};
pub use fake::{Fake, FakeSpec};
pub use mfa::{Mfa, MfaSpec};
pub use password::{Password, PasswordEncoding, PasswordSpec};
pub use ssh_key::{SshKey, SshKeySpec, SshKeyType};
pub use sts::{SessionParameters, StsSessionToken, StsSessionTokenSpec};
pub use uuid::{Uuid, UuidSpec};

/// Group and version of generators.
pub const API_VERSION: &str = "generators.external-secrets.io/v1alpha1";
