//! What validation found, and what is reported of it: condition, message, cause, next try.
//!
//! Pure. The reasons are ESO's, since tools select by them; the messages say what to do.

use std::{fmt, time::Duration};

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use kube::runtime::events::EventType;

use super::validate::Findings;
use crate::{
    api::{SecretStoreStatus, condition::StatusCondition},
    aws::{self, Class, Fault},
};

/// The one condition.
const READY: &str = "Ready";
/// AWS stores can be read and written.
const CAPABILITIES: &str = "ReadWrite";
/// First wait after a failure; it doubles with each further one,
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// up to this.
const LAST_RETRY: Duration = Duration::from_mins(5);

/// Why a store is not ready, or not known to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The spec cannot be acted upon.
    InvalidSpec,
    /// A field is valid, but not implemented.
    NotSupported,
    /// The Secret with credentials, its key, the ServiceAccount or its role is not there.
    CredentialsMissing,
    /// The API server or AWS refuses the credentials or the role.
    CredentialsRefused,
    /// AWS asks us to slow down.
    Throttled,
    /// AWS or the API server could not be reached.
    Unavailable,
}

impl Cause {
    /// The code, as in `status.cause`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::InvalidSpec => "InvalidSpec",
            Self::NotSupported => "NotSupported",
            Self::CredentialsMissing => "CredentialsMissing",
            Self::CredentialsRefused => "CredentialsRefused",
            Self::Throttled => "Throttled",
            Self::Unavailable => "Unavailable",
        }
    }

    /// What the user can do, where our own text does not say it.
    const fn advice(self) -> &'static str {
        match self {
            Self::InvalidSpec => "correct the store's spec",
            Self::NotSupported => "change it, or leave the store to an operator that implements it",
            Self::CredentialsMissing => "create what is missing, or correct spec.provider.aws.auth",
            Self::CredentialsRefused => "check the credentials, the role's trust policy and its permissions",
            Self::Throttled | Self::Unavailable => "it is tried again",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// What validation found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The store can be used.
    Valid,
    /// It can be used, at more cost: its role lacks these IAM actions.
    ValidWithout(Vec<&'static str>),
    /// It cannot, and that will not pass by itself.
    Invalid(Reason),
    /// The check could not be made; nothing is known against the store.
    Unknown(Reason),
}

/// Why, in one word and in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reason {
    cause: Cause,
    text: String,
    /// Only a change of the spec helps.
    follows_from_spec: bool,
}

impl Verdict {
    pub(super) fn of_findings(findings: &Findings) -> Self {
        let cause = if findings.all_unsupported() {
            Cause::NotSupported
        } else {
            Cause::InvalidSpec
        };
        Self::Invalid(Reason {
            cause,
            text: findings.to_string(),
            follows_from_spec: true,
        })
    }

    pub(super) fn of_credentials(result: Result<(), aws::Error>) -> Self {
        let Err(error) = result else { return Self::Valid };
        let (cause, follows_from_spec) = match error.class {
            Class::Config => (Cause::InvalidSpec, true),
            Class::Invalid | Class::TooLarge => (Cause::InvalidSpec, false),
            Class::Missing(_) => (Cause::CredentialsMissing, false),
            Class::Denied | Class::Kms => (Cause::CredentialsRefused, false),
            Class::Credentials(fault) => match fault {
                Fault::SecretMissing
                | Fault::KeyMissing
                | Fault::ServiceAccountMissing
                | Fault::NoRole
                | Fault::NoneFound => (Cause::CredentialsMissing, false),
                Fault::KubernetesDenied | Fault::RoleRefused | Fault::Rejected => {
                    (Cause::CredentialsRefused, false)
                }
            },
            Class::Throttled => (Cause::Throttled, false),
            Class::Transient => (Cause::Unavailable, false),
        };
        let reason = Reason {
            cause,
            text: error.text,
            follows_from_spec,
        };
        if error.class.passes() {
            Self::Unknown(reason)
        } else {
            Self::Invalid(reason)
        }
    }

    pub(super) fn timed_out(limit: Duration) -> Self {
        let text = format!("the credentials could not be got within {} s", limit.as_secs());
        Self::Unknown(Reason {
            cause: Cause::Unavailable,
            text,
            follows_from_spec: false,
        })
    }

