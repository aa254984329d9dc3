//! Go durations: the text `time.ParseDuration` reads and the one `Duration.String` prints.
//!
//! Own code, because the crates accept other texts (`1h 30m`, `PT1H`) and refuse some of Go's (`.5s`, `1h1h`).

use std::fmt;

use crate::strconv;

/// A Go `time.Duration`: nanoseconds, about ±292 years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Duration(pub i64);

/// The text is no duration; the message is Go's and quotes the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    text: Vec<u8>,
    kind: ParseErrorKind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum ParseErrorKind {
    Invalid,
    MissingUnit,
    UnknownUnit(Vec<u8>),
}

impl fmt::Display for ParseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = quote(&self.text);
        match &self.kind {
            ParseErrorKind::Invalid => write!(formatter, "time: invalid duration {text}"),
            ParseErrorKind::MissingUnit => write!(formatter, "time: missing unit in duration {text}"),
            ParseErrorKind::UnknownUnit(unit) => {
                write!(formatter, "time: unknown unit {} in duration {text}", quote(unit))
            }
        }
    }
}

impl std::error::Error for ParseError {}

const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000_000;
const SECOND: u64 = 1_000_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// The largest magnitude, that of the most negative duration.
const LIMIT: u64 = 1 << 63;

/// `time.ParseDuration`: decimal numbers with units, such as `1h30m`, `-1.5h` or `300ms`; `0` needs no unit.
pub fn parse(text: impl AsRef<[u8]>) -> Result<Duration, ParseError> {
    let text = text.as_ref();
    nanoseconds(text).map(Duration).map_err(|kind| ParseError {
        text: text.to_vec(),
        kind,
    })
}

fn nanoseconds(text: &[u8]) -> Result<i64, ParseErrorKind> {
    let (negative, mut rest) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    match rest {
        b"0" => return Ok(0),
        b"" => return Err(ParseErrorKind::Invalid),
        _ => {}
    }
    let mut total = 0_u64;
    while !rest.is_empty() {
        let (term, after) = parse_term(rest)?;
        total = total
            .checked_add(term)
            .filter(|total| *total <= LIMIT)
            .ok_or(ParseErrorKind::Invalid)?;
        rest = after;
    }
    match (negative, i64::try_from(total)) {
        (true, _) => Ok(total.wrapping_neg().cast_signed()),
        (false, Ok(total)) => Ok(total),
        (false, Err(_)) => Err(ParseErrorKind::Invalid),
    }
}

/// One number with its unit, in nanoseconds, and the text after it.
fn parse_term(text: &[u8]) -> Result<(u64, &[u8]), ParseErrorKind> {
    let (whole, rest) = split_digits(text);
    let (fraction, rest) = match rest.split_first() {
        Some((b'.', rest)) => split_digits(rest),
        _ => (Default::default(), rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return Err(ParseErrorKind::Invalid);
    }
    let value = integer(whole).ok_or(ParseErrorKind::Invalid)?;
    let end = rest
        .iter()
        .position(|byte| *byte == b'.' || byte.is_ascii_digit())
        .unwrap_or(rest.len());
    let (unit, rest) = rest.split_at_checked(end).unwrap_or_default();
    if unit.is_empty() {
        return Err(ParseErrorKind::MissingUnit);
    }
    let unit = unit_nanoseconds(unit).ok_or_else(|| ParseErrorKind::UnknownUnit(unit.to_vec()))?;
    let value = value
        .checked_mul(unit)
        .filter(|value| *value <= LIMIT)
        .ok_or(ParseErrorKind::Invalid)?;
    let value = value + fraction_of(fraction, unit);
    if value > LIMIT {
        return Err(ParseErrorKind::Invalid);
    }
    Ok((value, rest))
}

fn split_digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or_default()
}

fn integer(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |value, digit| {
        value
            .checked_mul(10)?
            .checked_add(u64::from(digit - b'0'))
            .filter(|value| *value <= LIMIT)
    })
}

/// The nanoseconds of a unit's decimal fraction, computed in the floating point Go uses; digits that no
/// longer fit are dropped.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "Go converts the same way; the product is below one unit, at most 3.6e12"
)]
fn fraction_of(digits: &[u8], unit: u64) -> u64 {
    let mut value = 0_u64;
    let mut scale = 1.0_f64;
    for digit in digits {
        let next = value.checked_mul(10).map(|value| value + u64::from(digit - b'0'));
        let Some(next) = next.filter(|next| value <= (LIMIT - 1) / 10 && *next <= LIMIT) else {
            break;
        };
        value = next;
        scale *= 10.0;
    }
    (value as f64 * (unit as f64 / scale)) as u64
}

fn unit_nanoseconds(unit: &[u8]) -> Option<u64> {
    match unit {
        b"ns" => Some(1),
        // The micro sign and the Greek letter mu.
        b"us" | b"\xc2\xb5s" | b"\xce\xbcs" => Some(MICROSECOND),
        b"ms" => Some(MILLISECOND),
        b"s" => Some(SECOND),
        b"m" => Some(MINUTE),
        b"h" => Some(HOUR),
        _ => None,
    }
}

impl Duration {
    /// The duration as a span of time, or nothing where it is negative.
    pub fn to_std(self) -> Option<std::time::Duration> {
        u64::try_from(self.0).ok().map(std::time::Duration::from_nanos)
    }

    /// `Duration.Hours`.
    pub fn hours(self) -> f64 {
        self.in_units(HOUR)
    }

    /// `Duration.Minutes`.
    pub fn minutes(self) -> f64 {
        self.in_units(MINUTE)
    }

