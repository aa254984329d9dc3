//! Cutting, repeating and replacing bytes.

use std::collections::HashSet;

use crate::strconv::{REPLACEMENT, decode_last_rune, decode_rune, runes};
use crate::template::{Context, FuncError};
use crate::unicode::is_space;

/// `strings.TrimSpace`.
pub(super) fn trim_space(text: &[u8]) -> &[u8] {
    trimmed(text, is_space)
}

/// `strings.Trim`: without the characters of `cutset` at both ends. Bytes that are not UTF-8 count as U+FFFD.
pub(super) fn trim<'t>(text: &'t [u8], cutset: &[u8]) -> &'t [u8] {
    let cutset: HashSet<char> = runes(cutset)
        .map(|(_, character, _)| character.unwrap_or(REPLACEMENT))
        .collect();
    trimmed(text, |character| cutset.contains(&character))
}

fn trimmed(mut text: &[u8], unwanted: impl Fn(char) -> bool) -> &[u8] {
    loop {
        let (character, width) = decode_rune(text);
        if width == 0 || !unwanted(character.unwrap_or(REPLACEMENT)) {
            break;
        }
        text = text.get(width..).unwrap_or_default();
    }
    loop {
        let (character, width) = decode_last_rune(text);
        if width == 0 || !unwanted(character.unwrap_or(REPLACEMENT)) {
            return text;
        }
        text = text.get(..text.len() - width).unwrap_or_default();
    }
}

/// The first `count` bytes, or the last if it is negative.
pub(super) fn truncate(text: &[u8], count: i64) -> &[u8] {
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    match text.len().checked_sub(wanted) {
        Some(cut) if count < 0 && cut > 0 => text.get(cut..).unwrap_or(text),
        Some(_) if count >= 0 => text.get(..wanted).unwrap_or(text),
        _ => text,
    }
}

/// Bytes from `start` to `end`. A negative start is the beginning, a negative or too large end the end, except that
/// a negative start does not excuse the end. The error is Go's panic text.
pub(super) fn substring(text: &[u8], start: i64, end: i64) -> Result<&[u8], String> {
    let length = i64::try_from(text.len()).unwrap_or(i64::MAX);
    let out_of_range = |what: String| Err(format!("runtime error: slice bounds out of range {what}"));
    let (start, end) = if start < 0 {
        if end < 0 {
            return out_of_range(format!("[:{end}]"));
        }
        if end > length {
            return out_of_range(format!("[:{end}] with length {length}"));
        }
        (0, end)
    } else if end < 0 || end > length {
        (start, length)
    } else {
        (start, end)
    };
    if start > end {
        return out_of_range(format!("[{start}:{end}]"));
    }
    let at = |position: i64| usize::try_from(position).unwrap_or(0);
    Ok(text.get(at(start)..at(end)).unwrap_or_default())
}

/// `strings.Repeat`.
pub(super) fn repeat(context: &mut Context<'_>, text: &[u8], count: i64) -> Result<Vec<u8>, FuncError> {
    let Ok(count) = usize::try_from(count) else {
        return Err(FuncError::new("strings: negative Repeat count"));
    };
    match text.len().checked_mul(count) {
        Some(length) if isize::try_from(length).is_ok() => {
            context.charge_bytes(length)?;
            Ok(text.repeat(count))
        }
        _ => Err(FuncError::new("strings: Repeat output length overflow")),
    }
}

/// `strings.ReplaceAll`; `None` if there is nothing to replace. No text at all is found before each character and at
/// the end.
pub(super) fn replace(
    context: &mut Context<'_>,
    text: &[u8],
    old: &[u8],
    new: &[u8],
) -> Result<Option<Vec<u8>>, FuncError> {
    context.charge(text.len() as u64 / 8)?;
    if old == new {
        return Ok(None);
    }
    let found: Vec<usize> = if old.is_empty() {
        runes(text)
            .map(|(offset, _, _)| offset)
            .chain([text.len()])
            .collect()
    } else {
        memchr::memmem::find_iter(text, old).collect()
    };
    if found.is_empty() {
        return Ok(None);
    }
    let length = (text.len() - found.len() * old.len()).saturating_add(found.len().saturating_mul(new.len()));
    context.charge_bytes(length)?;
    let mut out = Vec::with_capacity(length);
    let mut done = 0;
    for at in found {
        out.extend_from_slice(text.get(done..at).unwrap_or_default());
        out.extend_from_slice(new);
        done = at + old.len();
    }
    out.extend_from_slice(text.get(done..).unwrap_or_default());
    Ok(Some(out))
}

/// `prefix`, then the text with `spaces` spaces at the start of every line.
pub(super) fn indent(
    context: &mut Context<'_>,
    text: &[u8],
    spaces: i64,
    prefix: &[u8],
) -> Result<Vec<u8>, FuncError> {
    let Ok(spaces) = usize::try_from(spaces) else {
        return Err(FuncError::new("strings: negative Repeat count"));
    };
    let lines = memchr::memchr_iter(b'\n', text).count() + 1;
    let length = spaces
        .saturating_mul(lines)
        .saturating_add(text.len() + prefix.len());
    context.charge_bytes(length)?;
    let pad = vec![b' '; spaces];
    let mut out = Vec::with_capacity(length);
    out.extend_from_slice(prefix);
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        out.extend_from_slice(&pad);
        out.extend_from_slice(line);
    }
    // No text and the empty line after a last line end are indented, too.
    if text.is_empty() || text.ends_with(b"\n") {
        out.extend_from_slice(&pad);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truncation_counts_bytes_from_either_end() {
        for (count, want) in [
            (3, "hel"),
            (-3, "llo"),
            (9, "hello"),
            (-9, "hello"),
            (-5, "hello"),
            (0, ""),
        ] {
            assert_eq!(truncate(b"hello", count), want.as_bytes(), "{count}");
        }
        assert_eq!(truncate(b"hello", i64::MIN), b"hello");
    }

    #[test]
    fn substrings_outside_the_text_fail_with_gos_words() {
        assert_eq!(substring(b"hello", -1, 2).unwrap(), b"he");
        assert_eq!(substring(b"hello", 2, -1).unwrap(), b"llo");
        assert_eq!(substring(b"abc", 0, 99).unwrap(), b"abc");
        for (start, end, want) in [
            (5, 2, "[5:2]"),
            (5, 99, "[5:3]"),
            (-1, 5, "[:5] with length 3"),
            (-1, -1, "[:-1]"),
        ] {
            assert_eq!(
                substring(b"abc", start, end).unwrap_err(),
                format!("runtime error: slice bounds out of range {want}")
            );
        }
    }

    #[test]
    fn trimming_takes_bytes_that_are_not_utf8_for_the_replacement_character() {
        assert_eq!(trim(b"\xffa\xfe", "\u{FFFD}".as_bytes()), b"a");
        assert_eq!(trim("éaé".as_bytes(), "é".as_bytes()), b"a");
        assert_eq!(trim_space("\u{a0}\u{2003} a \u{85}".as_bytes()), b"a");
        assert_eq!(trim_space(b"\xa0a"), b"\xa0a");
    }
}
