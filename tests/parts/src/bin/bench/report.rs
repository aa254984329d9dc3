//! The figures as a table for people and as JSON for comparisons.

use std::fmt::Write as _;
use std::io::Write as _;

use serde_json::json;

use crate::row::Row;
use crate::{Arguments, Error};

/// Progress and errors, apart from the table.
pub(crate) fn say(text: &str) {
    writeln!(std::io::stderr(), "{text}").ok();
}

/// One line for each row, in Markdown, so that it can go into a page as it is.
pub(crate) fn table(rows: &[Row]) -> String {
    let mut text =
        String::from("| what | figure | floor | at most | reached | |\n|---|---|---|---|---|---|\n");
    for row in rows {
        let number = |number: Option<f64>| number.map(figure).unwrap_or_default();
        let reached = match row.is_reached() {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "",
        };
        writeln!(
            text,
            "| {} | {} {} | {} | {} | {reached} | {} |",
            row.name,
            figure(row.figure),
            row.unit,
            number(row.floor),
            number(row.most),
            row.note
        )
        .ok();
    }
    text
}

/// Three digits that count.
fn figure(number: f64) -> String {
    match number.abs() {
        n if n >= 100.0 || n == 0.0 => format!("{number:.0}"),
        n if n >= 10.0 => format!("{number:.1}"),
        _ => format!("{number:.2}"),
    }
}

pub(crate) fn print(rows: &[Row]) {
    writeln!(std::io::stdout(), "{}", table(rows)).ok();
}

pub(crate) fn write(arguments: &Arguments, rows: &[Row]) -> Result<(), Error> {
    let program = arguments.operator.first().ok_or("no operator is named")?;
    let machine = json!({
        "cores": std::thread::available_parallelism()?.get(),
        "processor": processor(),
        "kernel": std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim(),
    });
    let figures = json!({
        "at": jiff::Timestamp::now().to_string(),
        "machine": machine,
        "aws_latency_ms": arguments.latency,
        "operator_bytes": std::fs::metadata(program)?.len(),
        "rows": rows,
    });
    std::fs::create_dir_all(&arguments.results)?;
    let file = |name: &str| arguments.results.join(name);
    std::fs::write(
        file("figures.json"),
        serde_json::to_string_pretty(&figures)? + "\n",
    )?;
    std::fs::write(file("figures.md"), table(rows))?;
    crate::picture::draw(&arguments.results, rows)?;
    say(&format!("written to {}", arguments.results.display()));
    Ok(())
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or_else(String::new, |(_, name)| name.trim().to_owned())
}
