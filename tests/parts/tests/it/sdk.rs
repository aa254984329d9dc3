//! SDK clients that talk to a part.

use aws_sdk_secretsmanager as secretsmanager;
use aws_sdk_secretsmanager::config::{Credentials, Region};
use aws_sdk_sts as sts;

pub(crate) fn user(access_key_id: &str) -> Credentials {
    Credentials::new(access_key_id, "secret", None, None, "test")
}

pub(crate) fn secrets_manager(url: &str, credentials: Credentials) -> secretsmanager::Client {
    let config = secretsmanager::Config::builder()
        .behavior_version_latest()
        .endpoint_url(url)
        .region(Region::new("us-east-1"))
        .credentials_provider(credentials)
        .retry_config(secretsmanager::config::retry::RetryConfig::disabled());
    secretsmanager::Client::from_conf(config.build())
}

pub(crate) fn sts(url: &str, credentials: Credentials) -> sts::Client {
    let config = sts::Config::builder()
        .behavior_version_latest()
        .endpoint_url(url)
        .region(Region::new("us-east-1"))
        .credentials_provider(credentials)
        .retry_config(sts::config::retry::RetryConfig::disabled());
    sts::Client::from_conf(config.build())
}

/// The session that an `AssumeRole…` handed out.
pub(crate) fn session(credentials: &sts::types::Credentials) -> Credentials {
    let token = Some(credentials.session_token().to_owned());
    Credentials::new(
        credentials.access_key_id(),
        credentials.secret_access_key(),
        token,
        None,
        "test",
    )
}
