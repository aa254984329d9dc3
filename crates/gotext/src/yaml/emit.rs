//! Writing YAML as `yaml.v2` lays it out: block style, indented by two, lines folded after column 80.

use super::decode::is_readable;
use super::error::EmitError;
use super::order::sort_by_key;
use super::resolve::{Resolved, is_base_60, resolve};
use super::scalar::{Analysis, Style, analyze, is_break, is_printable};
use crate::json::{MAX_DEPTH, Value};
use crate::strconv::{FloatForm, FloatSize, REPLACEMENT, format_float, runes};

/// The column after which lines are folded at the next space.
const WIDTH: usize = 80;

/// The longest key that stands on the line of its value.
const MAX_SIMPLE_KEY: usize = 128;

/// A line break in YAML 1.1.
const NEXT_LINE: char = '\u{85}';

/// The longest key, in JSON, that the Go library reads back.
const MAX_JSON_KEY: usize = 1024;

/// `yaml.Marshal`: the value with sorted keys and a line break at the end.
pub fn to_vec(value: &Value) -> Result<Vec<u8>, EmitError> {
    let mut emitter = Emitter {
        out: String::new(),
        column: 0,
        indent: None,
        whitespace: true,
        indention: true,
    };
    emitter.node(value, Place::Root, 0)?;
    emitter.write_indent();
    Ok(emitter.out.into_bytes())
}

/// Where a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Element,
    /// A key on the line of its value.
    SimpleKey,
    /// A longer key, or a value.
    Member,
}

struct Emitter {
    out: String,
    column: usize,
    /// Nothing at the root.
    indent: Option<usize>,
    /// Whether the last character was white space.
    whitespace: bool,
    /// Whether the line holds only indentation and indicators so far.
    indention: bool,
}

impl Emitter {
    fn node(&mut self, value: &Value, place: Place, depth: usize) -> Result<(), EmitError> {
        if depth > MAX_DEPTH {
            return Err(EmitError::TooDeep);
        }
        match value {
            Value::Null => self.plain_word("null"),
            Value::Bool(value) => self.plain_word(if *value { "true" } else { "false" }),
            Value::Number(number) => self.plain_word(&number_text(number.as_str())),
            Value::String(text) => self.string(&read_back(text)?, place),
            Value::Array(elements) if elements.is_empty() => self.empty("[]"),
            Value::Array(elements) => self.sequence(elements, place, depth)?,
            Value::Object(members) if members.is_empty() => self.empty("{}"),
            Value::Object(members) => self.mapping(members, depth)?,
        }
        Ok(())
    }

    fn sequence(&mut self, elements: &[Value], place: Place, depth: usize) -> Result<(), EmitError> {
        let outer = self.indent;
        // The hyphens of a member's sequence stand below its key.
        let indentless = place == Place::Member && !self.indention;
        self.indent = Some(outer.map_or(0, |indent| if indentless { indent } else { indent + 2 }));
        for element in elements {
            self.write_indent();
            self.indicator("-", true, false, true);
            self.node(element, Place::Element, depth + 1)?;
        }
        self.indent = outer;
        Ok(())
    }

    fn mapping(&mut self, members: &[(Vec<u8>, Value)], depth: usize) -> Result<(), EmitError> {
        let outer = self.indent;
        self.indent = Some(outer.map_or(0, |indent| indent + 2));
        let mut sorted = Vec::with_capacity(members.len());
        for (key, value) in crate::json::sorted(members) {
            sorted.push((read_back_key(key)?, value));
        }
        for (key, value) in sort_by_key(sorted) {
            self.write_indent();
            let length: usize = key.iter().map(|character| character.len_utf8()).sum();
            if length <= MAX_SIMPLE_KEY && !analyze(&key).multiline {
                self.string(&key, Place::SimpleKey);
                self.indicator(":", false, false, false);
            } else {
                self.indicator("?", true, false, true);
                self.string(&key, Place::Member);
                self.write_indent();
                self.indicator(":", true, false, true);
            }
            self.node(value, Place::Member, depth + 1)?;
        }
        self.indent = outer;
        Ok(())
    }

    fn empty(&mut self, brackets: &str) {
        self.indicator(brackets, true, false, false);
    }

    fn plain_word(&mut self, word: &str) {
        let characters: Vec<char> = word.chars().collect();
        self.write_plain(&characters, false);
    }

