//! ExternalSecret: which secrets are read, and which Kubernetes Secret they become.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is read and what it becomes.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "external-secrets.io",
    version = "v1",
    kind = "ExternalSecret",
    plural = "externalsecrets",
    shortname = "es",
    category = "external-secrets",
    namespaced,
    status = "ExternalSecretStatus"
)]
#[serde(rename_all = "camelCase")]
pub struct ExternalSecretSpec {
    /// The store that entries without a `sourceRef` read from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_store_ref: Option<StoreRef>,
    /// The Secret that is written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// When the source is read again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_policy: Option<RefreshPolicy>,
    /// How often the source is read under refreshPolicy Periodic: a Go duration such as `30s` or `1h`; `0` reads once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_interval: Option<String>,
    /// Times at which a periodic refresh may or may not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sync_windows: Option<SyncWindows>,
    /// Single keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Vec<Data>>,
    /// Whole sets of keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_from: Option<Vec<DataFrom>>,
}

/// A store by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct StoreRef {
    /// Name of the store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Kind of the store; empty means SecretStore.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<StoreKind>,
}

/// Kind of a store.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum StoreKind {
    /// A store in the namespace of the ExternalSecret.
    #[default]
    SecretStore,
    /// A cluster-wide store.
    ClusterSecretStore,
}

/// The Secret that is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// Name of the Secret; left out, that of the ExternalSecret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Who owns the Secret and what happens to keys of others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_policy: Option<CreationPolicy>,
    /// What happens when the source is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deletion_policy: Option<DeletionPolicy>,
    /// Write the Secret as immutable.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub immutable: Option<bool>,
    /// Write another kind than Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Manifest>,
    /// How the Secret is made from what was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<Template>,
}

/// Who owns the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum CreationPolicy {
    /// The Secret belongs to the ExternalSecret: made, repaired and, with the object, deleted.
    #[default]
    Owner,
    /// Made and refreshed, but without owner: it stays when the object goes.
    Orphan,
    /// Only keys in a Secret that exists already; keys of others are left alone.
    Merge,
    /// Nothing is written.
    None,
    /// Made where missing, otherwise as Merge.
    CreateOrMerge,
}

/// What happens to keys, or to the Secret, when their source is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// The Secret is deleted when all sources are gone; single keys go with their source.
    Delete,
    /// Keys go with their source; the Secret stays.
    Merge,
    /// Nothing is removed; a missing source is an error.
    #[default]
    Retain,
}

/// When the source is read again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum RefreshPolicy {
    /// Once, when the object is made.
    CreatedOnce,
    /// Every refreshInterval.
    #[default]
    Periodic,
    /// When the object changes.
    OnChange,
}

/// Another kind than Secret to write.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// API version of the target.
    pub api_version: String,
    /// Kind of the target.
    pub kind: String,
}

/// How the Secret is made from what was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Template {
    /// Type of the Secret.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<String>,
    /// Version of the template engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub engine_version: Option<EngineVersion>,
    /// Labels, annotations and finalizers of the Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<TemplateMetadata>,
    /// Whether rendered keys replace what was read or are added to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merge_policy: Option<TemplateMergePolicy>,
    /// Templates by key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<BTreeMap<String, String>>,
    /// Templates from ConfigMaps, Secrets or literals.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_from: Option<Vec<TemplateFrom>>,
}

/// Version of the template engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum EngineVersion {
    /// Go templates with sprig's functions.
    #[default]
    #[serde(rename = "v2")]
    V2,
}

/// Whether rendered keys replace what was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TemplateMergePolicy {
    /// Only rendered keys are written.
    #[default]
    Replace,
    /// Rendered keys are added to those that were read.
    Merge,
}

/// Metadata of the Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TemplateMetadata {
    /// Annotations; values are templates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
    /// Labels; values are templates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// Finalizers to add.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finalizers: Option<Vec<String>>,
}

/// A source of templates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplateFrom {
    /// Templates from a ConfigMap of the same namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config_map: Option<TemplateRef>,
    /// Templates from a Secret of the same namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<TemplateRef>,
    /// A template whose output is YAML of keys and values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub literal: Option<String>,
    /// Where the output goes: Data, Annotations or Labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// How rendered values are decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values_decoding_strategy: Option<DecodingStrategy>,
}

/// Templates in a ConfigMap or Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TemplateRef {
    /// Name of the ConfigMap or Secret.
    pub name: String,
    /// Its keys.
    pub items: Vec<TemplateRefItem>,
}

/// One key that holds a template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplateRefItem {
    /// The key.
    pub key: String,
    /// Whether the template gives one value or YAML of keys and values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template_as: Option<TemplateScope>,
}

/// What a template of a ConfigMap or Secret gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TemplateScope {
    /// One value, under the item's key.
    #[default]
    Values,
    /// YAML of keys and values.
    KeysAndValues,
}

/// Times at which a periodic refresh may or may not run (UTC).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SyncWindows {
    /// Whether the windows allow or deny.
    pub kind: SyncWindowKind,
    /// The windows.
    pub windows: Vec<SyncWindow>,
}

/// Whether windows allow or deny.
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
    /// When it opens: five cron fields or a descriptor such as `@daily`.
    pub schedule: String,
    /// How long it stays open, as a Go duration.
    pub duration: String,
}

/// One key of the Secret and where it comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Data {
    /// Key in the Secret.
    pub secret_key: String,
    /// What is read.
    pub remote_ref: RemoteRef,
    /// Another store than `secretStoreRef`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_ref: Option<SourceRef>,
}

