//! Reading Go's syntax into the form `regex-automata` compiles.
//!
//! Groups are kept on a stack of their own, so no input can exhaust the one of the thread.

use regex_syntax::hir::{Capture, Class, ClassUnicode, Dot, Hir, Look, Repetition};

use super::class::{self, check_utf8};
use super::error::{Error, ErrorCode};
use super::escape::{escape, next_rune};

/// The largest repetition count, also for repetitions inside each other multiplied.
const MAX_REPEAT: u32 = 1000;

/// The ranges all classes of an expression may have together, 8 MiB of them.
const MAX_RANGES: usize = 1 << 20;

pub(super) struct Parsed {
    pub(super) hir: Hir,
    pub(super) names: Vec<Option<String>>,
}

#[derive(Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the four flags of the syntax, each on or off"
)]
struct Flags {
    fold: bool,
    multi_line: bool,
    dot_newline: bool,
    swap_greed: bool,
}

/// A parsed part with what the limits need to know of it.
struct Node {
    hir: Hir,
    depth: u32,
    /// The largest product of repetition counts inside each other.
    repeats: u32,
}

/// An open group.
struct Group {
    /// The flags to return to.
    flags: Flags,
    /// The number of a capturing group.
    capture: Option<u32>,
    alternatives: Vec<Node>,
    sequence: Vec<Node>,
}

struct Parser<'p> {
    pattern: &'p [u8],
    flags: Flags,
    groups: Vec<Group>,
    names: Vec<Option<String>>,
    ranges: usize,
    max_depth: u32,
}

pub(super) fn parse(pattern: &[u8], max_depth: u32) -> Result<Parsed, Error> {
    let flags = Flags {
        fold: false,
        multi_line: false,
        dot_newline: false,
        swap_greed: false,
    };
    let whole = Group {
        flags,
        capture: None,
        alternatives: Vec::new(),
        sequence: Vec::new(),
    };
    let names = vec![None];
    let mut parser = Parser {
        pattern,
        flags,
        groups: vec![whole],
        names,
        ranges: 0,
        max_depth,
    };
    let mut rest = pattern;
    let mut last_repeat = None;
    while !rest.is_empty() {
        let before = rest;
        let repeats;
        (rest, repeats) = parser.step(rest, last_repeat)?;
        last_repeat = repeats.then_some(before);
    }
    let whole = parser.groups.pop();
    if !parser.groups.is_empty() {
        return Err(Error::new(ErrorCode::MissingParen, pattern));
    }
    let node = parser.close(whole)?;
    Ok(Parsed {
        hir: node.hir,
        names: parser.names,
    })
}

impl<'p> Parser<'p> {
    /// Reads one element; gives the pattern after it, and whether it was a repetition.
    fn step(&mut self, rest: &'p [u8], last_repeat: Option<&[u8]>) -> Result<(&'p [u8], bool), Error> {
        let tail = rest.get(1..).unwrap_or_default();
        match rest {
            [b'(', b'?', ..] => return Ok((self.group_flags(rest)?, false)),
            [b'(', ..] => self.open(None),
            [b'|', ..] => self.alternate()?,
            [b')', ..] => self.close_group()?,
            [b'^', ..] => self.look(if self.flags.multi_line {
                Look::StartLF
            } else {
                Look::Start
            })?,
            [b'$', ..] => self.look(if self.flags.multi_line {
                Look::EndLF
            } else {
                Look::End
            })?,
            [b'.', ..] => {
                let dot = if self.flags.dot_newline {
                    Dot::AnyChar
                } else {
                    Dot::AnyCharExceptLF
                };
                self.push(Hir::dot(dot), 1, 1)?;
            }
            [b'[', ..] => {
                let (class, rest) = class::bracketed(rest, self.flags.fold)?;
                self.class(class)?;
                return Ok((rest, false));
            }
            [b'*', ..] => return Ok((self.repeat(0, None, rest, tail, last_repeat)?, true)),
            [b'+', ..] => return Ok((self.repeat(1, None, rest, tail, last_repeat)?, true)),
            [b'?', ..] => return Ok((self.repeat(0, Some(1), rest, tail, last_repeat)?, true)),
            [b'{', ..] => {
                if let Some((min, max, after)) = count(tail) {
                    return Ok((self.counted(min, max, rest, after, last_repeat)?, true));
                }
                self.literal(u32::from('{'))?;
            }
            [b'\\', ..] => return Ok((self.backslash(rest)?, false)),
            _ => {
                let (code, rest) = next_rune(rest)?;
                self.literal(code)?;
                return Ok((rest, false));
            }
        }
        Ok((tail, false))
    }

