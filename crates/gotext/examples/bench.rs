//! Measures parsing and rendering of ten templates: processor time of each, one JSON object a line. `oracle bench` runs
//! it, measures Go on the same templates, and prints ratios. Only for development, on Linux.

#[path = "bench/work.rs"]
mod work;

use std::io::Write as _;
use std::time::Instant;

use serde_json::json;

/// Nanoseconds that this thread has been on a processor: what others on the machine do does not count.
fn processor_time() -> Result<f64, work::Failed> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    Ok(text.split(' ').next().unwrap_or_default().parse()?)
}

/// Repeats the work for a tenth of a second, five times, and keeps the fastest: nanoseconds of one round.
fn measure(work: &mut dyn FnMut()) -> Result<f64, work::Failed> {
    work();
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let (wall, start, mut rounds) = (Instant::now(), processor_time()?, 0_u32);
        while wall.elapsed().as_millis() < 100 {
            for _ in 0..20 {
                work();
            }
            rounds += 20;
        }
        best = best.min((processor_time()? - start) / f64::from(rounds));
    }
    Ok(best)
}

fn main() -> Result<(), work::Failed> {
    let mut output = std::io::stdout().lock();
    work::each_row(|row| {
        let (parse, execute) = (measure(row.parse)?, measure(row.execute)?);
        let printed = String::from_utf8_lossy(row.output);
        let line = json!({ "name": row.name, "output": printed, "parse": parse, "execute": execute });
        Ok(writeln!(output, "{line}")?)
    })
}
