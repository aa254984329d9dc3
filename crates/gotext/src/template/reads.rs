//! Which entries of its data a template may read.
//!
//! It is told from the trees, not from an execution: a branch that is never taken counts, and so does an entry that is
//! only passed on. What cannot be told apart counts as all of the data.

use std::collections::BTreeSet;

use super::node::{Branch, Builtin, Callee, Command, Expr, Pipe, Span, Stmt, TemplateCall};
use super::parse::Trees;
use super::text::Text;

/// Whether the template `main`, with all that it calls, may read an entry of its data that is `wanted`.
pub(super) fn of(trees: &Trees, main: &Text, source: &[u8], wanted: &dyn Fn(&[u8]) -> bool) -> bool {
    let mut walk = Walk {
        source,
        wanted,
        reads: false,
        called: BTreeSet::from([(main, Scope::MAIN)]),
        todo: vec![(main, Scope::MAIN)],
    };
    while let Some((name, scope)) = walk.todo.pop()
        && !walk.reads
    {
        let tree = trees.get(name);
        walk.list(tree.map(|tree| tree.root.as_slice()).unwrap_or_default(), scope);
    }
    walk.reads
}

/// What `.` and `$` are: the data as a whole or, if not, something that was made of what was counted before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Scope {
    dot: bool,
    dollar: bool,
}

impl Scope {
    const MAIN: Self = Self {
        dot: true,
        dollar: true,
    };

    /// Inside a `with` or a `range`.
    fn inner(self) -> Self {
        Self { dot: false, ..self }
    }
}

/// Recursion is bounded as in `uses`.
struct Walk<'t, 'w> {
    source: &'t [u8],
    wanted: &'w dyn Fn(&[u8]) -> bool,
    reads: bool,
    called: BTreeSet<(&'t Text, Scope)>,
    todo: Vec<(&'t Text, Scope)>,
}

impl<'t> Walk<'t, '_> {
    fn list(&mut self, list: &'t [Stmt], scope: Scope) {
        for stmt in list {
            match stmt {
                Stmt::Action { pipe, .. } => self.pipe(pipe, scope),
                Stmt::If(branch) => self.branch(branch, scope, scope),
                Stmt::With(branch) => self.branch(branch, scope, scope.inner()),
                Stmt::Range(range) => {
                    self.pipe(&range.pipe, scope);
                    self.list(&range.list, scope.inner());
                    self.list(range.else_list.as_deref().unwrap_or_default(), scope);
                }
                Stmt::Template(call) => self.call(call, scope),
                Stmt::Text { .. } | Stmt::Break { .. } | Stmt::Continue { .. } => {}
            }
        }
    }

    fn branch(&mut self, branch: &'t Branch, outer: Scope, inner: Scope) {
        for arm in &branch.arms {
            self.pipe(&arm.pipe, outer);
            self.list(&arm.list, inner);
        }
        self.list(branch.else_list.as_deref().unwrap_or_default(), outer);
    }

    /// A template that is given the data as a whole reads what stands in it.
    fn call(&mut self, call: &'t TemplateCall, scope: Scope) {
        let whole = call.pipe.as_ref().is_some_and(|pipe| self.is_data(pipe, scope));
        if !whole {
            call.pipe.iter().for_each(|pipe| self.pipe(pipe, scope));
        }
        let inside = Scope {
            dot: whole,
            dollar: whole,
        };
        if self.called.insert((&call.name, inside)) {
            self.todo.push((&call.name, inside));
        }
    }

    /// `.` or `$`, and nothing else.
    fn is_data(&self, pipe: &Pipe, scope: Scope) -> bool {
        match (pipe.decl.as_slice(), pipe.cmds.as_slice()) {
            ([], [command]) => match command.args.as_slice() {
                [only] => self.is_whole(only, scope),
                _ => false,
            },
            _ => false,
        }
    }

    fn is_whole(&self, expr: &Expr, scope: Scope) -> bool {
        match expr {
            Expr::Dot { .. } => scope.dot,
            Expr::Variable { name, fields, .. } => {
                scope.dollar && *fields == Span::EMPTY && name.span.of(self.source) == b"$"
            }
            _ => false,
        }
    }

    fn pipe(&mut self, pipe: &Pipe, scope: Scope) {
        for command in &pipe.cmds {
            self.command(command, scope);
        }
    }

    fn command(&mut self, command: &Command, scope: Scope) {
        let mut operands = command.args.as_slice();
        if let [
            Expr::Function {
                callee: Callee::Builtin(Builtin::Index),
                ..
            },
            of,
            Expr::String { value, .. },
            others @ ..,
        ] = operands
            && self.is_whole(of, scope)
        {
            self.key(value.as_bytes().unwrap_or_default());
            operands = others;
        }
        for operand in operands {
            self.expr(operand, scope);
        }
    }

    fn expr(&mut self, expr: &Expr, scope: Scope) {
        match expr {
            Expr::Field { fields, .. } if scope.dot => self.field(*fields),
            Expr::Variable { name, fields, .. }
                if scope.dollar && *fields != Span::EMPTY && name.span.of(self.source) == b"$" =>
            {
                self.field(*fields);
            }
            whole if self.is_whole(whole, scope) => self.reads = true,
            Expr::Pipe(pipe) => self.pipe(pipe, scope),
            Expr::Chain { of, .. } => self.expr(of, scope),
            Expr::Bool { .. }
            | Expr::Dot { .. }
            | Expr::Field { .. }
            | Expr::Function { .. }
            | Expr::Nil { .. }
            | Expr::Number { .. }
            | Expr::String { .. }
            | Expr::Variable { .. } => {}
        }
    }

    /// The first name of `.a.b`.
    fn field(&mut self, fields: Span) {
        let names = fields.of(self.source).strip_prefix(b".").unwrap_or_default();
        self.key(names.split(|&byte| byte == b'.').next().unwrap_or_default());
    }

    fn key(&mut self, key: &[u8]) {
        self.reads |= (self.wanted)(key);
    }
}
