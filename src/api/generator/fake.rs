//! Fake: fixed values, for tests and first steps.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Values that are given as they are. They stand in the object for everybody to read, so they are no secrets.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "generators.external-secrets.io",
    version = "v1alpha1",
    kind = "Fake",
    plural = "fakes",
    category = "external-secrets",
    category = "external-secrets-generators",
    namespaced,
    schema = "disabled",
    label("external-secrets.io/component", "controller")
)]
#[serde(rename_all = "camelCase")]
pub struct FakeSpec {
    /// Class of the operator that serves objects which use this generator. Default: empty, for any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub controller: Option<String>,
    /// Keys of the Secret and their values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<BTreeMap<String, String>>,
}
