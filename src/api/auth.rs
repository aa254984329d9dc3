//! How AWS is reached: credentials and roles, shared by stores and generators.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::selectors::{SecretKeySelector, ServiceAccountSelector};

/// Where credentials come from. Left out, the operator's own identity is used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwsAuth {
    /// Static credentials from a Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<AwsAuthSecretRef>,
    /// A token of a ServiceAccount (IRSA).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwt: Option<AwsJwtAuth>,
}

/// Static credentials, key by key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwsAuthSecretRef {
    /// Where the access key id is.
    #[serde(rename = "accessKeyIDSecretRef", skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<SecretKeySelector>,
    /// Where the secret access key is.
    #[serde(rename = "secretAccessKeySecretRef", skip_serializing_if = "Option::is_none")]
    pub secret_access_key: Option<SecretKeySelector>,
    /// Where the session token is, for temporary credentials.
    #[serde(rename = "sessionTokenSecretRef", skip_serializing_if = "Option::is_none")]
    pub session_token: Option<SecretKeySelector>,
}

/// A ServiceAccount annotated with `eks.amazonaws.com/role-arn`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwsJwtAuth {
    /// The ServiceAccount whose token is exchanged for its role's credentials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_account_ref: Option<ServiceAccountSelector>,
}

/// A session tag.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionTag {
    /// Key of the tag.
    pub key: String,
    /// Value of the tag.
    pub value: String,
}

/// Which session tags the last role is assumed with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SessionTagsPolicy {
    /// Those of `sessionTags` are sent.
    #[default]
    None,
    /// `esoNamespace`, `esoStoreName` and `esoStoreKind` are sent in place of `sessionTags`.
    Simple,
    /// Those of Simple and those of `customSessionTags` are sent in place of `sessionTags`.
    Custom,
}
