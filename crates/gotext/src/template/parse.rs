//! Turns tokens into trees, refusing what Go's parser refuses, with its error texts.
//!
//! Function names are resolved here: a template that parses calls only functions that exist. What a call's
//! arguments must be is decided when it is executed, as in Go.

mod control;
mod number;
mod pipeline;

use std::collections::{BTreeMap, HashMap};

use super::error::ParseError;
use super::function::Functions;
use super::lexer::{Item, Kind, LexOptions, Lexer};
use super::limits::{Limit, Limits};
use super::node::{Builtin, Callee, Span, Stmt, Tree};
use super::text::Text;
use crate::strconv;

type Parsed<T> = Result<T, ParseError>;

/// Left and right delimiters; an empty one means Go's own.
pub(super) struct Delims<'s> {
    pub(super) left: &'s [u8],
    pub(super) right: &'s [u8],
}

/// All templates of one source, by name.
pub(super) type Trees = BTreeMap<Text, Tree>;

/// Parses `source`; `name` is the main template's.
pub(super) fn parse(
    name: &Text,
    source: &Text,
    delims: &Delims<'_>,
    functions: &Functions,
    limits: &Limits,
) -> Parsed<Trees> {
    if source.len() > limits.template_bytes || u32::try_from(source.len()).is_err() {
        return Err(ParseError::limit(name, 1, Limit::TemplateBytes));
    }
    let options = LexOptions {
        left: if delims.left.is_empty() {
            b"{{"
        } else {
            delims.left
        },
        right: if delims.right.is_empty() {
            b"}}"
        } else {
            delims.right
        },
        break_ok: functions.get("break").is_none(),
        continue_ok: functions.get("continue").is_none(),
    };
    let mut parser = Parser {
        parse_name: name,
        source,
        lexer: Lexer::new(source, options),
        functions,
        nesting_left: limits.nesting,
        var_ids: HashMap::new(),
        trees: Trees::new(),
        tree: TreeState::new(),
    };
    let root = parser.main()?;
    parser.add(name.clone(), root)?;
    Ok(parser.trees)
}

struct Parser<'s> {
    parse_name: &'s Text,
    source: &'s [u8],
    lexer: Lexer<'s>,
    functions: &'s Functions,
    nesting_left: usize,
    var_ids: HashMap<&'s [u8], u32>,
    trees: Trees,
    tree: TreeState,
}

/// What each `define` and `block` has of its own: look-ahead, visible variables, and whether a loop is open.
struct TreeState {
    token: [Item; 3],
    peeked: usize,
    /// Names visible now, in order of declaration.
    vars: Vec<u32>,
    /// How often each name is in `vars`.
    visible: HashMap<u32, u32>,
    action_line: u32,
    range_depth: u32,
}

impl TreeState {
    fn new() -> Self {
        Self {
            token: [Item::NONE; 3],
            peeked: 0,
            vars: Vec::new(),
            visible: HashMap::new(),
            action_line: 0,
            range_depth: 0,
        }
    }
}

/// What ended a list of statements.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    End,
    Else,
}

impl Ending {
    fn text(self) -> &'static str {
        match self {
            Self::End => "{{end}}",
            Self::Else => "{{else}}",
        }
    }
}

/// One step of reading a list.
enum Element {
    Stmt(Stmt),
    Ending(Ending),
}

