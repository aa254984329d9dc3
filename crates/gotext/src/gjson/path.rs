//! Reading a path: its components, queries, selectors and pipes.

use std::borrow::Cow;

use super::modifier;
use super::scan::{part, squash, trim, unescape};

/// The first component of a path applied to an object.
pub(super) struct ObjectPart<'p> {
    /// The key, with its escapes removed.
    pub(super) key: Cow<'p, [u8]>,
    /// Whether the key is a pattern.
    pub(super) wild: bool,
    pub(super) next: Next<'p>,
}

/// What follows a component.
#[derive(Clone, Copy)]
pub(super) enum Next<'p> {
    End,
    /// Further components, applied to the component's value during the search.
    Path(&'p [u8]),
    /// A path applied to the result.
    Pipe(&'p [u8]),
}

impl<'p> Next<'p> {
    /// What follows a dot: a modifier or selector begins a path of its own.
    fn after_dot(rest: &'p [u8]) -> Self {
        if begins_own_path(rest) {
            Self::Pipe(rest)
        } else {
            Self::Path(rest)
        }
    }

    pub(super) fn more(self) -> Option<&'p [u8]> {
        if let Self::Path(rest) = self {
            Some(rest)
        } else {
            None
        }
    }
}

fn begins_own_path(rest: &[u8]) -> bool {
    match rest.first() {
        Some(b'[' | b'{') => true,
        Some(b'@') => {
            let name = rest.get(1..).unwrap_or_default();
            let end = name
                .iter()
                .position(|byte| matches!(byte, b'.' | b'|' | b':'))
                .unwrap_or(name.len());
            modifier::exists(part(name, 0, end))
        }
        _ => false,
    }
}

pub(super) fn object_part(path: &[u8]) -> ObjectPart<'_> {
    let mut wild = false;
    let mut key = Vec::new();
    let mut escaped = false;
    let mut at = 0;
    while let Some(byte) = path.get(at) {
        let rest = path.get(at + 1..).unwrap_or_default();
        let next = match byte {
            b'|' => Some(Next::Pipe(rest)),
            b'.' => Some(Next::after_dot(rest)),
            _ => None,
        };
        if let Some(next) = next {
            let key = if escaped {
                Cow::Owned(key)
            } else {
                Cow::Borrowed(part(path, 0, at))
            };
            return ObjectPart { key, wild, next };
        }
        match byte {
            b'\\' => {
                escaped = true;
                key.extend(rest.first());
                at += 1;
            }
            byte => {
                wild |= matches!(byte, b'*' | b'?');
                key.push(*byte);
            }
        }
        at += 1;
    }
    let key = if escaped {
        Cow::Owned(key)
    } else {
        Cow::Borrowed(path)
    };
    ObjectPart {
        key,
        wild,
        next: Next::End,
    }
}

/// The first component of a path applied to an array.
pub(super) struct ArrayPart<'p> {
    pub(super) text: &'p [u8],
    /// Whether the component holds a `#`, so that it is no index.
    pub(super) hash: bool,
    /// The path after `#.`, applied to every element.
    pub(super) each: Option<&'p [u8]>,
    pub(super) query: Option<Query<'p>>,
    pub(super) next: Next<'p>,
}

/// `#(path op value)`, or `#(…)#` for all that match.
#[derive(Default)]
pub(super) struct Query<'p> {
    pub(super) all: bool,
    pub(super) path: &'p [u8],
    pub(super) operator: &'p [u8],
    pub(super) value: Cow<'p, [u8]>,
}