    fn too_large(&self) -> Error {
        Error::new(ErrorCode::Large, self.pattern)
    }

    fn too_deep(&self) -> Error {
        Error::new(ErrorCode::NestingDepth, self.pattern)
    }

    fn group(&mut self) -> Result<&mut Group, Error> {
        let error = Error::new(ErrorCode::UnexpectedParen, self.pattern);
        self.groups.last_mut().ok_or(error)
    }

    fn push(&mut self, hir: Hir, depth: u32, repeats: u32) -> Result<(), Error> {
        if depth > self.max_depth {
            return Err(self.too_deep());
        }
        self.group()?.sequence.push(Node { hir, depth, repeats });
        Ok(())
    }

    fn look(&mut self, look: Look) -> Result<(), Error> {
        self.push(Hir::look(look), 1, 1)
    }

    fn class(&mut self, class: ClassUnicode) -> Result<(), Error> {
        self.ranges += class.ranges().len();
        if self.ranges > MAX_RANGES {
            return Err(self.too_large());
        }
        self.push(Hir::class(Class::Unicode(class)), 1, 1)
    }

    fn literal(&mut self, code: u32) -> Result<(), Error> {
        let mut class = class::range(code, code);
        if self.flags.fold {
            class::fold_case(&mut class);
        }
        self.class(class)
    }

    fn backslash(&mut self, rest: &'p [u8]) -> Result<&'p [u8], Error> {
        let after = rest.get(2..).unwrap_or_default();
        match rest.get(1) {
            Some(b'A') => self.look(Look::Start)?,
            Some(b'z') => self.look(Look::End)?,
            Some(b'b') => self.look(Look::WordAscii)?,
            Some(b'B') => self.look(Look::WordAsciiNegate)?,
            Some(b'C') => {
                return Err(Error::new(
                    ErrorCode::InvalidEscape,
                    rest.get(..2).unwrap_or_default(),
                ));
            }
            Some(b'Q') => return self.quoted(after),
            _ => {
                if let Some((class, after)) = class::property(rest, self.flags.fold)? {
                    self.class(class)?;
                    return Ok(after);
                }
                if let Some((class, after)) = class::perl(rest, self.flags.fold) {
                    self.class(class)?;
                    return Ok(after);
                }
                let (code, after) = escape(rest)?;
                self.literal(code)?;
                return Ok(after);
            }
        }
        Ok(after)
    }

    /// `\Q…\E`, or to the end.
    fn quoted(&mut self, text: &'p [u8]) -> Result<&'p [u8], Error> {
        let end = text.windows(2).position(|pair| pair == b"\\E");
        let (mut literal, after) = match end {
            Some(end) => text.split_at_checked(end).unwrap_or_default(),
            None => (text, Default::default()),
        };
        while !literal.is_empty() {
            let (code, rest) = next_rune(literal)?;
            self.literal(code)?;
            literal = rest;
        }
        Ok(after.get(2..).unwrap_or_default())
    }

    fn counted(
        &mut self,
        min: Option<u32>,
        max: Max,
        rest: &'p [u8],
        after: &'p [u8],
        last_repeat: Option<&[u8]>,
    ) -> Result<&'p [u8], Error> {
        let bounds = match (min, max) {
            (Some(min), Max::None) if min <= MAX_REPEAT => Some((min, None)),
            (Some(min), Max::Count(Some(max))) if min <= max && max <= MAX_REPEAT => Some((min, Some(max))),
            _ => None,
        };
        let Some((min, max)) = bounds else {
            return Err(size_error(rest, after));
        };
        let end = self.repeat(min, max, rest, after, last_repeat)?;
        let top = self.group()?.sequence.last();
        let checked = min >= 2 || max.is_some_and(|max| max >= 2);
        if checked && top.is_some_and(|node| node.repeats > MAX_REPEAT) {
            return Err(size_error(rest, end));
        }
        Ok(end)
    }

    /// Repeats the last element. `rest` begins with the operator, `after` is what follows it.
    fn repeat(
        &mut self,
        min: u32,
        max: Option<u32>,
        rest: &'p [u8],
        after: &'p [u8],
        last_repeat: Option<&[u8]>,
    ) -> Result<&'p [u8], Error> {
        let mut greedy = !self.flags.swap_greed;
        let mut after = after;
        if let Some(lazy) = after.strip_prefix(b"?") {
            greedy = !greedy;
            after = lazy;
        }
        if let Some(last) = last_repeat {
            let both = last.get(..last.len() - after.len()).unwrap_or_default();
            return Err(Error::new(ErrorCode::InvalidRepeatOp, both));
        }
        let operator = rest.get(..rest.len() - after.len()).unwrap_or_default();
        let missing = Error::new(ErrorCode::MissingRepeatArgument, operator);
        let node = self.group()?.sequence.pop().ok_or(missing)?;
        let repetition = Repetition {
            min,
            max,
            greedy,
            sub: Box::new(node.hir),
        };
        // Only counts multiply; stars and the like do not, and what is repeated zero times is not there.
        let repeats = match (min, max) {
            (_, Some(0)) => 1,
            (_, Some(max)) => node.repeats.saturating_mul(max),
            (min, None) => node.repeats.saturating_mul(min.max(1)),
        };
        self.push(Hir::repetition(repetition), node.depth + 1, repeats)?;
        Ok(after)
    }

