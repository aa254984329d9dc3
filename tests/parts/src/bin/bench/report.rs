//! The figures as a table for people and as JSON for comparisons.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::Write as _;

use serde_json::json;

use crate::measure::Usage;
use crate::round::{Cold, Round};
use crate::{Arguments, Error};

/// Progress and errors, apart from the table.
pub(crate) fn say(text: &str) {
    writeln!(std::io::stderr(), "{text}").ok();
}

pub(crate) fn print(round: &Round) {
    let mut out = std::io::stdout().lock();
    let mut row = |name: &str, value: &str| writeln!(out, "{name:<44} {value}").ok();
    row("", "");
    row(
        &format!(
            "{} objects, AWS answers in {} ms",
            round.objects, round.aws_latency_ms
        ),
        "",
    );
    for floor in &round.floors {
        row("  floor", &cold(floor));
    }
    row("  keyferry, start to last Ready", &cold(&round.keyferry));
    row("  times the floor", &format!("{:.2}", round.times_floor));
    row("  AWS calls", &counts(&round.aws_calls));
    row("  API-server requests", &counts(&round.apiserver_requests));
    row("  memory after the sync", &memory(round.memory_after_sync));
    row(
        &format!("  memory after {} s at rest", round.rest.seconds),
        &memory(round.memory_at_rest),
    );
    row("  at rest: CPU", &format!("{:.0} ms", round.rest.cpu_ms));
    row("  at rest: AWS calls", &counts(&round.rest.aws_calls));
    row(
        "  at rest: API-server requests",
        &counts(&round.rest.apiserver_requests),
    );
    row(
        "  the program",
        &format!("{:.1} MB", megabytes(round.binary_bytes)),
    );
}

fn cold(cold: &Cold) -> String {
    let Cold {
        seconds,
        client_ms,
        apiserver_ms,
    } = cold;
    format!("{seconds:.2} s; CPU per object {client_ms:.2} ms, of kube-apiserver {apiserver_ms:.2} ms")
}

fn memory(usage: Usage) -> String {
    let [anon, rss, peak] =
        [usage.rss_anon, usage.rss, usage.peak].map(|kilobytes| megabytes(kilobytes * 1024));
    format!("RssAnon {anon:.1} MB, RSS {rss:.1} MB, peak {peak:.1} MB")
}

#[expect(clippy::cast_precision_loss, reason = "megabytes with one decimal")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn counts(counts: &BTreeMap<String, impl Display>) -> String {
    if counts.is_empty() {
        return "none".to_owned();
    }
    counts
        .iter()
        .map(|(name, count)| format!("{name} {count}"))
        .collect::<Vec<_>>()
        .join(", ")
}

pub(crate) fn write(arguments: &Arguments, rounds: &[Round]) -> Result<(), Error> {
    let machine = json!({
        "cores": std::thread::available_parallelism()?.get(),
        "processor": processor(),
        "kernel": std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim(),
    });
    let figures = json!({
        "at": jiff::Timestamp::now().to_string(),
        "machine": machine,
        "rounds": rounds,
    });
    if let Some(folder) = arguments.json.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(&arguments.json, serde_json::to_string_pretty(&figures)? + "\n")?;
    say(&format!("written to {}", arguments.json.display()));
    Ok(())
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    name.map_or_else(String::new, |(_, name)| name.trim().to_owned())
}
