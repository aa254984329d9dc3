//! Cuts template text into the tokens Go's lexer makes, with its line counts and error texts.
//!
//! Tokens are slices of the source; nothing is copied. Errors end the token stream; the parser decides when to
//! report them.

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

    fn inside_action(&mut self) -> Item {
        if let Some(trim) = self.at_right_delim() {
            return if self.paren_depth == 0 {
                self.right_delim(trim)
            } else {
                self.fail("unclosed left paren")
            };
        }
        let Some(character) = self.next() else {
            return self.fail("unclosed action");
        };
        match character {
            ' ' | '\t' | '\r' | '\n' => {
                self.backup();
                self.space()
            }
            '=' => self.item(Kind::Assign),
            ':' => {
                if self.next() == Some('=') {
                    self.item(Kind::Declare)
                } else {
                    self.fail("expected :=")
                }
            }
            '|' => self.item(Kind::Pipe),
            '"' => self.quoted(b'"', Kind::String, "unterminated quoted string"),
            '`' => self.raw_quoted(),
            '$' => self.field_or_variable(Kind::Variable),
            '\'' => self.quoted(b'\'', Kind::CharConstant, "unterminated character constant"),
            '.' if self.rest().first().is_some_and(|byte| !byte.is_ascii_digit()) => {
                self.field_or_variable(Kind::Field)
            }
            '.' | '+' | '-' | '0'..='9' => {
                self.backup();
                self.number()
            }
            _ if is_alphanumeric(character) => self.identifier(),
            '(' => {
                self.paren_depth += 1;
                self.item(Kind::LeftParen)
            }
            ')' => match self.paren_depth.checked_sub(1) {
                Some(depth) => {
                    self.paren_depth = depth;
                    self.item(Kind::RightParen)
                }
                None => self.fail("unexpected right paren"),
            },
            '!'..='~' => self.item(Kind::Char),
            _ => self.fail(format!(
                "unrecognized character in action: {}",
                code_point(character)
            )),
        }
    }

    fn space(&mut self) -> Item {
        let mut spaces = 0;
        while let Some(byte) = self.rest().first().copied().filter(|byte| is_space(*byte)) {
            self.pos += 1;
            self.line += u32::from(byte == b'\n');
            spaces += 1;
        }
        // The last space may belong to a trim marker: ` -}}`.
        let last = self.input.get(self.pos - 1..).unwrap_or_default();
        if has_right_trim_marker(last)
            && last
                .get(TRIM_MARKER_LEN..)
                .is_some_and(|rest| rest.starts_with(self.options.right))
        {
            self.backup();
            if spaces == 1 {
                return self.right_delim(true);
            }
        }
        self.item(Kind::Space)
    }

    fn skip_alphanumeric(&mut self) {
        while let Some((character, width)) = self.peek() {
            if !is_alphanumeric(character) {
                break;
            }
            self.pos += width;
        }
    }

    fn bad_character(&mut self) -> Item {
        let character = self
            .peek()
            .map_or(strconv::REPLACEMENT, |(character, _)| character);
        self.fail(format!("bad character {}", code_point(character)))
    }

    fn identifier(&mut self) -> Item {
        self.skip_alphanumeric();
        if !self.at_terminator() {
            return self.bad_character();
        }
        let kind = match self.pending() {
            b"block" => Kind::Block,
            b"break" if self.options.break_ok => Kind::Break,
            b"continue" if self.options.continue_ok => Kind::Continue,
            b"define" => Kind::Define,
            b"else" => Kind::Else,
            b"end" => Kind::End,
            b"if" => Kind::If,
            b"range" => Kind::Range,
            b"nil" => Kind::Nil,
            b"template" => Kind::Template,
            b"with" => Kind::With,
            b"true" | b"false" => Kind::Bool,
            _ => Kind::Identifier,
        };
        self.item(kind)
    }

    /// Behind the `.` or `$`.
    fn field_or_variable(&mut self, kind: Kind) -> Item {
        if self.at_terminator() {
            return self.item(if kind == Kind::Variable {
                Kind::Variable
            } else {
                Kind::Dot
            });
        }
        self.skip_alphanumeric();
        if !self.at_terminator() {
            return self.bad_character();
        }
        self.item(kind)
    }

    /// Whether a name may end here.
    fn at_terminator(&self) -> bool {
        let rest = self.rest();
        match rest.first() {
            None | Some(b' ' | b'\t' | b'\r' | b'\n' | b'.' | b',' | b'|' | b':' | b')' | b'(') => true,
            Some(_) => rest.starts_with(self.options.right),
        }
    }

    /// Behind the opening quote.
    fn quoted(&mut self, quote: u8, kind: Kind, unterminated: &str) -> Item {
        loop {
            let byte = self.rest().first().copied();
            match byte {
                None | Some(b'\n') => return self.fail(unterminated),
                Some(b'\\') => {
                    self.pos += 1;
                    if matches!(self.rest().first(), None | Some(b'\n')) {
                        return self.fail(unterminated);
                    }
                    self.pos += 1;
                }
                Some(byte) => {
                    self.pos += 1;
                    if byte == quote {
                        return self.item(kind);
                    }
                }
            }
        }
    }

    fn raw_quoted(&mut self) -> Item {
        let Some(length) = memchr::memchr(b'`', self.rest()) else {
            return self.fail("unterminated raw quoted string");
        };
        self.pos += length + 1;
        self.count_lines();
        self.item(Kind::RawString)
    }

    fn number(&mut self) -> Item {
        let well_formed = self.scan_number();
        if well_formed && !matches!(self.rest().first(), Some(b'+' | b'-')) {
            return self.item(Kind::Number);
        }
        // A complex constant such as 1+2i must end in `i`.
        if well_formed && self.scan_number() && self.pending().ends_with(b"i") {
            return self.item(Kind::Complex);
        }
        let text = strconv::quote(self.pending());
        self.fail(format!("bad number syntax: {text}"))
    }

    fn scan_number(&mut self) -> bool {
        self.accept(b"+-");
        let mut digits: &[u8] = b"0123456789_";
        let mut exponent: &[u8] = b"eE";
        if self.accept(b"0") {
            if self.accept(b"xX") {
                (digits, exponent) = (b"0123456789abcdefABCDEF_", b"pP");
            } else if self.accept(b"oO") {
                (digits, exponent) = (b"01234567_", b"");
            } else if self.accept(b"bB") {
                (digits, exponent) = (b"01_", b"");
            }
        }
        self.accept_run(digits);
        if self.accept(b".") {
            self.accept_run(digits);
        }
        if self.accept(exponent) {
            self.accept(b"+-");
            self.accept_run(b"0123456789_");
        }
        self.accept(b"i");
        if self
            .peek()
            .is_some_and(|(character, _)| is_alphanumeric(character))
        {
            self.next();
            return false;
        }
        true
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

fn is_alphanumeric(character: char) -> bool {
    if character.is_ascii() {
        character.is_ascii_alphanumeric() || character == '_'
    } else {
        character.is_alphanumeric()
    }
}

fn has_left_trim_marker(text: &[u8]) -> bool {
    matches!(text, [b'-', space, ..] if is_space(*space))
}

fn has_right_trim_marker(text: &[u8]) -> bool {
    matches!(text, [space, b'-', ..] if is_space(*space))
}

/// Go's `%#U`.
fn code_point(character: char) -> String {
    let code = u32::from(character);
    if strconv::is_print(character) {
        format!("U+{code:04X} '{character}'")
    } else {
        format!("U+{code:04X}")
    }
}
