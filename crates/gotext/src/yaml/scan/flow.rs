//! Quoted and plain scalars, which may go over several lines.

use zeroize::Zeroizing;

use super::{Scan, Scanner, is_blank, is_break, is_space_or_end};
use crate::yaml::token::{Kind, Mark};

/// The white space between two words, as far as it was read.
#[derive(Default)]
struct Gap {
    spaces: String,
    /// The first line break and those after it.
    first_break: Option<char>,
    breaks: String,
    /// Whether the gap holds a line break.
    broken: bool,
}

impl Gap {
    /// What the gap counts as: one line break is a space, more are one less.
    fn fold_into(&mut self, text: &mut String) {
        if !self.broken {
            text.push_str(&self.spaces);
        } else if self.first_break == Some('\n') {
            text.push_str(if self.breaks.is_empty() { " " } else { &self.breaks });
        } else {
            text.extend(self.first_break);
            text.push_str(&self.breaks);
        }
        *self = Self::default();
    }
}

impl Scanner {
    /// Reads one blank or line break of a gap.
    fn widen(&mut self, gap: &mut Gap) {
        if is_blank(self.at(0)) {
            if !gap.broken {
                gap.spaces.push(self.at(0));
            }
            self.skip();
        } else if gap.broken {
            gap.breaks.extend(self.line_break());
        } else {
            gap.spaces.clear();
            gap.first_break = self.line_break();
            gap.broken = true;
        }
    }

    pub(super) fn scan_quoted(&mut self, single: bool) -> Scan {
        let start = self.mark;
        self.skip();
        let quote = if single { '\'' } else { '"' };
        let mut text = Zeroizing::new(String::new());
        loop {
            if self.at_document_indicator().is_some() {
                return Err(self.fault(start, "found unexpected document indicator"));
            }
            if self.at(0) == '\0' {
                return Err(self.fault(start, "found unexpected end of stream"));
            }
            let mut gap = Gap::default();
            while !is_space_or_end(self.at(0)) {
                match self.at(0) {
                    '\'' if single && self.at(1) == '\'' => {
                        text.push('\'');
                        self.skip();
                        self.skip();
                    }
                    character if character == quote => break,
                    '\\' if !single && is_break(self.at(1)) => {
                        self.skip();
                        self.line_break();
                        gap.broken = true;
                        break;
                    }
                    '\\' if !single => {
                        let character = self.escape(start)?;
                        text.push(character);
                    }
                    character => {
                        text.push(character);
                        self.skip();
                    }
                }
            }
            if self.at(0) == quote {
                break;
            }
            while is_blank(self.at(0)) || is_break(self.at(0)) {
                self.widen(&mut gap);
            }
            gap.fold_into(&mut text);
        }
        self.skip();
        self.push(Kind::Scalar(text, false), start);
        Ok(())
    }

    /// The character an escape stands for.
    fn escape(&mut self, start: Mark) -> Scan<char> {
        let character = match self.at(1) {
            '0' => '\0',
            'a' => '\x07',
            'b' => '\x08',
            't' | '\t' => '\t',
            'n' => '\n',
            'v' => '\x0b',
            'f' => '\x0c',
            'r' => '\r',
            'e' => '\x1b',
            character @ (' ' | '"' | '\'' | '\\') => character,
            'N' => '\u{85}',
            '_' => '\u{a0}',
            'L' => '\u{2028}',
            'P' => '\u{2029}',
            'x' => return self.hex_escape(2, start),
            'u' => return self.hex_escape(4, start),
            'U' => return self.hex_escape(8, start),
            _ => return Err(self.fault(start, "found unknown escape character")),
        };
        self.skip();
        self.skip();
        Ok(character)
    }

    fn hex_escape(&mut self, digits: usize, start: Mark) -> Scan<char> {
        self.skip();
        self.skip();
        let mut code = 0_u32;
        for offset in 0..digits {
            let Some(digit) = self.at(offset).to_digit(16) else {
                return Err(self.fault(start, "did not find expected hexdecimal number"));
            };
            code = code << 4 | digit;
        }
        let Some(character) = char::from_u32(code) else {
            return Err(self.fault(start, "found invalid Unicode character escape code"));
        };
        (0..digits).for_each(|_| self.skip());
        Ok(character)
    }

    pub(super) fn scan_plain(&mut self) -> Scan {
        let start = self.mark;
        let indent = self.indent.map_or(0, |indent| indent + 1);
        let mut text = Zeroizing::new(String::new());
        let mut gap = Gap::default();
        loop {
            if self.at_document_indicator().is_some() || self.at(0) == '#' {
                break;
            }
            while !is_space_or_end(self.at(0)) && !self.ends_plain() {
                gap.fold_into(&mut text);
                text.push(self.at(0));
                self.skip();
            }
            if !is_blank(self.at(0)) && !is_break(self.at(0)) {
                break;
            }
            while is_blank(self.at(0)) || is_break(self.at(0)) {
                if gap.broken && self.mark.column < indent && self.at(0) == '\t' {
                    return Err(self.fault(start, "found a tab character that violates indentation"));
                }
                self.widen(&mut gap);
            }
            if self.flow_level == 0 && self.mark.column < indent {
                break;
            }
        }
        if gap.broken {
            self.key_allowed = true;
        }
        self.push(Kind::Scalar(text, true), start);
        Ok(())
    }

    fn ends_plain(&self) -> bool {
        match self.at(0) {
            ':' => is_space_or_end(self.at(1)),
            ',' | '?' | '[' | ']' | '{' | '}' => self.flow_level > 0,
            _ => false,
        }
    }
}
