//! Who an access key belongs to.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use super::ACCOUNT;
use crate::aws_call::AwsCall;
use crate::aws_error::AwsError;

/// The identity that a call was made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// `arn:aws:sts::<account>:assumed-role/<role>/<session>` or `arn:aws:iam::<account>:user/<user>`.
    pub arn: String,
    /// Twelve digits.
    pub account: String,
    /// The ARN of the role that was assumed, if any.
    pub role: Option<String>,
    /// From where the call was signed for; a call without a signature has [`REGION`](super::REGION).
    pub region: String,
}

/// A key that STS has handed out.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) access_key_id: String,
    pub(super) secret_access_key: String,
    pub(super) token: String,
    pub(super) expires: SystemTime,
}

#[derive(Debug, Default)]
pub(super) struct Credentials {
    pub(super) strict: bool,
    pub(super) lifetime: Option<Duration>,
    users: HashMap<String, Caller>,
    sessions: HashMap<String, (Session, Caller)>,
    issued: u64,
}

impl Credentials {
    pub(super) fn add_user(&mut self, access_key_id: &str, account: &str, user: &str) {
        self.users
            .insert(access_key_id.to_owned(), user_of(account, user));
    }

    pub(super) fn expire_sessions(&mut self) {
        for (session, _) in self.sessions.values_mut() {
            session.expires = SystemTime::UNIX_EPOCH;
        }
    }

    /// Who signed `call`. An unsigned one is from nobody, which only `AssumeRoleWithWebIdentity` accepts.
    pub(super) fn caller(&self, call: &AwsCall) -> Result<Caller, AwsError> {
        let region = call.region.clone().unwrap_or_else(|| super::REGION.to_owned());
        let Some(key) = &call.access_key_id else {
            if call.operation == "AssumeRoleWithWebIdentity" {
                let nobody = String::new();
                return Ok(Caller {
                    arn: nobody.clone(),
                    account: nobody,
                    role: None,
                    region,
                });
            }
            return Err(AwsError::new(
                403,
                "MissingAuthenticationToken",
                "Request is missing Authentication Token",
            ));
        };
        if let Some((session, caller)) = self.sessions.get(key) {
            if call.session_token.as_ref() != Some(&session.token) {
                return Err(unknown());
            }
            if session.expires <= SystemTime::now() {
                let message = "The security token included in the request is expired";
                return Err(AwsError::bad("ExpiredTokenException", message));
            }
            return Ok(Caller {
                region,
                ..caller.clone()
            });
        }
        match self.users.get(key) {
            Some(user) => Ok(Caller {
                region,
                ..user.clone()
            }),
            None if self.strict => Err(unknown()),
            None => Ok(Caller {
                region,
                ..user_of(ACCOUNT, key)
            }),
        }
    }

    /// A number of its own for whatever is issued.
    pub(super) fn number(&mut self) -> u64 {
        self.issued += 1;
        self.issued
    }

    /// A key for `caller` that is valid for `seconds`, or as long as the fake was told.
    pub(super) fn issue(&mut self, caller: Caller, seconds: u64) -> Session {
        let number = self.number();
        let lifetime = self.lifetime.unwrap_or_else(|| Duration::from_secs(seconds));
        let session = Session {
            access_key_id: format!("ASIAFAKE{number:012}"),
            secret_access_key: format!("fake-secret-key-{number}-of-a-session"),
            token: format!("fake-session-token-{number}"),
            expires: SystemTime::now() + lifetime,
        };
        self.sessions
            .insert(session.access_key_id.clone(), (session.clone(), caller));
        session
    }
}

fn unknown() -> AwsError {
    AwsError::bad(
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    )
}

fn user_of(account: &str, user: &str) -> Caller {
    Caller {
        arn: format!("arn:aws:iam::{account}:user/{user}"),
        account: account.to_owned(),
        role: None,
        region: String::new(),
    }
}
