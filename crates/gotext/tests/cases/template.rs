use std::sync::atomic::{AtomicU8, Ordering};

use data_encoding::BASE64;
use gotext::functions;
use gotext::template::{
    ExecError, ExecOptions, Functions, Limits, Map, MissingKey, ParseError, ParseOptions, Random,
    SystemClock, Template, TemplateOrigin, Value,
};

use crate::row::{Failure, Row, expect};

/// Bytes that differ from call to call, which is all that the rows need.
struct Counter(AtomicU8);

impl Random for Counter {
    fn fill(&self, buffer: &mut [u8]) -> bool {
        for byte in buffer {
            *byte = self.0.fetch_add(101, Ordering::Relaxed);
        }
        true
    }
}

enum Refused {
    Parsing(ParseError),
    Executing(ExecError),
}

fn data(row: &Row) -> Result<Value, Failure> {
    let data = row.value("data")?;
    if row.text("root")? == "map[string]string" {
        let members = data.as_object().into_iter().flatten();
        let texts = members.map(|(key, value)| (key.as_str(), value.as_str().unwrap_or_default()));
        return Ok(Value::from(Map::strings(texts)));
    }
    let value = gotext::json::parse(data.to_string().as_bytes());
    Ok(Value::from(value.map_err(|error| Failure::new("data", error))?))
}

fn render(row: &Row, functions: &Functions) -> Result<Result<Vec<u8>, Refused>, Failure> {
    let limits = Limits::default();
    let missing_key = match row.text("missingkey")? {
        "error" => MissingKey::Error,
        "zero" => MissingKey::Zero,
        _ => MissingKey::Default,
    };
    let parsing = ParseOptions {
        left_delim: b"",
        right_delim: b"",
        functions,
        limits: &limits,
    };
    let template = match Template::parse("t", row.text("template")?, &parsing) {
        Ok(template) => template,
        Err(error) => return Ok(Err(Refused::Parsing(error))),
    };
    let random = Counter(AtomicU8::new(7));
    let executing = ExecOptions {
        missing_key,
        limits: &limits,
        clock: &SystemClock,
        random: &random,
    };
    let output = template.execute(&data(row)?, &executing);
    Ok(output.map(|output| output.to_vec()).map_err(Refused::Executing))
}

/// The redacted form names the same place as the whole one, and none of the data the message is about.
fn expect_redacted(error: &Refused) -> Result<(), Failure> {
    for origin in [TemplateOrigin::Manifest, TemplateOrigin::Secret] {
        let (full, redacted, line, column) = match error {
            Refused::Parsing(error) => (error.full(), error.redacted(origin), error.line(), None),
            Refused::Executing(error) => (
                error.full(),
                error.redacted(origin),
                error.line(),
                Some(error.column()),
            ),
        };
        let place = column.map_or_else(|| format!(":{line}: "), |column| format!(":{line}:{column}: "));
        let said = match (origin, column) {
            (TemplateOrigin::Manifest, _) => place.clone(),
            (TemplateOrigin::Secret, None) => format!("line {line}"),
            (TemplateOrigin::Secret, Some(column)) => format!("line {line}, column {column}"),
        };
        if !full.to_lossy().contains(&place) || !redacted.contains(&said) {
            return Err(Failure::new(
                format_args!("{place} of {}", full.to_lossy()),
                redacted,
            ));
        }
    }
    Ok(())
}

pub(crate) fn run(row: &Row) -> Result<(), Failure> {
    let functions = if row.text("funcs")? == "none" {
        Functions::new()
    } else {
        functions::all()
    };
    let output = match (render(row, &functions)?, row.get("error")) {
        (Ok(output), None) => output,
        (Ok(output), Some(wanted)) => return Err(Failure::new(wanted, String::from_utf8_lossy(&output))),
        (Err(error), wanted) => {
            let full = match &error {
                Refused::Parsing(error) => error.full(),
                Refused::Executing(error) => error.full(),
            };
            expect_redacted(&error)?;
            let wanted = wanted.and_then(serde_json::Value::as_str).unwrap_or("no error");
            return expect(wanted, &full.to_lossy());
        }
    };
    if row.get("want_b64").is_some() {
        return expect(row.text("want_b64")?, &BASE64.encode(&output));
    }
    expect(row.text("want")?, &String::from_utf8_lossy(&output))
}
