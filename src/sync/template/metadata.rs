//! What Kubernetes takes as names and values of labels and annotations.
//!
//! Own piece: the API types have no checks, and no crate of the field does just this.

use crate::api::names;

/// Kubernetes' limit on all annotations of an object, in bytes.
pub(super) const ANNOTATIONS_LIMIT: usize = 256 * 1024;

/// What is said of a value that cannot be a label's.
pub(super) const LABEL_VALUE: &str = "the output cannot be the value of a label: at most 63 letters, digits, '-', '_' and '.', \
                                      the first and the last of them a letter or a digit";

fn is_word(text: &str) -> bool {
    let is_edge = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    text.len() <= 63
        && is_edge(bytes.first())
        && is_edge(bytes.last())
        && bytes
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// Why a text cannot be the name of a label or annotation that a template gives. The text itself is not quoted.
pub(super) fn name_problem(name: &str) -> Option<&'static str> {
    if name.starts_with(names::OWN_PREFIX) {
        return Some("names under keyferry.dev/ are keyferry's own");
    }
    let (prefix, word) = match name.split_once('/') {
        Some((prefix, word)) => (Some(prefix), word),
        None => (None, name),
    };
    // Annotations may have upper case in their prefix; what of it labels may not have is for the API server to say.
    let prefix_fits = prefix.is_none_or(|prefix| crate::secrets_api::is_name(&prefix.to_ascii_lowercase()));
    (!prefix_fits || !is_word(word)).then_some(
        "a name is at most 63 letters, digits, '-', '_' and '.', and may have a DNS name and '/' before it",
    )
}

/// Whether a text can be the value of a label.
pub(super) fn is_label_value(text: &str) -> bool {
    text.is_empty() || is_word(text)
}
