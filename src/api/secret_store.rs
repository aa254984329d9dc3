//! SecretStore and ClusterSecretStore: where secrets are read, and as whom.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::{apis::meta::v1::LabelSelector, util::intstr::IntOrString};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    auth::{AwsAuth, SessionTag, SessionTagsPolicy},
    external_secret::StatusCondition,
};

/// What a store is: one provider and who may use it.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "external-secrets.io",
    version = "v1",
    kind = "SecretStore",
    plural = "secretstores",
    shortname = "ss",
    category = "external-secrets",
    namespaced,
    status = "SecretStoreStatus"
)]
#[serde(rename_all = "camelCase")]
pub struct SecretStoreSpec {
    /// The class of the operator that serves this store. Empty: any operator of the default class.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller: Option<String>,
    /// The provider; exactly one.
    pub provider: Provider,
    /// How calls to AWS are retried within one sync.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_settings: Option<RetrySettings>,
    /// How often the store is validated again: seconds as a number, or a Go duration. Left out or 0: the operator's
    /// default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_interval: Option<IntOrString>,
    /// Which namespaces may use a ClusterSecretStore; any of them suffices, an empty list allows all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Vec<StoreCondition>>,
}

/// The cluster-wide form of [`SecretStore`].
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "external-secrets.io",
    version = "v1",
    kind = "ClusterSecretStore",
    plural = "clustersecretstores",
    shortname = "css",
    category = "external-secrets",
    status = "SecretStoreStatus"
)]
#[serde(transparent)]
pub struct ClusterSecretStoreSpec(pub SecretStoreSpec);

/// The provider. Providers other than AWS are kept as they are and served by somebody else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Provider {
    /// AWS Secrets Manager or SSM Parameter Store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws: Option<AwsProvider>,
}

/// An AWS service in a region, and as whom it is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AwsProvider {
    /// The service that holds the secrets.
    pub service: AwsService,
    /// The region, such as `eu-west-1`.
    pub region: String,
    /// Where credentials come from.
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
    /// Session tags for assuming `role`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_tags: Option<Vec<SessionTag>>,
    /// Keys of session tags that later roles inherit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transitive_tag_keys: Option<Vec<String>>,
    /// Which session tags `role` is assumed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_tags_policy: Option<SessionTagsPolicy>,
    /// Further session tags under `sessionTagsPolicy: Custom`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_session_tags: Option<BTreeMap<String, String>>,
    /// Options for deleting secrets in Secrets Manager; used by PushSecret only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secrets_manager: Option<SecretsManagerOptions>,
    /// Put before every key, verbatim.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
}

/// Which AWS service a store reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
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
pub struct SecretsManagerOptions {
    /// Delete at once, without a recovery window.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub force_delete_without_recovery: Option<bool>,
    /// Days until a deleted secret is gone for good: 7 to 30, or 0 for AWS's default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery_window_in_days: Option<i64>,
}

/// How calls to AWS are retried within one sync.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetrySettings {
    /// Attempts for one call (default 3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_retries: Option<i32>,
    /// A fixed delay between attempts, as a Go duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_interval: Option<String>,
}

/// One way for a namespace to be allowed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoreCondition {
    /// Namespaces with these labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace_selector: Option<LabelSelector>,
    /// Namespaces by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespaces: Option<Vec<String>>,
    /// Namespaces whose name matches one of these regular expressions (Go syntax, unanchored).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace_regexes: Option<Vec<String>>,
}

/// What became of a store.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretStoreStatus {
    /// `Ready` says whether the store can be used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Vec<StatusCondition>>,
    /// What the provider can do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<String>,
    /// The generation that the status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Why the store is not ready: a closed code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}
