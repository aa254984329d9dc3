//! The questions to the token service.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sdk_sts::{
    Client,
    types::{Credentials as Issued, Tag},
};
use aws_smithy_types::DateTime;
use jiff::Timestamp;

use super::{
    clients::sts_as,
    error::{Api, Class, Error},
    identity::Role,
    tokens::{SessionRequest, SessionToken},
};

/// Sessions are asked for one hour: the most that STS gives when a role is assumed from a role, and what every role allows.
const SESSION_SECONDS: i32 = 3600;

pub(super) const ASSUME_ROLE: &str = "AssumeRole";
pub(super) const WITH_WEB_IDENTITY: &str = "AssumeRoleWithWebIdentity";
pub(super) const CALLER_IDENTITY: &str = "GetCallerIdentity";
pub(super) const SESSION_TOKEN: &str = "GetSessionToken";

/// Assumes a role as the holder of `credentials`.
pub(super) async fn assume_role(
    client: &Client,
    credentials: &Credentials,
    role: &Role,
    session_name: &str,
) -> Result<Credentials, Error> {
    let mut tags = Vec::with_capacity(role.tags.len());
    for (key, value) in &role.tags {
        let tag = Tag::builder().key(key).value(value).build();
        tags.push(tag.map_err(|_| Error::new(Class::Config, ASSUME_ROLE, "a session tag is not complete"))?);
    }
    let some = |keys: &Vec<String>| (!keys.is_empty()).then(|| keys.clone());
    let sent = client
        .assume_role()
        .role_arn(&role.arn)
        .role_session_name(session_name)
        .duration_seconds(SESSION_SECONDS)
        .set_external_id(role.external_id.clone())
        .set_tags((!tags.is_empty()).then_some(tags))
        .set_transitive_tag_keys(some(&role.transitive_tag_keys))
        .customize()
        .config_override(sts_as(credentials))
        .send()
        .await;
    let answer = sent.map_err(|error| Error::of_call(Api::Sts, ASSUME_ROLE, &error))?;
    issued(ASSUME_ROLE, answer.credentials, account_of(&role.arn))
}

/// Exchanges a token of the cluster for a session of the role. Not signed: the token speaks.
pub(super) async fn assume_role_with_web_identity(
    client: &Client,
    token: &str,
    role: &str,
    session_name: &str,
) -> Result<Credentials, Error> {
    let sent = client
        .assume_role_with_web_identity()
        .role_arn(role)
        .role_session_name(session_name)
        .duration_seconds(SESSION_SECONDS)
        .web_identity_token(token)
        .send()
        .await;
    let answer = sent.map_err(|error| Error::of_call(Api::WebIdentity, WITH_WEB_IDENTITY, &error))?;
    issued(WITH_WEB_IDENTITY, answer.credentials, account_of(role))
}

/// The account that the holder of `credentials` calls from.
pub(super) async fn caller_account(client: &Client, credentials: &Credentials) -> Result<String, Error> {
    let sent = client
        .get_caller_identity()
        .customize()
        .config_override(sts_as(credentials))
        .send()
        .await;
    let answer = sent.map_err(|error| Error::of_call(Api::Sts, CALLER_IDENTITY, &error))?;
    answer
        .account
        .ok_or_else(|| Error::new(Class::Transient, CALLER_IDENTITY, "the answer names no account"))
}

/// Temporary credentials of the user that holds `credentials`.
pub(super) async fn session_token(
    client: &Client,
    credentials: &Credentials,
    request: &SessionRequest,
) -> Result<SessionToken, Error> {
    let sent = client
        .get_session_token()
        .set_duration_seconds(request.duration)
        .set_serial_number(request.serial_number.clone())
        .set_token_code(request.token_code.clone())
        .customize()
        .config_override(sts_as(credentials))
        .send()
        .await;
    let answer = sent.map_err(|error| Error::of_call(Api::Sts, SESSION_TOKEN, &error))?;
    let broken = || {
        Error::new(
            Class::Transient,
            SESSION_TOKEN,
            format!("{SESSION_TOKEN} failed: the answer holds no credentials"),
        )
    };
    let issued = answer.credentials.ok_or_else(broken)?;
    Ok(SessionToken {
        access_key_id: issued.access_key_id.into(),
        secret_access_key: issued.secret_access_key.into(),
        session_token: issued.session_token.into(),
        expires: timestamp(issued.expiration).ok_or_else(broken)?,
    })
}

/// The SDK's time as ours.
pub(super) fn timestamp(time: DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}

fn account_of(arn: &str) -> Option<&str> {
    arn.split(':').nth(4).filter(|account| !account.is_empty())
}

fn issued(
    operation: &'static str,
    issued: Option<Issued>,
    account: Option<&str>,
) -> Result<Credentials, Error> {
    let broken = || {
        Error::new(
            Class::Transient,
            operation,
            format!("{operation} failed: the answer holds no credentials"),
        )
    };
    let issued = issued.ok_or_else(broken)?;
    let expiry = SystemTime::try_from(issued.expiration).map_err(|_| broken())?;
    let mut credentials = Credentials::builder()
        .provider_name(operation)
        .access_key_id(issued.access_key_id)
        .secret_access_key(issued.secret_access_key)
        .session_token(issued.session_token)
        .expiry(expiry);
    if let Some(account) = account {
        credentials = credentials.account_id(account);
    }
    Ok(credentials.build())
}
