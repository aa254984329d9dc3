//! What the operator's operator decides about AWS: endpoints, bounds, its own identity.
//!
//! Nothing here comes from a store: users of the API cannot name endpoints or proxies.

use std::{path::PathBuf, time::Duration};

/// How AWS is reached, the same for every store.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Endpoints other than AWS's own. Requests to them are still signed for the store's region.
    pub endpoints: Endpoints,
    /// Name of the cluster, for session names that tell clusters and stores apart.
    pub cluster_name: Option<String>,
    /// Use FIPS endpoints (`AWS_USE_FIPS_ENDPOINT`).
    pub use_fips: bool,
    /// A PEM file of the only certificate authorities to trust for AWS (`AWS_CA_BUNDLE`).
    pub ca_bundle: Option<PathBuf>,
    /// The operator's own IRSA identity, as the EKS webhook injects it.
    pub web_identity: WebIdentity,
    /// Whether reads travel together.
    pub batch: Batch,
    /// Calls a second for one API, where the account's quota was raised: API name to rate.
    pub quotas: Vec<(String, u32)>,
    /// Bounds on calls and bytes.
    pub limits: Limits,
    /// Deadlines.
    pub timeouts: Timeouts,
}

/// Endpoint overrides, process-wide.
#[derive(Clone, Debug, Default)]
pub struct Endpoints {
    /// `AWS_SECRETSMANAGER_ENDPOINT`
    pub secrets_manager: Option<String>,
    /// `AWS_SSM_ENDPOINT`
    pub ssm: Option<String>,
    /// `AWS_STS_ENDPOINT`
    pub sts: Option<String>,
    /// `AWS_ECR_ENDPOINT`
    pub ecr: Option<String>,
    /// `AWS_ECR_PUBLIC_ENDPOINT`
    pub ecr_public: Option<String>,
}

/// What the EKS webhook injects for IRSA. Either both of role and token file are set, or neither.
#[derive(Clone, Debug, Default)]
pub struct WebIdentity {
    /// `AWS_ROLE_ARN`
    pub role_arn: Option<String>,
    /// `AWS_WEB_IDENTITY_TOKEN_FILE`
    pub token_file: Option<PathBuf>,
    /// `AWS_ROLE_SESSION_NAME`
    pub session_name: Option<String>,
}

/// Whether reads of one identity may share a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Batch {
    /// Where the role allows it.
    #[default]
    Auto,
    /// Never.
    Off,
}

/// Bounds of what is in flight.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Calls in flight for one identity.
    pub calls_per_identity: usize,
    /// Calls in flight in all.
    pub calls: usize,
    /// Bytes of answers that somebody still holds.
    pub held_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            calls_per_identity: 8,
            calls: 64,
            held_bytes: 16 * 1024 * 1024,
        }
    }
}

/// Deadlines of calls.
#[derive(Clone, Debug)]
pub struct Timeouts {
    /// TCP and TLS handshake.
    pub connect: Duration,
    /// One attempt of one call, from sending to the last byte of the answer.
    pub call: Duration,
    /// All attempts of one call and the pauses between them.
    pub attempts: Duration,
    /// How long a read waits for room under [`Limits::held_bytes`] before its object gives way.
    pub room: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_millis(3_100),
            call: Duration::from_secs(10),
            attempts: Duration::from_mins(1),
            room: Duration::from_secs(5),
        }
    }
}
