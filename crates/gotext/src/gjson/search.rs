//! Following a path through a document.

use std::borrow::Cow;

use zeroize::Zeroizing;

use super::budget::{Budget, LimitExceeded};
use super::path::{
    ArrayPart, Next, ObjectPart, Query, array_part, implied_name, object_part, selectors, split_pipe,
};
use super::scan::{Token, part, string_end, token, unescape};
use super::value::{Kind, Match, Text, embedded, next_value, parse, value_at};
use super::{modifier, valid, wildcard};
use crate::json::string::push_quoted;
use crate::strconv::parse_float_lossy;

/// The value at `path` (`gjson.Get`).
pub(super) fn get<'j>(json: &'j [u8], path: &[u8], budget: &Budget) -> Result<Match<'j>, LimitExceeded> {
    budget.spend(json.len() + path.len())?;
    budget.deeper(|| {
        let mut path = path;
        if path.len() > 1 {
            if let Some((rest, produced)) = modifier::apply(json, path, budget)? {
                budget.spend(produced.len())?;
                return match rest.split_first() {
                    Some((b'|' | b'.', rest)) => get(&produced, rest, budget).map(Match::into_owned),
                    _ => Ok(parse(&produced).into_owned()),
                };
            }
            if matches!(path.first(), Some(b'[' | b'{')) {
                match selectors(path) {
                    None => path = b"",
                    Some((members, rest)) => {
                        if matches!(rest.first(), None | Some(b'|' | b'.')) {
                            return select(json, path, &members, rest, budget);
                        }
                        path = rest;
                    }
                }
            }
        }
        let mut search = Search {
            json,
            value: Match::missing(),
            pipe: None,
            budget,
        };
        if let Some(path) = path.strip_prefix(b"..") {
            search.array(0, path)?;
        } else if let Some(start) = json.iter().position(|byte| matches!(byte, b'{' | b'[')) {
            if json.get(start) == Some(&b'{') {
                search.object(start + 1, path)?;
            } else {
                search.array(start + 1, path)?;
            }
        }
        match search.pipe {
            None => Ok(search.value),
            Some(pipe) => get_in(&search.value, pipe, budget),
        }
    })
}

/// The value at a path of a value that was found before.
pub(super) fn get_in<'j>(
    value: &Match<'j>,
    path: &[u8],
    budget: &Budget,
) -> Result<Match<'j>, LimitExceeded> {
    match &value.raw {
        Text::Borrowed(raw) => get(raw, path, budget),
        Text::Owned(raw) => get(raw, path, budget).map(Match::into_owned),
    }
}

/// A new array or object of the members that exist.
fn select<'j>(
    json: &[u8],
    path: &[u8],
    members: &[super::path::Selector<'_>],
    rest: &[u8],
    budget: &Budget,
) -> Result<Match<'j>, LimitExceeded> {
    let object = path.first() == Some(&b'{');
    let mut out = Zeroizing::new(vec![if object { b'{' } else { b'[' }]);
    for member in members {
        let found = get(json, member.path, budget)?;
        if !found.exists() {
            continue;
        }
        if out.len() > 1 {
            out.push(b',');
        }
        if object {
            if member.name.is_empty() {
                push_quoted(&mut out, implied_name(member.path), true);
            } else if member.name.first() == Some(&b'"') && valid(member.name) {
                out.extend_from_slice(member.name);
            } else {
                push_quoted(&mut out, member.name, true);
            }
            out.push(b':');
        }
        let value = embedded(&found);
        budget.spend(value.len())?;
        out.extend_from_slice(if value.is_empty() { b"null" } else { &value });
    }
    out.push(if object { b'}' } else { b']' });
    let found = Match::of(Kind::Json, Text::Owned(out));
    match rest.get(1..) {
        None => Ok(found),
        Some(rest) => get_in(&found, rest, budget).map(Match::into_owned),
    }
}

/// One search through one document.
struct Search<'j, 'p, 'b> {
    json: &'j [u8],
    /// What was found, which is kept even where the search goes on.
    value: Match<'j>,
    /// The path to apply to what is found.
    pipe: Option<&'p [u8]>,
    budget: &'b Budget,
}

/// Where a step of the search ended, and whether it found the value.
type Step = Result<(usize, bool), LimitExceeded>;

