//! Dates and durations: `now`, `date`, `toDate`, `dateModify`, `ago`, `duration` and their relatives.
//!
//! The local zone is UTC, as in a container. The time comes from the [`Context`]'s clock.

mod civil;
mod format;
mod layout;
mod methods;
mod parse;
mod time;
mod zone;

use std::time::Duration as ClockReading;

use crate::duration::{self, Duration};
use crate::template::{Args, Context, FuncError, Function, IntKind, Type, Value};

use methods::TIME;
pub(super) use methods::copied;
pub(super) use time::Time;
use zone::Zone;

const DATE_ONLY: &[u8] = b"2006-01-02";
const SECOND: i64 = 1_000_000_000;

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    Function::fixed("now", &[], TIME, |context, _| {
        Ok(Value::object(Time::since_epoch(context.now())))
    })
    .reading_clock(),
    Function::fixed(
        "date",
        &[Type::String, Type::Any],
        Type::String,
        |context, args| in_zone(context, args.bytes(0), args.value(1), b"Local"),
    )
    .reading_clock(),
    Function::fixed("htmlDate", &[Type::Any], Type::String, |context, args| {
        in_zone(context, DATE_ONLY, args.value(0), b"Local")
    })
    .reading_clock(),
    Function::fixed(
        "htmlDateInZone",
        &[Type::Any, Type::String],
        Type::String,
        |context, args| in_zone(context, DATE_ONLY, args.value(0), args.bytes(1)),
    )
    .reading_clock(),
    Function::fixed("dateInZone", DATE_IN_ZONE, Type::String, date_in_zone).reading_clock(),
    Function::fixed("date_in_zone", DATE_IN_ZONE, Type::String, date_in_zone).reading_clock(),
    Function::fixed("dateModify", MODIFY, TIME, date_modify),
    Function::fixed("date_modify", MODIFY, TIME, date_modify),
    Function::fixed("mustDateModify", MODIFY, TIME, must_date_modify),
    Function::fixed("must_date_modify", MODIFY, TIME, must_date_modify),
    Function::fixed("toDate", &[Type::String, Type::String], TIME, |context, args| {
        Ok(Value::object(read(context, args)?.unwrap_or(Time::ZERO)))
    }),
    Function::fixed(
        "mustToDate",
        &[Type::String, Type::String],
        TIME,
        |context, args| Ok(Value::object(read(context, args)?.map_err(FuncError::new)?)),
    ),
    Function::fixed("unixEpoch", &[TIME], Type::String, |_, args| {
        Ok(Value::string(time(args, 0).to_unix().to_string()))
    }),
    Function::fixed("ago", &[Type::Any], Type::String, ago).reading_clock(),
    Function::fixed("duration", &[Type::Any], Type::String, seconds),
    Function::fixed("durationRound", &[Type::Any], Type::String, rounded).reading_clock(),
];

const DATE_IN_ZONE: &[Type] = &[Type::String, Type::Any, Type::String];
const MODIFY: &[Type] = &[Type::String, TIME];

fn time(args: Args<'_>, at: usize) -> &Time {
    args.object(at).unwrap_or(&Time::ZERO)
}

fn date_in_zone(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    in_zone(context, args.bytes(0), args.value(1), args.bytes(2))
}

/// Prints a time, or a Unix time of type `int`, `int32` or `int64`; for anything else, now. An unknown zone is UTC.
fn in_zone(context: &mut Context<'_>, layout: &[u8], date: &Value, zone: &[u8]) -> Result<Value, FuncError> {
    let time = match date {
        Value::Int(IntKind::Int | IntKind::Int32 | IntKind::Int64, seconds) => Time::unix(*seconds),
        other => time_of(other).unwrap_or_else(|| Time::since_epoch(context.now())),
    };
    let zone = Zone::load(zone).unwrap_or(Zone::Utc);
    // No element of a layout prints more than about five times its own length.
    context.charge_bytes(layout.len().saturating_mul(5))?;
    Ok(Value::string(format::format(&time.in_zone(zone), layout)))
}

fn time_of(value: &Value) -> Option<Time> {
    match value {
        Value::Object(object) => object.as_any().downcast_ref::<Time>().cloned(),
        _ => None,
    }
}

/// A text that is no duration changes nothing.
fn date_modify(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    must_date_modify(context, args).or_else(|_| Ok(args.value(1).clone()))
}

fn must_date_modify(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    context.charge(args.bytes(0).len() as u64 / 64)?;
    let Duration(nanoseconds) =
        duration::parse(args.bytes(0)).map_err(|error| FuncError::new(error.to_string()))?;
    Ok(Value::object(time(args, 1).add(nanoseconds)))
}

fn read(context: &mut Context<'_>, args: Args<'_>) -> Result<Result<Time, String>, FuncError> {
    context.charge_bytes(args.bytes(0).len() + args.bytes(1).len())?;
    Ok(parse::parse(args.bytes(0), args.bytes(1)))
}

fn ago(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    context.charge(1)?;
    let now = context.now();
    let then = match args.value(0) {
        Value::Int(IntKind::Int | IntKind::Int64, seconds) => Time::unix(*seconds),
        other => time_of(other).unwrap_or_else(|| Time::since_epoch(now)),
    };
    let since = Duration(since(now, &then)).round(Duration(SECOND));
    Ok(Value::string(since.to_string()))
}

fn since(now: ClockReading, then: &Time) -> i64 {
    Time::since_epoch(now).since(then)
}

/// Seconds as `1m35s`; only an `int64` or a text counts, so `duration 95` is `0s`.
fn seconds(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    context.charge(1)?;
    let seconds = match args.value(0) {
        Value::Int(IntKind::Int64, seconds) => *seconds,
        Value::String(text) => super::cast::parse_int_clamped(text),
        _ => 0,
    };
    Ok(Value::string(Duration(seconds.wrapping_mul(SECOND)).to_string()))
}

/// The largest unit of a duration: `2h10m5s` is `2h`. Whole units only, and exactly one unit counts as less.
fn rounded(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    const UNITS: [(u64, &str); 6] = [
        (365 * 24 * 3600, "y"),
        (30 * 24 * 3600, "mo"),
        (24 * 3600, "d"),
        (3600, "h"),
        (60, "m"),
        (1, "s"),
    ];
    context.charge(1)?;
    let nanoseconds = match args.value(0) {
        Value::Int(IntKind::Int64, nanoseconds) => *nanoseconds,
        Value::String(text) => duration::parse(text).map_or(0, |Duration(nanoseconds)| nanoseconds),
        other => time_of(other).map_or(0, |then| since(context.now(), &then)),
    };
    let magnitude = nanoseconds.unsigned_abs();
    let text = UNITS
        .iter()
        .map(|(unit, name)| (unit * SECOND.unsigned_abs(), name))
        .find(|(unit, _)| magnitude > *unit)
        .map_or_else(
            || "0s".to_owned(),
            |(unit, name)| format!("{}{name}", magnitude / unit),
        );
    Ok(Value::string(text))
}
