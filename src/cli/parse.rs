//! Values of flags, written as Go programs take them.

use std::time::Duration;

use crate::telemetry::admin::Listen;

/// `host:port`, `:port` on all addresses, or `0` for nowhere.
pub(super) fn address(text: &str) -> Result<Listen, String> {
    if text == "0" {
        return Ok(Listen::Nowhere);
    }
    let parsed = match text.strip_prefix(':') {
        Some(port) => port.parse().ok().map(Listen::Everywhere),
        None => text
            .replace("localhost", "127.0.0.1")
            .parse()
            .ok()
            .map(Listen::At),
    };
    parsed.ok_or_else(|| format!("{text:?} is not an address such as :8080 or 127.0.0.1:8080"))
}

/// A truth value as Go's flags take it.
pub(super) fn boolean(text: &str) -> Result<bool, String> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(format!("{text:?} is neither true nor false")),
    }
}

/// A truth value, or nothing for false, as variables hold it.
pub(super) fn boolean_or_nothing(text: &str) -> Result<bool, String> {
    if text.is_empty() { Ok(false) } else { boolean(text) }
}

/// A namespace's name, or nothing, as charts give it where all are served.
pub(super) fn namespace(text: &str) -> Result<String, String> {
    let name = text.trim();
    let is_name = name.len() <= 63
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    if is_name {
        Ok(name.to_owned())
    } else {
        Err(format!("{name:?} is not the name of a namespace"))
    }
}

/// `API=RATE`.
pub(super) fn quota(text: &str) -> Result<(String, u32), String> {
    let (api, rate) = text
        .split_once('=')
        .ok_or_else(|| format!("{text:?} is not API=RATE"))?;
    let rate = rate.parse().ok().filter(|rate| *rate > 0);
    Ok((
        api.to_owned(),
        rate.ok_or_else(|| format!("{text:?} has no rate such as 1000"))?,
    ))
}

/// A Go duration, not negative.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let parsed = gotext::duration::parse(text)
        .ok()
        .and_then(gotext::duration::Duration::to_std);
    parsed.ok_or_else(|| format!("{text:?} is not a duration such as 30s or 5m"))
}
