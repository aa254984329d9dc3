//! Character classes and case mappings of Go's `unicode` package.
//!
//! Go maps a character to one character and knows Unicode 15.0; Rust's own mappings may give several (`ß` → `SS`)
//! and know later characters. What depends on neither (white space) comes from the standard library.

use std::sync::OnceLock;

use regex_syntax::hir::{Class, ClassUnicode, HirKind};

use crate::strconv::{REPLACEMENT, runes};
use crate::template::Buffer;

/// A general category of Unicode 15.0, looked up in the tables of the regular-expression parser.
struct Category {
    pattern: &'static str,
    ranges: OnceLock<Option<ClassUnicode>>,
}

impl Category {
    const fn new(pattern: &'static str) -> Self {
        Self {
            pattern,
            ranges: OnceLock::new(),
        }
    }

    fn contains(&self, character: char) -> bool {
        let ranges = self.ranges.get_or_init(|| {
            let hir = regex_syntax::parse(self.pattern).ok()?;
            match hir.into_kind() {
                HirKind::Class(Class::Unicode(class)) => Some(class),
                _ => None,
            }
        });
        ranges.as_ref().is_some_and(|class| {
            let at = class.ranges().partition_point(|range| range.end() < character);
            class
                .ranges()
                .get(at)
                .is_some_and(|range| range.start() <= character)
        })
    }
}

static UPPER: Category = Category::new(r"[\p{Lu}&&\p{Age:15.0}]");
static LOWER: Category = Category::new(r"[\p{Ll}&&\p{Age:15.0}]");
static TITLE: Category = Category::new(r"[\p{Lt}&&\p{Age:15.0}]");
static LETTER: Category = Category::new(r"[\p{L}&&\p{Age:15.0}]");
static DIGIT: Category = Category::new(r"[\p{Nd}&&\p{Age:15.0}]");
static NUMBER: Category = Category::new(r"[\p{N}&&\p{Age:15.0}]");
static PUNCTUATION: Category = Category::new(r"[\p{P}&&\p{Age:15.0}]");
static ASSIGNED: Category = Category::new(r"\p{Age:15.0}");

/// `unicode.IsUpper`.
pub(super) fn is_upper(character: char) -> bool {
    if character.is_ascii() {
        character.is_ascii_uppercase()
    } else {
        UPPER.contains(character)
    }
}

/// `unicode.IsLower`.
pub(super) fn is_lower(character: char) -> bool {
    if character.is_ascii() {
        character.is_ascii_lowercase()
    } else {
        LOWER.contains(character)
    }
}

/// `unicode.IsTitle`.
pub(super) fn is_title(character: char) -> bool {
    !character.is_ascii() && TITLE.contains(character)
}

/// `unicode.IsLetter`.
pub(super) fn is_letter(character: char) -> bool {
    if character.is_ascii() {
        character.is_ascii_alphabetic()
    } else {
        LETTER.contains(character)
    }
}

/// `unicode.IsDigit`.
pub(super) fn is_digit(character: char) -> bool {
    if character.is_ascii() {
        character.is_ascii_digit()
    } else {
        DIGIT.contains(character)
    }
}

/// `unicode.IsNumber`.
pub(super) fn is_number(character: char) -> bool {
    if character.is_ascii() {
        character.is_ascii_digit()
    } else {
        NUMBER.contains(character)
    }
}

/// `unicode.IsPunct`, which leaves out symbols such as `$` and `+`.
pub(super) fn is_punctuation(character: char) -> bool {
    PUNCTUATION.contains(character)
}

/// `unicode.IsSpace`.
pub(super) fn is_space(character: char) -> bool {
    character.is_whitespace()
}

/// `unicode.ToUpper`.
pub(super) fn to_upper(character: char) -> char {
    if character.is_ascii() {
        return character.to_ascii_uppercase();
    }
    match character {
        // Lower-case forms with iota subscript: the one-character capital is a titlecase letter.
        '\u{1F80}'..='\u{1F87}' | '\u{1F90}'..='\u{1F97}' | '\u{1FA0}'..='\u{1FA7}' => shifted(character, 8),
        '\u{1FB3}' | '\u{1FC3}' | '\u{1FF3}' => shifted(character, 9),
        // Their capitals came after Unicode 15.0.
        '\u{19B}' | '\u{264}' => character,
        _ => known_single(character, character.to_uppercase()),
    }
}

/// `unicode.ToLower`.
pub(super) fn to_lower(character: char) -> char {
    match character {
        'A'..='Z' => character.to_ascii_lowercase(),
        '\u{130}' => 'i',
        _ => known_single(character, character.to_lowercase()),
    }
}

/// `unicode.ToTitle`.
pub(super) fn to_title(character: char) -> char {
    match character {
        '\u{1C4}'..='\u{1C6}' => '\u{1C5}',
        '\u{1C7}'..='\u{1C9}' => '\u{1C8}',
        '\u{1CA}'..='\u{1CC}' => '\u{1CB}',
        '\u{1F1}'..='\u{1F3}' => '\u{1F2}',
        // Georgian: small letters are not capitalized at the start of a word.
        '\u{10D0}'..='\u{10FA}' | '\u{10FD}'..='\u{10FF}' => character,
        _ => to_upper(character),
    }
}

fn shifted(character: char, by: u32) -> char {
    char::from_u32(u32::from(character) + by).unwrap_or(character)
}

/// The mapping if it is one character and Unicode 15.0 knew both sides.
fn known_single(character: char, mut mapped: impl Iterator<Item = char>) -> char {
    match (mapped.next(), mapped.next()) {
        (Some(single), None)
            if single == character || (ASSIGNED.contains(single) && ASSIGNED.contains(character)) =>
        {
            single
        }
        _ => character,
    }
}

/// `strings.Map` over `bytes`: every byte that is not UTF-8 becomes U+FFFD on the way.
pub(super) fn map(bytes: &[u8], mut mapping: impl FnMut(char) -> char) -> Buffer {
    let mut out = Buffer::with_capacity(bytes.len());
    for (_, character, _) in runes(bytes) {
        out.push_char(mapping(character.unwrap_or(REPLACEMENT)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_maps_to_one_character_as_in_go() {
        assert_eq!(to_upper('ß'), 'ß');
        assert_eq!(to_upper('ᾀ'), 'ᾈ');
        assert_eq!(to_upper('ῳ'), 'ῼ');
        assert_eq!(to_lower('İ'), 'i');
        assert_eq!(to_title('Ǆ'), 'ǅ');
        assert_eq!(to_upper('ა'), 'Ა');
        assert_eq!(to_title('ა'), 'ა');
    }

    #[test]
    fn characters_newer_than_gos_tables_stay_as_they_are() {
        assert_eq!(to_lower('\u{1C89}'), '\u{1C89}');
        assert_eq!(to_upper('\u{A7CD}'), '\u{A7CD}');
        assert_eq!(to_lower('\u{10D50}'), '\u{10D50}');
        assert_eq!(to_upper('ƛ'), 'ƛ');
    }

    #[test]
    fn classes_follow_the_general_category() {
        assert!(is_upper('É') && !is_upper('Ⓐ'));
        assert!(is_lower('é') && !is_lower('ª'));
        assert!(is_title('ǅ') && !is_title('A'));
        assert!(is_number('½') && !is_digit('½'));
        assert!(is_punctuation('!') && !is_punctuation('$'));
        assert!(is_letter('漢') && is_digit('٣'));
    }

    #[test]
    fn mapping_replaces_bytes_that_are_not_utf8() {
        assert_eq!(&*map(b"a\xffb", to_upper), "A\u{FFFD}B".as_bytes());
    }
}
