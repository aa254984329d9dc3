//! The tree a template is parsed to, and how its nodes print themselves in error texts.
//!
//! Nodes refer to the source by spans, so a template that came from a Secret exists once in memory and is wiped
//! with its source. A node's `pos` is the byte offset that Go would report, which is not always its start: of
//! `.a.b` it is the offset of `.b`.

use super::function::Function;
use super::text::Text;
use super::value::Value;

/// A piece of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) len: u32,
}

impl Span {
    pub(super) const EMPTY: Self = Self { start: 0, len: 0 };

    /// Offsets always fit: the parser refuses larger sources.
    pub(super) fn new(start: usize, end: usize) -> Self {
        let start32 = u32::try_from(start).unwrap_or(u32::MAX);
        Self {
            start: start32,
            len: u32::try_from(end.saturating_sub(start)).unwrap_or(0),
        }
    }

    pub(super) fn of(self, source: &[u8]) -> &[u8] {
        let start = self.start as usize;
        source.get(start..start + self.len as usize).unwrap_or_default()
    }

    /// From the start of `self` to the end of `last`.
    pub(super) fn to(self, last: Self) -> Self {
        Self {
            start: self.start,
            len: (last.start + last.len).saturating_sub(self.start),
        }
    }
}

/// A thing between or outside of actions that is executed for its effect.
#[derive(Debug)]
pub(super) enum Stmt {
    Text { pos: u32, text: Span },
    Action { pos: u32, pipe: Pipe },
    If(Box<Branch>),
    Range(Box<Loop>),
    With(Box<Branch>),
    Template(Box<TemplateCall>),
    Break { pos: u32 },
    Continue { pos: u32 },
}

/// An `if` or a `with`, and what `else` joins to it.
#[derive(Debug)]
pub(super) struct Branch {
    /// The arm of the keyword itself, then those of each `else if` or `else with`.
    ///
    /// Go nests the latter, which means the same: variables of an earlier pipeline are visible in later arms.
    pub(super) arms: Vec<Arm>,
    pub(super) else_list: Option<Vec<Stmt>>,
}

#[derive(Debug)]
pub(super) struct Arm {
    pub(super) pipe: Pipe,
    pub(super) list: Vec<Stmt>,
}

/// A `range`.
#[derive(Debug)]
pub(super) struct Loop {
    pub(super) pipe: Pipe,
    pub(super) list: Vec<Stmt>,
    pub(super) else_list: Option<Vec<Stmt>>,
}

#[derive(Debug)]
pub(super) struct TemplateCall {
    pub(super) pos: u32,
    pub(super) name: Text,
    pub(super) pipe: Option<Pipe>,
}

#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) pos: u32,
    pub(super) assign: bool,
    pub(super) decl: Vec<VarName>,
    pub(super) cmds: Vec<Command>,
}

/// A variable's name: its number among the template's names, and where it is written, `$` included.
#[derive(Clone, Copy, Debug)]
pub(super) struct VarName {
    pub(super) id: u32,
    pub(super) span: Span,
}

#[derive(Debug)]
pub(super) struct Command {
    pub(super) pos: u32,
    pub(super) args: Vec<Expr>,
}

/// An operand.
#[derive(Debug)]
pub(super) enum Expr {
    Bool {
        pos: u32,
        value: bool,
    },
    /// Fields of something other than dot or a variable; `fields` spans `.a.b`.
    Chain {
        pos: u32,
        of: Box<Self>,
        fields: Span,
    },
    Dot {
        pos: u32,
    },
    /// `fields` spans `.a.b`.
    Field {
        pos: u32,
        fields: Span,
    },
    Function {
        pos: u32,
        name: Span,
        callee: Callee,
    },
    Nil {
        pos: u32,
    },
    Number {
        pos: u32,
        number: Box<Number>,
    },
    Pipe(Box<Pipe>),
    String {
        pos: u32,
        quoted: Span,
        value: Value,
    },
    /// `fields` spans `.a.b`, or nothing.
    Variable {
        pos: u32,
        name: VarName,
        fields: Span,
    },
}

/// What a function name was resolved to.
#[derive(Clone, Copy, Debug)]
pub(super) enum Callee {
    Builtin(Builtin),
    Table(&'static Function),
}

/// Go's built-in functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Builtin {
    And,
    Call,
    Eq,
    Ge,
    Gt,
    Html,
    Index,
    Js,
    Le,
    Len,
    Lt,
    Ne,
    Not,
    Or,
    Print,
    Printf,
    Println,
    Slice,
    Urlquery,
}

/// A numeric constant: Go decides by its context which of these readings counts.
#[derive(Debug)]
pub(super) struct Number {
    pub(super) text: Span,
    pub(super) int: Option<i64>,
    pub(super) uint: Option<u64>,
    pub(super) float: Option<f64>,
    pub(super) complex: Option<(f64, f64)>,
    /// The value where the context does not say; none if it overflows `int`.
    pub(super) ideal: Option<Value>,
}

/// One template: the main one, or one made by `define` or `block`.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) root: Vec<Stmt>,
    /// Nothing but white space: another definition of the same name replaces it.
    pub(super) blank: bool,
}

