//! Identifiers: `snakecase`, `kebabcase`, `camelcase`.
//!
//! A name is cut into words: runs of one kind of character, where `HTTPServer` is two and a number sticks to
//! the word before it unless lower-case letters follow.

use crate::strconv::{REPLACEMENT, decode_rune, runes};
use crate::template::Buffer;
use crate::unicode::{is_letter, is_number, is_punctuation, is_space, is_upper, to_lower, to_upper};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The end, or nothing but bytes that are not UTF-8.
    Invalid,
    Number,
    UpperCase,
    Alphabet,
    Connector,
    Punctuation,
    Other,
}

struct Word<'a> {
    kind: Kind,
    text: &'a [u8],
    rest: &'a [u8],
}

fn is_connector(character: char) -> bool {
    character == '-' || character == '_' || is_space(character)
}

/// A letter, but not one of the Chinese, Japanese or Korean ideographs.
fn is_alphabet(character: char) -> bool {
    is_letter(character)
        && !matches!(character,
            '\u{4E00}'..='\u{9FCC}' | '\u{3400}'..='\u{4D85}' | '\u{20000}'..='\u{2B81D}')
}

/// The next character that is valid (or `before`, if none is), and how many bytes lead up to and over it.
fn next_valid(text: &[u8], before: char) -> (char, usize) {
    let mut size = 0;
    for (_, character, width) in runes(text) {
        size += width;
        if let Some(character) = character.filter(|character| *character != REPLACEMENT) {
            return (character, size);
        }
    }
    (before, size)
}

/// Scans characters from `offset` while they belong; gives the new offset, and the character and width the scan
/// looked at last.
fn scan(
    text: &[u8],
    mut offset: usize,
    mut last: char,
    belongs: impl Fn(char) -> bool,
) -> (usize, char, usize) {
    let mut width = 0;
    loop {
        let rest = text.get(offset..).unwrap_or_default();
        if rest.is_empty() {
            return (offset, last, width);
        }
        let (character, size) = next_valid(rest, last);
        last = character;
        if !belongs(character) {
            return (offset, last, width);
        }
        width = size;
        offset += size;
    }
}

fn next_word(text: &[u8]) -> Word<'_> {
    let (first, size) = next_valid(text, REPLACEMENT);
    let lower = |character| is_alphabet(character) && !is_upper(character);
    let (kind, end) = if first == REPLACEMENT {
        (Kind::Invalid, size)
    } else if is_connector(first) {
        (Kind::Connector, scan(text, size, first, is_connector).0)
    } else if is_punctuation(first) {
        (Kind::Punctuation, scan(text, size, first, is_punctuation).0)
    } else if is_upper(first) {
        (Kind::UpperCase, upper_case_end(text, size, first))
    } else if is_alphabet(first) {
        (Kind::Alphabet, scan(text, size, first, lower).0)
    } else if is_number(first) {
        (Kind::Number, scan(text, size, first, is_number).0)
    } else {
        let other = |c| !(is_connector(c) || is_alphabet(c) || is_number(c) || is_punctuation(c));
        (Kind::Other, scan(text, size, first, other).0)
    };
    let (text, rest) = text.split_at_checked(end).unwrap_or((text, &[]));
    Word { kind, text, rest }
}

/// The end of a word that starts with an upper-case letter: `First`, `HTTP`, or the `HTTP` of `HTTPServer`.
fn upper_case_end(text: &[u8], size: usize, first: char) -> usize {
    let rest = text.get(size..).unwrap_or_default();
    if rest.is_empty() {
        return size;
    }
    let (second, width) = next_valid(rest, first);
    if is_upper(second) {
        let (end, last, last_width) = scan(text, size + width, second, is_upper);
        let last_width = if last_width == 0 { width } else { last_width };
        if end < text.len() && is_alphabet(last) {
            return end - last_width;
        }
        end
    } else if is_alphabet(second) {
        scan(text, size + width, second, |c| is_alphabet(c) && !is_upper(c)).0
    } else {
        size
    }
}

