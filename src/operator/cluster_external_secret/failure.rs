//! Why a ClusterExternalSecret, or a namespace of it, is not as it should be: a closed code and the sentence that a
//! user reads.

use std::{fmt, time::Duration};

use crate::rights;

/// Longest part of a text that the API server wrote, in characters.
const QUOTED: usize = 300;
/// First wait after what passes by itself; it doubles with each further failure,
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// up to this.
const LAST_RETRY: Duration = Duration::from_mins(5);

/// A closed code, also in `status.cause`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Cause {
    /// The spec contradicts itself or a rule of the API.
    InvalidSpec,
    /// The stored object cannot be read.
    Malformed,
    /// The namespace has an ExternalSecret of this name that is not kept by this object.
    AlreadyExists,
    /// The ExternalSecret is being deleted, and something holds it.
    BeingDeleted,
    /// The API server refuses the ExternalSecret as invalid.
    Refused,
    /// The operator lacks a permission in the cluster.
    Forbidden,
    /// The API server cannot be reached or refuses for now.
    ApiServerUnavailable,
}

impl Cause {
    /// The code.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::InvalidSpec => "InvalidSpec",
            Self::Malformed => "Malformed",
            Self::AlreadyExists => "AlreadyExists",
            Self::BeingDeleted => "BeingDeleted",
            Self::Refused => "Refused",
            Self::Forbidden => "Forbidden",
            Self::ApiServerUnavailable => "ApiServerUnavailable",
        }
    }

    /// When to try again without being told of a change, after so many failures in a row.
    pub(super) fn retry(self, failures: u32) -> Option<Duration> {
        match self {
            Self::ApiServerUnavailable | Self::Forbidden => {
                let doubled = FIRST_RETRY.saturating_mul(1 << failures.min(16));
                Some(doubled.min(LAST_RETRY))
            }
            // The spec, or something that is watched, has to change.
            Self::InvalidSpec
            | Self::Malformed
            | Self::AlreadyExists
            | Self::BeingDeleted
            | Self::Refused => None,
        }
    }
}

/// A failure as a user reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    /// The code.
    pub(super) cause: Cause,
    /// What failed, and what to do.
    pub(super) text: String,
}

impl Failure {
    pub(super) fn new(cause: Cause, text: impl Into<String>) -> Self {
        Self {
            cause,
            text: text.into(),
        }
    }

    /// What the API server said to a request on an ExternalSecret.
    pub(super) fn of(error: &kube::Error, verb: &str) -> Self {
        let kube::Error::Api(status) = error else {
            return Self::new(
                Cause::ApiServerUnavailable,
                format!("could not {verb} the ExternalSecret: the API server did not answer; trying again"),
            );
        };
        // Specs are no secrets: who reads this status reads the spec too.
        let said: String = status.message.chars().take(QUOTED).collect();
        match status.code {
            403 if rights::is_of_an_owner(&status.message) => {
                let right = rights::lacking("update", "clusterexternalsecrets/finalizers");
                Self::new(
                    Cause::Forbidden,
                    format!("keyferry may not own ExternalSecrets here; {right}"),
                )
            }
            403 => Self::new(
                Cause::Forbidden,
                format!(
                    "keyferry may not {verb} ExternalSecrets here; {}: {said}",
                    rights::lacking(verb, "externalsecrets")
                ),
            ),
            400 | 413 | 422 => Self::new(
                Cause::Refused,
                format!("the API server refuses to {verb} the ExternalSecret, correct the spec: {said}"),
            ),
            code => Self::new(
                Cause::ApiServerUnavailable,
                format!("could not {verb} the ExternalSecret ({code}); trying again"),
            ),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.cause.name(), self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Cause; 7] = [
        Cause::InvalidSpec,
        Cause::Malformed,
        Cause::AlreadyExists,
        Cause::BeingDeleted,
        Cause::Refused,
        Cause::Forbidden,
        Cause::ApiServerUnavailable,
    ];

    #[test]
    fn every_cause_is_documented() {
        let page = include_str!("../../../docs/cluster-external-secret.md");
        for cause in ALL {
            assert!(page.contains(&format!("| `{}` |", cause.name())), "{cause:?}");
        }
    }

    #[test]
    fn what_passes_by_itself_is_tried_again_ever_later_and_the_rest_waits_for_a_change() {
        let seconds = |failures| {
            Cause::ApiServerUnavailable
                .retry(failures)
                .map(|wait| wait.as_secs())
        };
        assert_eq!([0, 1, 2, 20].map(seconds), [Some(1), Some(2), Some(4), Some(300)]);
        assert_eq!(Cause::AlreadyExists.retry(0), None);
    }

    #[test]
    fn a_long_answer_of_the_api_server_is_cut() {
        let status = kube::core::Status::failure(&"x".repeat(5000), "Invalid").with_code(422);
        let failure = Failure::of(&kube::Error::Api(Box::new(status)), "create");
        assert_eq!(failure.cause, Cause::Refused);
        assert!(failure.text.len() < 500, "{}", failure.text.len());
    }
}