/// Any node that an error may be about.
#[derive(Clone, Copy, Debug)]
pub(super) enum NodeRef<'t> {
    Stmt(&'t Stmt),
    Template(&'t TemplateCall),
    Pipe(&'t Pipe),
    Command(&'t Command),
    Expr(&'t Expr),
}

impl Builtin {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "and" => Self::And,
            "call" => Self::Call,
            "eq" => Self::Eq,
            "ge" => Self::Ge,
            "gt" => Self::Gt,
            "html" => Self::Html,
            "index" => Self::Index,
            "js" => Self::Js,
            "le" => Self::Le,
            "len" => Self::Len,
            "lt" => Self::Lt,
            "ne" => Self::Ne,
            "not" => Self::Not,
            "or" => Self::Or,
            "print" => Self::Print,
            "printf" => Self::Printf,
            "println" => Self::Println,
            "slice" => Self::Slice,
            "urlquery" => Self::Urlquery,
            _ => return None,
        })
    }
}

impl NodeRef<'_> {
    pub(super) fn pos(self) -> u32 {
        match self {
            Self::Stmt(stmt) => stmt.pos(),
            Self::Template(call) => call.pos,
            Self::Pipe(pipe) => pipe.pos,
            Self::Command(command) => command.pos,
            Self::Expr(expr) => expr.pos(),
        }
    }

    /// The node as Go prints it. Blocks and text print as nothing: no error is about them.
    pub(super) fn print(self, source: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Stmt(stmt) => stmt.print(source, &mut out),
            Self::Template(call) => call.print(source, &mut out),
            Self::Pipe(pipe) => pipe.print(source, &mut out),
            Self::Command(command) => command.print(source, &mut out),
            Self::Expr(expr) => expr.print(source, &mut out),
        }
        out
    }
}

impl Stmt {
    fn pos(&self) -> u32 {
        match self {
            Self::Text { pos, .. }
            | Self::Action { pos, .. }
            | Self::Break { pos }
            | Self::Continue { pos } => *pos,
            Self::If(branch) | Self::With(branch) => branch.arms.first().map_or(0, |arm| arm.pipe.pos),
            Self::Range(range) => range.pipe.pos,
            Self::Template(call) => call.pos,
        }
    }

    fn print(&self, source: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Action { pipe, .. } => {
                out.extend(b"{{");
                pipe.print(source, out);
                out.extend(b"}}");
            }
            Self::Template(call) => call.print(source, out),
            Self::Text { .. }
            | Self::If(_)
            | Self::Range(_)
            | Self::With(_)
            | Self::Break { .. }
            | Self::Continue { .. } => {}
        }
    }
}

impl TemplateCall {
    fn print(&self, source: &[u8], out: &mut Vec<u8>) {
        out.extend(b"{{template ");
        out.extend(crate::strconv::quote(&self.name).as_bytes());
        if let Some(pipe) = &self.pipe {
            out.push(b' ');
            pipe.print(source, out);
        }
        out.extend(b"}}");
    }
}

impl Pipe {
    fn print(&self, source: &[u8], out: &mut Vec<u8>) {
        for (i, name) in self.decl.iter().enumerate() {
            if i > 0 {
                out.extend(b", ");
            }
            out.extend(name.span.of(source));
        }
        if !self.decl.is_empty() {
            out.extend(if self.assign { &b" = "[..] } else { b" := " });
        }
        for (i, command) in self.cmds.iter().enumerate() {
            if i > 0 {
                out.extend(b" | ");
            }
            command.print(source, out);
        }
    }
}

impl Command {
    fn print(&self, source: &[u8], out: &mut Vec<u8>) {
        for (i, arg) in self.args.iter().enumerate() {
            if i > 0 {
                out.push(b' ');
            }
            arg.print_operand(source, out);
        }
    }
}

impl Expr {
    pub(super) fn pos(&self) -> u32 {
        match self {
            Self::Bool { pos, .. }
            | Self::Chain { pos, .. }
            | Self::Dot { pos }
            | Self::Field { pos, .. }
            | Self::Function { pos, .. }
            | Self::Nil { pos }
            | Self::Number { pos, .. }
            | Self::String { pos, .. }
            | Self::Variable { pos, .. } => *pos,
            Self::Pipe(pipe) => pipe.pos,
        }
    }

    /// As part of a command, where pipelines stand in parentheses.
    fn print_operand(&self, source: &[u8], out: &mut Vec<u8>) {
        if let Self::Pipe(pipe) = self {
            out.push(b'(');
            pipe.print(source, out);
            out.push(b')');
        } else {
            self.print(source, out);
        }
    }

    pub(super) fn print(&self, source: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Bool { value, .. } => out.extend(if *value { &b"true"[..] } else { b"false" }),
            Self::Chain { of, fields, .. } => {
                of.print_operand(source, out);
                out.extend(fields.of(source));
            }
            Self::Dot { .. } => out.push(b'.'),
            Self::Field { fields, .. } => out.extend(fields.of(source)),
            Self::Function { name, .. } => out.extend(name.of(source)),
            Self::Nil { .. } => out.extend(b"nil"),
            Self::Number { number, .. } => out.extend(number.text.of(source)),
            Self::Pipe(pipe) => pipe.print(source, out),
            Self::String { quoted, .. } => out.extend(quoted.of(source)),
            Self::Variable { name, fields, .. } => {
                out.extend(name.span.of(source));
                out.extend(fields.of(source));
            }
        }
    }

    /// The operand as Go's `%s` prints it on its own.
    pub(super) fn text(&self, source: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        self.print(source, &mut out);
        out
    }
}
