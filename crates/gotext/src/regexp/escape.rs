//! Escapes that stand for one character.

use super::error::{Error, ErrorCode};
use crate::strconv::decode_rune;

/// The first character of a pattern, and the pattern after it. The end gives U+FFFD, which fits nowhere.
pub(super) fn next_rune(text: &[u8]) -> Result<(u32, &[u8]), Error> {
    match decode_rune(text) {
        (None, 1) => Err(Error::new(ErrorCode::InvalidUtf8, text)),
        (character, width) => {
            let code = u32::from(character.unwrap_or(char::REPLACEMENT_CHARACTER));
            Ok((code, text.get(width..).unwrap_or_default()))
        }
    }
}

/// The code point an escape stands for; the pattern begins with the backslash.
pub(super) fn escape(text: &[u8]) -> Result<(u32, &[u8]), Error> {
    let body = text.get(1..).unwrap_or_default();
    if body.is_empty() {
        return Err(Error::new(ErrorCode::TrailingBackslash, b""));
    }
    let (code, rest) = next_rune(body)?;
    let fail = |rest: &[u8]| {
        let width = text.len() - rest.len();
        Error::new(ErrorCode::InvalidEscape, text.get(..width).unwrap_or_default())
    };
    let Some(character) = char::from_u32(code).filter(char::is_ascii) else {
        return Err(fail(rest));
    };
    match character {
        '1'..='7' if !matches!(rest.first(), Some(b'0'..=b'7')) => Err(fail(rest)),
        '0'..='7' => {
            let more = rest
                .iter()
                .take(2)
                .take_while(|byte| matches!(byte, b'0'..=b'7'))
                .count();
            let (digits, after) = rest.split_at_checked(more).unwrap_or_default();
            let code = digits.iter().fold(code - u32::from('0'), |code, digit| {
                code * 8 + u32::from(digit - b'0')
            });
            Ok((code, after))
        }
        'x' => hexadecimal(rest).map_err(|end| end.unwrap_or_else(fail)),
        'a' => Ok((7, rest)),
        'f' => Ok((12, rest)),
        'n' => Ok((10, rest)),
        'r' => Ok((13, rest)),
        't' => Ok((9, rest)),
        'v' => Ok((11, rest)),
        character if !character.is_ascii_alphanumeric() => Ok((code, rest)),
        _ => Err(fail(rest)),
    }
}

/// How reading hexadecimal digits fails: with an error of its own, or with the escape up to what is left.
enum Stop<'p> {
    Utf8(Error),
    At(&'p [u8]),
}

impl<'p> Stop<'p> {
    fn unwrap_or_else(self, fail: impl Fn(&'p [u8]) -> Error) -> Error {
        match self {
            Self::Utf8(error) => error,
            Self::At(rest) => fail(rest),
        }
    }
}

fn hexadecimal(text: &[u8]) -> Result<(u32, &[u8]), Stop<'_>> {
    if text.is_empty() {
        return Err(Stop::At(text));
    }
    let digit = |code: u32| char::from_u32(code).and_then(|character| character.to_digit(16));
    let (first, mut rest) = next_rune(text).map_err(Stop::Utf8)?;
    if first != u32::from('{') {
        let (second, rest) = next_rune(rest).map_err(Stop::Utf8)?;
        return match (digit(first), digit(second)) {
            (Some(high), Some(low)) => Ok((high * 16 + low, rest)),
            _ => Err(Stop::At(rest)),
        };
    }
    let mut value = 0;
    let mut digits = 0;
    loop {
        if rest.is_empty() {
            return Err(Stop::At(rest));
        }
        let (code, after) = next_rune(rest).map_err(Stop::Utf8)?;
        rest = after;
        if code == u32::from('}') {
            return if digits > 0 {
                Ok((value, rest))
            } else {
                Err(Stop::At(rest))
            };
        }
        let Some(digit) = digit(code) else {
            return Err(Stop::At(rest));
        };
        value = value * 16 + digit;
        if value > u32::from(char::MAX) {
            return Err(Stop::At(rest));
        }
        digits += 1;
    }
}
