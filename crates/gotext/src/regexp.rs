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

use regex_automata::util::captures::Captures;
use regex_automata::{Input, Span, meta};
use zeroize::Zeroizing;

pub use error::{Error, ErrorCode};

use crate::strconv;
use crate::template::Buffer;
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

impl Limits {
    /// For an expression that is kept for as long as what it came from, where others may write any number of them.
    pub const KEPT: Self = Self {
        automaton: 4 << 20,
        cache: 256 << 10,
        depth: 250,
    };
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
    pattern: Zeroizing<Vec<u8>>,
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
            pattern: Zeroizing::new(pattern.to_vec()),
            matcher,
            names: parsed.names,
        })
    }

    /// The expression as it was given.
    pub fn pattern(&self) -> &[u8] {
        &self.pattern
    }

    /// Bytes the compiled expression takes, without what searches use.
    pub fn memory(&self) -> usize {
        self.pattern.len() + self.matcher.memory_usage()
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
        let mut captures = self.matcher.create_captures();
        self.matcher.captures(haystack.bytes(), &mut captures);
        let original = |span: Span| haystack.original(span.range());
        captures
            .is_match()
            .then(|| captures.iter().map(|group| group.map(original)).collect())
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
        self.replace_all_within(text, replacement, usize::MAX)
            .unwrap_or_default()
    }

    /// [`Self::replace_all`], given up where the result would be longer than `limit` bytes.
    pub fn replace_all_within(&self, text: &[u8], replacement: &[u8], limit: usize) -> Option<Vec<u8>> {
        let refers = replacement.contains(&b'$');
        let groups = refers.then(|| self.matcher.create_captures());
        self.replace(text, replacement, groups, limit)
    }

    /// `ReplaceAllLiteralString`.
    pub fn replace_all_literal(&self, text: &[u8], replacement: &[u8]) -> Vec<u8> {
        self.replace(text, replacement, None, usize::MAX)
            .unwrap_or_default()
    }

    /// Replaces all matches; the groups, if there is room for any, are what the replacement may refer to. Nothing
    /// where the result would be longer than `limit` bytes.
    fn replace(
        &self,
        text: &[u8],
        replacement: &[u8],
        mut groups: Option<Captures>,
        limit: usize,
    ) -> Option<Vec<u8>> {
        let haystack = Haystack::new(text);
        let bytes = haystack.bytes();
        let mut out = Buffer::with_capacity(text.len());
        let mut last_end = 0;
        let mut position = 0;
        while position <= bytes.len() {
            let input = Input::new(bytes).span(position..bytes.len());
            let found = match &mut groups {
                Some(groups) => {
                    self.matcher.search_captures(&input, groups);
                    groups.get_match()
                }
                None => self.matcher.search(&input),
            };
            let Some(range) = found.map(|found| found.range()) else {
                break;
            };
            out.extend(haystack.original_text(last_end..range.start));
            // An empty match right after another match is not replaced.
            if range.end > last_end || range.start == 0 {
                match &groups {
                    Some(groups) => {
                        let group = |n| Some(haystack.original_text(groups.get_group(n)?.range()));
                        expand::expand(&mut out, replacement, &self.names, group, limit);
                    }
                    None => out.extend(replacement),
                }
                if out.len() > limit {
                    return None;
                }
            }
            last_end = range.end;
            position = range.end.max(after_rune(bytes, position));
        }
        out.extend(haystack.original_text(last_end..bytes.len()));
        (out.len() <= limit).then(|| std::mem::take(&mut *out.into_bytes()))
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
