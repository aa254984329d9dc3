//! Renders the examples of `docs/templates.md`: lines of a template, an arrow and the result.

use gotext::functions;
use gotext::template::{
    Clock, ExecOptions, Limits, Map, MissingKey, ParseOptions, Random, SystemClock, Template, Value,
};

/// Fit for tests only.
struct Counter(std::sync::atomic::AtomicU8);

impl Random for Counter {
    fn fill(&self, buffer: &mut [u8]) -> bool {
        for byte in buffer {
            *byte = self.0.fetch_add(37, std::sync::atomic::Ordering::Relaxed);
        }
        true
    }
}

#[test]
fn every_example_of_the_documentation_gives_the_result_beside_it() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/templates.md");
    let document = std::fs::read_to_string(path).expect("docs/templates.md");
    let config = r#"{"db":{"host":"db.example.com","port":5432},"replicas":["b","a"]}"#;
    let data = Value::Map(Map::strings([
        ("user", "admin"),
        ("password", "s3cr3t"),
        ("config", config),
    ]));
    let (functions, limits) = (functions::all(), Limits::default());
    let parsing = ParseOptions {
        left_delim: b"",
        right_delim: b"",
        functions: &functions,
        limits: &limits,
    };
    let rendering = ExecOptions {
        missing_key: MissingKey::Error,
        limits: &limits,
        clock: &SystemClock as &dyn Clock,
        random: &Counter(std::sync::atomic::AtomicU8::new(1)),
    };
    let mut examples = 0;
    for line in document.lines() {
        let Some((text, wanted)) = line.rsplit_once('→') else {
            continue;
        };
        let template =
            Template::parse("t", text.trim(), &parsing).unwrap_or_else(|error| panic!("{text}: {error}"));
        let output = template
            .execute(&data, &rendering)
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(String::from_utf8_lossy(&output), wanted.trim(), "{text}");
        examples += 1;
    }
    assert!(examples > 30, "{examples} examples");
}
