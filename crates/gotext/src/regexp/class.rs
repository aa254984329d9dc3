//! Character classes: `[…]`, `\d` and its kin, `[:alpha:]` and its kin.

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

use super::error::{Error, ErrorCode};
use super::escape::{escape, next_rune};
use super::unicode;

/// A class and the pattern after it.
pub(super) type Read<'p> = Result<(ClassUnicode, &'p [u8]), Error>;

/// `[…]`; the pattern begins with the bracket.
pub(super) fn bracketed(pattern: &[u8], fold: bool) -> Read<'_> {
    let mut rest = pattern.get(1..).unwrap_or_default();
    let negated = rest.first() == Some(&b'^');
    if negated {
        rest = rest.get(1..).unwrap_or_default();
    }
    let mut class = ClassUnicode::empty();
    let mut first = true;
    while first || rest.first() != Some(&b']') {
        // A bracket or a hyphen at the start stands for itself.
        first = false;
        if let Some((group, after)) = posix(rest, fold)? {
            class.union(&group);
            rest = after;
            continue;
        }
        if let Some((group, after)) = property(rest, fold)? {
            class.union(&group);
            rest = after;
            continue;
        }
        if let Some((group, after)) = perl(rest, fold) {
            class.union(&group);
            rest = after;
            continue;
        }
        let (low, after) = member(rest, pattern)?;
        let mut high = low;
        let start = rest;
        rest = after;
        if rest.len() >= 2 && rest.first() == Some(&b'-') && rest.get(1) != Some(&b']') {
            (high, rest) = member(rest.get(1..).unwrap_or_default(), pattern)?;
            if high < low {
                let width = start.len() - rest.len();
                let range = start.get(..width).unwrap_or_default();
                return Err(Error::new(ErrorCode::InvalidCharRange, range));
            }
        }
        let mut range = range(low, high);
        if fold {
            fold_case(&mut range);
        }
        class.union(&range);
    }
    if negated {
        class.negate();
    }
    Ok((class, rest.get(1..).unwrap_or_default()))
}

/// One character of a class.
fn member<'p>(text: &'p [u8], class: &[u8]) -> Result<(u32, &'p [u8]), Error> {
    match text.first() {
        None => Err(Error::new(ErrorCode::MissingBracket, class)),
        Some(b'\\') => escape(text),
        Some(_) => next_rune(text),
    }
}

/// The characters between two code points; surrogates are none.
pub(super) fn range(low: u32, high: u32) -> ClassUnicode {
    let low = char::from_u32(low).unwrap_or('\u{E000}');
    let high = char::from_u32(high).unwrap_or('\u{D7FF}');
    if low > high {
        return ClassUnicode::empty();
    }
    ClassUnicode::new([ClassUnicodeRange::new(low, high)])
}

/// Adds the characters that differ in case only.
pub(super) fn fold_case(class: &mut ClassUnicode) {
    // The tables are compiled in, so this cannot fail.
    if class.try_case_fold_simple().is_err() {
        *class = ClassUnicode::empty();
    }
}

fn finish(mut class: ClassUnicode, negated: bool, fold: bool) -> ClassUnicode {
    if fold {
        fold_case(&mut class);
    }
    if negated {
        class.negate();
    }
    class
}

fn ranges(ranges: &[(char, char)]) -> ClassUnicode {
    ClassUnicode::new(
        ranges
            .iter()
            .map(|(low, high)| ClassUnicodeRange::new(*low, *high)),
    )
}

const DIGIT: &[(char, char)] = &[('0', '9')];
const WORD: &[(char, char)] = &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];

/// `\d`, `\s`, `\w` and their negations, which are ASCII; nothing where none begins here.
pub(super) fn perl(text: &[u8], fold: bool) -> Option<(ClassUnicode, &[u8])> {
    let (letter, rest) = text.strip_prefix(b"\\")?.split_first()?;
    let members = match letter.to_ascii_lowercase() {
        b'd' => DIGIT,
        b's' => &[('\t', '\n'), ('\x0c', '\r'), (' ', ' ')],
        b'w' => WORD,
        _ => return None,
    };
    Some((finish(ranges(members), letter.is_ascii_uppercase(), fold), rest))
}

