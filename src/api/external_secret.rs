//! ExternalSecret: which secrets are read, when, and which Kubernetes Secret they become.

mod rewrite;
mod source;
mod status;
mod target;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use rewrite::{
    ConflictPolicy, MergeStrategy, PriorityPolicy, Rewrite, RewriteMerge, RewriteRegexp, RewriteTransform,
};
pub use source::{
    ConversionStrategy, Data, DataFrom, DecodingStrategy, Find, FindName, GENERATOR_KINDS, GeneratorRef,
    MetadataPolicy, NullBytePolicy, RemoteRef, SourceRef,
};
pub use status::{Binding, ExternalSecretStatus, SyncedEntry, WrittenTarget};
pub use target::{
    CreationPolicy, DeletionPolicy, EngineVersion, Manifest, Target, Template, TemplateFrom,
    TemplateMergePolicy, TemplateMetadata, TemplateRef, TemplateRefItem, TemplateScope,
};

pub use super::condition::StatusCondition;
use super::schema;

/// Which secrets are read, when, and which Kubernetes Secret they become.
#[expect(
    clippy::duplicated_attributes,
    reason = "each printer column has a type of its own"
)]
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "external-secrets.io",
    version = "v1",
    kind = "ExternalSecret",
    plural = "externalsecrets",
    shortname = "es",
    category = "external-secrets",
    namespaced,
    status = "ExternalSecretStatus",
    schema = "disabled",
    label("external-secrets.io/component", "controller"),
    selectable = ".spec.secretStoreRef.name",
    selectable = ".spec.secretStoreRef.kind",
    selectable = ".spec.target.name",
    selectable = ".spec.refreshInterval",
    printcolumn(name = "StoreType", type_ = "string", json_path = ".spec.secretStoreRef.kind"),
    printcolumn(name = "Store", type_ = "string", json_path = ".spec.secretStoreRef.name"),
    printcolumn(
        name = "Refresh Interval",
        type_ = "string",
        json_path = ".spec.refreshInterval"
    ),
    printcolumn(
        name = "Status",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason"
    ),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(name = "Last Sync", type_ = "date", json_path = ".status.refreshTime")
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::Rules(&[(
    "(has(self.data) && size(self.data) > 0) || (has(self.dataFrom) && size(self.dataFrom) > 0)",
    "either data or dataFrom should be specified",
)]))]
pub struct ExternalSecretSpec {
    /// The store that entries without a `sourceRef` read from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_store_ref: Option<StoreRef>,
    /// The Secret that is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = { "creationPolicy": "Owner", "deletionPolicy": "Retain" }))]
    pub target: Option<Target>,
    /// When the source is read again. Default: Periodic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_policy: Option<RefreshPolicy>,
    /// How often the source is read under refreshPolicy Periodic: a Go duration such as `30s` or `1h30m`. `0` reads
    /// once for each change of this object. Default: 1h0m0s.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "1h0m0s"))]
    pub refresh_interval: Option<String>,
    /// Times at which a periodic refresh may, or may not, run. Default: it may run at any time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_windows: Option<SyncWindows>,
    /// Single keys of the Secret, each with its source. They win over keys of `dataFrom`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Vec<Data>>,
    /// Whole sets of keys. Where two entries give the same key, the later one wins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_from: Option<Vec<DataFrom>>,
}

/// A store by kind and name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct StoreRef {
    /// Name of the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(transform = schema::name)]
    pub name: Option<String>,
    /// Kind of the store. Default: SecretStore.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<StoreKind>,
}

/// Kind of a store.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum StoreKind {
    /// A store in the namespace of the object that refers to it.
    #[default]
    SecretStore,
    /// A store of the whole cluster.
    ClusterSecretStore,
}

/// When the source is read again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum RefreshPolicy {
    /// Once, when the Secret is made.
    CreatedOnce,
    /// Every `refreshInterval`, and when this object changes.
    #[default]
    Periodic,
    /// When this object changes.
    OnChange,
}

/// Times at which a periodic refresh may, or may not, run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SyncWindows {
    /// Whether the windows allow refreshes or deny them.
    pub kind: SyncWindowKind,
    /// The windows.
    #[schemars(extend("minItems" = 1))]
    pub windows: Vec<SyncWindow>,
}

/// Whether windows allow refreshes or deny them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SyncWindowKind {
    /// A refresh runs only while a window is open.
    Allow,
    /// No refresh runs while a window is open.
    Deny,
}

/// A window: when it opens and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SyncWindow {
    /// When it opens, in UTC: five cron fields such as `0 8 * * 1-5`, or a descriptor such as `@daily`.
    #[schemars(extend("minLength" = 1, "pattern" = schema::SCHEDULE))]
    pub schedule: String,
    /// How long it stays open: a Go duration such as `8h`.
    pub duration: String,
}
