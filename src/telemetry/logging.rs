//! Logs: JSON or text, one level for keyferry.

use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

/// How logs look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// One JSON object a line.
    #[default]
    Json,
    /// For people.
    Text,
}

/// How much is logged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Level {
    /// Everything, for keyferry's developers.
    Trace,
    /// Each step.
    Debug,
    /// What changed.
    #[default]
    Info,
    /// What asks for attention.
    Warn,
    /// What failed; also by the names of Go's levels above it.
    #[value(aliases = ["dpanic", "panic", "fatal"])]
    Error,
}

/// The filter of a level. Libraries stay at `info` whatever is asked for: below it some log request and answer bodies, and
/// those hold secrets.
fn filter(level: Level) -> String {
    let (ours, libraries) = match level {
        Level::Trace => ("trace", "info"),
        Level::Debug => ("debug", "info"),
        Level::Info => ("info", "warn"),
        Level::Warn => ("warn", "warn"),
        Level::Error => ("error", "error"),
    };
    // kube logs an answer that it cannot parse, whole, as a warning.
    format!("{libraries},keyferry={ours},kube_client::client=error")
}

/// Starts logging to standard error. Panics are logged by place only: their text may quote data.
pub fn start(format: Format, level: Level) {
    let registry = tracing_subscriber::registry().with(EnvFilter::new(filter(level)));
    match format {
        Format::Json => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_writer(std::io::stderr),
            )
            .init(),
        Format::Text => registry
            .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr))
            .init(),
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "a task panicked; its object is tried again");
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_never_log_below_info() {
        for level in [Level::Trace, Level::Debug, Level::Info] {
            let filter = filter(level);
            let libraries = filter.split(',').next().unwrap();
            assert!(["info", "warn"].contains(&libraries), "{filter}");
        }
    }
}