/// `[:name:]`; nothing where none begins here.
fn posix(text: &[u8], fold: bool) -> Result<Option<(ClassUnicode, &[u8])>, Error> {
    let Some(body) = text.strip_prefix(b"[:").filter(|body| !body.is_empty()) else {
        return Ok(None);
    };
    let Some(end) = body.windows(2).position(|pair| pair == b":]") else {
        return Ok(None);
    };
    let (name, rest) = body.split_at_checked(end).unwrap_or_default();
    let (negated, plain) = match name.strip_prefix(b"^") {
        Some(plain) => (true, plain),
        None => (false, name),
    };
    let members: &[(char, char)] = match plain {
        b"alnum" => &[('0', '9'), ('A', 'Z'), ('a', 'z')],
        b"alpha" => &[('A', 'Z'), ('a', 'z')],
        b"ascii" => &[('\0', '\x7f')],
        b"blank" => &[('\t', '\t'), (' ', ' ')],
        b"cntrl" => &[('\0', '\x1f'), ('\x7f', '\x7f')],
        b"digit" => DIGIT,
        b"graph" => &[('!', '~')],
        b"lower" => &[('a', 'z')],
        b"print" => &[(' ', '~')],
        b"punct" => &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')],
        b"space" => &[('\t', '\r'), (' ', ' ')],
        b"upper" => &[('A', 'Z')],
        b"word" => WORD,
        b"xdigit" => &[('0', '9'), ('A', 'F'), ('a', 'f')],
        _ => {
            let whole = text.get(..name.len() + 4).unwrap_or_default();
            return Err(Error::new(ErrorCode::InvalidCharRange, whole));
        }
    };
    Ok(Some((
        finish(ranges(members), negated, fold),
        rest.get(2..).unwrap_or_default(),
    )))
}

/// `\pN`, `\p{Name}` and their negations; nothing where none begins here.
pub(super) fn property(text: &[u8], fold: bool) -> Result<Option<(ClassUnicode, &[u8])>, Error> {
    let [b'\\', letter @ (b'p' | b'P'), body @ ..] = text else {
        return Ok(None);
    };
    let (first, after) = next_rune(body)?;
    let (name, rest) = if first == u32::from('{') {
        let Some(end) = after.iter().position(|byte| *byte == b'}') else {
            check_utf8(text)?;
            return Err(Error::new(ErrorCode::InvalidCharRange, text));
        };
        let (name, rest) = after.split_at_checked(end).unwrap_or_default();
        check_utf8(name)?;
        (name, rest.get(1..).unwrap_or_default())
    } else {
        (body.get(..body.len() - after.len()).unwrap_or_default(), after)
    };
    let whole = text.get(..text.len() - rest.len()).unwrap_or_default();
    let (inverted, plain) = match name.strip_prefix(b"^") {
        Some(plain) => (true, plain),
        None => (false, name),
    };
    let class = str::from_utf8(plain).ok().and_then(unicode::named);
    let class = class.ok_or_else(|| Error::new(ErrorCode::InvalidCharRange, whole))?;
    // For cased letters Go has no table of what else they match when case does not count.
    let fold = fold && !unicode::is_cased_letters(plain);
    Ok(Some((finish(class, inverted != (*letter == b'P'), fold), rest)))
}

/// Fails with what follows from the first byte that is not UTF-8 on.
pub(super) fn check_utf8(text: &[u8]) -> Result<(), Error> {
    match str::from_utf8(text) {
        Ok(_) => Ok(()),
        Err(error) => {
            let rest = text.get(error.valid_up_to()..).unwrap_or_default();
            Err(Error::new(ErrorCode::InvalidUtf8, rest))
        }
    }
}
