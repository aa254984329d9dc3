//! Selectors shared by several kinds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema;

/// One key of a Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeySelector {
    /// Name of the Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(transform = schema::name)]
    pub name: Option<String>,
    /// Namespace of the Secret. Only a ClusterSecretStore may name another one than its own; left out there, the
    /// namespace of the object that uses the store is meant. Without meaning in a generator.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(transform = schema::namespace)]
    pub namespace: Option<String>,
    /// Key in the Secret's data.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(transform = schema::key)]
    pub key: Option<String>,
}

/// A ServiceAccount whose identity is used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceAccountSelector {
    /// Name of the ServiceAccount.
    #[schemars(transform = schema::name)]
    pub name: String,
    /// Namespace of the ServiceAccount. Only a ClusterSecretStore may name another one than its own; left out there,
    /// the namespace of the object that uses the store is meant. Without meaning in a generator.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(transform = schema::namespace)]
    pub namespace: Option<String>,
    /// Further audiences for the token, beside that of the annotation `eks.amazonaws.com/audience` (default
    /// `sts.amazonaws.com`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audiences: Option<Vec<String>>,
}