impl<'j, 'p> Search<'j, 'p, '_> {
    /// Applies a path to the object whose first key is searched from `start`.
    fn object(&mut self, start: usize, path: &'p [u8]) -> Step {
        let wanted = object_part(path);
        if let Next::Pipe(pipe) = wanted.next {
            self.pipe = Some(pipe);
        }
        let json = self.json;
        let mut at = start;
        loop {
            let rest = json.get(at..).unwrap_or_default();
            let Some(offset) = rest.iter().position(|byte| matches!(byte, b'"' | b'}')) else {
                return Ok((json.len(), false));
            };
            at += offset + 1;
            if json.get(at - 1) == Some(&b'}') {
                return Ok((at, false));
            }
            let Some((end, escaped)) = string_end(json, at) else {
                return Ok((json.len(), false));
            };
            let key = part(json, at, end - 1);
            at = end;
            let matched = self.key_matches(key, escaped, &wanted)?;
            let value = loop {
                match token(json, at) {
                    Token::Other if at + 1 >= json.len() => return Ok((json.len(), false)),
                    Token::Unterminated => return Ok((json.len(), false)),
                    Token::Other => at += 1,
                    value => break value,
                }
            };
            let (end, found) = self.member(at, value, matched, wanted.next)?;
            if found {
                return Ok((end, true));
            }
            at = end;
        }
    }

    fn key_matches(&self, key: &[u8], escaped: bool, wanted: &ObjectPart<'_>) -> Result<bool, LimitExceeded> {
        let key = if escaped {
            Cow::Owned(unescape(key))
        } else {
            Cow::Borrowed(key)
        };
        if wanted.wild {
            return wildcard::matches(&key, &wanted.key, self.budget);
        }
        Ok(key == wanted.key)
    }

    /// Takes the value that begins at an offset, or looks into it, or steps over it.
    fn member(&mut self, at: usize, token: Token<'j>, matched: bool, next: Next<'p>) -> Step {
        match (token, next.more()) {
            (Token::Open(bracket), Some(path)) if matched => return self.inside(bracket, at + 1, path),
            (Token::String(_, _, end) | Token::Number(_, end), _) if !matched => return Ok((end, false)),
            _ => {}
        }
        let Some((value, end)) = value_at(self.json, at, token) else {
            return Ok((self.json.len(), false));
        };
        let hit = matched && next.more().is_none();
        if hit {
            self.value = value;
        }
        Ok((end, hit))
    }

    fn inside(&mut self, bracket: u8, at: usize, path: &'p [u8]) -> Step {
        let budget = self.budget;
        budget.deeper(|| {
            if bracket == b'{' {
                self.object(at, path)
            } else {
                self.array(at, path)
            }
        })
    }

    /// Applies a path to the array whose elements begin at `start`; the end of the document ends it too.
    fn array(&mut self, start: usize, path: &'p [u8]) -> Step {
        let wanted = array_part(path);
        let index = if wanted.hash { None } else { index(wanted.text) };
        if let Next::Pipe(pipe) = wanted.next {
            self.pipe = Some(pipe);
        }
        let json = self.json;
        let mut elements = Elements {
            wanted,
            starts: Vec::new(),
            results: Zeroizing::new(Vec::new()),
        };
        let mut at = start;
        let mut count = 0_u64;
        while at <= json.len() {
            if elements.wanted.each.is_some() {
                elements.starts.push(at);
            }
            let element = loop {
                match token(json, at) {
                    Token::Unterminated => return Ok((json.len(), false)),
                    Token::Other if matches!(json.get(at), None | Some(b']')) => {
                        return self.array_end(at, count, elements);
                    }
                    Token::Other => at += 1,
                    element => break element,
                }
            };
            if elements.wanted.query.is_some() {
                let Some((element, end)) = value_at(json, at, element) else {
                    return Ok((json.len(), false));
                };
                if self.query(element, &mut elements)? {
                    return Ok((end, true));
                }
                at = end;
            } else {
                let matched = index == Some(count);
                let (end, found) = self.member(at, element, matched, elements.wanted.next)?;
                if found {
                    return Ok((end, true));
                }
                at = end;
            }
            count += 1;
        }
        Ok((at, false))
    }

    /// Puts one element to the query; true where it is the one result.
    fn query(&mut self, element: Match<'j>, elements: &mut Elements<'p>) -> Result<bool, LimitExceeded> {
        let Some(query) = &elements.wanted.query else {
            return Ok(false);
        };
        let all = query.all;
        if all && elements.results.is_empty() {
            elements.results.push(b'[');
        }
        let subject = if element.kind == Kind::Json {
            get_in(&element, query.path, self.budget)?
        } else if query.path.is_empty() {
            element.clone()
        } else {
            return Ok(false);
        };
        if !query_takes(query, subject, self.budget)? {
            return Ok(false);
        }
        let result = match elements.wanted.next {
            Next::Path(path) => {
                let mut path = path;
                if let Some((left, right)) = split_pipe(path) {
                    path = left;
                    elements.wanted.next = Next::Path(left);
                    self.pipe = Some(right);
                }
                get_in(&element, path, self.budget)?
            }
            Next::End | Next::Pipe(_) => element,
        };
        if !all {
            self.value = result;
            return Ok(true);
        }
        let raw = embedded(&result);
        if !raw.is_empty() {
            self.budget.spend(raw.len())?;
            if elements.results.len() > 1 {
                elements.results.push(b',');
            }
            elements.results.extend_from_slice(&raw);
        }
        Ok(false)
    }

    fn array_end(&mut self, at: usize, count: u64, mut elements: Elements<'p>) -> Step {
        if elements.wanted.text == b"#" {
            self.value = if let Some(path) = elements.wanted.each {
                self.each(path, &elements.starts)?
            } else {
                let raw = Text::Owned(Zeroizing::new(count.to_string().into_bytes()));
                #[expect(clippy::cast_precision_loss, reason = "a count of bytes in memory")]
                let number = count as f64;
                Match {
                    number,
                    ..Match::of(Kind::Number, raw)
                }
            };
            return Ok((at + 1, true));
        }
        if !self.value.exists() {
            if !elements.results.is_empty() {
                elements.results.push(b']');
                self.value = Match::of(Kind::Json, Text::Owned(elements.results));
            } else if elements.wanted.query.is_some_and(|query| query.all) {
                self.value = Match::of(Kind::Json, Text::Borrowed(b"[]"));
            }
        }
        Ok((at + 1, false))
    }

    /// The array of what a path finds in each element.
    fn each(&mut self, path: &'p [u8], starts: &[usize]) -> Result<Match<'j>, LimitExceeded> {
        let path = match split_pipe(path) {
            Some((path, pipe)) => {
                self.pipe = Some(pipe);
                path
            }
            None => path,
        };
        let mut out = Zeroizing::new(vec![b'[']);
        for start in starts {
            let rest = self.json.get(*start..).unwrap_or_default();
            let spaces = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
            let at = start + rest.iter().take_while(spaces).count();
            if matches!(self.json.get(at), None | Some(b']')) {
                continue;
            }
            let Some((element, _)) = next_value(self.json, at) else {
                continue;
            };
            let found = get_in(&element, path, self.budget)?;
            if found.exists() {
                let raw = embedded(&found);
                self.budget.spend(raw.len())?;
                if out.len() > 1 {
                    out.push(b',');
                }
                out.extend_from_slice(&raw);
            }
        }
        out.push(b']');
        Ok(Match::of(Kind::Json, Text::Owned(out)))
    }
}