    /// Opens a capturing group.
    fn open(&mut self, name: Option<String>) {
        let capture = u32::try_from(self.names.len()).ok();
        self.names.push(name);
        self.group_of(capture);
    }

    fn group_of(&mut self, capture: Option<u32>) {
        let flags = self.flags;
        self.groups.push(Group {
            flags,
            capture,
            alternatives: Vec::new(),
            sequence: Vec::new(),
        });
    }

    fn alternate(&mut self) -> Result<(), Error> {
        let group = self.group()?;
        let sequence = std::mem::take(&mut group.sequence);
        group.alternatives.push(concat(sequence));
        Ok(())
    }

    fn close_group(&mut self) -> Result<(), Error> {
        // The first group is the whole expression, which no parenthesis closes.
        if self.groups.len() < 2 {
            return Err(Error::new(ErrorCode::UnexpectedParen, self.pattern));
        }
        let group = self.groups.pop();
        let (flags, capture) = match &group {
            Some(group) => (group.flags, group.capture),
            None => (self.flags, None),
        };
        let node = self.close(group)?;
        self.flags = flags;
        match capture {
            None => self.push(node.hir, node.depth, node.repeats),
            Some(index) => {
                let hir = Hir::capture(Capture {
                    index,
                    name: None,
                    sub: Box::new(node.hir),
                });
                self.push(hir, node.depth + 1, node.repeats)
            }
        }
    }

    fn close(&self, group: Option<Group>) -> Result<Node, Error> {
        let Some(mut group) = group else {
            return Ok(concat(Vec::new()));
        };
        let last = concat(group.sequence);
        if group.alternatives.is_empty() {
            return Ok(last);
        }
        group.alternatives.push(last);
        let depth = deepest(&group.alternatives) + 1;
        if depth > self.max_depth {
            return Err(self.too_deep());
        }
        let repeats = most_repeats(&group.alternatives);
        let parts = group.alternatives.into_iter().map(|node| node.hir).collect();
        Ok(Node {
            hir: Hir::alternation(parts),
            depth,
            repeats,
        })
    }

