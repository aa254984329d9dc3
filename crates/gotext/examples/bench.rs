//! Measures parsing and rendering of ten templates as real secrets have them: time and allocations of each, one JSON
//! object a line. `oracle bench` runs it, measures Go on the same templates, and prints ratios. Only for development.

use std::alloc::System;
use std::hint::black_box;
use std::io::Write as _;
use std::time::Instant;

use gotext::functions;
use gotext::template::{
    Clock, ExecOptions, Functions, Limits, Map, MissingKey, ParseOptions, Random, SystemClock, Template,
    Value,
};
use serde::Deserialize;
use serde_json::json;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

#[derive(Deserialize)]
struct Row {
    name: String,
    template: String,
    data: std::collections::BTreeMap<String, String>,
}

struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, buffer: &mut [u8]) -> bool {
        aws_lc_rs::rand::fill(buffer).is_ok()
    }
}

/// What one round of some work took.
struct Cost {
    nanoseconds: f64,
    allocations: f64,
    bytes: f64,
}

/// Rounds whose allocations are counted.
const ROUNDS: u32 = 100;

/// Repeats the work for a tenth of a second, three times, and keeps the fastest.
fn measure(mut work: impl FnMut()) -> Cost {
    work();
    let mut best = f64::INFINITY;
    for _ in 0..3 {
        let (start, mut rounds) = (Instant::now(), 0_u32);
        while start.elapsed().as_millis() < 100 {
            work();
            rounds += 1;
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e9 / f64::from(rounds));
    }
    let region = Region::new(ALLOCATOR);
    for _ in 0..ROUNDS {
        work();
    }
    let change = region.change();
    let each = |total: usize| f64::from(u32::try_from(total).unwrap_or(u32::MAX)) / f64::from(ROUNDS);
    Cost {
        nanoseconds: best,
        allocations: each(change.allocations + change.reallocations),
        bytes: each(change.bytes_allocated),
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rows: Vec<Row> = serde_json::from_str(include_str!("bench.json"))?;
    let (functions, limits): (Functions, Limits) = (functions::all(), Limits::default());
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
        random: &SystemRandom,
    };
    let mut output = std::io::stdout().lock();
    for row in &rows {
        let parse = || Template::parse("t", row.template.as_str(), &parsing);
        let template = parse()?;
        let data = Value::Map(Map::strings(
            row.data.iter().map(|(key, value)| (key.as_str(), value.as_str())),
        ));
        let printed = template.execute(&data, &rendering)?;
        let parsed = measure(|| drop(black_box(parse())));
        let rendered = measure(|| drop(black_box(template.execute(&data, &rendering))));
        writeln!(
            output,
            "{}",
            json!({
                "name": row.name,
                "output": String::from_utf8_lossy(&printed),
                "parse": [parsed.nanoseconds, parsed.allocations, parsed.bytes],
                "execute": [rendered.nanoseconds, rendered.allocations, rendered.bytes],
            })
        )?;
    }
    Ok(())
}