    fn string(&mut self, text: &[char], place: Place) {
        let analysis = analyze(text);
        let outer = self.indent;
        self.indent = Some(outer.map_or(2, |indent| indent + 2));
        let folds = place != Place::SimpleKey;
        match style(text, analysis, place) {
            Style::Plain => self.write_plain(text, folds),
            Style::SingleQuoted => self.write_single_quoted(text, folds),
            Style::DoubleQuoted => self.write_double_quoted(text, folds),
            Style::Literal => self.write_literal(text),
        }
        self.indent = outer;
    }

    fn put(&mut self, character: char) {
        self.out.push(character);
        self.column += 1;
    }

    fn put_break(&mut self, character: char) {
        self.out.push(character);
        self.column = 0;
    }

    /// Begins a new line unless this one is still empty, and moves to the indentation.
    fn write_indent(&mut self) {
        let indent = self.indent.unwrap_or(0);
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.put_break('\n');
        }
        while self.column < indent {
            self.put(' ');
        }
        self.whitespace = true;
        self.indention = true;
    }

    fn indicator(&mut self, text: &str, needs_space: bool, is_space: bool, is_indention: bool) {
        if needs_space && !self.whitespace {
            self.put(' ');
        }
        text.chars().for_each(|character| self.put(character));
        self.whitespace = is_space;
        self.indention &= is_indention;
    }

    fn write_plain(&mut self, text: &[char], folds: bool) {
        if !self.whitespace {
            self.put(' ');
        }
        self.write_lines(text, |emitter, at, spaces| {
            folds && !spaces && emitter.column > WIDTH && text.get(at + 1) != Some(&' ')
        });
        self.whitespace = false;
        self.indention = false;
    }

    fn write_single_quoted(&mut self, text: &[char], folds: bool) {
        self.indicator("'", true, false, false);
        let last = text.len().saturating_sub(1);
        self.write_lines(text, |emitter, at, spaces| {
            let inside = at > 0 && at < last && text.get(at + 1) != Some(&' ');
            folds && !spaces && emitter.column > WIDTH && inside
        });
        self.indicator("'", false, false, false);
    }

    /// Writes text with its line breaks, and folds at the spaces for which `folds_at` holds.
    fn write_lines(&mut self, text: &[char], folds_at: impl Fn(&Self, usize, bool) -> bool) {
        let quoted = self.out.ends_with('\'');
        let (mut spaces, mut breaks) = (false, false);
        for (at, &character) in text.iter().enumerate() {
            if character == ' ' {
                if folds_at(self, at, spaces) {
                    self.write_indent();
                } else {
                    self.put(' ');
                }
                spaces = true;
            } else if is_break(character) {
                if !breaks && character == '\n' {
                    self.put_break('\n');
                }
                self.put_break(character);
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                if character == '\'' && quoted {
                    self.put('\'');
                }
                self.put(character);
                self.indention = false;
                spaces = false;
                breaks = false;
            }
        }
    }

    fn write_double_quoted(&mut self, text: &[char], folds: bool) {
        self.indicator("\"", true, false, false);
        let last = text.len().saturating_sub(1);
        // Behind a byte order mark `yaml.v2` takes every character for another one.
        let marked = text.first() == Some(&'\u{feff}');
        let mut spaces = false;
        for (at, &character) in text.iter().enumerate() {
            let as_is = is_printable(character) && !is_break(character) && !matches!(character, '"' | '\\');
            if marked || !as_is {
                escape(character)
                    .chars()
                    .for_each(|character| self.put(character));
                spaces = false;
            } else if character == ' ' {
                if folds && !spaces && self.column > WIDTH && at > 0 && at < last {
                    self.write_indent();
                    if text.get(at + 1) == Some(&' ') {
                        self.put('\\');
                    }
                } else {
                    self.put(' ');
                }
                spaces = true;
            } else {
                self.put(character);
                spaces = false;
            }
        }
        self.indicator("\"", false, false, false);
    }

    fn write_literal(&mut self, text: &[char]) {
        self.indicator("|", true, false, false);
        if text
            .first()
            .is_some_and(|first| *first == ' ' || is_break(*first))
        {
            self.indicator("2", false, false, false);
        }
        // Without a line break at the end the one of the block does not count; with several all do.
        match text {
            [.., before, last] if is_break(*last) && is_break(*before) => {
                self.indicator("+", false, false, false);
            }
            [last] if is_break(*last) => self.indicator("+", false, false, false),
            [.., last] if is_break(*last) => {}
            _ => self.indicator("-", false, false, false),
        }
        self.put_break('\n');
        self.indention = true;
        self.whitespace = true;
        let mut breaks = true;
        for &character in text {
            if is_break(character) {
                self.put_break(character);
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.write_indent();
                }
                self.put(character);
                self.indention = false;
                breaks = false;
            }
        }
    }
}

