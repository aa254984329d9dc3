//! Answers questions about templates and the other languages, one JSON object a line: the Rust side of `oracle/`.
//!
//! Texts go in and out as base64, since they need not be UTF-8. Only for development.

use std::io::{BufRead, Write};
use std::time::Duration;

use data_encoding::BASE64;
use gotext::functions;
use gotext::template::{
    Clock, ExecOptions, Functions, Limits, Map, MissingKey, ParseOptions, Random, SystemClock, Template,
    Text, Value,
};
use gotext::{cron, duration, gjson, json, regexp, yaml};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
enum Question {
    /// Render a template called `t` on data that is JSON, or on texts.
    Template {
        template: Bytes,
        texts: Option<std::collections::BTreeMap<String, Bytes>>,
        document: Option<Bytes>,
        functions: String,
        missingkey: String,
        /// How often to do it; for measuring.
        #[serde(default)]
        repeat: Option<u32>,
    },
    /// Call one function.
    Call {
        name: String,
        args: Vec<Argument>,
    },
    Gjson {
        json: Bytes,
        path: Bytes,
    },
    Regexp {
        pattern: Bytes,
        text: Bytes,
        replacement: Bytes,
    },
    Duration {
        text: Bytes,
    },
    /// Read YAML, shown as JSON.
    Yaml {
        yaml: Bytes,
    },
    Cron {
        text: String,
        from: i64,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Argument {
    Text(Bytes),
    Int(i64),
    Uint32(u64),
    Texts(Vec<Bytes>),
    /// The result of another call.
    Call(String, Vec<Self>),
}

/// Base64 in JSON.
struct Bytes(Vec<u8>);

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        BASE64
            .decode(text.as_bytes())
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) -> bool {
        aws_lc_rs::rand::fill(buffer).is_ok()
    }
}

/// Stands still, so that a slow machine meets no deadline.
struct Still(Duration);

impl Clock for Still {
    fn since_epoch(&self) -> Duration {
        self.0
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (all, none) = (functions::all(), Functions::new());
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let answer = match serde_json::from_str(&line?)? {
            Question::Template {
                template,
                texts,
                document,
                functions,
                missingkey,
                repeat,
            } => {
                let data = data(texts, document)?;
                let functions = if functions == "none" { &none } else { &all };
                for _ in 1..repeat.unwrap_or(1) {
                    drop(render(&template.0, &data, functions, &missingkey));
                }
                answer(render(&template.0, &data, functions, &missingkey))
            }
            Question::Call { name, args } => match call(&all, &name, &args) {
                Ok(value) => show(&value),
                Err(text) => json!({ "err": BASE64.encode(text.as_bytes()) }),
            },
            Question::Gjson { json, path } => match gjson::get(&json.0, &path.0) {
                Ok(found) => json!({
                    "out": BASE64.encode(&found.to_bytes()),
                    "raw": BASE64.encode(found.raw()),
                    "exists": found.exists(),
                    "type": format!("{:?}", found.kind()),
                    "valid": gjson::valid(&json.0),
                }),
                Err(error) => json!({ "limit": error.to_string() }),
            },
            Question::Regexp {
                pattern,
                text,
                replacement,
            } => match regexp::Regexp::new(&pattern.0) {
                Err(error) => json!({ "err": BASE64.encode(&error.text()) }),
                Ok(expression) => {
                    let all = expression.find_all(&text.0, None);
                    let split = expression.split(&text.0, None);
                    json!({
                        "out": BASE64.encode(&expression.replace_all(&text.0, &replacement.0)),
                        "all": all.into_iter().map(|range| [range.start, range.end]).collect::<Vec<_>>(),
                        "split": split.into_iter().map(|part| BASE64.encode(part)).collect::<Vec<_>>(),
                        "quote": BASE64.encode(&regexp::quote_meta(&pattern.0)),
                    })
                }
            },
            Question::Duration { text } => match duration::parse(&text.0) {
                Ok(value) => {
                    json!({ "nanoseconds": value.0, "out": BASE64.encode(value.to_string().as_bytes()) })
                }
                Err(error) => json!({ "err": BASE64.encode(error.to_string().as_bytes()) }),
            },
            Question::Yaml { yaml } => match yaml::parse(&yaml.0) {
                Ok(value) => json!({ "out": BASE64.encode(&json::to_vec(&value, json::Html::Plain)) }),
                Err(error) => json!({ "err": BASE64.encode(error.to_string().as_bytes()) }),
            },
            Question::Cron { text, from } => match cron::Schedule::parse(&text) {
                Ok(schedule) => {
                    let mut times = Vec::new();
                    let mut at = jiff::Timestamp::from_second(from)?;
                    while times.len() < 3 {
                        let Some(next) = schedule.next(at) else { break };
                        times.push(next.as_second());
                        at = next;
                    }
                    json!({ "times": times })
                }
                Err(error) => json!({ "err": BASE64.encode(error.to_string().as_bytes()) }),
            },
        };
        writeln!(output, "{answer}")?;
        output.flush()?;
    }
    Ok(())
}

