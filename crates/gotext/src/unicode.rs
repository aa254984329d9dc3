//! Character classes and case mappings of Go's `unicode` package.
//!
//! Go maps a character to one character and knows Unicode 15.0; Rust's own mappings may give several (`ß` → `SS`)
//! and know later characters. What depends on neither (white space) comes from the standard library.

use std::sync::LazyLock;

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind};

use crate::strconv::{REPLACEMENT, runes};
use crate::template::Buffer;

/// What a property of the tables of the regular-expression parser holds for, without characters younger than
/// Unicode 15.0.
pub(crate) fn known(property: &str) -> ClassUnicode {
    let mut class = table(property);
    class.intersect(&table("age=15.0"));
    class
}

/// The same with all characters of the tables.
pub(crate) fn table(property: &str) -> ClassUnicode {
    match regex_syntax::parse(&format!("\\p{{{property}}}")).map(Hir::into_kind) {
        Ok(HirKind::Class(Class::Unicode(class))) => class,
        // A class of one character is parsed to that character.
        Ok(HirKind::Literal(literal)) => {
            let text = str::from_utf8(&literal.0).unwrap_or_default();
            let single = |character| ClassUnicodeRange::new(character, character);
            ClassUnicode::new(text.chars().map(single))
        }
        _ => ClassUnicode::empty(),
    }
}

/// A general category.
type Category = LazyLock<ClassUnicode>;

static UPPER: Category = LazyLock::new(|| known("gc=Lu"));
static LOWER: Category = LazyLock::new(|| known("gc=Ll"));
static TITLE: Category = LazyLock::new(|| known("gc=Lt"));
static LETTER: Category = LazyLock::new(|| known("gc=L"));
static DIGIT: Category = LazyLock::new(|| known("gc=Nd"));
static NUMBER: Category = LazyLock::new(|| known("gc=N"));
static PUNCTUATION: Category = LazyLock::new(|| known("gc=P"));
static ASSIGNED: Category = LazyLock::new(|| table("age=15.0"));

fn contains(category: &Category, character: char) -> bool {
    let ranges = category.ranges();
    let at = ranges.partition_point(|range| range.end() < character);
    ranges.get(at).is_some_and(|range| range.start() <= character)
}

/// `unicode.IsUpper`.
pub(crate) fn is_upper(character: char) -> bool {
    if character.is_ascii() {
        character.is_ascii_uppercase()
    } else {
        contains(&UPPER, character)
    }
}

/// `unicode.IsLower`.
pub(crate) fn is_lower(character: char) -> bool {
    if character.is_ascii() {
        character.is_ascii_lowercase()
    } else {
        contains(&LOWER, character)
    }
}

/// `unicode.IsTitle`.
pub(crate) fn is_title(character: char) -> bool {
    !character.is_ascii() && contains(&TITLE, character)
}

/// `unicode.IsLetter`.
pub(crate) fn is_letter(character: char) -> bool {
    if character.is_ascii() {
        character.is_ascii_alphabetic()
    } else {
        contains(&LETTER, character)
    }
}

/// `unicode.IsDigit`.
pub(crate) fn is_digit(character: char) -> bool {
    if character.is_ascii() {
        character.is_ascii_digit()
    } else {
        contains(&DIGIT, character)
    }
}

/// `unicode.IsNumber`.
pub(crate) fn is_number(character: char) -> bool {
    if character.is_ascii() {
        character.is_ascii_digit()
    } else {
        contains(&NUMBER, character)
    }
}

/// `unicode.IsPunct`, which leaves out symbols such as `$` and `+`.
pub(crate) fn is_punctuation(character: char) -> bool {
    contains(&PUNCTUATION, character)
}

/// `unicode.IsSpace`.
pub(crate) fn is_space(character: char) -> bool {
    character.is_whitespace()
}

/// `unicode.ToUpper`.
pub(crate) fn to_upper(character: char) -> char {
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
pub(crate) fn to_lower(character: char) -> char {
    match character {
        'A'..='Z' => character.to_ascii_lowercase(),
        '\u{130}' => 'i',
        _ => known_single(character, character.to_lowercase()),
    }
}

/// `unicode.ToTitle`.
pub(crate) fn to_title(character: char) -> char {
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
            if single == character || (contains(&ASSIGNED, single) && contains(&ASSIGNED, character)) =>
        {
            single
        }
        _ => character,
    }
}

/// `strings.Map` over `bytes`: every byte that is not UTF-8 becomes U+FFFD on the way.
pub(crate) fn map(bytes: &[u8], mut mapping: impl FnMut(char) -> char) -> Buffer {
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
