use gotext::{json, yaml};
use serde_json::Value;

use crate::row::{Failure, Row, expect};

/// The value of a row as this crate has it; numbers that are no integers have the form Go gives them.
fn value(row: &Value) -> json::Value {
    match row {
        Value::Null => json::Value::Null,
        Value::Bool(value) => json::Value::Bool(*value),
        Value::Number(number) => json::Value::Number(match (number.as_i64(), number.as_f64()) {
            (Some(value), _) => json::Number::from(value),
            (None, value) => json::Number::from_f64(value.unwrap_or(0.0)).unwrap_or_else(|_| 0_i64.into()),
        }),
        Value::String(text) => json::Value::string(text.as_str()),
        Value::Array(elements) => json::Value::Array(elements.iter().map(value).collect()),
        Value::Object(members) => json::Value::Object(
            members
                .iter()
                .map(|(key, member)| (key.clone().into_bytes(), value(member)))
                .collect(),
        ),
    }
}

/// The value with every number as a float, which is all that a Go program sees of it.
fn with_floats(value: &Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().map_or(Value::Null, Value::from),
        Value::Array(elements) => Value::Array(elements.iter().map(with_floats).collect()),
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(key, value)| (key.clone(), with_floats(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}

pub(crate) fn emit(row: &Row) -> Result<(), Failure> {
    let written = yaml::to_vec(&value(row.value("v")?)).map_err(|error| Failure::new("text", error))?;
    expect(row.text("yaml")?, &String::from_utf8_lossy(&written))
}

pub(crate) fn parse(row: &Row) -> Result<(), Failure> {
    let read = match (yaml::parse(row.text("y")?.as_bytes()), row.get("err")) {
        (Ok(read), None) => read,
        (Err(_), Some(_)) => return Ok(()),
        (Ok(read), Some(wanted)) => return Err(Failure::new(wanted, format_args!("{read:?}"))),
        (Err(error), None) => return Err(Failure::new(row.value("v")?, error)),
    };
    let text = json::to_vec(&read, json::Html::Plain);
    let read: Value = serde_json::from_slice(&text).map_err(|error| Failure::new("JSON", error))?;
    expect(&with_floats(row.value("v")?), &with_floats(&read))
}