    /// `(?flags)`, `(?flags:`, `(?P<name>` and `(?<name>`; gives the pattern after it.
    fn group_flags(&mut self, rest: &'p [u8]) -> Result<&'p [u8], Error> {
        let named = rest.strip_prefix(b"(?P<").filter(|body| !body.is_empty());
        let named = named.or_else(|| rest.strip_prefix(b"(?<").filter(|body| !body.is_empty()));
        if let Some(body) = named {
            return self.named_group(rest, body);
        }
        let mut flags = self.flags;
        let mut on = true;
        let mut seen = false;
        let mut at = rest.get(2..).unwrap_or_default();
        while !at.is_empty() {
            let (code, after) = next_rune(at)?;
            at = after;
            match char::from_u32(code) {
                Some('i') => flags.fold = on,
                Some('m') => flags.multi_line = on,
                Some('s') => flags.dot_newline = on,
                Some('U') => flags.swap_greed = on,
                Some('-') if on => {
                    on = false;
                    seen = false;
                    continue;
                }
                Some(end @ (':' | ')')) if on || seen => {
                    if end == ':' {
                        self.group_of(None);
                    }
                    self.flags = flags;
                    return Ok(at);
                }
                _ => break,
            }
            seen = true;
        }
        let read = rest.get(..rest.len() - at.len()).unwrap_or_default();
        Err(Error::new(ErrorCode::InvalidPerlOp, read))
    }

    fn named_group(&mut self, rest: &'p [u8], body: &'p [u8]) -> Result<&'p [u8], Error> {
        let Some(end) = body.iter().position(|byte| *byte == b'>') else {
            check_utf8(rest)?;
            return Err(Error::new(ErrorCode::InvalidNamedCapture, rest));
        };
        let (name, after) = body.split_at_checked(end).unwrap_or_default();
        let after = after.get(1..).unwrap_or_default();
        check_utf8(name)?;
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let name = str::from_utf8(name)
            .ok()
            .filter(|name| !name.is_empty() && name.bytes().all(|b| plain(&b)));
        let Some(name) = name else {
            let capture = rest.get(..rest.len() - after.len()).unwrap_or_default();
            return Err(Error::new(ErrorCode::InvalidNamedCapture, capture));
        };
        self.open(Some(name.to_owned()));
        Ok(after)
    }
}

fn size_error(rest: &[u8], after: &[u8]) -> Error {
    let operator = rest.get(..rest.len() - after.len()).unwrap_or_default();
    Error::new(ErrorCode::InvalidRepeatSize, operator)
}

fn deepest(nodes: &[Node]) -> u32 {
    nodes.iter().map(|node| node.depth).max().unwrap_or(0)
}

fn most_repeats(nodes: &[Node]) -> u32 {
    nodes.iter().map(|node| node.repeats).max().unwrap_or(1)
}

fn concat(sequence: Vec<Node>) -> Node {
    let (depth, repeats) = (
        deepest(&sequence) + u32::from(sequence.len() > 1),
        most_repeats(&sequence),
    );
    Node {
        hir: Hir::concat(sequence.into_iter().map(|node| node.hir).collect()),
        depth,
        repeats,
    }
}

/// The upper bound of `{min,max}`; a count that has too many digits is none.
enum Max {
    None,
    Count(Option<u32>),
}

/// The counts of a repetition after its brace and the pattern after it, or nothing where it is none.
fn count(text: &[u8]) -> Option<(Option<u32>, Max, &[u8])> {
    let (min, rest) = integer(text)?;
    let (max, rest) = match rest.strip_prefix(b",") {
        None => (Max::Count(min), rest),
        Some(rest) if rest.first() == Some(&b'}') => (Max::None, rest),
        Some(rest) => {
            let (max, rest) = integer(rest)?;
            (Max::Count(max), rest)
        }
    };
    Some((min, max, rest.strip_prefix(b"}")?))
}

/// A number without leading zeros; the inner nothing stands for one that is far too large.
fn integer(text: &[u8]) -> Option<(Option<u32>, &[u8])> {
    let width = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(width)?;
    if digits.is_empty() || (digits.len() > 1 && digits.first() == Some(&b'0')) {
        return None;
    }
    let value = digits.iter().try_fold(0_u32, |value, digit| {
        value.checked_mul(10)?.checked_add(u32::from(digit - b'0'))
    });
    Some((value, rest))
}