pub(super) fn array_part(path: &[u8]) -> ArrayPart<'_> {
    let mut found = ArrayPart {
        text: path,
        hash: false,
        each: None,
        query: None,
        next: Next::End,
    };
    let mut at = 0;
    while let Some(byte) = path.get(at) {
        let rest = path.get(at + 1..).unwrap_or_default();
        match byte {
            b'|' => {
                found.text = part(path, 0, at);
                found.next = Next::Pipe(rest);
                return found;
            }
            b'.' => {
                found.text = part(path, 0, at);
                found.next = if found.hash {
                    Next::Path(rest)
                } else {
                    Next::after_dot(rest)
                };
                return found;
            }
            b'#' => {
                found.hash = true;
                match rest.first() {
                    Some(b'.') if at == 0 => found.each = rest.get(1..),
                    Some(b'[' | b'(') if at == 0 => {
                        let Some((query, end)) = query(path) else {
                            found.query = Some(Query::default());
                            return found;
                        };
                        let all = path.get(end) == Some(&b'#');
                        found.query = Some(Query { all, ..query });
                        at = end - 1;
                    }
                    _ => {}
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// The query at the start of a path, and the offset after its bracket.
fn query(path: &[u8]) -> Option<(Query<'_>, usize)> {
    let mut at = 2;
    let mut value_at = None;
    let mut escaped = false;
    let mut depth = 1_u32;
    loop {
        let byte = path.get(at)?;
        if depth == 1 && value_at.is_none() && matches!(byte, b'!' | b'=' | b'<' | b'>' | b'%') {
            value_at = Some(at);
            at += 1;
            continue;
        }
        match byte {
            b'\\' => at += 1,
            b'[' | b'(' => depth += 1,
            b']' | b')' => {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            b'"' => {
                at += 1;
                while let Some(byte) = path.get(at).filter(|byte| **byte != b'"') {
                    if *byte == b'\\' {
                        escaped = true;
                        at += 1;
                    }
                    at += 1;
                }
            }
            _ => {}
        }
        at += 1;
    }
    let Some(value_at) = value_at else {
        return Some((
            Query {
                path: trim(part(path, 2, at)),
                ..Query::default()
            },
            at + 1,
        ));
    };
    let (operator, value) = operator(trim(part(path, value_at, at)));
    let value = match value
        .strip_prefix(b"\"")
        .and_then(|value| value.strip_suffix(b"\""))
    {
        Some(inner) if escaped => Cow::Owned(unescape(inner)),
        Some(inner) => Cow::Borrowed(inner),
        None => Cow::Borrowed(value),
    };
    Some((
        Query {
            all: false,
            path: trim(part(path, 2, value_at)),
            operator,
            value,
        },
        at + 1,
    ))
}

fn operator(text: &[u8]) -> (&[u8], &[u8]) {
    let (operator, value) = match text {
        [_] => (text, Default::default()),
        [b'!', b'=' | b'%', value @ ..] | [b'<' | b'>', b'=', value @ ..] => (part(text, 0, 2), value),
        [b'=', b'=', value @ ..] | [b'<' | b'>' | b'=' | b'%', value @ ..] => (part(text, 0, 1), value),
        _ => (Default::default(), text),
    };
    (operator, trim(value))
}

/// The path before the first pipe outside of queries and selectors, and the one after it.
pub(super) fn split_pipe(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if !path.contains(&b'|') {
        return None;
    }
    if path.first() == Some(&b'{') {
        let selector = squash(path.get(1..).unwrap_or_default()).len() + 1;
        let (selector, rest) = path.split_at_checked(selector)?;
        return Some((selector, rest.strip_prefix(b"|")?));
    }
    let mut at = 0;
    while let Some(byte) = path.get(at) {
        match byte {
            b'\\' => at += 1,
            b'.' if path.get(at + 1) == Some(&b'#') => {
                at += 2;
                match path.get(at) {
                    None => return None,
                    Some(b'[') => at = selector_end(path, at, b'[', b']'),
                    Some(b'(') => at = selector_end(path, at, b'(', b')'),
                    _ => {}
                }
            }
            b'.' if at + 1 == path.len() => return None,
            b'|' => return Some((part(path, 0, at), path.get(at + 1..).unwrap_or_default())),
            _ => {}
        }
        at += 1;
    }
    None
}

fn selector_end(path: &[u8], start: usize, open: u8, close: u8) -> usize {
    let mut at = start + 1;
    let mut depth = 1_u32;
    while let Some(byte) = path.get(at) {
        match *byte {
            b'\\' => at += 1,
            byte if byte == open => depth += 1,
            byte if byte == close => {
                depth -= 1;
                if depth == 0 {
                    break;
                }
            }
            b'"' => at = quoted_end(path, at),
            _ => {}
        }
        at += 1;
    }
    at
}

/// The offset of the quote that closes the one at `start`, or the end.
fn quoted_end(path: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = path.get(at).filter(|byte| **byte != b'"') {
        at += if *byte == b'\\' { 2 } else { 1 };
    }
    at
}

/// One member of `[a,b]` or `{"n":a,b}`.
pub(super) struct Selector<'p> {
    pub(super) name: &'p [u8],
    pub(super) path: &'p [u8],
}

/// The members of the selector at the start of a path, and the path after it.
pub(super) fn selectors(path: &[u8]) -> Option<(Vec<Selector<'_>>, &[u8])> {
    let mut found = Vec::new();
    let mut in_modifier = false;
    let mut colon = None;
    let mut start = 1;
    let mut depth = 1_u32;
    let mut at = 1;
    loop {
        let byte = path.get(at)?;
        let mut ends = false;
        match byte {
            b'\\' => at += 1,
            b'@' => {
                in_modifier |= at
                    .checked_sub(1)
                    .and_then(|at| path.get(at))
                    .is_some_and(|before| matches!(before, b'.' | b'|'));
            }
            b':' if !in_modifier && colon.is_none() && depth == 1 => colon = Some(at),
            b',' => ends = depth == 1,
            b'"' => at = quoted_end(path, at),
            b'[' | b'(' | b'{' => depth += 1,
            b']' | b')' | b'}' => {
                depth -= 1;
                ends = depth == 0;
            }
            _ => {}
        }
        if ends {
            found.push(match colon {
                None => Selector {
                    name: b"",
                    path: part(path, start, at),
                },
                Some(colon) => Selector {
                    name: part(path, start, colon),
                    path: part(path, colon + 1, at),
                },
            });
            if depth == 0 {
                return Some((found, path.get(at + 1..).unwrap_or_default()));
            }
            colon = None;
            in_modifier = false;
            start = at + 1;
        }
        at += 1;
    }
}

/// The name a selector's member gets from its path: the last component, or `_` for one that is no plain name.
pub(super) fn implied_name(path: &[u8]) -> &[u8] {
    let mut at = path.len();
    let mut last = path;
    while let Some(before) = at.checked_sub(1) {
        let separates = matches!(path.get(before), Some(b'|' | b'.'));
        let escaped = before
            .checked_sub(1)
            .is_some_and(|at| path.get(at) == Some(&b'\\'));
        if separates && !escaped {
            last = path.get(at..).unwrap_or_default();
            break;
        }
        at = before;
    }
    let plain = |byte: &u8| {
        *byte >= b' ' && !matches!(byte, b'[' | b']' | b'{' | b'}' | b'(' | b')' | b'#' | b'|' | b'!')
    };
    if last.iter().all(plain) { last } else { b"_" }
}
