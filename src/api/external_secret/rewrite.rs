//! How keys of a `dataFrom` entry are changed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schema;

/// One change of keys: exactly one of `merge`, `regexp` and `transform`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = schema::one_member)]
pub struct Rewrite {
    /// Merges values that are JSON objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merge: Option<RewriteMerge>,
    /// Replaces what a regular expression matches in each key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regexp: Option<RewriteRegexp>,
    /// Makes each key anew by a template.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transform: Option<RewriteTransform>,
}

/// Merges values that are JSON objects.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RewriteMerge {
    /// Key that holds the merged object under strategy JSON. Default: empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = ""))]
    pub into: Option<String>,
    /// Keys whose objects are merged last, in this order, so that they win.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Vec<String>>,
    /// What happens when a key of `priority` is missing. Default: Strict.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "Strict"))]
    pub priority_policy: Option<PriorityPolicy>,
    /// What happens when two objects hold the same member. Default: Error.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "Error"))]
    pub conflict_policy: Option<ConflictPolicy>,
    /// What merged members become. Default: Extract.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "Extract"))]
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
    /// One JSON object in the key `into`, beside the others.
    #[serde(rename = "JSON")]
    Json,
}

/// Replaces what a regular expression matches in each key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RewriteRegexp {
    /// What is replaced: a regular expression in Go's syntax.
    pub source: String,
    /// What it becomes; `$1` and `${name}` stand for groups.
    pub target: String,
}

/// Makes each key anew by a template.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RewriteTransform {
    /// A template that gets the key as `.value` and gives the new one.
    pub template: String,
}
