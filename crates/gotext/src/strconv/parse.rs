//! The texts Go reads as numbers and booleans: underscores, base prefixes, hexadecimal floats, and the
//! messages for all others.

use super::quote::quote;

/// Why a text is not the number asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumErrorKind {
    /// The text is no number at all.
    Syntax,
    /// The number does not fit.
    Range,
    /// The base is neither 0 nor 2 to 36.
    Base(u32),
    /// The bit size is above 64.
    BitSize(u32),
}

/// Go's `*strconv.NumError`; its text quotes the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumError {
    /// The Go function that would have failed, e.g. `ParseInt`.
    pub function: &'static str,
    /// The text that is no number.
    pub input: Vec<u8>,
    /// Why it is none.
    pub kind: NumErrorKind,
}

impl std::fmt::Display for NumError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            formatter,
            "strconv.{}: parsing {}: ",
            self.function,
            quote(&self.input)
        )?;
        match self.kind {
            NumErrorKind::Syntax => formatter.write_str("invalid syntax"),
            NumErrorKind::Range => formatter.write_str("value out of range"),
            NumErrorKind::Base(base) => write!(formatter, "invalid base {base}"),
            NumErrorKind::BitSize(bits) => write!(formatter, "invalid bit size {bits}"),
        }
    }
}

impl std::error::Error for NumError {}

fn failure(function: &'static str, input: &[u8], kind: NumErrorKind) -> NumError {
    NumError {
        function,
        input: input.to_vec(),
        kind,
    }
}

/// `strconv.ParseBool`.
pub fn parse_bool(text: &[u8]) -> Result<bool, NumError> {
    match text {
        b"1" | b"t" | b"T" | b"true" | b"TRUE" | b"True" => Ok(true),
        b"0" | b"f" | b"F" | b"false" | b"FALSE" | b"False" => Ok(false),
        _ => Err(failure("ParseBool", text, NumErrorKind::Syntax)),
    }
}

/// `strconv.Atoi`.
pub fn atoi(text: &[u8]) -> Result<i64, NumError> {
    parse_int(text, 10, 64).map_err(|error| NumError {
        function: "Atoi",
        ..error
    })
}

/// `strconv.ParseInt`; base 0 reads the prefix and allows underscores, bit size 0 is 64.
pub fn parse_int(text: &[u8], base: u32, bits: u32) -> Result<i64, NumError> {
    let fail = |kind| failure("ParseInt", text, kind);
    let (negative, magnitude) = match text.split_first() {
        Some((b'+', rest)) => (false, rest),
        Some((b'-', rest)) => (true, rest),
        _ => (false, text),
    };
    let magnitude = match unsigned(magnitude, base, bits) {
        Ok(magnitude) => magnitude,
        Err(NumErrorKind::Range) => u64::MAX,
        Err(kind) => return Err(fail(kind)),
    };
    let bits = if bits == 0 { 64 } else { bits };
    let cutoff = 1_u64 << (bits - 1);
    if magnitude > cutoff || (magnitude == cutoff && !negative) {
        return Err(fail(NumErrorKind::Range));
    }
    let value = magnitude.cast_signed();
    Ok(if negative { value.wrapping_neg() } else { value })
}

/// `strconv.ParseUint`; base 0 reads the prefix and allows underscores, bit size 0 is 64.
pub fn parse_uint(text: &[u8], base: u32, bits: u32) -> Result<u64, NumError> {
    unsigned(text, base, bits).map_err(|kind| failure("ParseUint", text, kind))
}

fn unsigned(text: &[u8], base: u32, bits: u32) -> Result<u64, NumErrorKind> {
    if text.is_empty() {
        return Err(NumErrorKind::Syntax);
    }
    let (radix, digits) = match (base, text) {
        (2..=36, _) => (base, text),
        (0, [b'0', b'b' | b'B', rest @ ..]) if !rest.is_empty() => (2, rest),
        (0, [b'0', b'o' | b'O', rest @ ..]) if !rest.is_empty() => (8, rest),
        (0, [b'0', b'x' | b'X', rest @ ..]) if !rest.is_empty() => (16, rest),
        (0, [b'0', rest @ ..]) => (8, rest),
        (0, _) => (10, text),
        _ => return Err(NumErrorKind::Base(base)),
    };
    let max = match bits {
        0 | 64 => u64::MAX,
        1..=63 => (1 << bits) - 1,
        _ => return Err(NumErrorKind::BitSize(bits)),
    };
    let mut underscores = false;
    let mut value = 0_u64;
    for &byte in digits {
        if byte == b'_' && base == 0 {
            underscores = true;
            continue;
        }
        let digit = char::from(byte).to_digit(36).filter(|digit| *digit < radix);
        let digit = digit.ok_or(NumErrorKind::Syntax)?;
        value = value
            .checked_mul(u64::from(radix))
            .and_then(|value| value.checked_add(u64::from(digit)))
            .filter(|value| *value <= max)
            .ok_or(NumErrorKind::Range)?;
    }
    if underscores && !underscores_separate_digits(text) {
        return Err(NumErrorKind::Syntax);
    }
    Ok(value)
}

