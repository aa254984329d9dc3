//! ClusterGenerator: a generator for every namespace.

use std::collections::BTreeMap;

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    EcrAuthorizationTokenSpec, FakeSpec, MfaSpec, PasswordSpec, SshKeySpec, StsSessionTokenSpec, UuidSpec,
};
use crate::api::{external_secret::GENERATOR_KINDS, schema};

/// A generator that objects of every namespace can use, as if it stood in theirs: Secrets and ServiceAccounts that it
/// refers to are those of the object's namespace.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "generators.external-secrets.io",
    version = "v1alpha1",
    kind = "ClusterGenerator",
    plural = "clustergenerators",
    category = "external-secrets",
    category = "external-secrets-generators",
    schema = "disabled",
    label("external-secrets.io/component", "controller")
)]
pub struct ClusterGeneratorSpec {
    /// Kind of the generator.
    #[schemars(transform = kinds)]
    pub kind: String,
    /// Its spec, under the name of its kind; exactly one.
    pub generator: GeneratorSpec,
}

/// The spec of one generator. Kinds that are not ours are kept as they are and served by somebody else.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::one_member, extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct GeneratorSpec {
    /// A login to Amazon ECR, for `kind: ECRAuthorizationToken`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ecr_authorization_token_spec: Option<EcrAuthorizationTokenSpec>,
    /// Fixed values, for `kind: Fake`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fake_spec: Option<FakeSpec>,
    /// A one-time code, for `kind: MFA`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mfa_spec: Option<MfaSpec>,
    /// Random passwords, for `kind: Password`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_spec: Option<PasswordSpec>,
    /// A key pair, for `kind: SSHKey`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ssh_key_spec: Option<SshKeySpec>,
    /// Temporary credentials, for `kind: STSSessionToken`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sts_session_token_spec: Option<StsSessionTokenSpec>,
    /// A random UUID, for `kind: UUID`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid_spec: Option<UuidSpec>,
    /// Generators that are not ours, as they were read.
    #[serde(flatten)]
    #[schemars(skip)]
    pub others: BTreeMap<String, serde_json::Value>,
}

/// Every kind but this one: a ClusterGenerator holds no other.
fn kinds(schema: &mut schemars::Schema) {
    let kinds: Vec<_> = GENERATOR_KINDS
        .into_iter()
        .filter(|kind| *kind != "ClusterGenerator")
        .collect();
    schema.insert("enum".to_owned(), serde_json::json!(kinds));
}
