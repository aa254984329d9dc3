//! Cuts template text into the tokens Go's lexer makes, with its line counts and error texts.
//!
//! Tokens are slices of the source; nothing is copied. Errors end the token stream; the parser decides when to
//! report them.

mod action;

use memchr::memmem;

use super::node::Span;
use crate::strconv::{self, decode_last_rune, decode_rune};

/// What a token is. The order of the keywords matters: they come last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Error,
    Bool,
    /// A printable ASCII character with no other meaning, such as a comma.
    Char,
    CharConstant,
    Complex,
    Assign,
    Declare,
    Eof,
    Field,
    Identifier,
    LeftDelim,
    LeftParen,
    Number,
    Pipe,
    RawString,
    RightDelim,
    RightParen,
    Space,
    String,
    Text,
    Variable,
    Block,
    Break,
    Continue,
    Dot,
    Define,
    Else,
    End,
    If,
    Nil,
    Range,
    Template,
    With,
}

impl Kind {
    pub(super) fn is_keyword(self) -> bool {
        self >= Self::Block
    }
}

/// One token. The text of an [`Kind::Error`] is in [`Lexer::error`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) kind: Kind,
    pub(super) span: Span,
    pub(super) line: u32,
}

impl Item {
    pub(super) const NONE: Self = Self {
        kind: Kind::Error,
        span: Span::EMPTY,
        line: 0,
    };

    pub(super) fn pos(self) -> u32 {
        self.span.start
    }
}

/// What the lexer must know besides the text.
pub(super) struct LexOptions<'s> {
    pub(super) left: &'s [u8],
    pub(super) right: &'s [u8],
    /// Whether `break` is a keyword (no function of that name exists).
    pub(super) break_ok: bool,
    pub(super) continue_ok: bool,
}

pub(super) struct Lexer<'s> {
    input: &'s [u8],
    options: LexOptions<'s>,
    find_left: memmem::Finder<'s>,
    pos: usize,
    start: usize,
    line: u32,
    start_line: u32,
    paren_depth: u32,
    inside_action: bool,
    /// The text of the error that ended the token stream.
    pub(super) error: String,
}

const LEFT_COMMENT: &[u8] = b"/*";
const RIGHT_COMMENT: &[u8] = b"*/";
/// A trim marker and the space that must stand beside it.
const TRIM_MARKER_LEN: usize = 2;

impl<'s> Lexer<'s> {
    pub(super) fn new(input: &'s [u8], options: LexOptions<'s>) -> Self {
        Self {
            input,
            find_left: memmem::Finder::new(options.left),
            options,
            pos: 0,
            start: 0,
            line: 1,
            start_line: 1,
            paren_depth: 0,
            inside_action: false,
            error: String::new(),
        }
    }

    /// The next token; after an error or the end, ends forever.
    pub(super) fn next_item(&mut self) -> Item {
        if self.inside_action {
            self.inside_action()
        } else {
            self.text()
        }
    }

