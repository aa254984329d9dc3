//! SSHKey: key pairs for SSH.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which key pair is made. Its keys in the Secret are `privateKey` and `publicKey`.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "generators.external-secrets.io",
    version = "v1alpha1",
    kind = "SSHKey",
    root = "SshKey",
    plural = "sshkeys",
    category = "external-secrets",
    category = "external-secrets-generators",
    namespaced,
    schema = "disabled",
    label("external-secrets.io/component", "controller")
)]
#[serde(rename_all = "camelCase")]
pub struct SshKeySpec {
    /// Algorithm. Default: rsa.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "rsa"))]
    pub key_type: Option<SshKeyType>,
    /// Bits of the key. For rsa 2048 (the default), 3072, 4096 or 8192; for ecdsa 256 (the default), 384 or 521. Without
    /// meaning for ed25519.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 256, max = 8192))]
    pub key_size: Option<i64>,
    /// Comment at the end of the public key. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// Algorithm of a key pair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SshKeyType {
    /// RSA, which every server knows.
    #[default]
    Rsa,
    /// ECDSA over a curve of NIST.
    Ecdsa,
    /// Ed25519: short and fast.
    Ed25519,
}
