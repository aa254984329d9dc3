//! The text to search, as UTF-8.
//!
//! Go decodes text as it goes, with U+FFFD for each invalid byte. The matcher wants UTF-8, so text that is not
//! is rewritten that way first, and the offsets of what is found are brought back.

use std::borrow::Cow;
use std::ops::Range;

use zeroize::Zeroize;

use crate::strconv::{REPLACEMENT, push_rune, runes};

pub(super) struct Haystack<'t> {
    original: &'t [u8],
    text: Cow<'t, [u8]>,
    /// Where the rewritten text has U+FFFD for an invalid byte.
    replaced: Vec<usize>,
}

/// The bytes a replacement character has more than the byte it stands for.
const GROWTH: usize = 2;

impl<'t> Haystack<'t> {
    pub(super) fn new(original: &'t [u8]) -> Self {
        if str::from_utf8(original).is_ok() {
            return Self {
                original,
                text: Cow::Borrowed(original),
                replaced: Vec::new(),
            };
        }
        let mut text = Vec::with_capacity(original.len());
        let mut replaced = Vec::new();
        for (_, character, _) in runes(original) {
            if character.is_none() {
                replaced.push(text.len());
            }
            push_rune(&mut text, u32::from(character.unwrap_or(REPLACEMENT)));
        }
        Self {
            original,
            text: Cow::Owned(text),
            replaced,
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.text
    }

    /// The range of the original text for one of the rewritten text.
    pub(super) fn original(&self, range: Range<usize>) -> Range<usize> {
        let back = |offset: usize| offset - GROWTH * self.replaced.partition_point(|start| *start < offset);
        back(range.start)..back(range.end)
    }

    /// The original text of a range of the rewritten text.
    pub(super) fn original_text(&self, range: Range<usize>) -> &'t [u8] {
        self.original.get(self.original(range)).unwrap_or_default()
    }
}

impl Drop for Haystack<'_> {
    fn drop(&mut self) {
        if let Cow::Owned(text) = &mut self.text {
            text.zeroize();
        }
    }
}
