//! What became of an ExternalSecret.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::StatusCondition;

/// What became of an ExternalSecret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalSecretStatus {
    /// When the source was last read with success.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("nullable" = true))]
    pub refresh_time: Option<Time>,
    /// Which form of the object was synced: its generation and a digest of its labels and annotations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synced_resource_version: Option<String>,
    /// Conditions. `Ready` says whether the Secret equals its source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Vec<StatusCondition>>,
    /// The Secret that was written, as a Provisioned Service of servicebinding.io.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binding: Option<Binding>,
    /// What was written, where it is no Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<WrittenTarget>,
    /// The generation of the object that this status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Why the object is not, or not wholly, synced: one word of a closed list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The versions that are synced, one for each secret that was read; at most 50.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<Vec<SyncedEntry>>,
    /// How many more secrets were read than `entries` lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub omitted: Option<i64>,
    /// When the first of the tokens that generators made expires. It is renewed before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Time>,
}

/// The Secret that was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct Binding {
    /// Name of the Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = ""))]
    pub name: Option<String>,
}

/// What was written, where it is no Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WrittenTarget {
    /// API version of its kind.
    pub api_version: String,
    /// Kind.
    pub kind: String,
    /// Name.
    pub name: String,
}

/// The version of a secret that is synced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SyncedEntry {
    /// Name or ARN as read, prefix included.
    pub key: String,
    /// Id of the version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// Stage of the version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// When this version was made at AWS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<Time>,
}