    /// `Duration.Seconds`.
    pub fn seconds(self) -> f64 {
        self.in_units(SECOND)
    }

    #[expect(clippy::cast_precision_loss, reason = "Go converts the parts the same way")]
    fn in_units(self, unit: u64) -> f64 {
        let unit = unit.cast_signed();
        (self.0 / unit) as f64 + (self.0 % unit) as f64 / unit as f64
    }

    /// `Duration.Truncate`: towards zero to a multiple of `step`; no change for a step of zero or less.
    #[must_use]
    pub fn truncate(self, step: Self) -> Self {
        if step.0 <= 0 {
            self
        } else {
            Self(self.0 - self.0 % step.0)
        }
    }

    /// `Duration.Round`: to the nearest multiple of `step`, halves away from zero, never past the limits;
    /// no change for a step of zero or less.
    #[must_use]
    pub fn round(self, step: Self) -> Self {
        if step.0 <= 0 {
            return self;
        }
        let rest = self.0 % step.0;
        let truncated = self.0 - rest;
        if rest.unsigned_abs() < step.0.unsigned_abs() - rest.unsigned_abs() {
            return Self(truncated);
        }
        if self.0 < 0 {
            Self(truncated.saturating_sub(step.0))
        } else {
            Self(truncated.saturating_add(step.0))
        }
    }
}

impl fmt::Display for Duration {
    /// `Duration.String`: `1h0m0s`, `1.5s`, `100µs`, `0s`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let magnitude = self.0.unsigned_abs();
        if self.0 < 0 {
            formatter.write_str("-")?;
        }
        match magnitude {
            0 => formatter.write_str("0s"),
            1..MICROSECOND => write!(formatter, "{magnitude}ns"),
            MICROSECOND..MILLISECOND => write_fraction(formatter, magnitude, MICROSECOND, "µs"),
            MILLISECOND..SECOND => write_fraction(formatter, magnitude, MILLISECOND, "ms"),
            _ => {
                if magnitude >= HOUR {
                    write!(formatter, "{}h", magnitude / HOUR)?;
                }
                if magnitude >= MINUTE {
                    write!(formatter, "{}m", magnitude % HOUR / MINUTE)?;
                }
                write_fraction(formatter, magnitude % MINUTE, SECOND, "s")
            }
        }
    }
}

fn write_fraction(formatter: &mut fmt::Formatter<'_>, value: u64, unit: u64, name: &str) -> fmt::Result {
    let (whole, rest) = (value / unit, value % unit);
    if rest == 0 {
        return write!(formatter, "{whole}{name}");
    }
    let width = usize::try_from(unit.ilog10()).unwrap_or(0);
    let digits = format!("{rest:0width$}");
    write!(formatter, "{whole}.{}{name}", digits.trim_end_matches('0'))
}

/// The quoting of package `time`, which escapes everything beyond ASCII byte by byte.
pub(crate) fn quote(text: &[u8]) -> String {
    let mut out = String::from("\"");
    for (offset, character, width) in strconv::runes(text) {
        match character {
            Some(character @ ('"' | '\\')) => out.extend(['\\', character]),
            Some(character @ ' '..='\x7f') => out.push(character),
            _ => {
                for byte in text.iter().skip(offset).take(width) {
                    out.push_str("\\x");
                    for nibble in [byte >> 4, byte & 0xf] {
                        out.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
                    }
                }
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(text: &str) -> String {
        parse(text).map_or_else(|error| error.to_string(), |duration| duration.to_string())
    }

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, wanted) in [
            ("0", "0s"),
            ("+5s", "5s"),
            ("1h", "1h0m0s"),
            ("1h1h", "2h0m0s"),
            (".5s", "500ms"),
            ("1.s", "1s"),
            ("-1.5h", "-1h30m0s"),
            ("1m0.000000001s", "1m0.000000001s"),
            ("10us5µs3μs", "18µs"),
            ("0.100000000000000000000h", "6m0s"),
            ("-9223372036854775808ns", "-2562047h47m16.854775808s"),
            ("1.1ns", "1ns"),
        ] {
            assert_eq!(printed(text), wanted, "{text}");
        }
    }

    #[test]
    fn texts_that_are_no_duration_give_the_message_of_go() {
        for (text, wanted) in [
            ("", "time: invalid duration \"\""),
            ("-", "time: invalid duration \"-\""),
            ("3", "time: missing unit in duration \"3\""),
            ("1h 30m", "time: unknown unit \"h \" in duration \"1h 30m\""),
            ("1d", "time: unknown unit \"d\" in duration \"1d\""),
            (".s", "time: invalid duration \".s\""),
            (
                "9223372036854775808ns",
                "time: invalid duration \"9223372036854775808ns\"",
            ),
            (
                "1é\"",
                "time: unknown unit \"\\xc3\\xa9\\\"\" in duration \"1\\xc3\\xa9\\\"\"",
            ),
        ] {
            assert_eq!(printed(text), wanted, "{text}");
        }
    }

    #[test]
    fn rounding_goes_away_from_zero_at_a_half_and_stops_at_the_limits() {
        assert_eq!(Duration(15).round(Duration(10)), Duration(20));
        assert_eq!(Duration(-15).round(Duration(10)), Duration(-20));
        assert_eq!(Duration(14).round(Duration(10)), Duration(10));
        assert_eq!(Duration(i64::MAX).round(Duration(1 << 40)), Duration(i64::MAX));
        assert_eq!(Duration(19).truncate(Duration(10)), Duration(10));
        assert_eq!(Duration(5).round(Duration(0)), Duration(5));
    }
}
