//! Finding where JSON values begin and end, without judging whether they are valid.
//!
//! Broken JSON is not refused: like the Go library, the scanner takes what it can find and never fails.

use crate::strconv::push_rune;

/// What begins at an offset.
#[derive(Clone, Copy)]
pub(super) enum Token<'j> {
    /// A string with its quotes, whether it holds a backslash, and the offset after it.
    String(&'j [u8], bool, usize),
    /// A string without an end.
    Unterminated,
    /// `{` or `[`.
    Open(u8),
    /// A word beginning with `t`, `f` or `n`, and the offset after it.
    Literal(&'j [u8], usize),
    /// A number, which may be anything up to the next delimiter, and the offset after it.
    Number(&'j [u8], usize),
    /// No value begins here.
    Other,
}

pub(super) fn token(json: &[u8], at: usize) -> Token<'_> {
    match json.get(at) {
        Some(b'"') => match string_end(json, at + 1) {
            Some((end, escaped)) => Token::String(part(json, at, end), escaped, end),
            None => Token::Unterminated,
        },
        Some(byte @ (b'{' | b'[')) => Token::Open(*byte),
        Some(b'n') if json.get(at + 1).is_some_and(|next| *next != b'u') => number(json, at),
        Some(b't' | b'f' | b'n') => {
            let rest = json.get(at + 1..).unwrap_or_default();
            let length = rest.iter().take_while(|byte| byte.is_ascii_lowercase()).count() + 1;
            Token::Literal(part(json, at, at + length), at + length)
        }
        Some(b'+' | b'-' | b'0'..=b'9' | b'i' | b'I' | b'N') => number(json, at),
        _ => Token::Other,
    }
}

fn number(json: &[u8], at: usize) -> Token<'_> {
    let rest = json.get(at + 1..).unwrap_or_default();
    let length = rest.iter().take_while(|byte| !ends_number(**byte)).count() + 1;
    Token::Number(part(json, at, at + length), at + length)
}

fn ends_number(byte: u8) -> bool {
    byte <= b' ' || matches!(byte, b',' | b']' | b'}')
}

/// The bytes from `start` to `end`, or none where the range is outside.
pub(super) fn part(json: &[u8], start: usize, end: usize) -> &[u8] {
    json.get(start..end).unwrap_or_default()
}

/// The offset after the closing quote of a string whose text begins at `start`, and whether it holds a
/// backslash.
pub(super) fn string_end(json: &[u8], start: usize) -> Option<(usize, bool)> {
    let mut escaped = false;
    let mut at = start;
    loop {
        match json.get(at)? {
            b'"' => return Some((at + 1, escaped)),
            b'\\' => {
                escaped = true;
                at += 2;
            }
            _ => at += 1,
        }
    }
}

/// The value beginning at `start`, up to the bracket that closes the one there, and the offset after it.
///
/// Without such a bracket that is all of the rest; the offset is past the end where a string is open.
pub(super) fn nested(json: &[u8], start: usize) -> (&[u8], usize) {
    let mut depth = 1_usize;
    let mut at = start + 1;
    while let Some(byte) = json.get(at) {
        match byte {
            b'"' => match string_end(json, at + 1) {
                Some((end, _)) => at = end,
                None => return (json.get(start..).unwrap_or_default(), json.len() + 1),
            },
            b'{' | b'[' | b'(' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' | b')' => {
                depth -= 1;
                at += 1;
                if depth == 0 {
                    return (part(json, start, at), at);
                }
            }
            _ => at += 1,
        }
    }
    (json.get(start..).unwrap_or_default(), json.len())
}

/// The bracketed value or string at the start of `text`; all of it where it does not end.
pub(super) fn squash(text: &[u8]) -> &[u8] {
    if text.first() == Some(&b'"') {
        return string_end(text, 1).map_or(text, |(end, _)| part(text, 0, end));
    }
    nested(text, 0).0
}

/// Without spaces and control characters at both ends.
pub(super) fn trim(text: &[u8]) -> &[u8] {
    let start = text.iter().take_while(|byte| **byte <= b' ').count();
    let rest = text.get(start..).unwrap_or_default();
    let end = rest.len() - rest.iter().rev().take_while(|byte| **byte <= b' ').count();
    part(rest, 0, end)
}

/// The text between the quotes of a string with its escapes replaced; it ends at the first broken one.
pub(super) fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte < b' ' {
            return out;
        }
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        let Some((letter, after)) = rest.split_first() else {
            return out;
        };
        rest = after;
        match letter {
            b'\\' | b'/' | b'"' => out.push(*letter),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'u' => {
                let Some((mut code, after)) = hex_code(rest) else {
                    return out;
                };
                rest = after;
                if (0xD800..0xE000).contains(&code)
                    && let Some((low, after)) = rest.strip_prefix(b"\\u").and_then(hex_code)
                {
                    code = surrogates(code, low);
                    rest = after;
                }
                push_rune(&mut out, code);
            }
            _ => return out,
        }
    }
    out
}

/// Four hexadecimal digits, where digits that are none make the code zero.
fn hex_code(text: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = text.split_at_checked(4)?;
    let code = digits.iter().try_fold(0, |code, digit| {
        char::from(*digit).to_digit(16).map(|digit| code << 4 | digit)
    });
    Some((code.unwrap_or(0), rest))
}

fn surrogates(high: u32, low: u32) -> u32 {
    if (0xD800..0xDC00).contains(&high) && (0xDC00..0xE000).contains(&low) {
        0x10000 + ((high - 0xD800) << 10 | (low - 0xDC00))
    } else {
        0xFFFD
    }
}
