//! Go string and character literals: writing bytes as one, and reading one back.

use super::printable::is_print;
use super::rune::{REPLACEMENT, decode_rune, push_rune, runes};

/// The text is not a Go literal (`strconv.ErrSyntax`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid syntax")]
pub struct InvalidQuoting;

/// `strconv.Quote`: a double-quoted Go literal; every byte comes back from it.
pub fn quote(text: &[u8]) -> String {
    quote_with(text, '"', false)
}

/// `strconv.QuoteToASCII`: the same with `\u` escapes for all other than ASCII.
pub fn quote_to_ascii(text: &[u8]) -> String {
    quote_with(text, '"', true)
}

/// `strconv.QuoteRune`; a number that is no character gives that of U+FFFD.
pub fn quote_rune(code: u32) -> String {
    quote_one(code, false)
}

/// `strconv.QuoteRuneToASCII`.
pub fn quote_rune_to_ascii(code: u32) -> String {
    quote_one(code, true)
}

fn quote_one(code: u32, ascii: bool) -> String {
    let mut out = String::from("'");
    push_escaped(&mut out, char::from_u32(code).unwrap_or(REPLACEMENT), '\'', ascii);
    out.push('\'');
    out
}

fn quote_with(text: &[u8], delimiter: char, ascii: bool) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push(delimiter);
    for (offset, character, _) in runes(text) {
        match character {
            Some(character) => push_escaped(&mut out, character, delimiter, ascii),
            None => push_hex(&mut out, 'x', text.get(offset).copied().map_or(0, u32::from), 2),
        }
    }
    out.push(delimiter);
    out
}

fn push_escaped(out: &mut String, character: char, delimiter: char, ascii: bool) {
    if character == delimiter || character == '\\' {
        out.push('\\');
        out.push(character);
        return;
    }
    if is_print(character) && (character.is_ascii() || !ascii) {
        out.push(character);
        return;
    }
    let code = u32::from(character);
    match character {
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0c' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\x0b' => out.push_str("\\v"),
        _ if code < 0x20 || code == 0x7f => push_hex(out, 'x', code, 2),
        _ if code < 0x10000 => push_hex(out, 'u', code, 4),
        _ => push_hex(out, 'U', code, 8),
    }
}

fn push_hex(out: &mut String, letter: char, value: u32, width: u32) {
    out.push('\\');
    out.push(letter);
    for place in (0..width).rev() {
        out.push(char::from_digit((value >> (place * 4)) & 0xf, 16).unwrap_or('0'));
    }
}

/// `strconv.CanBackquote`: whether the text can stand unchanged between backquotes.
pub fn can_backquote(text: &[u8]) -> bool {
    runes(text).all(|(_, character, _)| match character {
        None | Some('\u{feff}' | '`' | '\x7f') => false,
        Some(character) => character >= ' ' || character == '\t',
    })
}

/// `strconv.Unquote`: what a Go string or character literal stands for.
pub fn unquote(literal: &[u8]) -> Result<Vec<u8>, InvalidQuoting> {
    let (&delimiter, rest) = literal.split_first().ok_or(InvalidQuoting)?;
    let body = rest.strip_suffix(&[delimiter]).ok_or(InvalidQuoting)?;
    match delimiter {
        b'`' if body.contains(&b'`') => Err(InvalidQuoting),
        b'`' => Ok(body.iter().copied().filter(|byte| *byte != b'\r').collect()),
        b'"' => unescape(body, delimiter),
        b'\'' => unescape_single(body),
        _ => Err(InvalidQuoting),
    }
}

fn unescape(mut body: &[u8], delimiter: u8) -> Result<Vec<u8>, InvalidQuoting> {
    let mut out = Vec::with_capacity(body.len());
    while !body.is_empty() {
        let character = unquote_char(body, delimiter)?;
        if body.first() == Some(&b'\n') {
            return Err(InvalidQuoting);
        }
        character.push_to(&mut out);
        body = body.get(character.width..).unwrap_or_default();
    }
    Ok(out)
}

