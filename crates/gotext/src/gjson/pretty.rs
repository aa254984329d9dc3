//! `@pretty` and `@ugly`: the same document with other white space.

use zeroize::Zeroizing;

use super::budget::{Budget, LimitExceeded};
use super::scan::{part, string_end};
use super::value::parse;
use crate::strconv::parse_float_lossy;

/// The document without white space between its tokens.
pub(super) fn ugly(json: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(json.len()));
    let mut at = 0;
    while let Some(byte) = json.get(at) {
        let end = match byte {
            b'"' => string_end(json, at + 1).map_or(json.len(), |(end, _)| end),
            _ => at + 1,
        };
        if *byte > b' ' {
            out.extend_from_slice(part(json, at, end));
        }
        at = end;
    }
    out
}

struct Options {
    width: i64,
    prefix: Vec<u8>,
    indent: Vec<u8>,
    sort_keys: bool,
}

/// The document with every member on a line of its own, and short arrays of scalars on one.
pub(super) fn pretty(
    json: &[u8],
    argument: &[u8],
    budget: &Budget,
) -> Result<Zeroizing<Vec<u8>>, LimitExceeded> {
    let mut options = Options {
        width: 80,
        prefix: Vec::new(),
        indent: b"  ".to_vec(),
        sort_keys: false,
    };
    parse(argument).for_each(|key, value| {
        match key.to_bytes().as_slice() {
            b"sortKeys" => options.sort_keys = value.is_truthy(),
            b"indent" => options.indent = white_space(&value.to_bytes()),
            b"prefix" => options.prefix = white_space(&value.to_bytes()),
            b"width" => options.width = integer(&value.to_bytes()),
            _ => {}
        }
        Ok(())
    })?;
    let mut printer = Printer {
        json,
        out: Zeroizing::new(options.prefix.clone()),
        options,
        line_start: 0,
        budget,
    };
    printer.any(
        0,
        Layout {
            lines: true,
            sort: true,
            tabs: 0,
            single_line: None,
        },
    )?;
    let mut out = printer.out;
    if !out.is_empty() {
        out.push(b'\n');
    }
    Ok(out)
}

/// Only the white space of a text.
fn white_space(text: &[u8]) -> Vec<u8> {
    text.iter()
        .copied()
        .filter(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'))
        .collect()
}

fn integer(text: &[u8]) -> i64 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a width past the limits means no limit either way"
    )]
    let value = parse_float_lossy(text) as i64;
    value
}

#[derive(Clone, Copy)]
struct Layout {
    /// Whether members are put on lines of their own.
    lines: bool,
    sort: bool,
    tabs: usize,
    /// The bytes left where an array is tried on one line.
    single_line: Option<i64>,
}

struct Printer<'j, 'b> {
    json: &'j [u8],
    out: Zeroizing<Vec<u8>>,
    options: Options,
    /// Where the current line begins in the output.
    line_start: usize,
    budget: &'b Budget,
}

/// Where a value ended in the document, and whether it may stand on one line.
type Printed = Result<(usize, bool), LimitExceeded>;

impl Printer<'_, '_> {
    fn any(&mut self, start: usize, layout: Layout) -> Printed {
        let json = self.json;
        let mut at = start;
        while let Some(byte) = json.get(at) {
            let next = json.get(at + 1);
            match byte {
                b'"' => {
                    let end = string_end(json, at + 1).map_or(json.len(), |(end, _)| end);
                    self.copy(at, end)?;
                    return Ok((end, true));
                }
                b'0'..=b'9' | b'-' | b'+' | b'i' | b'I' | b'N' => return self.number(at),
                b'n' if next.is_some_and(|next| *next != b'u') => return self.number(at),
                b'{' | b'[' => {
                    let budget = self.budget;
                    return budget.deeper(|| self.nested(at, *byte == b'{', layout));
                }
                b't' => return self.word(at, b"true"),
                b'f' => return self.word(at, b"false"),
                b'n' => return self.word(at, b"null"),
                _ => at += 1,
            }
        }
        Ok((at, true))
    }

    fn copy(&mut self, start: usize, end: usize) -> Result<(), LimitExceeded> {
        self.push(part(self.json, start, end))
    }

    fn push(&mut self, text: &[u8]) -> Result<(), LimitExceeded> {
        self.budget.spend(text.len())?;
        self.out.extend_from_slice(text);
        Ok(())
    }

    fn word(&mut self, at: usize, word: &[u8]) -> Printed {
        self.push(word)?;
        Ok((at + word.len(), true))
    }

    fn number(&mut self, at: usize) -> Printed {
        let rest = self.json.get(at + 1..).unwrap_or_default();
        let ends = |byte: &u8| *byte <= b' ' || matches!(byte, b',' | b':' | b']' | b'}');
        let end = at + 1 + rest.iter().take_while(|byte| !ends(byte)).count();
        self.copy(at, end)?;
        Ok((end, true))
    }

