//! Go regular expressions (package `regexp`, RE2 syntax) on bytes.
//!
//! The crate `regex` reads a syntax that differs in dozens of places and gives other error texts, so the
//! syntax is read here as Go reads it and handed to `regex-automata`, which matches in linear time. Text that
//! is not UTF-8 matches as in Go: every invalid byte is one U+FFFD.

mod class;
mod error;
mod escape;
mod expand;
mod haystack;
mod parse;
mod unicode;

use std::ops::Range;

use regex_automata::{Input, meta};

pub use error::{Error, ErrorCode};
pub(crate) use unicode::{is_digit, is_letter};

use crate::strconv;
use haystack::Haystack;

/// What a compiled expression may take in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the compiled automaton; 40 MiB by default. Go allows about 128 MiB.
    pub automaton: usize,
    /// Bytes one search may use for states it builds as it goes; 2 MiB by default.
    pub cache: usize,
    /// How deep groups and repetitions may be nested; 250 by default. Go allows 1000.
    pub depth: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            automaton: 40 << 20,
            cache: 2 << 20,
            depth: 250,
        }
    }
}

/// A compiled expression.
#[derive(Debug, Clone)]
pub struct Regexp {
    pattern: Vec<u8>,
    matcher: meta::Regex,
    /// The name of every group, with one for the whole match; several groups may share a name.
    names: Vec<Option<String>>,
}

/// The groups of one match, the whole match first; a group that took no part has none.
pub type Groups = Vec<Option<Range<usize>>>;

impl Regexp {
    /// `regexp.Compile` within the default limits.
    pub fn new(pattern: impl AsRef<[u8]>) -> Result<Self, Error> {
        Self::with_limits(pattern, Limits::default())
    }

    /// `regexp.Compile` within other limits.
    pub fn with_limits(pattern: impl AsRef<[u8]>, limits: Limits) -> Result<Self, Error> {
        let pattern = pattern.as_ref();
        let parsed = parse::parse(pattern, limits.depth)?;
        let config = meta::Config::new()
            .nfa_size_limit(Some(limits.automaton))
            .hybrid_cache_capacity(limits.cache)
            .utf8_empty(true);
        let matcher = meta::Builder::new().configure(config).build_from_hir(&parsed.hir);
        let matcher = matcher.map_err(|_| Error::new(ErrorCode::Large, pattern))?;
        Ok(Self {
            pattern: pattern.to_vec(),
            matcher,
            names: parsed.names,
        })
    }

    /// The expression as it was given.
    pub fn pattern(&self) -> &[u8] {
        &self.pattern
    }