/// The style of a text: as plain as what it would be read back as, and where it stands, allow.
fn style(text: &[char], analysis: Analysis, place: Place) -> Style {
    let string: String = text.iter().collect();
    let simple_key = place == Place::SimpleKey;
    let mut style = if text.contains(&'\n') {
        Style::Literal
    } else if resolve(&string, true) == Resolved::Text && !is_base_60(&string) {
        Style::Plain
    } else {
        Style::DoubleQuoted
    };
    if simple_key && analysis.multiline {
        style = Style::DoubleQuoted;
    }
    if style == Style::Plain && (!analysis.plain_allowed || (text.is_empty() && simple_key)) {
        style = Style::SingleQuoted;
    }
    if style == Style::SingleQuoted && !analysis.single_quoted_allowed {
        style = Style::DoubleQuoted;
    }
    if style == Style::Literal && (!analysis.block_allowed || simple_key) {
        style = Style::DoubleQuoted;
    }
    style
}

fn escape(character: char) -> String {
    let letter = match character {
        '\0' => '0',
        '\x07' => 'a',
        '\x08' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\x0b' => 'v',
        '\x0c' => 'f',
        '\r' => 'r',
        '\x1b' => 'e',
        '"' | '\\' => character,
        '\u{85}' => 'N',
        '\u{a0}' => '_',
        '\u{2028}' => 'L',
        '\u{2029}' => 'P',
        _ => {
            let code = u32::from(character);
            return match code {
                0..=0xff => format!("\\x{code:02X}"),
                0x100..=0xffff => format!("\\u{code:04X}"),
                _ => format!("\\U{code:08X}"),
            };
        }
    };
    format!("\\{letter}")
}

/// A number as `yaml.v2` prints what it reads it as.
fn number_text(text: &str) -> String {
    match resolve(text, false) {
        Resolved::Int(value) => value.to_string(),
        Resolved::Uint(value) => value.to_string(),
        Resolved::Float(value) => format_float(value, FloatForm::General, None, FloatSize::Bits64),
        _ => text.to_owned(),
    }
}

/// The text of a key; one that is too long in JSON is not read back.
fn read_back_key(key: &[u8]) -> Result<Vec<char>, EmitError> {
    let mut quoted = Vec::new();
    crate::json::string::push_quoted(&mut quoted, key, true);
    let next_line = key.windows(2).any(|pair| pair == "\u{85}".as_bytes());
    if runes(&quoted).count() > MAX_JSON_KEY || next_line {
        return Err(EmitError::LongKey);
    }
    read_back(key)
}

/// The text as it comes back from being written as JSON and read as YAML, where U+0085 is a line break that
/// folds into a space.
fn read_back(text: &[u8]) -> Result<Vec<char>, EmitError> {
    let all: Vec<char> = runes(text)
        .map(|(_, character, _)| character.unwrap_or(REPLACEMENT))
        .collect();
    // JSON escapes the control characters below the space; others stand as they are.
    if all
        .iter()
        .any(|&character| character >= ' ' && !is_readable(character))
    {
        return Err(EmitError::ControlCharacter);
    }
    let mut characters = Vec::with_capacity(all.len());
    let mut rest = all.as_slice();
    while let Some((&character, after)) = rest.split_first() {
        if character != NEXT_LINE {
            characters.push(character);
            rest = after;
            continue;
        }
        while characters.last() == Some(&' ') {
            characters.pop();
        }
        let mut breaks = 0_usize;
        while let Some((&blank, after)) = rest
            .split_first()
            .filter(|(next, _)| matches!(**next, ' ' | NEXT_LINE))
        {
            breaks += usize::from(blank == NEXT_LINE);
            rest = after;
            let ends = rest.get(3).is_some_and(|next| matches!(*next, ' ' | NEXT_LINE));
            if blank == NEXT_LINE && ends && matches!(rest, ['-', '-', '-', ..] | ['.', '.', '.', ..]) {
                return Err(EmitError::DocumentIndicator);
            }
        }
        if breaks == 1 {
            characters.push(' ');
        }
        characters.extend(std::iter::repeat_n('\n', breaks - 1));
    }
    Ok(characters)
}
