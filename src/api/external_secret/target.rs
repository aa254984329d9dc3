//! What is written, and how it is made from what was read.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DecodingStrategy, schema};

/// The Secret that is written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::Rules(&[
    (
        "!has(self.deletionPolicy) || self.deletionPolicy != 'Delete' || !has(self.creationPolicy) || \
         !(self.creationPolicy in ['Merge', 'None', 'CreateOrMerge'])",
        "deletionPolicy=Delete must not be used when the controller doesn't own the secret: set \
         creationPolicy=Owner, or another deletionPolicy",
    ),
    (
        "!has(self.deletionPolicy) || self.deletionPolicy != 'Merge' || !has(self.creationPolicy) || \
         self.creationPolicy != 'None'",
        "deletionPolicy=Merge must not be used with creationPolicy=None: there is no secret to merge with",
    ),
]))]
pub struct Target {
    /// Name of the Secret. Default: that of the ExternalSecret.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(transform = schema::name)]
    pub name: Option<String>,
    /// Who owns the Secret, and what happens to keys of others. Default: Owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "Owner"))]
    pub creation_policy: Option<CreationPolicy>,
    /// What happens when a source is gone. Default: Retain.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "Retain"))]
    pub deletion_policy: Option<DeletionPolicy>,
    /// Makes the Secret immutable: it is written once and then left alone. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub immutable: Option<bool>,
    /// Another kind than Secret to write, of the same namespace; needs an operator that runs with
    /// --unsafe-allow-generic-targets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Manifest>,
    /// How the Secret is made from what was read. Left out, each key that was read becomes a key of the Secret, and
    /// labels and annotations of the ExternalSecret are copied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<Template>,
}

/// Who owns the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum CreationPolicy {
    /// The Secret belongs to the ExternalSecret: made, repaired and, with the object, deleted.
    #[default]
    Owner,
    /// Made and refreshed, but not owned: it stays when the object goes.
    Orphan,
    /// Only keys in a Secret that exists already; keys of others are left alone.
    Merge,
    /// Nothing is written.
    None,
    /// Made where missing, otherwise as under Merge.
    CreateOrMerge,
}

impl CreationPolicy {
    /// Whether only our own part of the target is written.
    pub fn merges(self) -> bool {
        matches!(self, Self::Merge | Self::CreateOrMerge)
    }
}

/// What happens to keys, or to the Secret, when their source is gone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// Keys go with their source, and the Secret with the last of them.
    Delete,
    /// Keys go with their source; the Secret stays.
    Merge,
    /// Nothing is removed; a missing source is an error.
    #[default]
    Retain,
}

/// Another kind than Secret to write.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// API version of the target, such as `v1` for a ConfigMap.
    #[schemars(extend("minLength" = 1))]
    pub api_version: String,
    /// Kind of the target, such as `ConfigMap`.
    #[schemars(extend("minLength" = 1))]
    pub kind: String,
}

/// How the Secret is made from what was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::Rules(&[
    (
        "!has(self.type) || self.type != 'bootstrap.kubernetes.io/token'",
        "type must not be bootstrap.kubernetes.io/token: such a Secret would let its holder join the cluster",
    ),
    (
        "!has(self.type) || self.type != 'kubernetes.io/service-account-token' || !has(self.metadata) || \
         !has(self.metadata.annotations) || \
         !('kubernetes.io/service-account.name' in self.metadata.annotations)",
        "type kubernetes.io/service-account-token must not be used with the annotation \
         kubernetes.io/service-account.name: the cluster would fill in a token",
    ),
]))]
pub struct Template {
    /// Type of the Secret. Default: Opaque.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<String>,
    /// Version of the template engine. Default: v2.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "v2"))]
    pub engine_version: Option<EngineVersion>,
    /// Labels, annotations and finalizers of the Secret. With a template, those of the ExternalSecret are not copied.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<TemplateMetadata>,
    /// Whether rendered keys replace what was read, or are added to it. Default: Replace.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "Replace"))]
    pub merge_policy: Option<TemplateMergePolicy>,
    /// Templates by key of the Secret.
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
    /// Annotations; their values are templates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotations: Option<BTreeMap<String, String>>,
    /// Labels; their values are templates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<BTreeMap<String, String>>,
    /// Finalizers to add. They are never removed.
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
    /// Where the output goes: Data, Annotations or Labels; for other kinds than Secret also a path, such as spec.rules[0].
    /// Default: Data.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "Data"))]
    pub target: Option<String>,
    /// How rendered values are decoded. Default: None.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values_decoding_strategy: Option<DecodingStrategy>,
}

/// Templates in a ConfigMap or Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TemplateRef {
    /// Name of the ConfigMap or Secret.
    #[schemars(transform = schema::name)]
    pub name: String,
    /// The keys that hold templates.
    pub items: Vec<TemplateRefItem>,
}

/// One key that holds a template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplateRefItem {
    /// The key.
    #[schemars(transform = schema::key)]
    pub key: String,
    /// What the template gives. Default: Values.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "Values"))]
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