fn unescape_single(body: &[u8]) -> Result<Vec<u8>, InvalidQuoting> {
    let character = unquote_char(body, b'\'')?;
    if body.first() == Some(&b'\n') || character.width != body.len() {
        return Err(InvalidQuoting);
    }
    let mut out = Vec::new();
    character.push_to(&mut out);
    Ok(out)
}

/// What `strconv.UnquoteChar` returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnquotedChar {
    /// The code point, or the byte where `multibyte` is false.
    pub value: u32,
    /// Whether the value stands for its UTF-8 form; else it is one byte.
    pub multibyte: bool,
    /// The bytes of the literal it was read from.
    pub width: usize,
}

impl UnquotedChar {
    /// Appends the bytes the character stands for.
    pub fn push_to(self, out: &mut Vec<u8>) {
        match u8::try_from(self.value) {
            Ok(byte) if byte < 0x80 || !self.multibyte => out.push(byte),
            _ => push_rune(out, self.value),
        }
    }
}

/// `strconv.UnquoteChar`: the first character or escape of a literal's body.
pub fn unquote_char(body: &[u8], delimiter: u8) -> Result<UnquotedChar, InvalidQuoting> {
    let quoted = matches!(delimiter, b'\'' | b'"');
    let (&first, rest) = body.split_first().ok_or(InvalidQuoting)?;
    if first == delimiter && quoted {
        return Err(InvalidQuoting);
    }
    if first >= 0x80 {
        let (character, width) = decode_rune(body);
        let value = u32::from(character.unwrap_or(REPLACEMENT));
        return Ok(UnquotedChar {
            value,
            multibyte: true,
            width,
        });
    }
    if first != b'\\' {
        return Ok(UnquotedChar {
            value: u32::from(first),
            multibyte: false,
            width: 1,
        });
    }
    let (&letter, rest) = rest.split_first().ok_or(InvalidQuoting)?;
    let byte = |value: u8| {
        Ok(UnquotedChar {
            value: u32::from(value),
            multibyte: false,
            width: 2,
        })
    };
    match letter {
        b'a' => byte(7),
        b'b' => byte(8),
        b'f' => byte(12),
        b'n' => byte(b'\n'),
        b'r' => byte(b'\r'),
        b't' => byte(b'\t'),
        b'v' => byte(11),
        b'\\' => byte(b'\\'),
        b'\'' | b'"' if letter == delimiter => byte(letter),
        b'x' => Ok(UnquotedChar {
            value: number(rest, 2, 16)?,
            multibyte: false,
            width: 4,
        }),
        b'u' => unicode_escape(rest, 4),
        b'U' => unicode_escape(rest, 8),
        b'0'..=b'7' => {
            let digits = body.get(1..).unwrap_or_default();
            let value = number(digits, 3, 8)?;
            if value > 255 {
                return Err(InvalidQuoting);
            }
            Ok(UnquotedChar {
                value,
                multibyte: false,
                width: 4,
            })
        }
        _ => Err(InvalidQuoting),
    }
}

fn unicode_escape(rest: &[u8], digits: usize) -> Result<UnquotedChar, InvalidQuoting> {
    let value = number(rest, digits, 16)?;
    if char::from_u32(value).is_none() {
        return Err(InvalidQuoting);
    }
    Ok(UnquotedChar {
        value,
        multibyte: true,
        width: digits + 2,
    })
}

fn number(text: &[u8], width: usize, radix: u32) -> Result<u32, InvalidQuoting> {
    let digits = text.get(..width).ok_or(InvalidQuoting)?;
    digits.iter().try_fold(0_u32, |value, byte| {
        let digit = char::from(*byte).to_digit(radix).ok_or(InvalidQuoting)?;
        Ok(value.wrapping_mul(radix) | digit)
    })
}
