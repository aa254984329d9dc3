//! Words and their first letters: `title`, `untitle`, `swapcase`, `initials`, `nospace`.

use crate::template::Buffer;
use crate::unicode::{
    is_digit, is_letter, is_lower, is_space, is_title, is_upper, map, to_lower, to_title, to_upper,
};

/// `strings.Title`: the first letter of each word in title case.
pub(super) fn title(text: &[u8]) -> Buffer {
    let mut before = ' ';
    map(text, |character| {
        let starts = separates(before);
        before = character;
        if starts { to_title(character) } else { character }
    })
}

/// Whether a word cannot contain the character. An underscore belongs to words, an apostrophe does not.
fn separates(character: char) -> bool {
    if character.is_ascii() {
        !(character.is_ascii_alphanumeric() || character == '_')
    } else {
        !is_letter(character) && !is_digit(character) && is_space(character)
    }
}

/// The first letter of each white-space-separated word in lower case.
pub(super) fn untitle(text: &[u8]) -> Buffer {
    let mut starts = true;
    map(text, |character| {
        if is_space(character) {
            starts = true;
            character
        } else if std::mem::take(&mut starts) {
            to_lower(character)
        } else {
            character
        }
    })
}

/// Lower case for upper and the reverse; at the start of a word title case.
pub(super) fn swap_case(text: &[u8]) -> Buffer {
    let mut starts = true;
    map(text, |character| {
        if is_upper(character) || is_title(character) {
            starts = false;
            to_lower(character)
        } else if is_lower(character) {
            if std::mem::take(&mut starts) {
                to_title(character)
            } else {
                to_upper(character)
            }
        } else {
            starts = is_space(character);
            character
        }
    })
}

/// The first *byte* of each word. Each byte is taken for a Latin-1 character, so `é` gives `Ã`.
pub(super) fn initials(text: &[u8]) -> Buffer {
    let mut out = Buffer::new();
    let mut starts = true;
    for byte in text {
        if is_space(char::from(*byte)) {
            starts = true;
        } else if std::mem::take(&mut starts) {
            out.push_char(char::from(*byte));
        }
    }
    out
}

/// The text without white space. If there is any, each other byte is taken for a Latin-1 character.
pub(super) fn without_space(text: &[u8]) -> Buffer {
    if !text.iter().any(|byte| is_space(char::from(*byte))) {
        let mut out = Buffer::new();
        out.extend(text);
        return out;
    }
    let mut out = Buffer::with_capacity(text.len());
    for byte in text.iter().filter(|byte| !is_space(char::from(**byte))) {
        out.push_char(char::from(*byte));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn title_starts_words_after_anything_but_letters_digits_and_underscores() {
        assert_eq!(&*title(b"it's a_b c-d 1x"), b"It'S A_b C-D 1x");
        assert_eq!(&*title("élan vital".as_bytes()), "Élan Vital".as_bytes());
    }

    #[test]
    fn swap_case_gives_title_case_at_the_start_of_a_word() {
        assert_eq!(&*swap_case(b"aBc dEF"), b"AbC Def");
        assert_eq!(&*swap_case("ǆ".as_bytes()), "ǅ".as_bytes());
    }

    #[test]
    fn initials_and_white_space_removal_work_on_bytes() {
        assert_eq!(&*initials("élan vital".as_bytes()), "Ãv".as_bytes());
        assert_eq!(&*without_space("é".as_bytes()), "é".as_bytes());
        assert_eq!(&*without_space("é b".as_bytes()), "Ã©b".as_bytes());
    }
}
