//! Reading a schedule.

use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::{Fields, Rule, STAR};
use crate::duration;
use crate::strconv::{NumError, atoi};

/// Why a text is no schedule; the messages are those of the Go library and quote the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// There is no text.
    #[error("empty spec string")]
    Empty,
    /// The zone is not known, or nothing follows it.
    #[error("provided bad location {0}: unknown time zone {0}")]
    BadLocation(String),
    /// There are not five fields.
    #[error("expected exactly 5 fields, found {}: [{}]", .0.len(), .0.join(" "))]
    FieldCount(Vec<String>),
    /// The text after `@` is none of the names.
    #[error("unrecognized descriptor: {0}")]
    Descriptor(String),
    /// The text after `@every` is no duration.
    #[error("failed to parse duration {0}: {1}")]
    Duration(String, duration::ParseError),
    /// A value is no number.
    #[error("failed to parse int from {0}: {1}")]
    Number(String, NumError),
    /// A value is below zero.
    #[error("negative number ({0}) not allowed: {1}")]
    Negative(i64, String),
    /// A range has more than one hyphen.
    #[error("too many hyphens: {0}")]
    Hyphens(String),
    /// A range has more than one step.
    #[error("too many slashes: {0}")]
    Slashes(String),
    /// A range begins too low.
    #[error("beginning of range ({0}) below minimum ({1}): {2}")]
    BelowMinimum(u64, u64, String),
    /// A range ends too high.
    #[error("end of range ({0}) above maximum ({1}): {2}")]
    AboveMaximum(u64, u64, String),
    /// A range ends before it begins.
    #[error("beginning of range ({0}) beyond end of range ({1}): {2}")]
    Reversed(u64, u64, String),
    /// A step is zero.
    #[error("step of range should be a positive number: {0}")]
    ZeroStep(String),
}

/// What a field may hold.
struct Bounds {
    min: u64,
    max: u64,
    /// Names of the values, from the first on.
    names: &'static [&'static str],
}

const MINUTES: Bounds = Bounds {
    min: 0,
    max: 59,
    names: &[],
};
const HOURS: Bounds = Bounds {
    min: 0,
    max: 23,
    names: &[],
};
const DAYS: Bounds = Bounds {
    min: 1,
    max: 31,
    names: &[],
};
const MONTHS: Bounds = Bounds {
    min: 1,
    max: 12,
    names: &[
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ],
};
const WEEKDAYS: Bounds = Bounds {
    min: 0,
    max: 6,
    names: &["sun", "mon", "tue", "wed", "thu", "fri", "sat"],
};

