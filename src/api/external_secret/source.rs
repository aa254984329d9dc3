//! What is read: single values, whole secrets, secrets that match, generators.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Rewrite, StoreRef, schema};

/// One key of the Secret and where it comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Data {
    /// Key in the Secret.
    #[schemars(transform = schema::key)]
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
    /// Name or ARN of the secret; the store's `prefix` is put before it.
    pub key: String,
    /// A part of the secret's JSON: a gjson path such as `db.password`. Default: all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub property: Option<String>,
    /// Secrets Manager: a version stage, or `uuid/<version id>`; default AWSCURRENT. Parameter Store: a version number
    /// or a label; default the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whether tags are read in place of the value. Default: None.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata_policy: Option<MetadataPolicy>,
    /// How characters are replaced that a Secret's key cannot hold. Default: Default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversion_strategy: Option<ConversionStrategy>,
    /// How values are decoded. Default: None.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoding_strategy: Option<DecodingStrategy>,
    /// Whether a value may hold a null byte. Default: Ignore.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub null_byte_policy: Option<NullBytePolicy>,
}

/// Whether tags are read in place of the value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum MetadataPolicy {
    /// The value is read.
    #[default]
    None,
    /// The tags are read, as a JSON object.
    Fetch,
}

/// How characters are replaced that a Secret's key cannot hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ConversionStrategy {
    /// By `_`.
    #[default]
    Default,
    /// By `_U` with the code point in hexadecimal and `_`.
    Unicode,
}

/// How values are decoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DecodingStrategy {
    /// As Base64 or Base64URL where the value is that, otherwise not at all.
    Auto,
    /// As standard base64; anything else is an error.
    Base64,
    /// As URL-safe base64; anything else is an error.
    #[serde(rename = "Base64URL")]
    Base64Url,
    /// Not at all.
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

/// A store or a generator, in place of `secretStoreRef`; exactly one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::one_member)]
pub struct SourceRef {
    /// A store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store_ref: Option<StoreRef>,
    /// A generator. It can be used in `dataFrom` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generator_ref: Option<GeneratorRef>,
}

/// A generator by kind and name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct GeneratorRef {
    /// API version of the generator. Default: generators.external-secrets.io/v1alpha1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "generators.external-secrets.io/v1alpha1"))]
    pub api_version: Option<String>,
    /// Kind of the generator.
    #[schemars(extend("enum" = GENERATOR_KINDS))]
    pub kind: String,
    /// Name of the generator.
    #[schemars(transform = schema::name)]
    pub name: String,
}

/// Every kind of generator that the API knows, whether this operator implements it or not.
pub const GENERATOR_KINDS: [&str; 18] = [
    "ACRAccessToken",
    "BeyondtrustWorkloadCredentialsDynamicSecret",
    "ClusterGenerator",
    "CloudsmithAccessToken",
    "ECRAuthorizationToken",
    "Fake",
    "GCRAccessToken",
    "GithubAccessToken",
    "GitlabDeployToken",
    "QuayAccessToken",
    "Password",
    "SSHKey",
    "STSSessionToken",
    "UUID",
    "VaultDynamicSecret",
    "Webhook",
    "Grafana",
    "MFA",
];

/// A set of keys: exactly one of `extract`, `find` and a generator in `sourceRef`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::Rules(&[
    // Two rules, since one would cost more than the API server lets a rule cost in a list without bound.
    (
        "!has(self.extract) || !has(self.find)",
        "extract and find exclude one another: use one entry of dataFrom for each",
    ),
    (
        "!has(self.sourceRef) || !has(self.sourceRef.generatorRef) || (!has(self.extract) && !has(self.find))",
        "generatorRef and extract or find exclude one another: use one entry of dataFrom for each",
    ),
    (
        "has(self.extract) || has(self.find) || has(self.sourceRef)",
        "one of extract, find and sourceRef.generatorRef must be set",
    ),
]))]
pub struct DataFrom {
    /// Every member of one secret's JSON object becomes a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extract: Option<RemoteRef>,
    /// Every secret that matches becomes a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub find: Option<Find>,
    /// Changes of the keys, in this order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rewrite: Option<Vec<Rewrite>>,
    /// Another store than `secretStoreRef`, or a generator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_ref: Option<SourceRef>,
}

/// Which secrets match: those that satisfy everything given here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Find {
    /// Secrets whose name starts with this path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Secrets whose name matches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<FindName>,
    /// Secrets that carry all these tags.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<BTreeMap<String, String>>,
    /// How characters are replaced that a Secret's key cannot hold. Default: Default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conversion_strategy: Option<ConversionStrategy>,
    /// How values are decoded. Default: None.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decoding_strategy: Option<DecodingStrategy>,
    /// Whether a value may hold a null byte. Default: Ignore.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub null_byte_policy: Option<NullBytePolicy>,
}

/// Names that match.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FindName {
    /// A regular expression in Go's syntax. It may match anywhere in the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regexp: Option<String>,
}
