//! One row of a table, and how it can fail.

use std::fmt;

use serde_json::{Map, Value};

/// What a row wanted and what it got.
#[derive(Debug)]
pub(crate) struct Failure {
    wanted: String,
    got: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "  wanted {}\n  got    {}", self.wanted, self.got)
    }
}

impl Failure {
    pub(crate) fn new(wanted: impl fmt::Display, got: impl fmt::Display) -> Self {
        Self {
            wanted: wanted.to_string(),
            got: got.to_string(),
        }
    }
}

/// Fails unless both are equal.
pub(crate) fn expect<T: PartialEq + fmt::Debug + ?Sized>(wanted: &T, got: &T) -> Result<(), Failure> {
    if wanted == got {
        return Ok(());
    }
    Err(Failure::new(format_args!("{wanted:?}"), format_args!("{got:?}")))
}

/// An object of a table.
#[derive(Debug, serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct Row(Map<String, Value>);

impl Row {
    pub(crate) fn title(&self, field: &str) -> String {
        self.0
            .get("name")
            .or_else(|| self.0.get(field))
            .map_or_else(String::new, Value::to_string)
    }

    pub(crate) fn get(&self, field: &str) -> Option<&Value> {
        self.0.get(field)
    }

    pub(crate) fn value(&self, field: &str) -> Result<&Value, Failure> {
        self.get(field)
            .ok_or_else(|| Failure::new(format_args!("a field {field}"), "none"))
    }

    pub(crate) fn text(&self, field: &str) -> Result<&str, Failure> {
        let value = self.value(field)?;
        value
            .as_str()
            .ok_or_else(|| Failure::new(format_args!("text in {field}"), value))
    }

    pub(crate) fn flag(&self, field: &str) -> Result<bool, Failure> {
        let value = self.value(field)?;
        value
            .as_bool()
            .ok_or_else(|| Failure::new(format_args!("a boolean in {field}"), value))
    }
}
