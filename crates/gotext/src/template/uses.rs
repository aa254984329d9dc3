//! What a template may read besides its data.
//!
//! It is told from the functions that stand in the trees, not from an execution: a branch that is never taken counts.

use std::collections::BTreeSet;

use super::node::{Branch, Callee, Expr, Pipe, Stmt};
use super::parse::Trees;
use super::text::Text;

/// What a function may read besides its arguments, or a template besides its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Uses {
    pub(super) random: bool,
    pub(super) clock: bool,
}

impl Uses {
    pub(super) const NOTHING: Self = Self {
        random: false,
        clock: false,
    };
}

/// What the template `main` uses, with all that it calls.
pub(super) fn of(trees: &Trees, main: &Text) -> Uses {
    let mut walk = Walk {
        uses: Uses::NOTHING,
        called: BTreeSet::from([main]),
        todo: vec![main],
    };
    while let Some(tree) = walk.todo.pop().map(|name| trees.get(name)) {
        walk.list(tree.map(|tree| tree.root.as_slice()).unwrap_or_default());
    }
    walk.uses
}

/// The parser bounds how deep lists and pipelines are nested, so they may be walked by recursion; calls of templates
/// are not, as they can be circular.
struct Walk<'t> {
    uses: Uses,
    called: BTreeSet<&'t Text>,
    todo: Vec<&'t Text>,
}

impl<'t> Walk<'t> {
    fn list(&mut self, list: &'t [Stmt]) {
        for stmt in list {
            match stmt {
                Stmt::Action { pipe, .. } => self.pipe(pipe),
                Stmt::If(branch) | Stmt::With(branch) => self.branch(branch),
                Stmt::Range(range) => {
                    self.pipe(&range.pipe);
                    self.list(&range.list);
                    self.list(range.else_list.as_deref().unwrap_or_default());
                }
                Stmt::Template(call) => {
                    call.pipe.iter().for_each(|pipe| self.pipe(pipe));
                    if self.called.insert(&call.name) {
                        self.todo.push(&call.name);
                    }
                }
                Stmt::Text { .. } | Stmt::Break { .. } | Stmt::Continue { .. } => {}
            }
        }
    }

    fn branch(&mut self, branch: &'t Branch) {
        for arm in &branch.arms {
            self.pipe(&arm.pipe);
            self.list(&arm.list);
        }
        self.list(branch.else_list.as_deref().unwrap_or_default());
    }

    fn pipe(&mut self, pipe: &Pipe) {
        for operand in pipe.cmds.iter().flat_map(|command| &command.args) {
            self.expr(operand);
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::Function {
                callee: Callee::Table(function),
                ..
            } => {
                self.uses.random |= function.uses.random;
                self.uses.clock |= function.uses.clock;
            }
            Expr::Pipe(pipe) => self.pipe(pipe),
            Expr::Chain { of, .. } => self.expr(of),
            Expr::Function { .. }
            | Expr::Bool { .. }
            | Expr::Dot { .. }
            | Expr::Field { .. }
            | Expr::Nil { .. }
            | Expr::Number { .. }
            | Expr::String { .. }
            | Expr::Variable { .. } => {}
        }
    }
}