/// Whether every underscore stands between digits, or between a base prefix and a digit.
fn underscores_separate_digits(text: &[u8]) -> bool {
    let text = text
        .strip_prefix(b"-")
        .or_else(|| text.strip_prefix(b"+"))
        .unwrap_or(text);
    let (prefixed, hex, digits) = match text {
        [b'0', b'x' | b'X', rest @ ..] => (true, true, rest),
        [b'0', b'b' | b'B' | b'o' | b'O', rest @ ..] => (true, false, rest),
        _ => (false, false, text),
    };
    let mut after_digit = prefixed;
    let mut after_underscore = false;
    for byte in digits {
        let digit = byte.is_ascii_digit() || (hex && byte.is_ascii_hexdigit());
        if *byte == b'_' {
            if !after_digit {
                return false;
            }
        } else if !digit && after_underscore {
            return false;
        }
        after_digit = digit;
        after_underscore = *byte == b'_';
    }
    !after_underscore
}

/// `strconv.ParseFloat` with bit size 64.
pub fn parse_float(text: &[u8]) -> Result<f64, NumError> {
    let value = float(text).ok_or_else(|| failure("ParseFloat", text, NumErrorKind::Syntax))?;
    match value {
        Parsed::Exact(value) => Ok(value),
        Parsed::Overflow(_) => Err(failure("ParseFloat", text, NumErrorKind::Range)),
    }
}

/// The value `strconv.ParseFloat` returns beside its error: an infinity for a number that does not fit,
/// zero for a text that is no number.
pub fn parse_float_lossy(text: &[u8]) -> f64 {
    match float(text) {
        None => 0.0,
        Some(Parsed::Exact(value) | Parsed::Overflow(value)) => value,
    }
}

enum Parsed {
    Exact(f64),
    Overflow(f64),
}

fn float(text: &[u8]) -> Option<Parsed> {
    let (negative, magnitude) = match text.split_first()? {
        (b'+', rest) => (false, rest),
        (b'-', rest) => (true, rest),
        _ => (false, text),
    };
    let sign = if negative { -1.0 } else { 1.0 };
    if magnitude.eq_ignore_ascii_case(b"inf") || magnitude.eq_ignore_ascii_case(b"infinity") {
        return Some(Parsed::Exact(sign * f64::INFINITY));
    }
    if text.eq_ignore_ascii_case(b"nan") {
        return Some(Parsed::Exact(f64::NAN));
    }
    let plain: Vec<u8> = magnitude.iter().copied().filter(|byte| *byte != b'_').collect();
    if plain.len() != magnitude.len() && !underscores_separate_digits(text) {
        return None;
    }
    let value = match plain.as_slice() {
        [b'0', b'x' | b'X', digits @ ..] if !digits.is_empty() => hex(digits)?,
        digits => {
            // The standard library also reads words, which begin with a letter.
            if !digits
                .first()
                .is_some_and(|byte| byte.is_ascii_digit() || *byte == b'.')
            {
                return None;
            }
            str::from_utf8(digits).ok()?.parse::<f64>().ok()?
        }
    };
    let value = sign * value;
    Some(if value.is_infinite() {
        Parsed::Overflow(value)
    } else {
        Parsed::Exact(value)
    })
}

/// A hexadecimal fraction with its mandatory binary exponent, rounded half to even; infinite if too large.
fn hex(text: &[u8]) -> Option<f64> {
    let at = text.iter().position(|byte| matches!(byte, b'p' | b'P'))?;
    let (digits, exponent) = text.split_at_checked(at)?;
    let exponent = binary_exponent(exponent.get(1..)?)?;
    let mut mantissa = 0_u128;
    let mut scale = 0_i64;
    let (mut seen_digit, mut seen_point) = (false, false);
    for byte in digits {
        if *byte == b'.' {
            if seen_point {
                return None;
            }
            seen_point = true;
            continue;
        }
        let digit = char::from(*byte).to_digit(16)?;
        seen_digit = true;
        if mantissa >> 120 == 0 {
            mantissa = mantissa << 4 | u128::from(digit);
            scale -= if seen_point { 4 } else { 0 };
        } else {
            // What no longer fits only matters as "not exactly half way".
            mantissa |= u128::from(digit != 0);
            scale += if seen_point { 0 } else { 4 };
        }
    }
    seen_digit.then(|| scaled(mantissa, scale.saturating_add(exponent)))
}

fn binary_exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.split_first()? {
        (b'+', rest) => (false, rest),
        (b'-', rest) => (true, rest),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0_i64, |value, digit| {
        if value < 100_000_000_000 {
            value * 10 + i64::from(digit - b'0')
        } else {
            value
        }
    });
    Some(if negative { -value } else { value })
}

/// `mantissa × 2^exponent` as the nearest `f64`.
fn scaled(mantissa: u128, exponent: i64) -> f64 {
    if mantissa == 0 {
        return 0.0;
    }
    // Bring the top bit to bit 127, then cut to the width the exponent leaves.
    let shift = mantissa.leading_zeros();
    let mantissa = mantissa << shift;
    let top = exponent.saturating_sub(i64::from(shift)).saturating_add(127);
    if top > 1023 {
        return f64::INFINITY;
    }
    let width = if top >= -1022 {
        53
    } else {
        (53 + top + 1022).max(-1)
    };
    if width < 0 {
        return 0.0;
    }
    let drop = u32::try_from(128 - width).unwrap_or(128);
    let kept = mantissa.checked_shr(drop).unwrap_or(0);
    let rest = if drop >= 128 {
        mantissa
    } else {
        mantissa << (128 - drop)
    };
    let half = 1_u128 << 127;
    let round_up = rest > half || (rest == half && kept & 1 == 1);
    let kept = u64::try_from(kept).unwrap_or(0) + u64::from(round_up);
    // Carrying into the exponent field gives the next binade, or infinity, by itself.
    let biased = u64::try_from(top + 1022).unwrap_or(0);
    f64::from_bits(if top >= -1022 { (biased << 52) + kept } else { kept })
}
