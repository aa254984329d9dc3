//! Executes a parsed template.
//!
//! Statements run on an explicit stack of frames, so recursive templates cannot overflow the machine's stack; only
//! parentheses recurse, and the parser bounds those. Errors carry the node Go would name, so every step sets the
//! current node exactly when Go does.

mod call;
mod eval;
mod field;
mod rounds;
mod slot;

use std::slice::Iter;

use super::buffer::Buffer;
use super::context::Context;
use super::error::{ExecError, Failure, Reason};
use super::limits::Limit;
use super::node::{Branch, Loop, NodeRef, Stmt, TemplateCall};
use super::parse::Trees;
use super::print;
use super::text::Text;
use super::value::Value;
use rounds::Rounds;
pub(super) use slot::Slot;

/// The number of the name `$`.
pub(super) const DOLLAR: u32 = 0;

/// What a key gives that a map does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingKey {
    /// `missingkey=default`: no value, which prints `<no value>`.
    #[default]
    Default,
    /// `missingkey=zero`: the zero value of the map's element type.
    Zero,
    /// `missingkey=error`: execution fails.
    Error,
}

type Done<T> = Result<T, ExecError>;

/// One execution.
pub(super) struct Exec<'t, 'x, 'c> {
    pub(super) trees: &'t Trees,
    pub(super) source: &'t [u8],
    /// The name given to the main template.
    pub(super) name: &'t Text,
    pub(super) missing_key: MissingKey,
    pub(super) context: &'x mut Context<'c>,
    out: Buffer,
    vars: Vec<(u32, Slot)>,
    /// Where the running template's variables begin.
    base: usize,
    running: &'t Text,
    calls: usize,
    /// What an error would be about.
    node: Option<NodeRef<'t>>,
}

/// What was being executed outside the current list.
struct Frame<'t> {
    rest: Iter<'t, Stmt>,
    dot: Slot,
    /// Number of variables to keep when the frame is left.
    mark: usize,
    kind: FrameKind<'t>,
}

enum FrameKind<'t> {
    /// The list of an `if`, a `with` or an `else`.
    Block,
    Loop {
        range: &'t Loop,
        rounds: Rounds,
        /// Number of variables to keep between rounds.
        body_mark: usize,
    },
    Call {
        base: usize,
        running: &'t Text,
    },
}

impl<'t, 'x, 'c> Exec<'t, 'x, 'c> {
    pub(super) fn new(
        trees: &'t Trees,
        source: &'t [u8],
        name: &'t Text,
        missing_key: MissingKey,
        context: &'x mut Context<'c>,
    ) -> Self {
        Self {
            trees,
            source,
            name,
            missing_key,
            context,
            out: Buffer::new(),
            vars: Vec::new(),
            base: 0,
            running: name,
            calls: 0,
            node: None,
        }
    }

    /// Executes the main template.
    pub(super) fn run(mut self, data: &Value) -> Done<Buffer> {
        // A parsed source always has a tree of its own name.
        if let Some(tree) = self.trees.get(self.name) {
            let dot = Slot::concrete(data.clone());
            self.vars.push((DOLLAR, dot.clone()));
            self.lists(tree.root.iter(), dot)?;
        }
        Ok(self.out)
    }

    fn lists(&mut self, mut rest: Iter<'t, Stmt>, mut dot: Slot) -> Done<()> {
        let mut frames: Vec<Frame<'t>> = Vec::new();
        loop {
            let Some(stmt) = rest.next() else {
                let Some(frame) = frames.pop() else { return Ok(()) };
                if let Some(frame) = self.end_of_list(frame, &mut rest, &mut dot)? {
                    frames.push(frame);
                }
                continue;
            };
            self.node = Some(NodeRef::Stmt(stmt));
            self.charge(1)?;
            let frame = match stmt {
                Stmt::Text { text, .. } => {
                    self.write(text.of(self.source))?;
                    continue;
                }
                Stmt::Action { pipe, .. } => {
                    let value = self.pipeline(&dot, pipe)?;
                    if pipe.decl.is_empty() {
                        self.node = Some(NodeRef::Stmt(stmt));
                        self.print(stmt, &value)?;
                    }
                    continue;
                }
                Stmt::Break { .. } => {
                    while let Some(frame) = frames.pop() {
                        if matches!(frame.kind, FrameKind::Loop { .. }) {
                            self.vars.truncate(frame.mark);
                            (rest, dot) = (frame.rest, frame.dot);
                            break;
                        }
                    }
                    continue;
                }
                Stmt::Continue { .. } => {
                    while frames
                        .last()
                        .is_some_and(|frame| !matches!(frame.kind, FrameKind::Loop { .. }))
                    {
                        frames.pop();
                    }
                    rest = [].iter();
                    continue;
                }
                Stmt::If(branch) => self.branch(branch, &dot, false)?,
                Stmt::With(branch) => self.branch(branch, &dot, true)?,
                Stmt::Range(range) => self.range(range, &dot)?,
                Stmt::Template(call) => Some(self.template(call, &dot)?),
            };
            if let Some(Entered {
                list,
                dot: inner,
                mark,
                kind,
            }) = frame
            {
                self.check_frames(frames.len())?;
                frames.push(Frame {
                    rest: std::mem::replace(&mut rest, list),
                    dot: std::mem::replace(&mut dot, inner),
                    mark,
                    kind,
                });
            }
        }
    }

