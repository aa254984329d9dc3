//! Conversions to numbers in the manner of `spf13/cast`: what sprig's arithmetic does with its `interface {}`
//! arguments. What cannot be converted is 0, silently.

use crate::strconv::{NumErrorKind, parse_float, parse_int};
use crate::template::Value;

/// `cast.ToInt64`, and `cast.ToInt` on 64 bits. Text may have a base prefix (`0x10`, `010`) or a fraction, which is
/// cut off (`3.7`).
pub(super) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Int(_, n) => *n,
        Value::Uint(_, n) => n.cast_signed(),
        Value::Float(_, x) => float_to_int(*x),
        Value::Bool(value) => i64::from(*value),
        Value::String(text) => parse_int(without_fraction(text), 0, 64).unwrap_or(0),
        Value::Nil
        | Value::Complex(_)
        | Value::Bytes(_)
        | Value::List(_)
        | Value::Map(_)
        | Value::Object(_)
        | Value::Func(_) => 0,
    }
}

/// `cast.ToFloat64`.
#[expect(
    clippy::cast_precision_loss,
    reason = "Go's conversion rounds to the nearest float, too"
)]
pub(super) fn to_float(value: &Value) -> f64 {
    match value {
        Value::Int(_, n) => *n as f64,
        Value::Uint(_, n) => *n as f64,
        Value::Float(_, x) => *x,
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::String(text) => parse_float(text).unwrap_or(0.0),
        Value::Nil
        | Value::Complex(_)
        | Value::Bytes(_)
        | Value::List(_)
        | Value::Map(_)
        | Value::Object(_)
        | Value::Func(_) => 0.0,
    }
}

/// Decimal text; what does not fit becomes the nearest that does, what is no number 0. That is the value Go's
/// `strconv` gives beside an error that is not looked at.
pub(super) fn parse_int_clamped(text: &[u8]) -> i64 {
    match parse_int(text, 10, 64) {
        Ok(n) => n,
        Err(error) if error.kind != NumErrorKind::Range => 0,
        Err(_) if text.starts_with(b"-") => i64::MIN,
        Err(_) => i64::MAX,
    }
}

/// Go's `int64(x)` as its amd64 compiler does it: what does not fit, and NaN, becomes the smallest integer.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked first")]
pub(super) fn float_to_int(x: f64) -> i64 {
    // 2^63: the first float above the range. -2^63 itself is in range.
    const END: f64 = 9_223_372_036_854_775_808.0;
    if (-END..END).contains(&x) {
        x as i64
    } else {
        i64::MIN
    }
}

/// The integer part of text that is digits, a dot and digits, with or without a sign and with any part missing.
fn without_fraction(text: &[u8]) -> &[u8] {
    let Some(dot) = text.iter().position(|byte| *byte == b'.') else {
        return text;
    };
    let (whole, fraction) = text.split_at_checked(dot).unwrap_or((text, &[]));
    let digits = whole
        .strip_prefix(b"-")
        .or_else(|| whole.strip_prefix(b"+"))
        .unwrap_or(whole);
    let is_number = digits
        .iter()
        .chain(fraction.iter().skip(1))
        .all(u8::is_ascii_digit);
    match (is_number, digits) {
        (false, _) => text,
        (true, []) => b"0",
        (true, _) => whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_converts_with_base_prefixes_and_without_fractions() {
        for (text, want) in [
            ("0x10", 16),
            ("010", 8),
            ("3.7", 3),
            ("-3.7", -3),
            (".5", 0),
            ("-.5", 0),
            ("1_000", 1000),
            ("1e3", 0),
            ("08", 0),
            ("08.5", 0),
            ("abc", 0),
            ("", 0),
            (" 1", 0),
            ("9223372036854775808", 0),
            ("3.7x", 0),
        ] {
            assert_eq!(to_int(&Value::from(text)), want, "{text}");
        }
    }

    #[test]
    fn floats_outside_the_range_become_the_smallest_integer() {
        for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e19, -1e19] {
            assert_eq!(to_int(&Value::float64(x)), i64::MIN);
        }
        assert_eq!(to_int(&Value::float64(-3.9)), -3);
    }

    #[test]
    fn what_is_no_number_is_zero() {
        for value in [Value::Nil, Value::list(vec![]), Value::from("x")] {
            assert_eq!(to_int(&value), 0);
            assert!(to_float(&value).abs() < f64::EPSILON);
        }
        assert_eq!(to_int(&Value::Bool(true)), 1);
    }
}
