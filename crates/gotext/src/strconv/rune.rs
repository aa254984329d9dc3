//! Reading bytes as Go reads them: UTF-8 where they are UTF-8, and one replacement character for every
//! byte that is not.

/// What Go decodes an invalid byte to (`utf8.RuneError`).
pub const REPLACEMENT: char = '\u{FFFD}';

/// The first character of `bytes` and its width.
///
/// A byte that does not start valid UTF-8 gives `(None, 1)`, and no bytes at all give `(None, 0)`.
pub fn decode_rune(bytes: &[u8]) -> (Option<char>, usize) {
    match bytes.first() {
        None => (None, 0),
        Some(byte) if byte.is_ascii() => (Some(char::from(*byte)), 1),
        Some(_) => {
            let head = bytes.get(..4).unwrap_or(bytes);
            let valid = head.utf8_chunks().next().map_or("", |chunk| chunk.valid());
            valid
                .chars()
                .next()
                .map_or((None, 1), |character| (Some(character), character.len_utf8()))
        }
    }
}

/// The last character of `bytes` and its width, with the same forms as [`decode_rune`].
pub fn decode_last_rune(bytes: &[u8]) -> (Option<char>, usize) {
    for width in 1..=4usize.min(bytes.len()) {
        let tail = bytes.get(bytes.len() - width..).unwrap_or_default();
        if let (Some(character), size) = decode_rune(tail)
            && size == width
        {
            return (Some(character), size);
        }
    }
    (None, bytes.len().min(1))
}

/// Every character of `bytes` with its offset and width; `None` stands for one invalid byte.
pub fn runes(bytes: &[u8]) -> impl Iterator<Item = (usize, Option<char>, usize)> {
    let mut offset = 0;
    std::iter::from_fn(move || {
        let (character, width) = decode_rune(bytes.get(offset..)?);
        let start = offset;
        offset += width;
        (width > 0).then_some((start, character, width))
    })
}

/// Appends the UTF-8 form of a code point; one that is no character becomes U+FFFD, as in Go.
pub fn push_rune(out: &mut Vec<u8>, code: u32) {
    let character = char::from_u32(code).unwrap_or(REPLACEMENT);
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}
