//! Replacement templates with `$1` and `${name}`.

use crate::strconv::decode_rune;
use crate::template::Buffer;
use crate::unicode::{is_digit, is_letter};

/// Appends the template with its references replaced by groups of the match; `names` has one for each group. Stops soon
/// after `out` has grown beyond `limit` bytes.
pub(super) fn expand<'t>(
    out: &mut Buffer,
    template: &[u8],
    names: &[Option<String>],
    group: impl Fn(usize) -> Option<&'t [u8]>,
    limit: usize,
) {
    let mut rest = template;
    while let Some(at) = memchr::memchr(b'$', rest) {
        let (before, after) = rest.split_at_checked(at).unwrap_or_default();
        out.extend(before);
        rest = after.get(1..).unwrap_or_default();
        if let Some(after) = rest.strip_prefix(b"$") {
            out.push(b'$');
            rest = after;
            continue;
        }
        let Some((name, after)) = reference(rest) else {
            // What is no reference stays as it is.
            out.push(b'$');
            continue;
        };
        rest = after;
        let found = match number(name) {
            Some(number) => group(number),
            None => names
                .iter()
                .enumerate()
                .filter(|(_, known)| known.as_deref().map(str::as_bytes) == Some(name))
                .find_map(|(number, _)| group(number)),
        };
        out.extend(found.unwrap_or_default());
        if out.len() > limit {
            return;
        }
    }
    out.extend(rest);
}

/// The name after a dollar sign, as long as it can be, and what follows it.
fn reference(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let braced = text.strip_prefix(b"{");
    let body = braced.unwrap_or(text);
    let mut width = 0;
    while let (Some(character), size) = decode_rune(body.get(width..).unwrap_or_default()) {
        if character != '_' && !is_letter(character) && !is_digit(character) {
            break;
        }
        width += size;
    }
    let (name, rest) = body
        .split_at_checked(width)
        .filter(|(name, _)| !name.is_empty())?;
    let rest = if braced.is_some() {
        rest.strip_prefix(b"}")?
    } else {
        rest
    };
    Some((name, rest))
}

/// The group a name counts as; numbers with leading zeros or of more than nine digits are names.
fn number(name: &[u8]) -> Option<usize> {
    if name.len() > 1 && name.first() == Some(&b'0') {
        return None;
    }
    name.iter().try_fold(0_usize, |value, byte| {
        (byte.is_ascii_digit() && value < 100_000_000).then(|| value * 10 + usize::from(byte - b'0'))
    })
}
