//! The tokens inside an action: names, constants, punctuation.

use super::{Item, Kind, Lexer, TRIM_MARKER_LEN, has_right_trim_marker, is_space};
use crate::strconv;
use crate::unicode::{is_digit, is_letter};

impl Lexer<'_> {
    pub(super) fn inside_action(&mut self) -> Item {
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

/// Whether a name may contain the character: `_`, and the letters and digits of the Unicode edition Go knows.
fn is_alphanumeric(character: char) -> bool {
    character == '_' || is_letter(character) || is_digit(character)
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
