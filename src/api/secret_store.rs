//! SecretStore and ClusterSecretStore: where secrets are read, and as whom.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::{apis::meta::v1::LabelSelector, util::intstr::IntOrString};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    auth::{AwsAuth, SessionTag, SessionTagsPolicy},
    condition::StatusCondition,
    schema,
};

/// Where secrets are read, as whom, and who may use it.
#[expect(
    clippy::duplicated_attributes,
    reason = "each printer column has a type of its own"
)]
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "external-secrets.io",
    version = "v1",
    kind = "SecretStore",
    plural = "secretstores",
    shortname = "ss",
    category = "external-secrets",
    namespaced,
    status = "SecretStoreStatus",
    schema = "disabled",
    label("external-secrets.io/component", "controller"),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Status",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason"
    ),
    printcolumn(name = "Capabilities", type_ = "string", json_path = ".status.capabilities"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct SecretStoreSpec {
    /// Class of the operator that serves this store. Default: empty, for an operator of the class `default`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller: Option<String>,
    /// The provider; exactly one.
    pub provider: Provider,
    /// How calls to AWS are retried within one sync. Default: as AWS's SDK does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_settings: Option<RetrySettings>,
    /// How often the store is validated again: a number of seconds, or a Go duration such as `10m`. Default: 0, which
    /// means the operator's setting (5 minutes).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<IntOrString>")]
    pub refresh_interval: Option<RefreshInterval>,
    /// Which namespaces may use a ClusterSecretStore; one match suffices. Default: all may. Without meaning for a
    /// SecretStore.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Vec<StoreCondition>>,
}

/// The cluster-wide form of [`SecretStore`].
#[expect(
    clippy::duplicated_attributes,
    reason = "each printer column has a type of its own"
)]
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "external-secrets.io",
    version = "v1",
    kind = "ClusterSecretStore",
    plural = "clustersecretstores",
    shortname = "css",
    category = "external-secrets",
    status = "SecretStoreStatus",
    schema = "disabled",
    label("external-secrets.io/component", "controller"),
    printcolumn(name = "AGE", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Status",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason"
    ),
    printcolumn(name = "Capabilities", type_ = "string", json_path = ".status.capabilities"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    )
)]
#[serde(transparent)]
pub struct ClusterSecretStoreSpec(pub SecretStoreSpec);

/// The provider; exactly one. Providers other than AWS are kept as they are and served by somebody else.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = schema::one_member, extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct Provider {
    /// AWS Secrets Manager or SSM Parameter Store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws: Option<AwsProvider>,
    /// Providers that are not ours, as they were read.
    #[serde(flatten)]
    #[schemars(skip)]
    pub others: BTreeMap<String, serde_json::Value>,
}

/// An AWS service in a region, and as whom it is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwsProvider {
    /// Service that holds the secrets.
    pub service: AwsService,
    /// Region of the secrets, such as `eu-west-1`.
    pub region: String,
    /// Where credentials come from: `jwt` where both are given. Default: the operator's own identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<AwsAuth>,
    /// ARN of the role that is assumed last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// ARNs of roles that are assumed in order, before `role`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub additional_roles: Option<Vec<String>>,
    /// External id for assuming `role`.
    #[serde(rename = "externalID", skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Session tags for assuming `role`, under `sessionTagsPolicy: None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_tags: Option<Vec<SessionTag>>,
    /// Keys of session tags that later roles inherit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transitive_tag_keys: Option<Vec<String>>,
    /// Which session tags `role` is assumed with. Default: None.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "None"))]
    pub session_tags_policy: Option<SessionTagsPolicy>,
    /// Further session tags under `sessionTagsPolicy: Custom`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(transform = schema::Rules(&[(
        "!('esoNamespace' in self) && !('esoStoreName' in self) && !('esoStoreKind' in self)",
        "customSessionTags cannot contain automatically injected reserved keys: esoNamespace, esoStoreName, \
         esoStoreKind",
    )]))]
    pub custom_session_tags: Option<BTreeMap<String, String>>,
    /// Options for deleting secrets in Secrets Manager; used by PushSecret only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secrets_manager: Option<SecretsManagerOptions>,
    /// Put before every key, as it is. Default: empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
}

/// Which AWS service a store reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub enum AwsService {
    /// AWS Secrets Manager.
    SecretsManager,
    /// AWS Systems Manager Parameter Store.
    ParameterStore,
    /// AWS Certificate Manager.
    CertificateManager,
}

/// How a secret is deleted in Secrets Manager.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::Rules(&[
    (
        "!has(self.recoveryWindowInDays) || self.recoveryWindowInDays == 0 || \
         (self.recoveryWindowInDays >= 7 && self.recoveryWindowInDays <= 30)",
        "recoveryWindowInDays must be 0 or between 7 and 30",
    ),
    (
        "!has(self.forceDeleteWithoutRecovery) || !self.forceDeleteWithoutRecovery || \
         !has(self.recoveryWindowInDays) || self.recoveryWindowInDays == 0",
        "recoveryWindowInDays must not be set with forceDeleteWithoutRecovery",
    ),
]))]
pub struct SecretsManagerOptions {
    /// Deletes at once, without a recovery window. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force_delete_without_recovery: Option<bool>,
    /// Days until a deleted secret is gone for good: 7 to 30. Default: 0, which leaves it to AWS (30 days).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery_window_in_days: Option<i64>,
}

/// A number of seconds, or a Go duration. Wider than Kubernetes' own int-or-string, which is read as 32 bits though the API
/// server takes 64.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum RefreshInterval {
    /// Seconds.
    Seconds(i64),
    /// A Go duration.
    Text(String),
}

/// How calls to AWS are retried within one sync.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetrySettings {
    /// How often one call is tried. Default: 3.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_retries: Option<i32>,
    /// A fixed delay between attempts: a Go duration such as `500ms`. Default: growing delays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_interval: Option<String>,
}

/// One way for a namespace to be allowed: by any of these.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoreCondition {
    /// Namespaces with these labels. An empty selector selects all.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-kubernetes-map-type" = "atomic"))]
    pub namespace_selector: Option<LabelSelector>,
    /// Namespaces by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(transform = schema::namespace)]
    pub namespaces: Option<Vec<String>>,
    /// Namespaces whose name matches one of these regular expressions, in Go's syntax. They may match anywhere in the
    /// name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace_regexes: Option<Vec<String>>,
}

/// What became of a store.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretStoreStatus {
    /// Conditions. `Ready` says whether the store can be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Vec<StatusCondition>>,
    /// What the provider can do: `ReadOnly`, `WriteOnly` or `ReadWrite`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<String>,
    /// The generation of the store that this status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Why the store is not ready: one word of a closed list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}
