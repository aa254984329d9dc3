//! What plain words stand for in YAML 1.1, as `yaml.v2` reads them.

use super::error::Error;
use super::timestamp::is_timestamp;
use crate::strconv::{parse_float, parse_int, parse_uint};

/// What a scalar stands for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Resolved {
    Null,
    Bool(bool),
    Int(i64),
    /// An integer above the range of the signed ones.
    Uint(u64),
    Float(f64),
    Timestamp,
    Text,
}

/// The tags that say what a scalar is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CoreTag {
    Null,
    Bool,
    Int,
    Float,
    Timestamp,
    Text,
}

/// What a word stands for, where only unquoted words and tagged ones may be timestamps.
pub(super) fn resolve(text: &str, timestamps: bool) -> Resolved {
    match text {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Resolved::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Resolved::Bool(false);
        }
        "" | "~" | "null" | "Null" | "NULL" => return Resolved::Null,
        ".nan" | ".NaN" | ".NAN" => return Resolved::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Resolved::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Resolved::Float(f64::NEG_INFINITY),
        _ => {}
    }
    match text.as_bytes().first() {
        Some(b'.') => parse_float(text.as_bytes()).map_or(Resolved::Text, Resolved::Float),
        Some(b'+' | b'-' | b'0'..=b'9') => {
            if timestamps && is_timestamp(text) {
                return Resolved::Timestamp;
            }
            number(&text.replace('_', "")).unwrap_or(Resolved::Text)
        }
        _ => Resolved::Text,
    }
}

fn number(plain: &str) -> Option<Resolved> {
    let bytes = plain.as_bytes();
    if let Ok(value) = parse_int(bytes, 0, 64) {
        return Some(Resolved::Int(value));
    }
    if let Ok(value) = parse_uint(bytes, 0, 64) {
        return Some(Resolved::Uint(value));
    }
    if is_float(bytes)
        && let Ok(value) = parse_float(bytes)
    {
        return Some(Resolved::Float(value));
    }
    // A sign after the prefix is taken, too.
    let digits = bytes.strip_prefix(b"0b")?;
    parse_int(digits, 2, 64).ok().map(Resolved::Int)
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let unsigned = |text: &[u8]| match text.split_first() {
        Some((b'+' | b'-', rest)) => rest.to_vec(),
        _ => text.to_vec(),
    };
    let text = unsigned(text);
    let whole = digits(&text);
    let mut rest = text.get(whole..).unwrap_or_default();
    if let Some(fraction) = rest.strip_prefix(b".") {
        let width = digits(fraction);
        if whole == 0 && width == 0 {
            return false;
        }
        rest = fraction.get(width..).unwrap_or_default();
    } else if whole == 0 {
        return false;
    }
    match rest.split_first() {
        None => true,
        Some((b'e' | b'E', exponent)) => {
            let exponent = unsigned(exponent);
            !exponent.is_empty() && digits(&exponent) == exponent.len()
        }
        Some(_) => false,
    }
}

/// What a scalar with a tag stands for; fails where the two do not fit.
pub(super) fn resolve_tagged(tag: CoreTag, text: &str) -> Result<Resolved, Error> {
    if tag == CoreTag::Text {
        return Ok(Resolved::Text);
    }
    let resolved = resolve(text, tag == CoreTag::Timestamp);
    match (tag, resolved) {
        (CoreTag::Null, Resolved::Null)
        | (CoreTag::Bool, Resolved::Bool(_))
        | (CoreTag::Int, Resolved::Int(_) | Resolved::Uint(_))
        | (CoreTag::Float, Resolved::Float(_))
        | (CoreTag::Timestamp, Resolved::Timestamp) => Ok(resolved),
        #[expect(clippy::cast_precision_loss, reason = "Go converts the same way")]
        (CoreTag::Float, Resolved::Int(value)) => Ok(Resolved::Float(value as f64)),
        _ => {
            let name = match resolved {
                Resolved::Null => "null",
                Resolved::Bool(_) => "bool",
                Resolved::Int(_) | Resolved::Uint(_) => "int",
                Resolved::Float(_) => "float",
                Resolved::Timestamp => "timestamp",
                Resolved::Text => "str",
            };
            let wanted = match tag {
                CoreTag::Null => "null",
                CoreTag::Bool => "bool",
                CoreTag::Int => "int",
                CoreTag::Float => "float",
                CoreTag::Timestamp => "timestamp",
                CoreTag::Text => "str",
            };
            Err(Error::yaml(format!(
                "cannot decode !!{name} `{text}` as a !!{wanted}"
            )))
        }
    }
}

/// Whether the text is a number in base 60, which other programs may read as one.
///
/// `[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?`
pub(super) fn is_base_60(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (text, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = text.split(':');
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
    let first = parts.next().unwrap_or_default();
    let mut count = 0;
    let sixtieths = parts.all(|part| {
        count += 1;
        match part.as_bytes() {
            [ones] => ones.is_ascii_digit(),
            [tens, ones] => (b'0'..=b'5').contains(tens) && ones.is_ascii_digit(),
            _ => false,
        }
    });
    first.starts_with(|first: char| first.is_ascii_digit())
        && digits(first)
        && sixtieths
        && count > 0
        && digits(fraction)
}
