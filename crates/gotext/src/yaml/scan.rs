//! From text to tokens, by the rules of YAML 1.1 as `yaml.v2` has them.
//!
//! The crates read YAML 1.2, which refuses some of these texts (`'x'#c`) and splits words in other places
//! (`{a:b}`), and their messages are others.

mod directive;
mod flow;
mod literal;

use zeroize::Zeroizing;

use super::error::Error;
use super::token::{Kind, Mark, Queue, Token};
use crate::json::MAX_DEPTH;

/// The characters a key may have before its colon.
const MAX_KEY: usize = 1024;

/// A place where a key may begin; whether it is one shows at the colon.
#[derive(Clone, Copy, Default)]
struct SimpleKey {
    possible: bool,
    /// Whether only a key can stand here.
    required: bool,
    /// Whether the token is held back until it shows whether it is a key.
    awaited: bool,
    token: usize,
    mark: Mark,
}

pub(super) struct Scanner {
    text: Zeroizing<Vec<char>>,
    mark: Mark,
    queue: Queue,
    /// The innermost indentation and those around it; nothing outside of all.
    indent: Option<usize>,
    indents: Vec<Option<usize>>,
    flow_level: usize,
    /// Whether a key may begin here.
    key_allowed: bool,
    /// One for the block context and one for each flow collection.
    keys: Vec<SimpleKey>,
    ended: bool,
}

type Scan<T = ()> = Result<T, Error>;

