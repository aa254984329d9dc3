//! Cutting text to a width: `wrap`, `wrapWith`, `abbrev`, `abbrevboth`. Widths are bytes, as in sprig.

use zeroize::Zeroizing;

use crate::template::{Buffer, Context, FuncError, Limit};

const MARKER: &[u8] = b"...";

/// Breaks lines at spaces so that they have at most `width` bytes. A longer word is cut if `cut_words`, else it
/// makes a longer line.
pub(super) fn wrap(
    context: &mut Context<'_>,
    text: &[u8],
    width: i64,
    separator: &[u8],
    cut_words: bool,
) -> Result<Buffer, FuncError> {
    let separator = if separator.is_empty() { b"\n" } else { separator };
    let width = usize::try_from(width.max(1)).unwrap_or(usize::MAX);
    let limit = context.limits().string_bytes;
    let mut out = Buffer::new();
    let mut rest = text;
    while rest.len() > width {
        context.charge(1)?;
        if let Some(stripped) = rest.strip_prefix(b" ") {
            rest = stripped;
            continue;
        }
        let window = rest.get(..=width).unwrap_or(rest);
        let cut = match memchr::memrchr(b' ', window) {
            Some(space) => Some((space, space + 1)),
            None if cut_words => Some((width, width)),
            None => memchr::memchr(b' ', rest.get(width..).unwrap_or_default())
                .map(|space| (width + space, width + space + 1)),
        };
        let (line, next) = cut.unwrap_or((rest.len(), rest.len()));
        out.extend(rest.get(..line).unwrap_or(rest));
        rest = rest.get(next..).unwrap_or_default();
        if cut.is_some() {
            out.extend(separator);
        }
        if out.len() > limit {
            return Err(Limit::StringBytes.into());
        }
    }
    out.extend(rest);
    context.charge_bytes(out.len())?;
    Ok(out)
}

/// At most `width` bytes of `text`, with `...` where something was left out, such that byte `offset` is shown.
/// `None` where the width is too small for that: the caller shows nothing.
pub(super) fn abbreviate(text: &[u8], offset: i64, width: i64) -> Option<Vec<u8>> {
    if text.is_empty() {
        return Some(Vec::new());
    }
    if width < 4 {
        return None;
    }
    let len = i64::try_from(text.len()).unwrap_or(i64::MAX);
    if len <= width {
        return Some(text.to_vec());
    }
    let shown = width - 3;
    let offset = offset.min(len);
    let offset = if len.saturating_sub(offset) < shown {
        len - shown
    } else {
        offset
    };
    let part = |from: i64, to: i64| {
        let from = usize::try_from(from).unwrap_or(0);
        let to = usize::try_from(to).unwrap_or(usize::MAX);
        text.get(from..to.min(text.len())).unwrap_or_default()
    };
    if offset <= 4 {
        return Some([part(0, shown), MARKER].concat());
    }
    if width < 7 {
        return None;
    }
    if offset + shown < len {
        let tail = Zeroizing::new(abbreviate(part(offset, len), 0, shown).unwrap_or_default());
        return Some([MARKER, &tail].concat());
    }
    Some([MARKER, part(len - shown, len)].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_abbreviation_never_exceeds_its_width() {
        assert_eq!(abbreviate(b"hello world", 0, 5).unwrap(), b"he...");
        assert_eq!(abbreviate(b"1234 5678 9123", 5, 10).unwrap(), b"...5678...");
        assert_eq!(abbreviate(b"1234 5678 9123", 9, 10).unwrap(), b"...78 9123");
        assert_eq!(abbreviate(b"hello", 0, 3), None);
        assert_eq!(abbreviate(b"1234567890", i64::MIN, 5).unwrap(), b"12...");
    }
}
