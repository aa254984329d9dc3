//! Ten templates as real secrets have them, to be parsed and rendered.

use std::collections::BTreeMap;
use std::hint::black_box;

use gotext::functions;
use gotext::template::{
    ExecOptions, Limits, Map, MissingKey, ParseOptions, SystemClock, SystemRandom, Template, Value,
};
use serde::Deserialize;

pub(crate) type Failed = Box<dyn std::error::Error>;

#[derive(Deserialize)]
struct Row {
    name: String,
    template: String,
    data: BTreeMap<String, String>,
}

/// The work on one template.
pub(crate) struct Work<'w> {
    pub(crate) name: &'w str,

    pub(crate) output: &'w [u8],
    pub(crate) parse: &'w mut dyn FnMut(),
    pub(crate) execute: &'w mut dyn FnMut(),
}

/// Hands each template's work to `measure`.
pub(crate) fn each_row(mut measure: impl FnMut(Work<'_>) -> Result<(), Failed>) -> Result<(), Failed> {
    let rows: Vec<Row> = serde_json::from_str(include_str!("../bench.json"))?;
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
        clock: &SystemClock,
        random: &SystemRandom,
    };
    for row in &rows {
        let parse = || Template::parse("t", row.template.as_str(), &parsing);
        let template = parse()?;
        let texts = row.data.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let data = Value::Map(Map::strings(texts));
        let output = template.execute(&data, &rendering)?;
        measure(Work {
            name: &row.name,
            output: &output,
            parse: &mut || drop(black_box(parse())),
            execute: &mut || drop(black_box(template.execute(&data, &rendering))),
        })?;
    }
    Ok(())
}