/// A secret at AWS, or a part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemoteRef {
    /// Name or ARN of the secret.
    pub key: String,
    /// A part of the secret's JSON: a gjson path such as `db.password`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub property: Option<String>,
    /// Secrets Manager: a version stage (default AWSCURRENT) or `uuid/<version id>`. Parameter Store: a version number
    /// or label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Fetch reads the secret's tags in place of its value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata_policy: Option<MetadataPolicy>,
    /// How characters that a Secret's key cannot hold are replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversion_strategy: Option<ConversionStrategy>,
    /// How values are decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoding_strategy: Option<DecodingStrategy>,
    /// Whether a value may hold a null byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub null_byte_policy: Option<NullBytePolicy>,
}

/// Whether tags are read in place of the value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum MetadataPolicy {
    /// The value.
    #[default]
    None,
    /// The tags, as a JSON object.
    Fetch,
}

/// How characters that a Secret's key cannot hold are replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ConversionStrategy {
    /// By `_`.
    #[default]
    Default,
    /// By `_U<code point>_`.
    Unicode,
}

/// How values are decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DecodingStrategy {
    /// Base64 or Base64URL where a value is that, otherwise as it is.
    Auto,
    /// Standard base64; anything else is an error.
    Base64,
    /// URL-safe base64; anything else is an error.
    #[serde(rename = "Base64URL")]
    Base64Url,
    /// As it is.
    #[default]
    None,
}

/// Whether a value may hold a null byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum NullBytePolicy {
    /// It may.
    #[default]
    Ignore,
    /// It may not: the sync fails.
    Fail,
}

/// Another source than `secretStoreRef`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SourceRef {
    /// A store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store_ref: Option<StoreRef>,
    /// A generator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generator_ref: Option<GeneratorRef>,
}

/// A generator by kind and name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GeneratorRef {
    /// API version of the generator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    /// Kind of the generator.
    pub kind: String,
    /// Name of the generator.
    pub name: String,
}

/// A set of keys: exactly one of extract, find and a generator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DataFrom {
    /// Every member of one secret's JSON object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extract: Option<RemoteRef>,
    /// Every secret that matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub find: Option<Find>,
    /// Changes of keys, in order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rewrite: Option<Vec<Rewrite>>,
    /// Another store than `secretStoreRef`, or a generator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_ref: Option<SourceRef>,
}

/// Which secrets match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Find {
    /// Names that start with this path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Names that match.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<FindName>,
    /// Secrets that carry all these tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, String>>,
    /// How characters that a Secret's key cannot hold are replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversion_strategy: Option<ConversionStrategy>,
    /// How values are decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoding_strategy: Option<DecodingStrategy>,
    /// Whether a value may hold a null byte.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub null_byte_policy: Option<NullBytePolicy>,
}

/// Names that match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindName {
    /// A regular expression in Go's syntax, unanchored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regexp: Option<String>,
}

/// One change of keys: exactly one of merge, regexp and transform.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rewrite {
    /// Merge JSON objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merge: Option<RewriteMerge>,
    /// Replace by a regular expression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regexp: Option<RewriteRegexp>,
    /// Rewrite by a template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transform: Option<RewriteTransform>,
}

/// Merges values that are JSON objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RewriteMerge {
    /// Key that holds the merged object under strategy JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub into: Option<String>,
    /// Keys that are merged last, in this order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Vec<String>>,
    /// What happens when a key of `priority` is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority_policy: Option<PriorityPolicy>,
    /// What happens when two objects hold the same member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conflict_policy: Option<ConflictPolicy>,
    /// Whether members become keys, or the object becomes one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<MergeStrategy>,
}

/// What happens when a key of `priority` is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PriorityPolicy {
    /// It is passed over.
    IgnoreNotFound,
    /// It is an error.
    #[default]
    Strict,
}

/// What happens when two objects hold the same member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ConflictPolicy {
    /// The later one wins.
    Ignore,
    /// It is an error.
    #[default]
    Error,
}

/// What merged members become.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MergeStrategy {
    /// Keys, in place of all others.
    #[default]
    Extract,
    /// One key, `into`, beside the others.
    #[serde(rename = "JSON")]
    Json,
}

/// Replaces in keys by a regular expression.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RewriteRegexp {
    /// What is replaced (Go syntax).
    pub source: String,
    /// What it becomes; `$1` and `${name}` stand for groups.
    pub target: String,
}

/// Rewrites keys by a template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RewriteTransform {
    /// A template that gets the key as `.value`.
    pub template: String,
}

/// What became of an ExternalSecret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExternalSecretStatus {
    /// When the source was last read with success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_time: Option<Time>,
    /// Which form of the object was synced: its generation and a digest of its labels and annotations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub synced_resource_version: Option<String>,
    /// `Ready` says whether the Secret equals its source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conditions: Option<Vec<StatusCondition>>,
    /// The Secret, for servicebinding.io.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binding: Option<Binding>,
    /// The generation that the status speaks of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Why the object is not, or not wholly, synced: a closed code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The versions that are synced, one for each distinct read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<Vec<SyncedEntry>>,
    /// How many further entries there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub omitted: Option<i64>,
}

/// The Secret, for servicebinding.io.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Binding {
    /// Name of the Secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// One condition.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatusCondition {
    /// `Ready`.
    #[serde(rename = "type")]
    pub type_: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// A closed code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What happened and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When `status` last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,
}

/// The version of a secret that is synced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SyncedEntry {
    /// Name or ARN as read, prefix included.
    pub key: String,
    /// The version's id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// The version's stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// When AWS made this version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<Time>,
}
