//! Why a text is not YAML, or a value cannot be written as YAML.

use crate::json::{UnsupportedFloat, Value};

/// Why a text cannot be read. The messages are those of the Go library where it finds the fault in values;
/// they may quote data.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The text is not YAML, or its values contradict their tags, anchors or merges.
    #[error("error converting YAML to JSON: yaml: {0}")]
    Yaml(String),
    /// A key is neither text nor a number nor a boolean.
    #[error("error converting YAML to JSON: unsupported map key of type: {typ}, key: {key}, value: {value}")]
    Key {
        /// The Go type of the key.
        typ: &'static str,
        /// The key as Go shows it.
        key: String,
        /// Its value as Go shows it.
        value: String,
    },
    /// An infinite number or none cannot become JSON.
    #[error("error converting YAML to JSON: {0}")]
    Float(#[from] UnsupportedFloat),
    /// The value has another type than the one asked for.
    #[error(
        "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {found} into Go value of type {wanted}"
    )]
    Type {
        /// The JSON name of what was found.
        found: &'static str,
        /// The Go name of what was wanted.
        wanted: &'static str,
    },
}

impl Error {
    pub(super) fn yaml(message: impl Into<String>) -> Self {
        Self::Yaml(message.into())
    }

    /// A fault in a line, counted from one; the first line is not named.
    pub(super) fn at_line(line: usize, problem: &str) -> Self {
        if line == 0 {
            Self::yaml(problem)
        } else {
            Self::yaml(format!("line {line}: {problem}"))
        }
    }

    pub(super) fn type_mismatch(value: &Value, wanted: &'static str) -> Self {
        let found = match value {
            Value::Null => "null",
            Value::Bool(_) => "bool",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        Self::Type { found, wanted }
    }
}

/// Why a value cannot be written. Go reads the value's JSON as YAML first, which does not take all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EmitError {
    /// A text holds a character YAML does not allow.
    #[error("yaml: control characters are not allowed")]
    ControlCharacter,
    /// A key is longer than YAML allows.
    #[error("yaml: did not find expected ',' or '}}'")]
    LongKey,
    /// A line of a text, after U+0085, begins as a document would.
    #[error("yaml: found unexpected document indicator")]
    DocumentIndicator,
    /// Values are nested too deeply.
    #[error("yaml: exceeded max depth")]
    TooDeep,
}
