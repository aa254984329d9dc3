use gotext::regexp::{Regexp, quote_meta};
use serde_json::Value;

use crate::row::{Failure, Row, expect};

pub(crate) fn run(row: &Row) -> Result<(), Failure> {
    let pattern = row.text("re")?;
    let expression = match (Regexp::new(pattern), row.get("error")) {
        (Ok(expression), None) => expression,
        (Err(error), Some(wanted)) => return expect(wanted, &Value::from(error.to_string())),
        (Ok(_), Some(wanted)) => return Err(Failure::new(wanted, "no error")),
        (Err(error), None) => return Err(Failure::new("no error", error)),
    };
    let text = row.text("s")?.as_bytes();
    let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let replaced = expression.replace_all(text, row.text("repl")?.as_bytes());
    expect(row.text("want")?, &*lossy(&replaced))?;
    let all: Vec<String> = expression
        .find_all(text, None)
        .into_iter()
        .map(|range| lossy(text.get(range).unwrap_or_default()))
        .collect();
    let all = if all.is_empty() {
        Value::Null
    } else {
        Value::from(all)
    };
    expect(row.value("all")?, &all)?;
    let parts: Vec<String> = expression.split(text, None).into_iter().map(lossy).collect();
    expect(row.value("split")?, &Value::from(parts))?;
    expect(row.text("quote")?, &*lossy(&quote_meta(pattern.as_bytes())))
}