    fn nested(&mut self, start: usize, object: bool, layout: Layout) -> Printed {
        if self.options.width > 0 {
            if layout.lines && !object && layout.single_line.is_none() {
                let line = i64::try_from(self.out.len() - self.line_start).unwrap_or(i64::MAX);
                let left = self.options.width.saturating_sub(line);
                if left > 3 {
                    let before = self.out.len();
                    let single = Layout {
                        lines: false,
                        sort: layout.sort,
                        tabs: 0,
                        single_line: Some(left),
                    };
                    let (end, fits) = self.members(start, false, single)?;
                    let length = i64::try_from(self.out.len() - before).unwrap_or(i64::MAX);
                    if fits && length <= left {
                        return Ok((end, true));
                    }
                    self.out.truncate(before);
                }
            } else if layout.single_line.is_some() && object {
                return Ok((start, false));
            }
        }
        self.members(start, object, layout)
    }

    fn members(&mut self, start: usize, object: bool, layout: Layout) -> Printed {
        let json = self.json;
        let (open, close) = if object { (b'{', b'}') } else { (b'[', b']') };
        self.push(&[open])?;
        let sort = object && self.options.sort_keys && layout.lines;
        let mut pairs: Vec<Pair> = Vec::new();
        let mut count = 0_usize;
        let mut at = start + 1;
        while let Some(byte) = json.get(at) {
            if *byte == close {
                if layout.lines {
                    if sort {
                        self.sort_pairs(&pairs);
                    }
                    self.close_line(count, open, layout.tabs)?;
                }
                self.push(&[close])?;
                return Ok((at + 1, !object));
            }
            if *byte <= b' ' || (object && *byte != b'"') {
                at += 1;
                continue;
            }
            if count > 0 {
                self.push(if self.options.width != -1 && !object {
                    b", "
                } else {
                    b","
                })?;
            }
            let mut pair = Pair::default();
            if layout.lines {
                self.line_start = self.out.len();
                self.break_line()?;
                pair.text.start = self.out.len();
                self.tabs(layout.tabs + 1)?;
            }
            if object {
                let end = string_end(json, at + 1).map_or(json.len(), |(end, _)| end);
                self.copy(at, end)?;
                pair.key = part(json, at, end).to_vec();
                at = end;
                self.push(if layout.lines { b": " } else { b":" })?;
            }
            let (end, single) = self.any(
                at,
                Layout {
                    tabs: layout.tabs + 1,
                    ..layout
                },
            )?;
            if layout.single_line.is_some() && !single {
                return Ok((end, false));
            }
            pair.text.end = self.out.len();
            pairs.push(pair);
            at = end;
            count += 1;
        }
        Ok((at, !object))
    }

    /// Begins a new line, in place of the space after a comma.
    fn break_line(&mut self) -> Result<(), LimitExceeded> {
        match self.out.last_mut() {
            Some(last @ b' ') => *last = b'\n',
            _ => self.push(b"\n")?,
        }
        Ok(())
    }

    fn close_line(&mut self, count: usize, open: u8, tabs: usize) -> Result<(), LimitExceeded> {
        if count > 0 {
            self.line_start = self.out.len();
            self.break_line()?;
        }
        if self.out.last() != Some(&open) {
            self.tabs(tabs)?;
        }
        Ok(())
    }

    fn tabs(&mut self, count: usize) -> Result<(), LimitExceeded> {
        self.budget
            .spend(self.options.prefix.len() + count.saturating_mul(self.options.indent.len()))?;
        self.out.extend_from_slice(&self.options.prefix);
        for _ in 0..count {
            self.out.extend_from_slice(&self.options.indent);
        }
        Ok(())
    }

    /// Puts the members written last in the order of their keys.
    fn sort_pairs(&mut self, pairs: &[Pair]) {
        let (Some(first), Some(last)) = (pairs.first(), pairs.last()) else {
            return;
        };
        let mut order: Vec<(Vec<u8>, &[u8])> = pairs
            .iter()
            .map(|pair| {
                let key = parse(&pair.key).to_bytes().to_vec();
                (key, self.out.get(pair.text.clone()).unwrap_or_default())
            })
            .collect();
        if order.is_sorted() {
            return;
        }
        order.sort();
        let mut text = Zeroizing::new(Vec::with_capacity(last.text.end - first.text.start));
        for (index, (_, member)) in order.iter().enumerate() {
            if index > 0 {
                text.extend_from_slice(b",\n");
            }
            text.extend_from_slice(member);
        }
        let start = first.text.start;
        self.out.truncate(start);
        self.out.extend_from_slice(&text);
    }
}

/// One member of an object that is to be sorted.
#[derive(Default)]
struct Pair {
    key: Vec<u8>,
    text: std::ops::Range<usize>,
}