pub(super) fn parse(text: &str) -> Result<Rule, ParseError> {
    if text.is_empty() {
        return Err(ParseError::Empty);
    }
    let zoned = text.strip_prefix("TZ=").or_else(|| text.strip_prefix("CRON_TZ="));
    let (zone, text) = match zoned {
        None => (TimeZone::UTC, text),
        Some(rest) => {
            let bad = || ParseError::BadLocation(rest.to_owned());
            let (name, rest) = rest.split_once(' ').ok_or_else(bad)?;
            (
                location(name).ok_or_else(|| ParseError::BadLocation(name.to_owned()))?,
                rest.trim(),
            )
        }
    };
    if text.starts_with('@') {
        return descriptor(text, zone);
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    let &[minutes, hours, days, months, weekdays] = fields.as_slice() else {
        return Err(ParseError::FieldCount(
            fields.into_iter().map(str::to_owned).collect(),
        ));
    };
    Ok(Rule::Fields(Box::new(Fields {
        minutes: field(minutes, &MINUTES)?,
        hours: field(hours, &HOURS)?,
        days: field(days, &DAYS)?,
        months: field(months, &MONTHS)?,
        weekdays: field(weekdays, &WEEKDAYS)?,
        zone,
    })))
}

/// The zone of a name, in the letter case of the database.
fn location(name: &str) -> Option<TimeZone> {
    if matches!(name, "" | "UTC" | "Local") {
        return Some(TimeZone::UTC);
    }
    let zone = TimeZoneDatabase::bundled().get(name).ok()?;
    (zone.iana_name() == Some(name)).then_some(zone)
}

fn descriptor(text: &str, zone: TimeZone) -> Result<Rule, ParseError> {
    let fields = match text {
        "@yearly" | "@annually" => "0 0 1 1 *",
        "@monthly" => "0 0 1 * *",
        "@weekly" => "0 0 * * 0",
        "@daily" | "@midnight" => "0 0 * * *",
        "@hourly" => "0 * * * *",
        _ => {
            let delay = text.strip_prefix("@every ");
            let delay = delay.ok_or_else(|| ParseError::Descriptor(text.to_owned()))?;
            let delay = duration::parse(delay);
            let delay = delay.map_err(|error| ParseError::Duration(text.to_owned(), error))?;
            return Ok(Rule::every(delay));
        }
    };
    match parse(fields)? {
        Rule::Fields(fields) => Ok(Rule::Fields(Box::new(Fields { zone, ..*fields }))),
        every @ Rule::Every(_) => Ok(every),
    }
}

/// The bits of a field: ranges with commas between them.
fn field(text: &str, bounds: &Bounds) -> Result<u64, ParseError> {
    text.split(',')
        .filter(|range| !range.is_empty())
        .try_fold(0, |bits, expression| Ok(bits | range(expression, bounds)?))
}

/// The bits of a star, a value or a range, each with or without a step.
fn range(expression: &str, bounds: &Bounds) -> Result<u64, ParseError> {
    let (span, step) = match expression.split_once('/') {
        None => (expression, None),
        Some((span, step)) => (span, Some(step)),
    };
    let mut ends = span.split('-');
    let first = ends.next().unwrap_or_default();
    let star = matches!(first, "*" | "?");
    let (second, single) = match (ends.next(), ends.next()) {
        (None, _) => (None, true),
        (Some(second), None) => (Some(second), false),
        // Nothing is read after a star.
        (Some(_), Some(_)) if star => (None, false),
        (Some(_), Some(_)) => {
            value(first, bounds)?;
            return Err(ParseError::Hyphens(expression.to_owned()));
        }
    };
    let (start, mut end) = if star {
        (bounds.min, bounds.max)
    } else {
        let start = value(first, bounds)?;
        (start, second.map_or(Ok(start), |second| value(second, bounds))?)
    };
    let mut marker = if star { STAR } else { 0 };
    let step = match step {
        None => 1,
        Some(step) if step.contains('/') => return Err(ParseError::Slashes(expression.to_owned())),
        Some(step) => {
            let step = number(step)?;
            if single {
                end = bounds.max;
            }
            if step > 1 {
                marker = 0;
            }
            step
        }
    };
    let expression = || expression.to_owned();
    if start < bounds.min {
        return Err(ParseError::BelowMinimum(start, bounds.min, expression()));
    }
    if end > bounds.max {
        return Err(ParseError::AboveMaximum(end, bounds.max, expression()));
    }
    if start > end {
        return Err(ParseError::Reversed(start, end, expression()));
    }
    if step == 0 {
        return Err(ParseError::ZeroStep(expression()));
    }
    let step = usize::try_from(step).unwrap_or(usize::MAX);
    Ok((start..=end)
        .step_by(step)
        .fold(marker, |bits, value| bits | 1 << value))
}

fn value(text: &str, bounds: &Bounds) -> Result<u64, ParseError> {
    let name = text.to_lowercase();
    match bounds.names.iter().position(|known| *known == name) {
        Some(position) => Ok(bounds.min + u64::try_from(position).unwrap_or(0)),
        None => number(text),
    }
}

fn number(text: &str) -> Result<u64, ParseError> {
    let number = atoi(text.as_bytes()).map_err(|error| ParseError::Number(text.to_owned(), error))?;
    u64::try_from(number).map_err(|_| ParseError::Negative(number, text.to_owned()))
}
