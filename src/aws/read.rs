//! What is asked of AWS and what comes back.
//!
//! A [`Read`] is one remote value; equal reads of equal identities may share a call. Everything that makes an answer
//! different is part of it.

use std::{num::NonZeroU32, time::Duration};

use aws_smithy_types::DateTime;
use jiff::Timestamp;

use super::{
    error::{Class, Error},
    room::Share,
};
use crate::{
    api::secret_store::{AwsService, RetrySettings},
    secret_bytes::SecretBytes,
};

/// One remote value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Read {
    /// The service that holds it.
    pub service: AwsService,
    /// Name or ARN: the store's prefix and the key.
    pub id: String,
    /// Which version of it.
    pub version: Version,
    /// The value or what is known about it.
    pub aspect: Aspect,
}

/// Which version is meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// Secrets Manager: the version that carries a staging label, such as `AWSCURRENT`.
    Stage(String),
    /// Secrets Manager: a version by its id.
    Id(String),
    /// Parameter Store: a version number or label, or the newest.
    Selector(Option<String>),
}

/// What of a secret is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Aspect {
    /// The value.
    Value,
    /// The tags, as a JSON object (`metadataPolicy: Fetch`). The version plays no part.
    Tags,
}

/// Bytes of values that one object may hold, and so one find.
pub const OBJECT_LIMIT: usize = 8 * 1024 * 1024;

/// The stage that is meant where none is named.
pub const CURRENT: &str = "AWSCURRENT";

impl Version {
    /// Reads `remoteRef.version` of Secrets Manager: `uuid/<id>`, a stage, or nothing for the current one.
    #[must_use]
    pub fn of_secret(version: Option<&str>) -> Self {
        match version {
            None | Some("") => Self::Stage(CURRENT.to_owned()),
            Some(version) => match version.strip_prefix("uuid/") {
                Some(id) => Self::Id(id.to_owned()),
                None => Self::Stage(version.to_owned()),
            },
        }
    }

    /// Whether it is the version that is current when the call is made.
    #[must_use]
    pub fn is_current(&self) -> bool {
        match self {
            Self::Stage(stage) => stage == CURRENT,
            Self::Selector(selector) => selector.as_deref().is_none_or(str::is_empty),
            Self::Id(_) => false,
        }
    }
}

/// What AWS answered. Held only until it is written: its bytes count against a bound while anybody holds it.
#[derive(Debug, Default)]
pub struct Answer {
    /// The text form, if the value is text. For tags, their JSON object.
    pub text: Option<SecretBytes>,
    /// The binary form, if the value is binary.
    pub binary: Option<SecretBytes>,
    /// Id of the version (Secrets Manager) or its number (Parameter Store).
    pub version_id: Option<String>,
    /// The stage or selector that was asked for.
    pub stage: Option<String>,
    /// ARN of the secret.
    pub arn: Option<String>,
    /// When this version was made.
    pub created_at: Option<Timestamp>,
    pub(crate) share: Share,
}

impl Answer {
    /// Bytes of the value.
    #[must_use]
    pub fn size(&self) -> usize {
        self.text.as_ref().map_or(0, SecretBytes::len) + self.binary.as_ref().map_or(0, SecretBytes::len)
    }
}

/// A time of AWS's.
pub(super) fn timestamp(time: DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}

/// Who may wait, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Somebody waits for it: it leaves at once, or waits for company a small part of the time that its object has waited
    /// already.
    Urgent {
        /// How long the object waited for its turn.
        waited: Duration,
    },
    /// A refresh that is due: it may wait a little for company.
    Periodic {
        /// How long at most.
        patience: Duration,
    },
}

impl Lane {
    /// Of an object that did not wait.
    pub const NOW: Self = Self::Urgent {
        waited: Duration::ZERO,
    };

    /// Whether somebody waits for it.
    pub(super) fn is_urgent(self) -> bool {
        !matches!(self, Self::Periodic { .. })
    }
}

/// A store's `retrySettings`, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Retry {
    /// Attempts for one call; none means as many as the sync's deadline allows.
    pub attempts: Option<NonZeroU32>,
    /// A fixed delay between attempts; none means growing ones.
    pub delay: Option<Duration>,
}

impl Retry {
    /// Attempts where `retrySettings` is there without `maxRetries`.
    const DEFAULT_ATTEMPTS: NonZeroU32 = NonZeroU32::MIN.saturating_add(2);

    /// Reads `retrySettings`. `maxRetries` counts attempts, as it always has: 3 where it is left out, 0 for no end.
    pub fn parse(settings: &RetrySettings) -> Result<Self, Error> {
        let refuse = |text: String| Error::new(Class::Config, "retrySettings", text);
        let attempts = match settings.max_retries {
            None => Some(Self::DEFAULT_ATTEMPTS),
            Some(count) => match u32::try_from(count) {
                Ok(count) => NonZeroU32::new(count),
                Err(_) => return Err(refuse("retrySettings.maxRetries must not be negative".to_owned())),
            },
        };
        let delay =
            match settings.retry_interval.as_deref() {
                None => None,
                Some(text) => {
                    let parsed = gotext::duration::parse(text)
                        .ok()
                        .and_then(gotext::duration::Duration::to_std);
                    Some(parsed.ok_or_else(|| {
                        refuse(format!("retrySettings.retryInterval is no duration: {text:?}"))
                    })?)
                }
            };
        Ok(Self {
            attempts,
            delay: delay.filter(|delay| !delay.is_zero()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_without_a_name_is_the_current_one() {
        assert_eq!(Version::of_secret(None), Version::Stage("AWSCURRENT".to_owned()));
        assert_eq!(
            Version::of_secret(Some("")),
            Version::Stage("AWSCURRENT".to_owned())
        );
        assert_eq!(
            Version::of_secret(Some("AWSPENDING")),
            Version::Stage("AWSPENDING".to_owned())
        );
        assert_eq!(
            Version::of_secret(Some("uuid/1-2")),
            Version::Id("1-2".to_owned())
        );
    }

    #[test]
    fn max_retries_counts_attempts_and_zero_has_no_end() {
        let parse = |max_retries, interval: Option<&str>| {
            Retry::parse(&RetrySettings {
                max_retries,
                retry_interval: interval.map(str::to_owned),
            })
        };
        assert_eq!(parse(None, None).unwrap().attempts.map(NonZeroU32::get), Some(3));
        assert_eq!(
            parse(Some(5), None).unwrap().attempts.map(NonZeroU32::get),
            Some(5)
        );
        assert_eq!(parse(Some(0), None).unwrap().attempts, None);
        assert_eq!(
            parse(None, Some("1m30s")).unwrap().delay,
            Some(Duration::from_secs(90))
        );
        assert_eq!(parse(None, Some("0s")).unwrap().delay, None);
        assert_eq!(parse(None, Some("soon")).unwrap_err().class, Class::Config);
        assert_eq!(parse(Some(-1), None).unwrap_err().class, Class::Config);
    }
}
