//! `html`, `js`, `urlquery`: escaping one text.

use crate::strconv::{decode_rune, is_print};
use crate::template::buffer::Buffer;
use crate::template::limits::{Limit, Limits};
use crate::template::text::Text;

/// Copies `text` with some bytes replaced; `escape` writes the replacement and says how many bytes it stands for,
/// or 0 to copy the byte.
fn escape(
    text: &Text,
    limits: &Limits,
    is_special: impl Fn(u8) -> bool,
    escape: impl Fn(&[u8], &mut Buffer) -> usize,
) -> Result<Text, Limit> {
    if !text.iter().any(|byte| is_special(*byte)) {
        return Ok(text.clone());
    }
    let mut out = Buffer::with_capacity(text.len() + text.len() / 4 + 16);
    let mut rest: &[u8] = text;
    while let Some((&byte, after)) = rest.split_first() {
        if is_special(byte) {
            let width = escape(rest, &mut out);
            rest = rest.get(width.max(1)..).unwrap_or_default();
        } else {
            out.push(byte);
            rest = after;
        }
        if out.len() > limits.string_bytes {
            return Err(Limit::StringBytes);
        }
    }
    Ok(out.into_text())
}

/// Go's `template.HTMLEscapeString`.
pub(super) fn html(text: &Text, limits: &Limits) -> Result<Text, Limit> {
    let is_special = |byte| matches!(byte, b'\0' | b'"' | b'\'' | b'&' | b'<' | b'>');
    escape(text, limits, is_special, |rest, out| {
        out.extend(match rest.first() {
            Some(b'"') => b"&#34;",
            Some(b'\'') => b"&#39;",
            Some(b'&') => b"&amp;",
            Some(b'<') => b"&lt;",
            Some(b'>') => b"&gt;",
            _ => "\u{FFFD}".as_bytes(),
        });
        1
    })
}

/// Go's `template.JSEscapeString`.
pub(super) fn js(text: &Text, limits: &Limits) -> Result<Text, Limit> {
    let is_special =
        |byte| matches!(byte, b'\\' | b'\'' | b'"' | b'<' | b'>' | b'&' | b'=' | 0..=0x1f | 0x80..=0xff);
    escape(text, limits, is_special, |rest, out| {
        let (character, width) = decode_rune(rest);
        match character {
            Some(character @ ('\\' | '\'' | '"')) => {
                out.push(b'\\');
                out.push_char(character);
            }
            Some(character) if !character.is_ascii() && is_print(character) => out.push_char(character),
            Some(character) => push_unicode(u32::from(character), out),
            // U+FFFD is printable, and Go then copies the invalid byte itself.
            None => out.extend(rest.get(..1).unwrap_or_default()),
        }
        width
    })
}

/// Go's `url.QueryEscape`.
pub(super) fn url_query(text: &Text, limits: &Limits) -> Result<Text, Limit> {
    let is_special = |byte: u8| !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~'));
    escape(text, limits, is_special, |rest, out| {
        match rest.first() {
            Some(b' ') => out.push(b'+'),
            Some(byte) => out.extend(&[b'%', hex_digit(byte >> 4), hex_digit(byte & 0xf)]),
            None => {}
        }
        1
    })
}

/// Go's `\u%04X`.
fn push_unicode(code: u32, out: &mut Buffer) {
    out.extend(b"\\u");
    let digits = match code {
        0..=0xffff => 4,
        0x1_0000..=0xf_ffff => 5,
        _ => 6,
    };
    for i in (0..digits).rev() {
        out.push(hex_digit(u8::try_from(code >> (4 * i) & 0xf).unwrap_or(0)));
    }
}

fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 {
        b'0' + nibble
    } else {
        b'A' + nibble - 10
    }
}