    /// Starts the loop's next round, or goes back to what follows the frame.
    fn end_of_list(
        &mut self,
        mut frame: Frame<'t>,
        rest: &mut Iter<'t, Stmt>,
        dot: &mut Slot,
    ) -> Done<Option<Frame<'t>>> {
        match &mut frame.kind {
            FrameKind::Loop {
                range,
                rounds,
                body_mark,
            } => {
                self.vars.truncate(*body_mark);
                if let Some((index, elem)) = rounds.next() {
                    self.charge(1)?;
                    self.bind(range, index, &elem)?;
                    *rest = range.list.iter();
                    *dot = elem;
                    return Ok(Some(frame));
                }
            }
            FrameKind::Call { base, running } => {
                self.base = *base;
                self.running = running;
                self.calls -= 1;
            }
            FrameKind::Block => {}
        }
        self.vars.truncate(frame.mark);
        *rest = frame.rest;
        *dot = frame.dot;
        Ok(None)
    }

    fn branch(&mut self, branch: &'t Branch, dot: &Slot, is_with: bool) -> Done<Option<Entered<'t>>> {
        let mark = self.vars.len();
        let enter = |list: &'t [Stmt], dot| Entered {
            list: list.iter(),
            dot,
            mark,
            kind: FrameKind::Block,
        };
        for arm in &branch.arms {
            let value = self.pipeline(dot, &arm.pipe)?;
            if value.value.is_true() {
                return Ok(Some(enter(&arm.list, if is_with { value } else { dot.clone() })));
            }
        }
        if let Some(list) = &branch.else_list {
            return Ok(Some(enter(list, dot.clone())));
        }
        self.vars.truncate(mark);
        Ok(None)
    }

    fn range(&mut self, range: &'t Loop, dot: &Slot) -> Done<Option<Entered<'t>>> {
        let mark = self.vars.len();
        let value = self.pipeline(dot, &range.pipe)?.value;
        if let Value::Map(map) = &value {
            // All entries are copied before the first round.
            self.charge(map.len() as u64)?;
        }
        let body_mark = self.vars.len();
        let mut rounds = match Rounds::over(&value) {
            Some(rounds) if rounds.is_count() && range.pipe.decl.len() > 1 => {
                let shown = self.shown(&value, 'v')?;
                let message = [b"can't use ", &*shown, b" to iterate over more than one variable"].concat();
                return Err(self.fail(Reason::NotIterable, message));
            }
            Some(rounds) => rounds,
            None => {
                let shown = self.shown(&value, 'v')?;
                return Err(self.fail(
                    Reason::NotIterable,
                    [b"range can't iterate over ", &*shown].concat(),
                ));
            }
        };
        if let Some((index, elem)) = rounds.next() {
            self.bind(range, index, &elem)?;
            let kind = FrameKind::Loop {
                range,
                rounds,
                body_mark,
            };
            return Ok(Some(Entered {
                list: range.list.iter(),
                dot: elem,
                mark,
                kind,
            }));
        }
        let Some(list) = &range.else_list else {
            self.vars.truncate(mark);
            return Ok(None);
        };
        Ok(Some(Entered {
            list: list.iter(),
            dot: dot.clone(),
            mark,
            kind: FrameKind::Block,
        }))
    }

    /// Gives the loop variables their values of this round.
    fn bind(&mut self, range: &'t Loop, index: Slot, elem: &Slot) -> Done<()> {
        let pipe = &range.pipe;
        match pipe.decl.as_slice() {
            [] => {}
            [only] if pipe.assign => self.set_var(*only, elem.clone())?,
            [first, second, ..] if pipe.assign => {
                self.set_var(*first, index)?;
                self.set_var(*second, elem.clone())?;
            }
            [_] => self.set_top_var(1, elem.clone()),
            [_, _, ..] => {
                self.set_top_var(1, elem.clone());
                self.set_top_var(2, index);
            }
        }
        Ok(())
    }

    fn set_top_var(&mut self, n: usize, value: Slot) {
        let at = self.vars.len().wrapping_sub(n);
        if let Some(var) = self.vars.get_mut(at) {
            var.1 = value;
        }
    }

    fn template(&mut self, call: &'t TemplateCall, dot: &Slot) -> Done<Entered<'t>> {
        self.node = Some(NodeRef::Template(call));
        let Some((name, tree)) = self.trees.get_key_value(&call.name) else {
            let name = crate::strconv::quote(&call.name);
            return Err(self.fail(Reason::UndefinedTemplate, format!("template {name} not defined")));
        };
        let max = self.context.limits().template_depth;
        if self.calls >= max {
            let message = format!("exceeded maximum template depth ({max})");
            return Err(self.fail(Reason::Limit(Limit::TemplateDepth), message));
        }
        let inner = match &call.pipe {
            Some(pipe) => self.pipeline(dot, pipe)?,
            None => Slot::INVALID,
        };
        // What the pipeline declared stays visible to the caller.
        let mark = self.vars.len();
        let kind = FrameKind::Call {
            base: self.base,
            running: self.running,
        };
        self.base = mark;
        self.running = name;
        self.calls += 1;
        self.push_var(DOLLAR, inner.clone())?;
        Ok(Entered {
            list: tree.root.iter(),
            dot: inner,
            mark,
            kind,
        })
    }

    fn check_frames(&mut self, frames: usize) -> Done<()> {
        // A few blocks per call: what a recursion of permitted depth can hold.
        let max = self
            .context
            .limits()
            .template_depth
            .saturating_mul(4)
            .saturating_add(1000);
        if frames >= max {
            Err(self.limit(Limit::TemplateDepth))
        } else {
            Ok(())
        }
    }

    fn print(&mut self, stmt: &'t Stmt, slot: &Slot) -> Done<()> {
        match &slot.value {
            Value::Nil => self.write(b"<no value>"),
            Value::String(text) => self.write(text),
            Value::Func(_) => {
                let node = NodeRef::Stmt(stmt).print(self.source);
                let message = [b"can't print ", &*node, b" of type func"].concat();
                Err(self.fail(Reason::NotPrintable, message))
            }
            value => {
                let before = self.out.len();
                print::append(&mut self.out, value, self.context.limits())
                    .map_err(|limit| self.limit(limit))?;
                if self.out.len() > self.context.limits().output_bytes {
                    return Err(self.limit(Limit::OutputBytes));
                }
                self.charge((self.out.len() - before) as u64 / 64)
            }
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Done<()> {
        if self.out.len().saturating_add(bytes.len()) > self.context.limits().output_bytes {
            return Err(self.limit(Limit::OutputBytes));
        }
        self.charge(bytes.len() as u64 / 64)?;
        self.out.extend(bytes);
        Ok(())
    }

    #[inline]
    fn charge(&mut self, steps: u64) -> Done<()> {
        match self.context.charge(steps) {
            Ok(()) => Ok(()),
            Err(limit) => Err(self.limit(limit)),
        }
    }

    /// A value as an error text shows it.
    fn shown(&mut self, value: &Value, verb: char) -> Done<Buffer> {
        print::show(value, verb, self.context.limits()).map_err(|limit| self.limit(limit))
    }

    #[cold]
    fn limit(&self, limit: Limit) -> ExecError {
        self.fail(Reason::Limit(limit), limit.to_string())
    }

    /// An error about the current node.
    #[cold]
    fn fail(&self, reason: Reason, message: impl Into<Text>) -> ExecError {
        let pos = self.node.map_or(0, NodeRef::pos) as usize;
        let before = self.source.get(..pos).unwrap_or_default();
        let line_start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        let line = 1 + memchr::memchr_iter(b'\n', before).count();
        ExecError::from(Failure {
            name: self.name.clone(),
            template: self.running.clone(),
            line: u32::try_from(line).unwrap_or(u32::MAX),
            column: u32::try_from(pos - line_start).unwrap_or(u32::MAX),
            node: self
                .node
                .map(|node| node.print(self.source))
                .unwrap_or_default()
                .into(),
            message: message.into(),
            reason,
        })
    }
}

/// A list to be executed, and how its frame ends.
struct Entered<'t> {
    list: Iter<'t, Stmt>,
    dot: Slot,
    mark: usize,
    kind: FrameKind<'t>,
}