    /// `MatchString`: whether the text contains a match.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.matcher.is_match(Haystack::new(text).bytes())
    }

    /// `FindStringIndex`: the leftmost match.
    pub fn find(&self, text: &[u8]) -> Option<Range<usize>> {
        let haystack = Haystack::new(text);
        let found = self.matcher.find(haystack.bytes())?;
        Some(haystack.original(found.range()))
    }

    /// `FindStringSubmatchIndex`: the groups of the leftmost match.
    pub fn find_submatch(&self, text: &[u8]) -> Option<Groups> {
        let haystack = Haystack::new(text);
        let groups = self.groups_from(haystack.bytes(), 0)?;
        Some(
            groups
                .into_iter()
                .map(|group| group.map(|range| haystack.original(range)))
                .collect(),
        )
    }

    /// `FindAllStringIndex`: at most `limit` matches that do not overlap, or all of them.
    pub fn find_all(&self, text: &[u8], limit: Option<usize>) -> Vec<Range<usize>> {
        let haystack = Haystack::new(text);
        let bytes = haystack.bytes();
        let mut found = Vec::new();
        let mut position = 0;
        let mut last_end = None;
        while position <= bytes.len() && limit.is_none_or(|limit| found.len() < limit) {
            let Some(range) = self.find_from(bytes, position) else {
                break;
            };
            // An empty match right after another match does not count.
            let accepted = range.end != position || Some(range.start) != last_end;
            position = if range.end == position {
                after_rune(bytes, position)
            } else {
                range.end
            };
            last_end = Some(range.end);
            if accepted {
                found.push(haystack.original(range));
            }
        }
        found
    }

    /// `ReplaceAllString`: `$1`, `${1}` and `${name}` of the replacement stand for groups.
    pub fn replace_all(&self, text: &[u8], replacement: &[u8]) -> Vec<u8> {
        if !replacement.contains(&b'$') {
            return self.replace_all_literal(text, replacement);
        }
        replace(text, |haystack, position| {
            let groups = self.groups_from(haystack.bytes(), position)?;
            let range = groups.first().cloned().flatten()?;
            let groups: Groups = groups
                .into_iter()
                .map(|group| group.map(|range| haystack.original(range)))
                .collect();
            let mut expanded = Vec::new();
            expand::expand(&mut expanded, replacement, text, &groups, &self.names);
            Some((range, expanded))
        })
    }

    /// `ReplaceAllLiteralString`.
    pub fn replace_all_literal(&self, text: &[u8], replacement: &[u8]) -> Vec<u8> {
        replace(text, |haystack, position| {
            Some((self.find_from(haystack.bytes(), position)?, replacement.to_vec()))
        })
    }

    /// `Split`: the text between matches, in at most `limit` parts, the last of which is all that is left.
    pub fn split<'t>(&self, text: &'t [u8], limit: Option<usize>) -> Vec<&'t [u8]> {
        if limit == Some(0) {
            return Vec::new();
        }
        if !self.pattern.is_empty() && text.is_empty() {
            return vec![text];
        }
        let mut parts = Vec::new();
        let (mut start, mut end) = (0, 0);
        for found in self.find_all(text, limit) {
            if limit.is_some_and(|limit| parts.len() + 1 == limit) {
                break;
            }
            end = found.start;
            if found.end != 0 {
                parts.push(text.get(start..end).unwrap_or_default());
            }
            start = found.end;
        }
        if end != text.len() {
            parts.push(text.get(start..).unwrap_or_default());
        }
        parts
    }

    fn find_from(&self, haystack: &[u8], position: usize) -> Option<Range<usize>> {
        let found = self
            .matcher
            .find(Input::new(haystack).span(position..haystack.len()))?;
        Some(found.range())
    }

    fn groups_from(&self, haystack: &[u8], position: usize) -> Option<Groups> {
        let mut captures = self.matcher.create_captures();
        self.matcher
            .captures(Input::new(haystack).span(position..haystack.len()), &mut captures);
        captures.is_match().then(|| {
            captures
                .iter()
                .map(|group| group.map(|span| span.range()))
                .collect()
        })
    }
}

/// Replaces what `next` finds from a position on by the text it gives.
fn replace(text: &[u8], next: impl Fn(&Haystack<'_>, usize) -> Option<(Range<usize>, Vec<u8>)>) -> Vec<u8> {
    let haystack = Haystack::new(text);
    let length = haystack.bytes().len();
    let mut out = Vec::with_capacity(text.len());
    let mut last_end = 0;
    let mut position = 0;
    while position <= length {
        let Some((range, replacement)) = next(&haystack, position) else {
            break;
        };
        out.extend_from_slice(haystack.original_text(last_end..range.start));
        // An empty match right after another match is not replaced.
        if range.end > last_end || range.start == 0 {
            out.extend_from_slice(&replacement);
        }
        last_end = range.end;
        position = range.end.max(after_rune(haystack.bytes(), position));
    }
    out.extend_from_slice(haystack.original_text(last_end..length));
    out
}

/// The offset after the character at `position`, and past the end at the end.
fn after_rune(text: &[u8], position: usize) -> usize {
    let (_, width) = strconv::decode_rune(text.get(position..).unwrap_or_default());
    position + width.max(1)
}

/// `regexp.QuoteMeta`: an expression that matches the text itself.
pub fn quote_meta(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        if br"\.+*?()|[]{}^$".contains(byte) {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out
}

#[cfg(test)]
mod tests;
