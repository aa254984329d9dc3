//! Reading the parts of a time from the front of a text: digits, names, fractions, offsets, zone abbreviations.
//!
//! Each function takes what it reads off the text and leaves the rest.

use super::super::layout::OffsetForm;

/// Why an element could not be read.
pub(super) enum Failure {
    /// The text there is something else.
    Mismatch,
    /// The named part is out of range.
    Range(&'static str),
}

pub(super) type Read<T> = Result<T, Failure>;

pub(super) fn in_range(n: i64, range: std::ops::RangeInclusive<i64>, part: &'static str) -> Read<i64> {
    if range.contains(&n) {
        Ok(n)
    } else {
        Err(Failure::Range(part))
    }
}

pub(super) fn take<'a>(rest: &mut &'a [u8], length: usize) -> Read<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(length).ok_or(Failure::Mismatch)?;
    *rest = after;
    Ok(taken)
}

fn digit(text: &[u8], at: usize) -> Option<i64> {
    text.get(at)
        .filter(|byte| byte.is_ascii_digit())
        .map(|byte| i64::from(byte - b'0'))
}

/// One or two digits; two if `fixed`.
pub(super) fn digits(rest: &mut &[u8], fixed: bool) -> Read<i64> {
    let first = digit(rest, 0).ok_or(Failure::Mismatch)?;
    match digit(rest, 1) {
        Some(second) => {
            take(rest, 2)?;
            Ok(first * 10 + second)
        }
        None if fixed => Err(Failure::Mismatch),
        None => {
            take(rest, 1)?;
            Ok(first)
        }
    }
}

pub(super) fn up_to_three_digits(rest: &mut &[u8], fixed: bool) -> Read<i64> {
    let length = rest
        .iter()
        .take(3)
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if length == 0 || (fixed && length != 3) {
        return Err(Failure::Mismatch);
    }
    signed(take(rest, length)?).ok_or(Failure::Mismatch)
}

/// Decimal digits, perhaps with a sign.
pub(super) fn signed(text: &[u8]) -> Option<i64> {
    let digits = text
        .strip_prefix(b"-")
        .or_else(|| text.strip_prefix(b"+"))
        .unwrap_or(text);
    let mut n = 0_i64;
    for at in 0..digits.len() {
        n = n.checked_mul(10)?.checked_add(digit(digits, at)?)?;
    }
    Some(if text.starts_with(b"-") { -n } else { n })
}

pub(super) fn year(rest: &mut &[u8], long: bool) -> Read<i64> {
    if long && digit(rest, 0).is_none() {
        return Err(Failure::Mismatch);
    }
    let year = signed(take(rest, if long { 4 } else { 2 })?).ok_or(Failure::Mismatch)?;
    Ok(match (long, year) {
        (true, _) => year,
        (false, 69..) => year + 1900,
        (false, _) => year + 2000,
    })
}

/// The place of a name in `names`, in any case, by its first three letters unless `long`.
pub(super) fn name(rest: &mut &[u8], names: &[&str], long: bool) -> Read<i64> {
    for (at, name) in (0_i64..).zip(names) {
        let name = name.as_bytes();
        let name = if long { name } else { name.get(..3).unwrap_or(name) };
        if rest
            .get(..name.len())
            .is_some_and(|found| found.eq_ignore_ascii_case(name))
        {
            take(rest, name.len())?;
            return Ok(at);
        }
    }
    Err(Failure::Mismatch)
}

/// A separator and digits, `length` bytes in all; digits after the ninth are dropped.
pub(super) fn fraction(rest: &mut &[u8], length: usize) -> Read<i64> {
    let text = take(rest, length)?;
    let Some((b'.' | b',', digits)) = text.split_first() else {
        return Err(Failure::Mismatch);
    };
    let digits = digits.get(..9).unwrap_or(digits);
    let mut nanoseconds = signed(digits).ok_or(Failure::Mismatch)?;
    if nanoseconds < 0 {
        return Err(Failure::Range("fractional second"));
    }
    for _ in digits.len()..9 {
        nanoseconds *= 10;
    }
    Ok(nanoseconds)
}

pub(super) fn offset(rest: &mut &[u8], form: OffsetForm) -> Read<i64> {
    let length =
        3 + if form.minutes {
            2 + usize::from(form.colons)
        } else {
            0
        } + if form.seconds {
            2 + usize::from(form.colons)
        } else {
            0
        };
    let mut text = take(rest, length)?;
    let sign = take(&mut text, 1)?;
    let mut parts = [0_i64; 3];
    let mut well_formed = true;
    for (part, wanted) in parts.iter_mut().zip([true, form.minutes, form.seconds]) {
        if !wanted {
            continue;
        }
        if form.colons && length - text.len() > 1 && take(&mut text, 1)? != b":" {
            return Err(Failure::Mismatch);
        }
        let mut two = take(&mut text, 2)?;
        match digits(&mut two, true) {
            Ok(n) if well_formed => *part = n,
            _ => well_formed = false,
        }
    }
    let [hours, minutes, seconds] = parts;
    // Written offsets of a whole day, hour or minute pass.
    in_range(seconds, 0..=60, "time zone offset second")?;
    in_range(minutes, 0..=60, "time zone offset minute")?;
    in_range(hours, 0..=24, "time zone offset hour")?;
    let offset = (hours * 60 + minutes) * 60 + seconds;
    match sign {
        _ if !well_formed => Err(Failure::Mismatch),
        b"+" => Ok(offset),
        b"-" => Ok(-offset),
        _ => Err(Failure::Mismatch),
    }
}

/// Length of what looks like a zone abbreviation at the start of `text`.
pub(super) fn zone_length(text: &[u8]) -> Option<usize> {
    if text.len() < 3 {
        return None;
    }
    if text.starts_with(b"ChST") || text.starts_with(b"MeST") {
        return Some(4);
    }
    if let Some(after) = text.strip_prefix(b"GMT") {
        return Some(3 + signed_hours_length(after));
    }
    if matches!(text.first(), Some(b'+' | b'-')) {
        return Some(signed_hours_length(text)).filter(|length| *length > 0);
    }
    let capitals = text
        .iter()
        .take(6)
        .take_while(|byte| byte.is_ascii_uppercase())
        .count();
    match capitals {
        3 => Some(3),
        4 if text.get(3) == Some(&b'T') || text.starts_with(b"WITA") => Some(4),
        5 if text.get(4) == Some(&b'T') => Some(5),
        _ => None,
    }
}

/// Length of a sign and hours up to 23; 0 if there are none.
fn signed_hours_length(text: &[u8]) -> usize {
    let Some((b'+' | b'-', after)) = text.split_first() else {
        return 0;
    };
    let length = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match signed(after.get(..length).unwrap_or_default()) {
        Some(0..=23) if length > 0 => 1 + length,
        _ => 0,
    }
}