    fn rest(&self) -> &'s [u8] {
        self.input.get(self.pos..).unwrap_or_default()
    }

    fn pending(&self) -> &'s [u8] {
        self.input.get(self.start..self.pos).unwrap_or_default()
    }

    /// The next rune, which is not consumed. `None` at the end.
    fn peek(&self) -> Option<(char, usize)> {
        let rest = self.rest();
        if rest.is_empty() {
            return None;
        }
        let (character, width) = decode_rune(rest);
        Some((character.unwrap_or(strconv::REPLACEMENT), width))
    }

    fn next(&mut self) -> Option<char> {
        let (character, width) = self.peek()?;
        self.pos += width;
        if character == '\n' {
            self.line += 1;
        }
        Some(character)
    }

    /// Steps back over the rune before `pos`.
    fn backup(&mut self) {
        let (character, width) = decode_last_rune(self.input.get(..self.pos).unwrap_or_default());
        self.pos -= width;
        if character == Some('\n') {
            self.line -= 1;
        }
    }

    fn accept(&mut self, valid: &[u8]) -> bool {
        let found = self.rest().first().is_some_and(|byte| valid.contains(byte));
        if found {
            self.pos += 1;
        }
        found
    }

    fn accept_run(&mut self, valid: &[u8]) {
        while self.accept(valid) {}
    }

    fn item(&mut self, kind: Kind) -> Item {
        let item = Item {
            kind,
            span: Span::new(self.start, self.pos),
            line: self.start_line,
        };
        self.start = self.pos;
        self.start_line = self.line;
        item
    }

    /// Skips the pending text, which was not read rune by rune.
    fn ignore(&mut self) {
        self.count_lines();
        self.start = self.pos;
        self.start_line = self.line;
    }

    fn count_lines(&mut self) {
        let lines = memchr::memchr_iter(b'\n', self.pending()).count();
        self.line += u32::try_from(lines).unwrap_or(u32::MAX);
    }

    fn fail(&mut self, text: impl Into<String>) -> Item {
        self.error = text.into();
        let item = Item {
            kind: Kind::Error,
            span: Span::new(self.start, self.start),
            line: self.start_line,
        };
        self.input = &[];
        self.pos = 0;
        self.start = 0;
        item
    }

    fn text(&mut self) -> Item {
        loop {
            let Some(offset) = self.find_left.find(self.rest()) else {
                self.pos = self.input.len();
                if self.pos == self.start {
                    return self.item(Kind::Eof);
                }
                self.count_lines();
                return self.item(Kind::Text);
            };
            if offset > 0 {
                self.pos += offset;
                let after_delim = self.rest().get(self.options.left.len()..).unwrap_or_default();
                let trimmed = if has_left_trim_marker(after_delim) {
                    self.pending().len() - self.pending().trim_end_matches_space().len()
                } else {
                    0
                };
                self.pos -= trimmed;
                self.count_lines();
                let item = self.item(Kind::Text);
                self.pos += trimmed;
                self.ignore();
                if item.span.len > 0 {
                    return item;
                }
            }
            // Behind a comment, text goes on.
            if let Some(item) = self.left_delim() {
                return item;
            }
        }
    }

    /// At the left delimiter. `None` if a comment was skipped.
    fn left_delim(&mut self) -> Option<Item> {
        self.pos += self.options.left.len();
        let marker = if has_left_trim_marker(self.rest()) {
            TRIM_MARKER_LEN
        } else {
            0
        };
        if self
            .rest()
            .get(marker..)
            .is_some_and(|rest| rest.starts_with(LEFT_COMMENT))
        {
            self.pos += marker;
            self.ignore();
            return self.comment();
        }
        let item = self.item(Kind::LeftDelim);
        self.inside_action = true;
        self.pos += marker;
        self.ignore();
        self.paren_depth = 0;
        Some(item)
    }

    /// At a comment. `None` if it was skipped, an error otherwise.
    fn comment(&mut self) -> Option<Item> {
        self.pos += LEFT_COMMENT.len();
        let Some(length) = memmem::find(self.rest(), RIGHT_COMMENT) else {
            return Some(self.fail("unclosed comment"));
        };
        self.pos += length + RIGHT_COMMENT.len();
        let Some(trim) = self.at_right_delim() else {
            return Some(self.fail("comment ends before closing delimiter"));
        };
        self.pos += self.options.right.len() + if trim { TRIM_MARKER_LEN } else { 0 };
        if trim {
            self.skip_spaces();
        }
        self.ignore();
        None
    }

    fn skip_spaces(&mut self) {
        let rest = self.rest();
        self.pos += rest.iter().take_while(|byte| is_space(**byte)).count();
    }

    /// Whether a right delimiter starts here, and if so whether with a trim marker.
    fn at_right_delim(&self) -> Option<bool> {
        let rest = self.rest();
        if has_right_trim_marker(rest)
            && rest
                .get(TRIM_MARKER_LEN..)
                .is_some_and(|rest| rest.starts_with(self.options.right))
        {
            return Some(true);
        }
        rest.starts_with(self.options.right).then_some(false)
    }

    fn right_delim(&mut self, trim: bool) -> Item {
        if trim {
            self.pos += TRIM_MARKER_LEN;
            self.ignore();
        }
        self.pos += self.options.right.len();
        let item = self.item(Kind::RightDelim);
        if trim {
            self.skip_spaces();
            self.ignore();
        }
        self.inside_action = false;
        item
    }
}

trait TrimSpace {
    fn trim_end_matches_space(&self) -> &Self;
}

impl TrimSpace for [u8] {
    fn trim_end_matches_space(&self) -> &Self {
        let spaces = self.iter().rev().take_while(|byte| is_space(**byte)).count();
        self.get(..self.len() - spaces).unwrap_or_default()
    }
}

pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

fn has_left_trim_marker(text: &[u8]) -> bool {
    matches!(text, [b'-', space, ..] if is_space(*space))
}

fn has_right_trim_marker(text: &[u8]) -> bool {
    matches!(text, [space, b'-', ..] if is_space(*space))
}
