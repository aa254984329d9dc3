//! MFA: one-time codes as an authenticator shows them.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::selectors::SecretKeySelector;

/// How a one-time code (TOTP, RFC 6238) is computed. Its keys in the Secret are `token` and `timeLeft`, in seconds.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "generators.external-secrets.io",
    version = "v1alpha1",
    kind = "MFA",
    root = "Mfa",
    plural = "mfas",
    category = "external-secrets",
    category = "external-secrets-generators",
    namespaced,
    schema = "disabled",
    label("external-secrets.io/component", "controller")
)]
#[serde(rename_all = "camelCase")]
pub struct MfaSpec {
    /// The seed, in base32 as the service showed it, in a Secret of the namespace of the object that uses the generator.
    pub secret: SecretKeySelector,
    /// How many digits the code has. Default: 6.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<i64>,
    /// How many seconds a code holds. Default: 30.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_period: Option<i64>,
    /// Hash function: `sha1`, `sha256`, `sha384` or `sha512`. Default: sha1, which nearly every service expects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub algorithm: Option<String>,
    /// The moment for which the code is computed. Default: now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<Time>,
}
