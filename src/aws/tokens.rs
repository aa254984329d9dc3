//! What AWS issues instead of keeping: logins to container registries and temporary credentials.
//!
//! Asked for through the same identities, budgets and permits as reads. Never shared: whoever asks gets a token of its own,
//! and nothing is kept.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    broker::Broker,
    call::Plan,
    ecr,
    error::{Class, Error, Fault},
    identity::Identity,
    sts,
};
use crate::secret_bytes::SecretBytes;

/// Which registry a login is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registry {
    /// The account's own, in the identity's region.
    Private,
    /// Amazon ECR Public.
    Public,
}

/// A login to a registry.
#[derive(Debug)]
pub struct Login {
    /// User name.
    pub username: SecretBytes,
    /// Password.
    pub password: SecretBytes,
    /// URL of the registry; none for the public one.
    pub endpoint: Option<String>,
    /// When the login expires.
    pub expires: Timestamp,
}

/// What temporary credentials are asked for.
#[derive(Clone, Debug, Default)]
pub struct SessionRequest {
    /// Seconds that they hold.
    pub duration: Option<i32>,
    /// The MFA device.
    pub serial_number: Option<String>,
    /// Its code.
    pub token_code: Option<String>,
}

/// Temporary credentials.
#[derive(Debug)]
pub struct SessionToken {
    /// The access key id.
    pub access_key_id: SecretBytes,
    /// The secret access key.
    pub secret_access_key: SecretBytes,
    /// The session token.
    pub session_token: SecretBytes,
    /// When they expire.
    pub expires: Timestamp,
}

impl Broker {
    /// A login to a registry.
    pub async fn registry_login(
        &self,
        identity: &Arc<Identity>,
        registry: Registry,
        urgent: bool,
    ) -> Result<Login, Error> {
        let line = self.line();
        let plan = plan(ecr::TOKEN, urgent);
        let leave = line.leave(identity, plan, 1).await?;
        let asked = line.call(leave, plan, |identity, session| async move {
            match registry {
                Registry::Private => ecr::login(&line.clients.ecr(&identity), &session.credentials).await,
                Registry::Public => {
                    ecr::public_login(&line.clients.ecr_public(&identity), &session.credentials).await
                }
            }
        });
        asked.await.0
    }

    /// Temporary credentials of the identity's user.
    pub async fn session_token(
        &self,
        identity: &Arc<Identity>,
        request: &SessionRequest,
        urgent: bool,
    ) -> Result<SessionToken, Error> {
        let line = self.line();
        let plan = plan(sts::SESSION_TOKEN, urgent);
        let leave = line.leave(identity, plan, 1).await?;
        let asked = line.call(leave, plan, |identity, session| async move {
            sts::session_token(&line.clients.sts(&identity), &session.credentials, request).await
        });
        asked.await.0.map_err(explained)
    }
}

fn plan(api: &'static str, urgent: bool) -> Plan<'static> {
    Plan {
        api,
        urgent,
        retry: None,
    }
}

/// AWS's own words do not say what to do.
fn explained(mut error: Error) -> Error {
    if error.class == Class::Credentials(Fault::RoleRefused) {
        error.text.push_str(
            "; GetSessionToken needs the long-term keys of an IAM user: no session token, no role and no token of a \
             ServiceAccount",
        );
    }
    error
}
