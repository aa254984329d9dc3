//! The shape of a version in text: numbers, pre-release, build. Shared by versions and constraints.

/// A version's parts where it starts a text. The texts of missing parts are empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shape<'a> {
    pub(super) major: &'a [u8],
    pub(super) minor: &'a [u8],
    pub(super) patch: &'a [u8],
    pub(super) prerelease: &'a [u8],
    pub(super) build: &'a [u8],
    /// Bytes of the whole.
    pub(super) length: usize,
}

/// Whether a byte may stand in a number: digits alone, or also the wild cards of constraints.
pub(super) type InNumber = fn(u8) -> bool;

/// Digits.
pub(super) fn digit(byte: u8) -> bool {
    byte.is_ascii_digit()
}

/// Digits and what constraints may have instead. The bar is a slip of the library's that it cannot take back.
pub(super) fn digit_or_wild(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'x' | b'X' | b'*' | b'|')
}

/// Reads the longest version that `text` starts with: `v` or not, one to three numbers, `-` and `+` parts.
pub(super) fn shape(text: &[u8], in_number: InNumber) -> Option<Shape<'_>> {
    let number = |at: usize| {
        let length = text.iter().skip(at).take_while(|byte| in_number(**byte)).count();
        text.get(at..at + length).filter(|number| !number.is_empty())
    };
    let mut at = usize::from(text.first() == Some(&b'v'));
    let mut shape = Shape {
        major: number(at)?,
        ..Shape::default()
    };
    at += shape.major.len();
    for part in [&mut shape.minor, &mut shape.patch] {
        if text.get(at) == Some(&b'.')
            && let Some(found) = number(at + 1)
        {
            *part = found;
            at += 1 + found.len();
        } else {
            break;
        }
    }
    for (mark, part) in [(b'-', &mut shape.prerelease), (b'+', &mut shape.build)] {
        if text.get(at) == Some(&mark)
            && let Some(found) = identifiers(text.get(at + 1..).unwrap_or_default())
        {
            *part = found;
            at += 1 + found.len();
        }
    }
    shape.length = at;
    Some(shape)
}

/// Dot-separated words of letters, digits and hyphens.
fn identifiers(text: &[u8]) -> Option<&[u8]> {
    let word = |at: usize| {
        text.iter()
            .skip(at)
            .take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'-')
            .count()
    };
    let mut end = word(0);
    while text.get(end) == Some(&b'.') && word(end + 1) > 0 {
        end += 1 + word(end + 1);
    }
    text.get(..end).filter(|found| !found.is_empty())
}