/// What a search through an array collects.
struct Elements<'p> {
    wanted: ArrayPart<'p>,
    /// Where each element begins, kept for `#.path`.
    starts: Vec<usize>,
    /// The results of `#(…)#` so far, with the opening bracket.
    results: Zeroizing<Vec<u8>>,
}

/// The number an index component is; digits beyond 64 bits wrap around, as in Go.
fn index(text: &[u8]) -> Option<u64> {
    let digits = !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    digits.then(|| {
        text.iter().fold(0_u64, |value, digit| {
            value.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'))
        })
    })
}

fn query_takes(query: &Query<'_>, subject: Match<'_>, budget: &Budget) -> Result<bool, LimitExceeded> {
    let mut wanted: &[u8] = &query.value;
    let mut subject = subject;
    if let Some(property) = wanted.strip_prefix(b"~") {
        let holds = match property {
            b"*" => Some(subject.exists()),
            b"null" => Some(subject.kind == Kind::Null),
            b"true" => Some(subject.is_truthy()),
            b"false" => Some(subject.is_falsy()),
            _ => None,
        };
        subject = match holds {
            Some(holds) => Match {
                kind: if holds { Kind::True } else { Kind::False },
                ..Match::missing()
            },
            None => Match::missing(),
        };
        wanted = if holds.is_some() { b"true" } else { b"" };
    }
    if !subject.exists() {
        return Ok(false);
    }
    if query.operator.is_empty() {
        return Ok(true);
    }
    Ok(match subject.kind {
        Kind::String => {
            let text = subject.text.bytes();
            match query.operator {
                b"%" => wildcard::matches(text, wanted, budget)?,
                b"!%" => !wildcard::matches(text, wanted, budget)?,
                operator => compares(operator, text, wanted),
            }
        }
        Kind::Number => compares(query.operator, &subject.number, &parse_float_lossy(wanted)),
        Kind::True => match query.operator {
            b"=" => wanted == b"true",
            b"!=" => wanted != b"true",
            b">" => wanted == b"false",
            b">=" => true,
            _ => false,
        },
        Kind::False => match query.operator {
            b"=" => wanted == b"false",
            b"!=" => wanted != b"false",
            b"<" => wanted == b"true",
            b"<=" => true,
            _ => false,
        },
        Kind::Null | Kind::Json => false,
    })
}

fn compares<T: PartialOrd + ?Sized>(operator: &[u8], left: &T, right: &T) -> bool {
    match operator {
        b"=" => left == right,
        b"!=" => left != right,
        b"<" => left < right,
        b"<=" => left <= right,
        b">" => left > right,
        b">=" => left >= right,
        _ => false,
    }
}
