//! The integers that have names and methods in Go: `time.Duration`, `time.Month`, `time.Weekday`.

use super::context::Context;
use super::function::{Args, FuncError, Signature};
use super::text::Text;
use super::types::{IntKind, Type};
use super::value::Value;
use crate::duration::Duration;

/// What the `String` method gives, for the kinds that have one.
pub(super) fn string(value: &Value) -> Option<Text> {
    match value {
        Value::Int(IntKind::Duration, n) => Some(Duration(*n).to_string().into()),
        Value::Int(IntKind::Month, n) => Some(name(*n, 1, &MONTHS, "Month")),
        Value::Int(IntKind::Weekday, n) => Some(name(*n, 0, &WEEKDAYS, "Weekday")),
        _ => None,
    }
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

const WEEKDAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

fn name(n: i64, first: i64, names: &[&str], typ: &str) -> Text {
    let found = n
        .checked_sub(first)
        .and_then(|i| usize::try_from(i).ok())
        .and_then(|i| names.get(i));
    match found {
        Some(name) => Text::from(*name),
        // Go reads the number as unsigned here.
        None => Text::from(format!("%!{typ}({})", n.cast_unsigned())),
    }
}

/// A method of a named integer.
pub(super) struct NamedMethod {
    pub(super) signature: Signature,
    pub(super) call: fn(&Value, &mut Context<'_>, Args<'_>) -> Result<Value, FuncError>,
}

impl NamedMethod {
    const fn get(
        result: Type,
        call: fn(&Value, &mut Context<'_>, Args<'_>) -> Result<Value, FuncError>,
    ) -> Self {
        Self {
            signature: Signature::fixed(&[], result),
            call,
        }
    }
}

static STRING: NamedMethod = NamedMethod::get(Type::String, |receiver, _, _| {
    Ok(Value::String(string(receiver).unwrap_or_default()))
});
static HOURS: NamedMethod =
    NamedMethod::get(Type::FLOAT64, |d, _, _| Ok(Value::float64(duration(d).hours())));
static MINUTES: NamedMethod =
    NamedMethod::get(Type::FLOAT64, |d, _, _| Ok(Value::float64(duration(d).minutes())));
static SECONDS: NamedMethod =
    NamedMethod::get(Type::FLOAT64, |d, _, _| Ok(Value::float64(duration(d).seconds())));
static MILLISECONDS: NamedMethod =
    NamedMethod::get(Type::INT64, |d, _, _| Ok(Value::int64(duration(d).0 / 1_000_000)));
static MICROSECONDS: NamedMethod =
    NamedMethod::get(Type::INT64, |d, _, _| Ok(Value::int64(duration(d).0 / 1000)));
static NANOSECONDS: NamedMethod = NamedMethod::get(Type::INT64, |d, _, _| Ok(Value::int64(duration(d).0)));
static ABS: NamedMethod = NamedMethod::get(Type::DURATION, |d, _, _| {
    Ok(Value::Int(IntKind::Duration, duration(d).0.saturating_abs()))
});
static ROUND: NamedMethod = NamedMethod {
    signature: Signature::fixed(&[Type::DURATION], Type::DURATION),
    call: |d, _, args| {
        Ok(Value::Int(
            IntKind::Duration,
            duration(d).round(Duration(args.int(0))).0,
        ))
    },
};
static TRUNCATE: NamedMethod = NamedMethod {
    signature: Signature::fixed(&[Type::DURATION], Type::DURATION),
    call: |d, _, args| {
        Ok(Value::Int(
            IntKind::Duration,
            duration(d).truncate(Duration(args.int(0))).0,
        ))
    },
};

fn duration(value: &Value) -> Duration {
    match value {
        Value::Int(_, n) => Duration(*n),
        _ => Duration(0),
    }
}

/// The method of that name, if the kind has it.
pub(super) fn method(kind: IntKind, name: &[u8]) -> Option<&'static NamedMethod> {
    Some(match (kind, name) {
        (IntKind::Duration | IntKind::Month | IntKind::Weekday, b"String") => &STRING,
        (IntKind::Duration, b"Hours") => &HOURS,
        (IntKind::Duration, b"Minutes") => &MINUTES,
        (IntKind::Duration, b"Seconds") => &SECONDS,
        (IntKind::Duration, b"Milliseconds") => &MILLISECONDS,
        (IntKind::Duration, b"Microseconds") => &MICROSECONDS,
        (IntKind::Duration, b"Nanoseconds") => &NANOSECONDS,
        (IntKind::Duration, b"Abs") => &ABS,
        (IntKind::Duration, b"Round") => &ROUND,
        (IntKind::Duration, b"Truncate") => &TRUNCATE,
        _ => return None,
    })
}
