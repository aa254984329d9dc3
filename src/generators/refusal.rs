//! Why a generator gives nothing.

use crate::sync::cause::{Cause, Failure};

/// Why a generator gives nothing, in words for users. It never holds a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) cause: Cause,
    pub(super) text: String,
}

impl Refusal {
    /// The generator's spec cannot be satisfied.
    pub(super) fn invalid(text: impl Into<String>) -> Self {
        Self {
            cause: Cause::GeneratorInvalid,
            text: text.into(),
        }
    }

    /// It passes by itself.
    pub(super) fn passing(text: impl Into<String>) -> Self {
        Self {
            cause: Cause::ApiServerUnavailable,
            text: text.into(),
        }
    }

    /// The failure of the object that asked.
    pub(super) fn of(self, generator: &dyn std::fmt::Display) -> Failure {
        Failure::new(
            self.cause,
            format!("error using generator {generator}: {}", self.text),
        )
    }
}
