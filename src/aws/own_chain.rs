//! The operator's own credentials: environment, profile, IRSA files, container endpoint (EKS Pod Identity, ECS), and the
//! node's only where none of these is configured.
//!
//! The order is the SDK's. IRSA is exchanged here and not by the SDK, so that the STS endpoint, proxy and trust are the same
//! as everywhere. A source that is configured and fails ends the search: falling through would end at the node's role.

use aws_config::{
    ecs::EcsCredentialsProvider, environment::EnvironmentVariableCredentialsProvider,
    imds::credentials::ImdsCredentialsProvider, profile::ProfileFileCredentialsProvider,
};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, error::CredentialsError},
};
use zeroize::Zeroizing;

use super::{
    clients::Clients,
    error::{Class, Error, Fault},
    identity::Identity,
    lookup::is_credential,
    settings::WebIdentity,
    sts,
};

const OPERATION: &str = "credentials";
/// Session name of the operator's own IRSA session where the environment names none.
const SESSION_NAME: &str = "keyferry";

/// Searches for credentials of the operator itself.
pub(super) async fn credentials(
    clients: &Clients,
    own: &WebIdentity,
    identity: &Identity,
) -> Result<Credentials, Error> {
    let near = Clients::near(identity.region());
    if let Some(found) = loaded(
        "the environment",
        EnvironmentVariableCredentialsProvider::new()
            .provide_credentials()
            .await,
    )? {
        return Ok(found);
    }
    let profile = ProfileFileCredentialsProvider::builder().configure(&near).build();
    if let Some(found) = loaded("the shared configuration", profile.provide_credentials().await)? {
        return Ok(found);
    }
    if let Some(found) = web_identity(clients, own, identity).await? {
        return Ok(found);
    }
    let container = EcsCredentialsProvider::builder().configure(&near).build();
    if let Some(found) = loaded("the container endpoint", container.provide_credentials().await)? {
        return Ok(found);
    }
    let node = ImdsCredentialsProvider::builder().configure(&near).build();
    if let Some(found) = loaded("instance metadata", node.provide_credentials().await)? {
        return Ok(found);
    }
    Err(Error::new(
        Class::Credentials(Fault::NoneFound),
        OPERATION,
        "the store names no identity and keyferry has none of its own: neither environment, IRSA, Pod Identity nor \
         the node gives credentials",
    ))
}

/// A source that is not configured is passed over; one that fails ends the search. What it says is not shown.
fn loaded(source: &str, result: Result<Credentials, CredentialsError>) -> Result<Option<Credentials>, Error> {
    match result {
        Ok(credentials) if !is_sendable(&credentials) => Err(Error::new(
            Class::Credentials(Fault::NoneFound),
            OPERATION,
            format!(
                "keyferry's own credentials: {source} gives one with a space, a line break or another character that \
                 none has; write it without"
            ),
        )),
        Ok(credentials) => Ok(Some(credentials)),
        Err(CredentialsError::CredentialsNotLoaded(_)) => Ok(None),
        Err(CredentialsError::InvalidConfiguration(_)) => Err(Error::new(
            Class::Credentials(Fault::NoneFound),
            OPERATION,
            format!("keyferry's own credentials: {source} is not configured well"),
        )),
        Err(_) => Err(Error::new(
            Class::Transient,
            OPERATION,
            format!("keyferry's own credentials: {source} gives none at the moment"),
        )),
    }
}

fn is_sendable(credentials: &Credentials) -> bool {
    let parts = [
        Some(credentials.access_key_id()),
        Some(credentials.secret_access_key()),
        credentials.session_token(),
    ];
    parts.into_iter().flatten().all(is_credential)
}

async fn web_identity(
    clients: &Clients,
    own: &WebIdentity,
    identity: &Identity,
) -> Result<Option<Credentials>, Error> {
    let refuse = |text: String| Error::new(Class::Credentials(Fault::NoneFound), OPERATION, text);
    let set_role = own.role_arn.as_ref().filter(|role| !role.is_empty());
    let set_file = own
        .token_file
        .as_ref()
        .filter(|file| !file.as_os_str().is_empty());
    let (role, file) = match (set_role, set_file) {
        (None, None) => return Ok(None),
        (Some(role), Some(file)) => (role, file),
        _ => {
            return Err(refuse(
                "AWS_ROLE_ARN and AWS_WEB_IDENTITY_TOKEN_FILE must be set together".to_owned(),
            ));
        }
    };
    // A projected token of a few kilobytes; the kubelet replaces it, so it is read each time.
    let token = std::fs::read_to_string(file).map(Zeroizing::new);
    let token = token.map_err(|error| {
        refuse(format!(
            "AWS_WEB_IDENTITY_TOKEN_FILE {} cannot be read: {}",
            file.display(),
            error.kind()
        ))
    })?;
    let session_name = own.session_name.as_deref().unwrap_or(SESSION_NAME);
    let client = clients.sts(identity);
    sts::assume_role_with_web_identity(&client, token.trim(), role, session_name)
        .await
        .map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_credentials_that_cannot_stand_in_a_header_are_refused_and_not_shown() {
        let source = |id: &str, token: Option<&str>| {
            let credentials = Credentials::new(id, "secret", token.map(str::to_owned), None, "test");
            loaded("the environment", Ok(credentials))
        };
        assert!(source("AKID", Some("token/+==")).unwrap().is_some());
        for error in [source("AKID\n", None), source("AKID", Some("to\nken"))] {
            let error = error.unwrap_err();
            assert!(
                error.text.contains("the environment gives one with"),
                "{}",
                error.text
            );
            assert!(!error.text.contains("AKID"), "{}", error.text);
        }
    }
}
