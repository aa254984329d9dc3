//! Password: random passwords.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a random password is made of. Characters that are neither digits nor symbols are letters.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "generators.external-secrets.io",
    version = "v1alpha1",
    kind = "Password",
    plural = "passwords",
    category = "external-secrets",
    category = "external-secrets-generators",
    namespaced,
    schema = "disabled",
    label("external-secrets.io/component", "controller")
)]
#[serde(rename_all = "camelCase")]
pub struct PasswordSpec {
    /// How many characters. Default: 24.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = 24))]
    pub length: Option<i64>,
    /// How many of them are digits. Default: a quarter of the length.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digits: Option<i64>,
    /// How many of them are symbols. Default: a quarter of the length.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbols: Option<i64>,
    /// Which characters are symbols. Default: the punctuation of ASCII without `'` and `;`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol_characters: Option<String>,
    /// Whether upper-case letters are left out. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub no_upper: Option<bool>,
    /// Whether a character may occur twice. Default: false; then ten digits at most fit in.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = false))]
    pub allow_repeat: Option<bool>,
    /// Keys of the Secret, each with a password of its own. Default: `password`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1))]
    pub secret_keys: Option<Vec<String>>,
    /// How a password is written. Default: raw.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("default" = "raw"))]
    pub encoding: Option<PasswordEncoding>,
}

/// How a password is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PasswordEncoding {
    /// In standard base64.
    Base64,
    /// In URL-safe base64.
    Base64Url,
    /// In base32.
    Base32,
    /// In hexadecimal.
    Hex,
    /// As it is.
    #[default]
    Raw,
}
