//! Counts the allocations of what the example `bench` measures, one JSON object a line. They are counted in a program
//! of their own, as counting takes time. Only for development.

#[path = "bench/work.rs"]
mod work;

use std::alloc::System;
use std::io::Write as _;

use serde_json::json;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Rounds that are counted.
const ROUNDS: u32 = 100;

/// Allocations and allocated bytes of one round.
fn count(work: &mut dyn FnMut()) -> Result<[f64; 2], work::Failed> {
    work();
    let region = Region::new(ALLOCATOR);
    for _ in 0..ROUNDS {
        work();
    }
    let change = region.change();
    let each = |total| u32::try_from(total).map(|total| f64::from(total) / f64::from(ROUNDS));
    Ok([
        each(change.allocations + change.reallocations)?,
        each(change.bytes_allocated)?,
    ])
}

fn main() -> Result<(), work::Failed> {
    let mut output = std::io::stdout().lock();
    work::each_row(|row| {
        let (parse, execute) = (count(row.parse)?, count(row.execute)?);
        let printed = String::from_utf8_lossy(row.output);
        let line = json!({ "name": row.name, "output": printed, "parse": parse, "execute": execute });
        Ok(writeln!(output, "{line}")?)
    })
}