fn data(
    texts: Option<std::collections::BTreeMap<String, Bytes>>,
    document: Option<Bytes>,
) -> Result<Value, Box<dyn std::error::Error>> {
    if let Some(document) = document {
        return Ok(Value::from(json::parse(&document.0)?));
    }
    let texts = texts.unwrap_or_default();
    let entries = texts.into_iter().map(|(key, bytes)| (key, bytes.0));
    Ok(Value::Map(Map::strings(entries)))
}

fn render(template: &[u8], data: &Value, functions: &Functions, missingkey: &str) -> Result<Vec<u8>, Text> {
    let limits = Limits::default();
    let options = ParseOptions {
        left_delim: b"",
        right_delim: b"",
        functions,
        limits: &limits,
    };
    let template = Template::parse("t", template, &options).map_err(|error| error.full())?;
    let options = ExecOptions {
        missing_key: match missingkey {
            "zero" => MissingKey::Zero,
            "error" => MissingKey::Error,
            _ => MissingKey::Default,
        },
        limits: &limits,
        clock: &Still(SystemClock.since_epoch()),
        random: &SystemRandom,
    };
    let output = template.execute(data, &options).map_err(|error| error.full())?;
    Ok(output.to_vec())
}

fn answer(result: Result<Vec<u8>, Text>) -> serde_json::Value {
    match result {
        Ok(output) => json!({ "out": BASE64.encode(&output) }),
        Err(text) => json!({ "err": BASE64.encode(&text) }),
    }
}

fn call(all: &Functions, name: &str, args: &[Argument]) -> Result<Value, String> {
    let function = all.get(name).ok_or("no such function")?;
    let mut values = Vec::with_capacity(args.len());
    for arg in args {
        values.push(match arg {
            Argument::Text(bytes) => Value::string(bytes.0.as_slice()),
            Argument::Int(n) => Value::int(*n),
            Argument::Uint32(n) => Value::Uint(gotext::template::UintKind::Uint32, *n),
            Argument::Texts(texts) => Value::list(
                texts
                    .iter()
                    .map(|bytes| Value::string(bytes.0.as_slice()))
                    .collect(),
            ),
            Argument::Call(name, args) => call(all, name, args)?,
        });
    }
    let limits = Limits::default();
    let mut context = gotext::template::Context::new(&SystemClock, &SystemRandom, &limits);
    (function.call)(&mut context, gotext::template::Args::new(&values)).map_err(|error| error.to_string())
}

fn show(value: &Value) -> serde_json::Value {
    match value {
        Value::Int(_, n) => json!({ "int": n }),
        Value::List(items) => {
            let items = items
                .iter()
                .map(|item| BASE64.encode(item.as_bytes().unwrap_or_default()));
            json!({ "list": items.collect::<Vec<_>>() })
        }
        Value::Object(object) => {
            let fields = object.fields();
            let fields = fields
                .iter()
                .map(|(name, value)| (*name, BASE64.encode(value.as_bytes().unwrap_or_default())));
            json!({ "fields": fields.collect::<std::collections::BTreeMap<_, _>>() })
        }
        other => json!({ "out": BASE64.encode(other.as_bytes().unwrap_or_default()) }),
    }
}