    /// Whether the store can be used; nothing where that is not known anew.
    pub(super) fn ready(&self) -> Option<bool> {
        match self {
            Self::Valid | Self::ValidWithout(_) => Some(true),
            Self::Invalid(_) => Some(false),
            Self::Unknown(_) => None,
        }
    }

    /// What users of a store that cannot be used are told.
    pub(super) fn trouble(&self) -> Option<String> {
        match self {
            Self::Valid | Self::ValidWithout(_) | Self::Unknown(_) => None,
            Self::Invalid(why) => Some(why.message()),
        }
    }

    /// When the store is looked at again; without an interval, a valid one only when it changes. `failures` counts this
    /// verdict, if it is one.
    pub(super) fn next(&self, interval: Option<Duration>, failures: u32, spread: u64) -> Option<Duration> {
        match self {
            Self::Valid | Self::ValidWithout(_) => interval,
            Self::Invalid(Reason {
                follows_from_spec: true,
                ..
            }) => None,
            Self::Invalid(_) | Self::Unknown(_) => Some(backoff(failures, spread)),
        }
    }

    /// The event that tells of it.
    pub(super) fn event(&self) -> (EventType, &'static str, String) {
        match self {
            Self::Valid | Self::ValidWithout(_) => (EventType::Normal, self.reason(), self.praise()),
            Self::Invalid(why) | Self::Unknown(why) => (EventType::Warning, self.reason(), why.message()),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Valid | Self::ValidWithout(_) => "Valid",
            Self::Invalid(_) => "InvalidProviderConfig",
            Self::Unknown(_) => "ValidationUnknown",
        }
    }

    /// ESO's text, and what would make the store cheaper to use.
    fn praise(&self) -> String {
        match self {
            Self::ValidWithout(actions) => format!(
                "store validated; reads go one by one, because the role may not do {}: allow it for fewer calls",
                actions.join(", ")
            ),
            _ => "store validated".to_owned(),
        }
    }

    /// The status to report on top of the last one. A check that could not be made says nothing new about a store whose
    /// spec is known not to work, and then there is none.
    pub(super) fn status(
        &self,
        last: Option<&SecretStoreStatus>,
        known_broken: bool,
        generation: i64,
        now: Timestamp,
    ) -> Option<SecretStoreStatus> {
        if known_broken && matches!(self, Self::Unknown(_)) {
            return None;
        }
        let mut status = last.cloned().unwrap_or_default();
        let mut conditions = status.conditions.take().unwrap_or_default();
        let at = conditions.iter().position(|condition| condition.type_ == READY);
        let before = at.map(|at| conditions.swap_remove(at));
        let (ready, message, cause) = match self {
            Self::Valid | Self::ValidWithout(_) => ("True", self.praise(), None),
            Self::Invalid(why) => ("False", why.message(), Some(why.cause)),
            Self::Unknown(why) => (
                "True",
                "could not determine validation status".to_owned(),
                Some(why.cause),
            ),
        };
        let since = before
            .filter(|before| before.status == ready)
            .and_then(|before| before.last_transition_time);
        conditions.push(StatusCondition {
            type_: READY.to_owned(),
            status: ready.to_owned(),
            reason: Some(self.reason().to_owned()),
            message: Some(message),
            last_transition_time: Some(since.unwrap_or_else(|| Time::from(now))),
        });
        status.conditions = Some(conditions);
        if ready == "True" {
            status.capabilities = Some(CAPABILITIES.to_owned());
        }
        status.observed_generation = Some(generation);
        status.cause = cause.map(|cause| cause.code().to_owned());
        Some(status)
    }
}

impl Reason {
    /// `<Cause>: <what, and what to do>`
    fn message(&self) -> String {
        format!("{}: {}; {}", self.cause, self.text, self.cause.advice())
    }
}

/// 1 s doubling to 5 min, less up to a fifth, so that stores that failed together do not stay together.
fn backoff(failures: u32, spread: u64) -> Duration {
    let doubled = FIRST_RETRY.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
    let wait = doubled.min(LAST_RETRY);
    let hundredth = u32::try_from(spread % 20).unwrap_or_default();
    wait.saturating_sub((wait / 100).saturating_mul(hundredth))
}

#[cfg(test)]
mod tests;
