//! STSSessionToken: temporary credentials of an IAM user.

use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::auth::AwsAuth;

/// As whom temporary credentials are asked for.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "generators.external-secrets.io",
    version = "v1alpha1",
    kind = "STSSessionToken",
    root = "StsSessionToken",
    plural = "stssessiontokens",
    category = "external-secrets",
    category = "external-secrets-generators",
    namespaced,
    schema = "disabled",
    label("external-secrets.io/component", "controller")
)]
#[serde(rename_all = "camelCase")]
pub struct StsSessionTokenSpec {
    /// Region whose token service is asked, such as `eu-west-1`.
    pub region: String,
    /// The long-term keys of an IAM user, in `secretRef`. AWS takes no others here, and the operator's own identity is
    /// not given away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<AwsAuth>,
    /// ARN of a role that is assumed first. AWS gives no session to whoever has assumed a role, so this is of use with
    /// other token services only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// What is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_parameters: Option<SessionParameters>,
}

/// What is asked of the token service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionParameters {
    /// How many seconds the credentials are valid: 900 to 129600. Default: 43200, which is 12 hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_duration: Option<i64>,
    /// Serial number or ARN of the user's MFA device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serial_number: Option<String>,
    /// Code of that device. Each holds for one request, so a refresh needs another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_code: Option<String>,
}
