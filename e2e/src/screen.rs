//! What the spectator sees.

use std::error::Error;
use std::io::Write as _;

/// A closed terminal must not stop a run from cleaning up, so failures to write are ignored.
fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").ok();
    out.flush().ok();
}

pub(crate) fn step(what: &str) {
    line(&format!("\n== {what}"));
}

pub(crate) fn note(text: &str) {
    for text in text.lines() {
        line(&format!("   {text}"));
    }
}

pub(crate) fn fail(error: &dyn Error) {
    let mut text = format!("\nFailed: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    writeln!(std::io::stderr(), "{text}").ok();
}