impl Parser<'_> {
    fn next(&mut self) -> Item {
        let tree = &mut self.tree;
        if let Some(peeked) = tree.peeked.checked_sub(1) {
            tree.peeked = peeked;
        } else {
            tree.token[0] = self.lexer.next_item();
        }
        tree.token.get(tree.peeked).copied().unwrap_or(Item::NONE)
    }

    fn backup(&mut self) {
        self.tree.peeked += 1;
    }

    /// Puts `first` back before the token that was peeked.
    fn backup2(&mut self, first: Item) {
        self.tree.token[1] = first;
        self.tree.peeked = 2;
    }

    /// Puts `first` and `second` back before the token that was peeked.
    fn backup3(&mut self, first: Item, second: Item) {
        self.tree.token[1] = second;
        self.tree.token[2] = first;
        self.tree.peeked = 3;
    }

    fn peek(&mut self) -> Item {
        let token = self.next();
        self.backup();
        token
    }

    fn next_non_space(&mut self) -> Item {
        loop {
            let token = self.next();
            if token.kind != Kind::Space {
                return token;
            }
        }
    }

    fn peek_non_space(&mut self) -> Item {
        let token = self.next_non_space();
        self.backup();
        token
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Parsed<Item> {
        let token = self.next_non_space();
        if token.kind == kind {
            Ok(token)
        } else {
            Err(self.unexpected(token, context))
        }
    }

    fn fail(&self, text: impl Into<Text>) -> ParseError {
        ParseError::new(self.parse_name, self.tree.token[0].line, text.into())
    }

    fn unexpected(&self, token: Item, context: &str) -> ParseError {
        if token.kind == Kind::Error {
            let mut text = self.lexer.error.clone().into_bytes();
            let started = self.tree.action_line;
            if started != 0 && started != token.line {
                // Go avoids saying "action in action".
                let lead: &[u8] = if text.ends_with(b" action") {
                    b" started at "
                } else {
                    b" in action started at "
                };
                text.extend(lead);
                text.extend(self.parse_name.as_bytes());
                text.extend(format!(":{started}").as_bytes());
            }
            return self.fail(text);
        }
        self.fail(format!("unexpected {} in {context}", self.item_text(token)))
    }

    /// A token as error texts show it.
    fn item_text(&self, token: Item) -> String {
        let text = token.span.of(self.source);
        match token.kind {
            Kind::Eof => "EOF".to_owned(),
            Kind::Error => self.lexer.error.clone(),
            kind if kind.is_keyword() => format!("<{}>", String::from_utf8_lossy(text)),
            _ if text.len() > 10 => {
                let end = strconv::runes(text)
                    .nth(10)
                    .map_or(text.len(), |(offset, ..)| offset);
                format!("{}...", strconv::quote(text.get(..end).unwrap_or_default()))
            }
            _ => strconv::quote(text),
        }
    }

    /// Goes one level deeper; every level must be left with [`Self::leave`].
    fn enter(&mut self) -> Parsed<()> {
        match self.nesting_left.checked_sub(1) {
            Some(left) => {
                self.nesting_left = left;
                Ok(())
            }
            None => Err(ParseError::limit(
                self.parse_name,
                self.tree.token[0].line,
                Limit::Nesting,
            )),
        }
    }

    fn leave(&mut self) {
        self.nesting_left += 1;
    }

    fn function(&self, name: Span) -> Option<Callee> {
        let name = std::str::from_utf8(name.of(self.source)).ok()?;
        match self.functions.get(name) {
            Some(function) => Some(Callee::Table(function)),
            None => Builtin::named(name).map(Callee::Builtin),
        }
    }

    /// Adds a finished tree: of two with one name, the one that is not blank counts.
    fn add(&mut self, name: Text, root: Vec<Stmt>) -> Parsed<()> {
        let blank = self.is_blank(&root);
        match self.trees.get(&name) {
            Some(tree) if !tree.blank && blank => Ok(()),
            Some(tree) if !tree.blank => {
                let name = strconv::quote(&name);
                Err(self.fail(format!("template: multiple definition of template {name}")))
            }
            _ => {
                self.trees.insert(name, Tree { root, blank });
                Ok(())
            }
        }
    }

    fn is_blank(&self, list: &[Stmt]) -> bool {
        list.iter().all(|stmt| match stmt {
            // Go trims Unicode white space here.
            Stmt::Text { text, .. } => {
                strconv::runes(text.of(self.source)).all(|(_, c, _)| c.is_some_and(char::is_whitespace))
            }
            _ => false,
        })
    }

    fn var_id(&mut self, name: Span) -> u32 {
        let next = u32::try_from(self.var_ids.len() + 1).unwrap_or(u32::MAX);
        let text = name.of(self.source);
        if text == b"$" {
            return super::exec::DOLLAR;
        }
        *self.var_ids.entry(text).or_insert(next)
    }

    fn declare(&mut self, id: u32) {
        self.tree.vars.push(id);
        *self.tree.visible.entry(id).or_insert(0) += 1;
    }

    /// Forgets the variables declared since there were `len`.
    fn pop_vars(&mut self, len: usize) {
        while self.tree.vars.len() > len {
            if let Some(count) = self.tree.vars.pop().and_then(|id| self.tree.visible.get_mut(&id)) {
                *count -= 1;
            }
        }
    }

    fn is_declared(&self, id: u32) -> bool {
        id == super::exec::DOLLAR || self.tree.visible.get(&id).is_some_and(|count| *count > 0)
    }
}
