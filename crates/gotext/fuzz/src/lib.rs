//! What is done with hostile bytes, by the fuzz targets and by the test `hostile`: each function runs one of the
//! languages on its input and checks what must hold of any result. A panic is a finding.

use std::time::Duration;

use gotext::template::{
    Clock, ExecOptions, Functions, Limits, Map, MissingKey, ParseOptions, Random, Template, TemplateOrigin,
    Text, Value,
};
use gotext::{cron, duration, functions, gjson, json, regexp, yaml};

/// Stands in every value of the data, and so must stand in no redacted error.
const SECRET: &str = "c4nary-0f-th3-s3cr3t";

/// A clock that moves a little whenever it is read, so that time bounds are met without waiting.
struct Ticks(std::sync::atomic::AtomicU64);

impl Clock for Ticks {
    fn since_epoch(&self) -> Duration {
        Duration::from_millis(1_700_000_000_000 + self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
    }
}

/// The same bytes in every run.
struct Repeatable;

impl Random for Repeatable {
    fn fill(&self, buffer: &mut [u8]) -> bool {
        for (byte, at) in buffer.iter_mut().zip(0_usize..) {
            *byte = u8::try_from(at % 251).unwrap_or_default();
        }
        true
    }
}

fn limits() -> Limits {
    Limits {
        steps: 20_000,
        output_bytes: 64 << 10,
        string_bytes: 64 << 10,
        items: 2_000,
        total_bytes: 1 << 20,
        ..Limits::default()
    }
}

/// Parses a template and prints its errors.
pub fn parse(input: &[u8]) {
    let (functions, limits) = (functions::all(), limits());
    let options = ParseOptions {
        left_delim: b"",
        right_delim: b"",
        functions: &functions,
        limits: &limits,
    };
    if let Err(error) = Template::parse("t", input, &options) {
        assert!(!error.full().is_empty(), "an error has a text");
        for origin in [TemplateOrigin::Manifest, TemplateOrigin::Secret] {
            assert!(!error.redacted(origin).is_empty(), "an error has a redacted text");
        }
    }
}

/// Renders a template. Whatever goes wrong, the redacted error must not hold a value of the data.
pub fn evaluate(input: &[u8]) {
    render(input, &functions::all(), &limits());
}

/// Renders a template within bounds and checks the output and the error.
pub fn render(input: &[u8], functions: &Functions, limits: &Limits) {
    let options = ParseOptions {
        left_delim: b"",
        right_delim: b"",
        functions,
        limits,
    };
    let Ok(template) = Template::parse("t", input, &options) else {
        return;
    };
    let data = Map::strings([
        ("s", SECRET.to_owned()),
        ("n", format!("42{SECRET}")),
        (
            "json",
            format!(r#"{{"a":1,"b":[1,2.5,"{SECRET}"],"c":{{"{SECRET}":null}}}}"#),
        ),
        ("yaml", format!("a: {SECRET}\nb: [1, {SECRET}]\n")),
        ("e", String::new()),
    ]);
    let options = ExecOptions {
        missing_key: MissingKey::Error,
        limits,
        clock: &Ticks(std::sync::atomic::AtomicU64::new(0)),
        random: &Repeatable,
    };
    match template.execute(&Value::Map(data), &options) {
        Ok(output) => assert!(output.len() <= limits.output_bytes, "output is bounded"),
        Err(error) => {
            assert!(!error.full().is_empty(), "an error has a text");
            for origin in [TemplateOrigin::Manifest, TemplateOrigin::Secret] {
                let redacted = error.redacted(origin);
                assert!(
                    !redacted.contains(SECRET),
                    "a redacted error holds no data: {redacted}"
                );
            }
        }
    }
}

/// The input up to the first line end, and the rest.
fn halves(input: &[u8]) -> (&[u8], &[u8]) {
    let end = input
        .iter()
        .position(|&byte| byte == b'\n')
        .unwrap_or(input.len());
    let (first, rest) = input.split_at(end);
    (first, rest.get(1..).unwrap_or_default())
}

/// The first line is a path into the rest.
pub fn gjson(input: &[u8]) {
    let (path, document) = halves(input);
    let valid = gjson::valid(document);
    if let Ok(found) = gjson::get(document, path) {
        let _: usize = found.to_bytes().len() + found.raw().len() + usize::from(found.exists());
    }
    if let Ok(value) = json::parse(document) {
        assert!(valid, "what is read as JSON is valid");
        let written = json::to_vec(&value, json::Html::Escaped);
        assert!(json::parse(&written).is_ok(), "what is written can be read");
    }
}

/// The first line is an expression, the rest is searched, split and replaced.
pub fn regexp(input: &[u8]) {
    let (pattern, text) = halves(input);
    match regexp::Regexp::new(pattern) {
        Err(error) => assert!(!error.to_string().is_empty(), "an error has a text"),
        Ok(expression) => {
            let found = expression.find_all(text, Some(100));
            assert!(
                found
                    .iter()
                    .all(|range| range.end <= text.len() && range.start <= range.end),
                "matches lie in the text"
            );
            assert!(
                found.is_sorted_by_key(|range| range.start),
                "matches follow each other"
            );
            let _: usize =
                expression.replace_all(text, b"<$1${n}$$>").len() + expression.split(text, Some(9)).len();
        }
    }
    let quoted = regexp::quote_meta(text);
    if text.len() < 1000
        && std::str::from_utf8(text).is_ok()
        && let Ok(literal) = regexp::Regexp::new(&quoted)
    {
        assert!(literal.is_match(text), "a quoted text finds itself");
    }
}

/// What is printed is read back as the same duration.
pub fn duration(input: &[u8]) {
    if let Ok(value) = duration::parse(input) {
        let printed = value.to_string();
        assert_eq!(duration::parse(&printed).ok(), Some(value), "{printed}");
    }
}

/// Due times lie after the time they are asked for.
pub fn cron(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let Ok(schedule) = cron::Schedule::parse(text) else {
        return;
    };
    let mut at = jiff::Timestamp::from_second(1_709_159_415).unwrap_or_default();
    for _ in 0..4 {
        let Some(next) = schedule.next(at) else { return };
        assert!(next > at, "{next} comes after {at}");
        at = next;
    }
}

/// What is written is read back as the same value.
pub fn yaml(input: &[u8]) {
    let Ok(value) = yaml::parse(input) else { return };
    let Ok(written) = yaml::to_vec(&value) else { return };
    assert!(
        yaml::parse(&written).is_ok(),
        "what is written can be read: {}",
        String::from_utf8_lossy(&written)
    );
}

/// Functions of a password or the like and one text, each given the input.
const KEY_FUNCTIONS: &[(&str, Option<&str>)] = &[
    ("pkcs12key", None),
    ("pkcs12cert", None),
    ("filterPEM", Some("certificate")),
    ("filterCertChain", Some("leaf")),
    ("certSANs", None),
    ("jwkPublicKeyPem", None),
    ("jwkPrivateKeyPem", None),
    ("decryptAES", Some("key")),
    ("pemToPkcs12", Some("")),
    ("pemTruststoreToPKCS12", None),
];

/// Certificates, keys and files of them, as they come and as PEM.
pub fn keys(input: &[u8]) {
    let (functions, limits) = (functions::all(), limits());
    let clock = Ticks(std::sync::atomic::AtomicU64::new(0));
    let encoded = data_encoding::BASE64.encode(input);
    let pem =
        |label: &str| format!("-----BEGIN {label}-----\n{encoded}\n-----END {label}-----\n").into_bytes();
    for text in [
        input.to_vec(),
        pem("CERTIFICATE"),
        pem("PRIVATE KEY"),
        pem("RSA PRIVATE KEY"),
        pem("EC PRIVATE KEY"),
    ] {
        for (name, first) in KEY_FUNCTIONS {
            let Some(function) = functions.get(name) else {
                continue;
            };
            let mut args = vec![Value::string(text.as_slice())];
            if let Some(first) = first {
                args.insert(0, Value::string(*first));
            }
            let mut context = gotext::template::Context::new(&clock, &Repeatable, &limits);
            drop((function.call)(&mut context, gotext::template::Args::new(&args)));
        }
        let mut context = gotext::template::Context::new(&clock, &Repeatable, &limits);
        let Some(function) = functions.get("genCAWithKey") else {
            continue;
        };
        let args = [
            Value::string("ca"),
            Value::int(1),
            Value::String(Text::from(text)),
        ];
        drop((function.call)(&mut context, gotext::template::Args::new(&args)));
    }
}
