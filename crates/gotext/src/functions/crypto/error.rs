//! The one error of the cryptographic functions: the text Go would have given.

use std::borrow::Cow;

/// Why a function refused its arguments, in Go's words. The text can quote what the caller passed in.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub(crate) struct CryptoError(Cow<'static, str>);

impl CryptoError {
    pub(crate) const fn text(text: &'static str) -> Self {
        Self(Cow::Borrowed(text))
    }

    pub(crate) fn format(text: String) -> Self {
        Self(Cow::Owned(text))
    }

    /// The same error with words in front, as Go's `fmt.Errorf("…: %s", err)`.
    pub(crate) fn after(self, words: &str) -> Self {
        Self(Cow::Owned(format!("{words}{}", self.0)))
    }
}

/// What Go's runtime says when ESO's functions use a block that was not found.
pub(crate) const NIL_DEREFERENCE: CryptoError =
    CryptoError::text("runtime error: invalid memory address or nil pointer dereference");

impl From<CryptoError> for crate::template::FuncError {
    fn from(error: CryptoError) -> Self {
        Self::new(error.0.into_owned())
    }
}
