//! Why an expression is none, in Go's words.

use std::fmt;

use crate::strconv;

/// The kinds of errors of Go's parser.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// A class or its range is none.
    InvalidCharRange,
    /// An escape is none.
    InvalidEscape,
    /// A group's name is none.
    InvalidNamedCapture,
    /// A construct of Perl is not supported.
    InvalidPerlOp,
    /// Two repetitions follow each other.
    InvalidRepeatOp,
    /// A repetition count is too large.
    InvalidRepeatSize,
    /// The expression is not UTF-8.
    InvalidUtf8,
    /// A class is not closed.
    MissingBracket,
    /// A group is not closed.
    MissingParen,
    /// Nothing stands before a repetition.
    MissingRepeatArgument,
    /// A backslash stands at the end.
    TrailingBackslash,
    /// A parenthesis closes nothing.
    UnexpectedParen,
    /// Groups and repetitions are nested too deeply.
    NestingDepth,
    /// The compiled expression is too large.
    Large,
}

/// Go's `*syntax.Error`; the text quotes a part of the expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// What is wrong.
    pub code: ErrorCode,
    /// The part of the expression that is.
    pub expression: Vec<u8>,
}

impl Error {
    pub(super) fn new(code: ErrorCode, expression: &[u8]) -> Self {
        Self {
            code,
            expression: expression.to_vec(),
        }
    }

    /// Go's text, which need not be UTF-8: the part that it quotes may be what is wrong.
    pub fn text(&self) -> Vec<u8> {
        let lead = format!("error parsing regexp: {}: `", self.problem());
        [lead.as_bytes(), &self.expression, b"`"].concat()
    }

    /// The text `regexp.MustCompile` panics with for this expression.
    pub fn panic_text(&self, pattern: &[u8]) -> Vec<u8> {
        let quoted = if strconv::can_backquote(pattern) {
            [b"`", pattern, b"`"].concat()
        } else {
            strconv::quote(pattern).into_bytes()
        };
        [b"regexp: Compile(", quoted.as_slice(), b"): ", &self.text()].concat()
    }

    fn problem(&self) -> &'static str {
        match self.code {
            ErrorCode::InvalidCharRange => "invalid character class range",
            ErrorCode::InvalidEscape => "invalid escape sequence",
            ErrorCode::InvalidNamedCapture => "invalid named capture",
            ErrorCode::InvalidPerlOp => "invalid or unsupported Perl syntax",
            ErrorCode::InvalidRepeatOp => "invalid nested repetition operator",
            ErrorCode::InvalidRepeatSize => "invalid repeat count",
            ErrorCode::InvalidUtf8 => "invalid UTF-8",
            ErrorCode::MissingBracket => "missing closing ]",
            ErrorCode::MissingParen => "missing closing )",
            ErrorCode::MissingRepeatArgument => "missing argument to repetition operator",
            ErrorCode::TrailingBackslash => "trailing backslash at end of expression",
            ErrorCode::UnexpectedParen => "unexpected )",
            ErrorCode::NestingDepth => "expression nests too deeply",
            ErrorCode::Large => "expression too large",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&String::from_utf8_lossy(&self.text()))
    }
}

impl std::error::Error for Error {}