/// `snakecase` and `kebabcase`: words in lower case, joined by `connector`.
pub(super) fn lower_joined(text: &[u8], connector: u8) -> Buffer {
    let mut out = Buffer::with_capacity(text.len() + text.len() / 4);
    if text.is_empty() {
        return out;
    }
    let mut word = next_word(text);
    while !word.rest.is_empty() {
        if word.kind != Kind::Connector {
            push_lower(&mut out, &word, connector);
        }
        let before = word;
        word = next_word(before.rest);
        match before.kind {
            Kind::Number => word = after_number(&mut out, word, connector),
            Kind::Connector => push_lower(&mut out, &before, connector),
            Kind::Punctuation => {}
            Kind::Invalid | Kind::UpperCase | Kind::Alphabet | Kind::Other if word.kind != Kind::Number => {
                if !matches!(word.kind, Kind::Connector | Kind::Punctuation) {
                    out.push(connector);
                }
            }
            Kind::Invalid | Kind::UpperCase | Kind::Alphabet | Kind::Other => {
                if word.rest.is_empty() {
                    continue;
                }
                let number = word;
                word = next_word(number.rest);
                if word.kind == Kind::Alphabet {
                    // `HTTP2xx`: the number belongs to the letters after it.
                    out.push(connector);
                    push_lower(&mut out, &number, connector);
                    word = after_number(&mut out, word, connector);
                } else {
                    // `Bld4Floor`: the number belongs to the word before it.
                    push_lower(&mut out, &number, connector);
                    if !matches!(word.kind, Kind::Connector | Kind::Punctuation) {
                        out.push(connector);
                    }
                }
            }
        }
    }
    push_lower(&mut out, &word, connector);
    out
}

/// Appends the lower-case letters and numbers that directly follow a number; gives the word after them.
fn after_number<'a>(out: &mut Buffer, mut word: Word<'a>, connector: u8) -> Word<'a> {
    while matches!(word.kind, Kind::Alphabet | Kind::Number) {
        push_lower(out, &word, connector);
        word = next_word(word.rest);
    }
    if !matches!(word.kind, Kind::Invalid | Kind::Punctuation | Kind::Connector) {
        out.push(connector);
    }
    word
}

fn push_lower(out: &mut Buffer, word: &Word<'_>, connector: u8) {
    if !matches!(word.kind, Kind::UpperCase | Kind::Connector) {
        out.extend(word.text);
        return;
    }
    for (_, character, _) in runes(word.text) {
        let character = character.unwrap_or(REPLACEMENT);
        if is_connector(character) {
            out.push(connector);
        } else if is_upper(character) {
            out.push_char(to_lower(character));
        } else {
            out.push_char(character);
        }
    }
}

/// `camelcase`: `http_server` becomes `HttpServer`. Leading connectors and all but one of doubled ones stay.
pub(super) fn pascal(text: &[u8]) -> Buffer {
    let mut out = Buffer::with_capacity(text.len());
    let mut rest = text;
    let mut current = REPLACEMENT;
    let mut capitals = false;
    let mut found = false;
    while !rest.is_empty() && !found {
        (current, rest) = take(rest);
        if is_connector(current) {
            out.push_char(current);
        } else {
            capitals = is_upper(current);
            current = to_upper(current);
            found = true;
        }
    }
    if rest.is_empty() {
        // What was read last is written once more, even if it is a connector.
        if !text.is_empty() {
            out.push_char(current);
        }
        return out;
    }
    while !rest.is_empty() {
        let before = current;
        (current, rest) = take(rest);
        if is_connector(current) && is_connector(before) {
            out.push_char(before);
            continue;
        }
        if is_connector(before) {
            capitals = is_upper(current);
            current = to_upper(current);
            continue;
        }
        if capitals {
            if is_upper(current) {
                current = to_lower(current);
            } else {
                capitals = false;
            }
        }
        out.push_char(before);
    }
    out.push_char(current);
    out
}

fn take(text: &[u8]) -> (char, &[u8]) {
    let (character, width) = decode_rune(text);
    (
        character.unwrap_or(REPLACEMENT),
        text.get(width..).unwrap_or_default(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snake(text: &str) -> String {
        String::from_utf8(lower_joined(text.as_bytes(), b'_').to_vec()).unwrap()
    }

    fn camel(text: &str) -> String {
        String::from_utf8(pascal(text.as_bytes()).to_vec()).unwrap()
    }

    #[test]
    fn names_are_cut_where_the_kind_of_character_changes() {
        for (text, want) in [
            ("FirstName", "first_name"),
            ("HTTPServer", "http_server"),
            ("NoHTTPS", "no_https"),
            ("GO_PATH", "go_path"),
            ("GO PATH", "go_path"),
            ("http2xx", "http_2xx"),
            ("HTTP20xOK", "http_20x_ok"),
            ("Duration2m3s", "duration_2m3s"),
            ("Bld4Floor3rd", "bld4_floor_3rd"),
            ("HTTPServer2Go", "http_server2_go"),
            ("", ""),
        ] {
            assert_eq!(snake(text), want, "{text}");
        }
    }

    #[test]
    fn camel_case_keeps_leading_and_doubled_connectors() {
        for (text, want) in [
            ("some_words", "SomeWords"),
            ("_complex__case_", "_Complex_Case_"),
            ("GOLANG_IS_GREAT", "GolangIsGreat"),
            ("_foo_bar", "_FooBar"),
            ("-", "--"),
            ("a", "A"),
        ] {
            assert_eq!(camel(text), want, "{text}");
        }
    }
}
