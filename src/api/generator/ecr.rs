//! ECRAuthorizationToken: a login to a container registry of AWS.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::auth::AwsAuth;

/// As whom and where a login to Amazon ECR is asked for.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "generators.external-secrets.io",
    version = "v1alpha1",
    kind = "ECRAuthorizationToken",
    root = "EcrAuthorizationToken",
    plural = "ecrauthorizationtokens",
    category = "external-secrets",
    category = "external-secrets-generators",
    namespaced,
    schema = "disabled",
    label("external-secrets.io/component", "controller")
)]
#[serde(rename_all = "camelCase")]
pub struct EcrAuthorizationTokenSpec {
    /// Region of the registry, such as `eu-west-1`. For `scope: public` it is `us-east-1`, the only one where AWS
    /// gives such logins.
    pub region: String,
    /// Where credentials come from: `secretRef` where both are given. Default: the operator's own identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<AwsAuth>,
    /// ARN of a role that is assumed first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// `public` for Amazon ECR Public. Default: private, as is anything else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
}