fn is_break(character: char) -> bool {
    matches!(character, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

fn is_blank(character: char) -> bool {
    matches!(character, ' ' | '\t')
}

/// The end of the text is a null character.
fn is_break_or_end(character: char) -> bool {
    is_break(character) || character == '\0'
}

fn is_space_or_end(character: char) -> bool {
    is_blank(character) || is_break_or_end(character)
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '_' | '-')
}

impl Scanner {
    pub(super) fn new(text: &str) -> Self {
        Self {
            text: Zeroizing::new(text.chars().collect()),
            mark: Mark::default(),
            queue: Queue::default(),
            indent: None,
            indents: Vec::new(),
            flow_level: 0,
            key_allowed: true,
            keys: vec![SimpleKey::default()],
            ended: false,
        }
    }

    /// The next token, which stays.
    pub(super) fn peek(&mut self) -> Scan<&Token> {
        // At the end, too, it is a fault if the head should have been a key.
        while (self.queue.head().is_none() || self.head_may_be_key()?) && !self.ended {
            self.fetch()?;
        }
        self.queue.head().ok_or_else(|| Error::yaml("unexpected end"))
    }

    /// Takes the token that was seen with [`Self::peek`].
    pub(super) fn take(&mut self) -> Scan<Token> {
        self.peek()?;
        self.queue.take().ok_or_else(|| Error::yaml("unexpected end"))
    }

    /// Whether a token may have to be put before the head.
    fn head_may_be_key(&mut self) -> Scan<bool> {
        let head = self.queue.head_number();
        let found = self
            .keys
            .iter()
            .position(|key| key.possible && key.awaited && key.token == head);
        match found {
            Some(level) => self.key_is_valid(level),
            None => Ok(false),
        }
    }

    /// The fault at the current place.
    fn fault(&self, context: Mark, problem: &str) -> Error {
        let line = match (self.mark.line, context.line) {
            (0, line) => line,
            (line, _) => line + 1,
        };
        Error::at_line(line, problem)
    }

    fn at(&self, offset: usize) -> char {
        self.text.get(self.mark.index + offset).copied().unwrap_or('\0')
    }

    fn skip(&mut self) {
        self.mark.index += 1;
        self.mark.column += 1;
    }

    fn skip_while(&mut self, test: impl Fn(char) -> bool) {
        while test(self.at(0)) {
            self.skip();
        }
    }

    /// Moves past a line break and gives what it counts as in a text.
    fn line_break(&mut self) -> Option<char> {
        let character = self.at(0);
        if !is_break(character) {
            return None;
        }
        self.mark.index += if character == '\r' && self.at(1) == '\n' {
            2
        } else {
            1
        };
        self.mark.column = 0;
        self.mark.line += 1;
        Some(if matches!(character, '\u{2028}' | '\u{2029}') {
            character
        } else {
            '\n'
        })
    }

    /// Whether `---` or `...` stands here at the start of a line.
    fn at_document_indicator(&self) -> Option<Kind> {
        let three = [self.at(0), self.at(1), self.at(2)];
        if self.mark.column != 0 || !is_space_or_end(self.at(3)) {
            return None;
        }
        match three {
            ['-', '-', '-'] => Some(Kind::DocumentStart),
            ['.', '.', '.'] => Some(Kind::DocumentEnd),
            _ => None,
        }
    }

    fn push(&mut self, kind: Kind, start: Mark) {
        self.queue.push(Token { kind, start });
    }

    fn fetch(&mut self) -> Scan {
        self.skip_to_token();
        self.unroll_indent(Some(self.mark.column));
        let (here, next) = (self.at(0), self.at(1));
        let indicator = is_space_or_end(next);
        let in_flow = self.flow_level > 0;
        if here == '\0' {
            return self.fetch_end();
        }
        if self.mark.column == 0 && here == '%' {
            return self.fetch_directive();
        }
        if let Some(kind) = self.at_document_indicator() {
            return self.fetch_document_indicator(kind);
        }
        match here {
            '[' => self.fetch_flow_start(Kind::FlowSequenceStart),
            '{' => self.fetch_flow_start(Kind::FlowMappingStart),
            ']' => self.fetch_flow_end(Kind::FlowSequenceEnd),
            '}' => self.fetch_flow_end(Kind::FlowMappingEnd),
            ',' => {
                self.remove_key()?;
                self.key_allowed = true;
                self.fetch_indicator(Kind::FlowEntry);
                Ok(())
            }
            '-' if indicator => self.fetch_block_entry(),
            '?' if in_flow || indicator => self.fetch_key(),
            ':' if in_flow || indicator => self.fetch_value(),
            '*' | '&' => {
                self.save_key()?;
                self.key_allowed = false;
                self.scan_anchor()
            }
            '!' => {
                self.save_key()?;
                self.key_allowed = false;
                self.scan_tag()
            }
            '|' | '>' if !in_flow => {
                self.remove_key()?;
                self.key_allowed = true;
                self.scan_block_scalar(here == '|')
            }
            '\'' | '"' => {
                self.save_key()?;
                self.key_allowed = false;
                self.scan_quoted(here == '\'')
            }
            '-' | '?' | ':' if !(is_blank(next) || (here != '-' && (in_flow || indicator))) => {
                self.fetch_plain()
            }
            '\t' | '#' | '|' | '>' | '%' | '@' | '`' | '-' | '?' | ':' => {
                Err(self.fault(self.mark, "found character that cannot start any token"))
            }
            _ => self.fetch_plain(),
        }
    }

    fn fetch_plain(&mut self) -> Scan {
        self.save_key()?;
        self.key_allowed = false;
        self.scan_plain()
    }

    /// Moves past white space, comments and line breaks.
    fn skip_to_token(&mut self) {
        loop {
            // Go looks for the mark at the beginning of the text, whichever line it is at.
            if self.mark.column == 0 && self.text.first() == Some(&'\u{feff}') {
                self.skip();
            }
            // A tab may only stand where no indentation can be.
            while self.at(0) == ' ' || ((self.flow_level > 0 || !self.key_allowed) && self.at(0) == '\t') {
                self.skip();
            }
            if self.at(0) == '#' {
                self.skip_while(|character| !is_break_or_end(character));
            }
            if self.line_break().is_none() {
                return;
            }
            if self.flow_level == 0 {
                self.key_allowed = true;
            }
        }
    }

    fn key_is_valid(&mut self, level: usize) -> Scan<bool> {
        let mark = self.mark;
        let Some(key) = self.keys.get_mut(level).filter(|key| key.possible) else {
            return Ok(false);
        };
        if key.mark.line < mark.line || key.mark.index + MAX_KEY < mark.index {
            let SimpleKey { required, mark, .. } = *key;
            if required {
                return Err(self.fault(mark, "could not find expected ':'"));
            }
            key.possible = false;
            return Ok(false);
        }
        Ok(true)
    }

    /// Notes that a key may begin here.
    fn save_key(&mut self) -> Scan {
        if self.key_allowed {
            let required = self.flow_level == 0 && self.indent == Some(self.mark.column);
            let (token, mark) = (self.queue.next_number(), self.mark);
            self.remove_key()?;
            if let Some(key) = self.keys.last_mut() {
                *key = SimpleKey {
                    possible: true,
                    required,
                    awaited: true,
                    token,
                    mark,
                };
            }
        }
        Ok(())
    }

    fn remove_key(&mut self) -> Scan {
        let Some(key) = self.keys.last_mut() else {
            return Ok(());
        };
        let SimpleKey {
            possible,
            required,
            mark,
            ..
        } = *key;
        key.possible = false;
        if possible && required {
            return Err(self.fault(mark, "could not find expected ':'"));
        }
        Ok(())
    }

    /// Begins a block collection where the column is deeper than the indentation; `before` is the token it
    /// begins with, if that was scanned already.
    fn roll_indent(&mut self, mark: Mark, before: Option<usize>, kind: Kind) -> Scan {
        if self.flow_level > 0 || self.indent.is_some_and(|indent| indent >= mark.column) {
            return Ok(());
        }
        if self.indents.len() >= MAX_DEPTH {
            return Err(self.fault(mark, "exceeded max depth"));
        }
        self.indents.push(self.indent);
        self.indent = Some(mark.column);
        let token = Token { kind, start: mark };
        match before {
            Some(number) => self.queue.insert(number, token),
            None => self.queue.push(token),
        }
        Ok(())
    }

    /// Ends the block collections deeper than the column, or all of them.
    fn unroll_indent(&mut self, column: Option<usize>) {
        while self.flow_level == 0 && self.indent > column {
            self.push(Kind::BlockEnd, self.mark);
            self.indent = self.indents.pop().flatten();
        }
    }

    fn fetch_end(&mut self) -> Scan {
        if self.mark.column != 0 {
            self.mark.column = 0;
            self.mark.line += 1;
        }
        self.unroll_indent(None);
        self.remove_key()?;
        self.key_allowed = false;
        self.push(Kind::StreamEnd, self.mark);
        self.ended = true;
        Ok(())
    }

    fn fetch_directive(&mut self) -> Scan {
        self.unroll_indent(None);
        self.remove_key()?;
        self.key_allowed = false;
        self.scan_directive()
    }

    fn fetch_document_indicator(&mut self, kind: Kind) -> Scan {
        self.unroll_indent(None);
        self.remove_key()?;
        self.key_allowed = false;
        let start = self.mark;
        (0..3).for_each(|_| self.skip());
        self.push(kind, start);
        Ok(())
    }

    fn fetch_indicator(&mut self, kind: Kind) {
        let start = self.mark;
        self.skip();
        self.push(kind, start);
    }

    fn fetch_flow_start(&mut self, kind: Kind) -> Scan {
        self.save_key()?;
        self.flow_level += 1;
        if self.flow_level > MAX_DEPTH {
            return Err(self.fault(self.mark, "exceeded max depth"));
        }
        self.keys.push(SimpleKey {
            token: self.queue.next_number(),
            ..SimpleKey::default()
        });
        self.key_allowed = true;
        self.fetch_indicator(kind);
        Ok(())
    }

    fn fetch_flow_end(&mut self, kind: Kind) -> Scan {
        self.remove_key()?;
        if self.flow_level > 0 {
            self.flow_level -= 1;
            // A collection in which no key could begin is forgotten as a key itself, as in `yaml.v2`.
            let inner = self.keys.pop().unwrap_or_default();
            for key in self.keys.iter_mut().filter(|key| key.token == inner.token) {
                key.awaited = false;
            }
        }
        self.key_allowed = false;
        self.fetch_indicator(kind);
        Ok(())
    }

    fn fetch_block_entry(&mut self) -> Scan {
        if self.flow_level == 0 {
            if !self.key_allowed {
                return Err(self.fault(
                    self.mark,
                    "block sequence entries are not allowed in this context",
                ));
            }
            self.roll_indent(self.mark, None, Kind::BlockSequenceStart)?;
        }
        self.remove_key()?;
        self.key_allowed = true;
        self.fetch_indicator(Kind::BlockEntry);
        Ok(())
    }

    fn fetch_key(&mut self) -> Scan {
        if self.flow_level == 0 {
            if !self.key_allowed {
                return Err(self.fault(self.mark, "mapping keys are not allowed in this context"));
            }
            self.roll_indent(self.mark, None, Kind::BlockMappingStart)?;
        }
        self.remove_key()?;
        self.key_allowed = self.flow_level == 0;
        self.fetch_indicator(Kind::Key);
        Ok(())
    }

    fn fetch_value(&mut self) -> Scan {
        let level = self.keys.len().saturating_sub(1);
        if self.key_is_valid(level)? {
            let key = self.keys.get(level).copied().unwrap_or_default();
            let token = Token {
                kind: Kind::Key,
                start: key.mark,
            };
            self.queue.insert(key.token, token);
            self.roll_indent(key.mark, Some(key.token), Kind::BlockMappingStart)?;
            if let Some(key) = self.keys.get_mut(level) {
                key.possible = false;
            }
            self.key_allowed = false;
        } else {
            if self.flow_level == 0 {
                if !self.key_allowed {
                    return Err(self.fault(self.mark, "mapping values are not allowed in this context"));
                }
                self.roll_indent(self.mark, None, Kind::BlockMappingStart)?;
            }
            self.key_allowed = self.flow_level == 0;
        }
        self.fetch_indicator(Kind::Value);
        Ok(())
    }
}
