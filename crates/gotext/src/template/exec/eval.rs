//! Pipelines, commands and arguments.

use super::call::Target;
use super::{Done, Exec, Slot};
use crate::template::error::{ExecError, Reason};
use crate::template::limits::Limit;
use crate::template::node::{Command, Expr, NodeRef, Number, Pipe, VarName};
use crate::template::types::{FloatKind, IntKind, Type, UintKind};
use crate::template::value::Value;

/// What a parameter asks for.
#[derive(Clone, Copy)]
pub(super) enum Want {
    /// Go's `reflect.Value`, which the built-ins take: anything, also nothing.
    Anything,
    Type(Type),
}

impl<'t> Exec<'t, '_, '_> {
    /// Evaluates a pipeline and sets the variables it declares or assigns.
    pub(super) fn pipeline(&mut self, dot: &Slot, pipe: &'t Pipe) -> Done<Slot> {
        self.node = Some(NodeRef::Pipe(pipe));
        let mut value: Option<Slot> = None;
        for command in &pipe.cmds {
            // The value so far is the next command's last argument.
            value = Some(self.command(dot, command, value)?.elem());
        }
        let value = value.unwrap_or(Slot::INVALID);
        for name in &pipe.decl {
            if pipe.assign {
                self.set_var(*name, value.clone())?;
            } else {
                self.push_var(name.id, value.clone())?;
            }
        }
        Ok(value)
    }

    fn command(&mut self, dot: &Slot, command: &'t Command, last: Option<Slot>) -> Done<Slot> {
        self.charge(1)?;
        let args = command.args.as_slice();
        let Some((first, rest)) = args.split_first() else {
            return Ok(Slot::INVALID);
        };
        match first {
            Expr::Field { fields, .. } => {
                self.node = Some(NodeRef::Expr(first));
                self.field_chain(
                    dot,
                    dot.clone(),
                    NodeRef::Expr(first),
                    fields.of(self.source),
                    rest,
                    last,
                )
            }
            Expr::Chain { .. } => self.chain(dot, first, rest, last),
            Expr::Function { name, callee, .. } => {
                self.node = Some(NodeRef::Expr(first));
                let target = Target::from(*callee);
                self.call(
                    dot,
                    &target,
                    NodeRef::Command(command),
                    name.of(self.source),
                    rest,
                    last,
                )
            }
            Expr::Pipe(pipe) => {
                // Its arguments are all inside.
                self.not_a_function(first, rest, last.as_ref())?;
                self.pipeline(dot, pipe)
            }
            Expr::Variable { name, fields, .. } => {
                self.variable(dot, first, *name, fields.of(self.source), rest, last)
            }
            Expr::Bool { .. }
            | Expr::Dot { .. }
            | Expr::Nil { .. }
            | Expr::Number { .. }
            | Expr::String { .. } => {
                self.node = Some(NodeRef::Expr(first));
                self.not_a_function(first, rest, last.as_ref())?;
                match first {
                    Expr::Dot { .. } => Ok(dot.clone()),
                    Expr::Nil { .. } => Err(self.fail(Reason::BadConstant, "nil is not a command")),
                    literal => self.literal(literal),
                }
            }
        }
    }

    fn not_a_function(&self, first: &Expr, rest: &[Expr], last: Option<&Slot>) -> Done<()> {
        if rest.is_empty() && last.is_none() {
            return Ok(());
        }
        let text = first.text(self.source);
        Err(self.fail(
            Reason::NotAFunction,
            [b"can't give argument to non-function ", &*text].concat(),
        ))
    }

    /// A constant where nothing says which type it should have.
    fn literal(&mut self, expr: &'t Expr) -> Done<Slot> {
        self.node = Some(NodeRef::Expr(expr));
        Ok(Slot::concrete(match expr {
            Expr::Bool { value, .. } => Value::Bool(*value),
            Expr::String { value, .. } => value.clone(),
            Expr::Number { number, .. } => number.ideal.clone().ok_or_else(|| {
                let text = number.text.of(self.source);
                self.fail(Reason::BadConstant, [text, b" overflows int"].concat())
            })?,
            _ => Value::Nil,
        }))
    }

    fn variable(
        &mut self,
        dot: &Slot,
        expr: &'t Expr,
        name: VarName,
        fields: &'t [u8],
        rest: &'t [Expr],
        last: Option<Slot>,
    ) -> Done<Slot> {
        self.node = Some(NodeRef::Expr(expr));
        let value = self.var(name)?;
        if fields.is_empty() {
            if !rest.is_empty() || last.is_some() {
                let text = expr.text(self.source);
                let message = [b"can't give argument to non-function ", &*text].concat();
                return Err(self.fail(Reason::NotAFunction, message));
            }
            return Ok(value);
        }
        self.field_chain(dot, value, NodeRef::Expr(expr), fields, rest, last)
    }

    fn chain(&mut self, dot: &Slot, expr: &'t Expr, rest: &'t [Expr], last: Option<Slot>) -> Done<Slot> {
        self.node = Some(NodeRef::Expr(expr));
        let Expr::Chain { of, fields, .. } = expr else {
            return Ok(Slot::INVALID);
        };
        let receiver = self.arg(dot, Want::Anything, of)?;
        self.field_chain(
            dot,
            receiver,
            NodeRef::Expr(expr),
            fields.of(self.source),
            rest,
            last,
        )
    }

    /// Evaluates an argument for a parameter.
    pub(super) fn arg(&mut self, dot: &Slot, want: Want, expr: &'t Expr) -> Done<Slot> {
        self.node = Some(NodeRef::Expr(expr));
        let slot = match expr {
            Expr::Dot { .. } => dot.clone(),
            Expr::Nil { .. } => {
                return match want {
                    Want::Anything => Ok(Slot::INVALID),
                    Want::Type(typ) if can_be_nil(typ) => Ok(Slot::typed(Value::zero(typ), typ)),
                    Want::Type(typ) => Err(self.fail(
                        Reason::WrongType(typ, None),
                        format!("cannot assign nil to {typ}"),
                    )),
                };
            }
            Expr::Field { fields, .. } => self.field_chain(
                dot,
                dot.clone(),
                NodeRef::Expr(expr),
                fields.of(self.source),
                &[],
                None,
            )?,
            Expr::Variable { name, fields, .. } => {
                self.variable(dot, expr, *name, fields.of(self.source), &[], None)?
            }
            Expr::Pipe(pipe) => self.pipeline(dot, pipe)?,
            Expr::Function { name, callee, .. } => {
                let target = Target::from(*callee);
                self.call(dot, &target, NodeRef::Expr(expr), name.of(self.source), &[], None)?
            }
            Expr::Chain { .. } => self.chain(dot, expr, &[], None)?,
            Expr::Bool { .. } | Expr::Number { .. } | Expr::String { .. } => {
                return match want {
                    Want::Anything | Want::Type(Type::Any) => self.literal(expr),
                    Want::Type(typ) => self.constant(typ, expr),
                };
            }
        };
        self.validate(slot, want)
    }

    /// A constant for a parameter of that type.
    fn constant(&self, typ: Type, expr: &Expr) -> Done<Slot> {
        let number = match expr {
            Expr::Number { number, .. } => Some(&**number),
            _ => None,
        };
        let (value, kind) = match typ {
            Type::Bool => match expr {
                Expr::Bool { value, .. } => (Some(Value::Bool(*value)), "bool"),
                _ => (None, "bool"),
            },
            Type::String => match expr {
                Expr::String { value, .. } => (Some(value.clone()), "string"),
                _ => (None, "string"),
            },
            Type::Int(kind) => (number.and_then(|n| int(n, kind)), "integer"),
            Type::Uint(kind) => (number.and_then(|n| uint(n, kind)), "unsigned integer"),
            Type::Float(kind) => (number.and_then(|n| float(n, kind)), "float"),
            Type::Complex => (
                number
                    .and_then(|n| n.complex)
                    .map(|(real, imaginary)| Value::complex(real, imaginary)),
                "complex",
            ),
            Type::Any | Type::Slice(_) | Type::Map(_) | Type::Object(_) | Type::Func(_) | Type::Error => {
                let text = expr.text(self.source);
                let message = [
                    b"can't handle ",
                    &*text,
                    format!(" for arg of type {typ}").as_bytes(),
                ]
                .concat();
                return Err(self.fail(Reason::WrongType(typ, None), message));
            }
        };
        value.map(Slot::concrete).ok_or_else(|| {
            let text = expr.text(self.source);
            let message = [format!("expected {kind}; found ").as_bytes(), &*text].concat();
            self.fail(Reason::WrongType(typ, None), message)
        })
    }

    /// Makes sure that a value may be passed for a parameter.
    pub(super) fn validate(&self, slot: Slot, want: Want) -> Done<Slot> {
        let Want::Type(typ) = want else {
            return Ok(slot);
        };
        if !slot.is_valid() {
            if can_be_nil(typ) {
                return Ok(Slot::typed(Value::zero(typ), typ));
            }
            return Err(self.fail(
                Reason::WrongType(typ, None),
                format!("invalid value; expected {typ}"),
            ));
        }
        if typ == Type::Any {
            return Ok(slot);
        }
        // What an interface holds counts, if it holds anything.
        let got = slot.value.type_of();
        if got == Some(typ) || is_pointer_to(got, typ) {
            return Ok(slot.elem());
        }
        let got = got.unwrap_or(Type::Any);
        let message = format!("wrong type for value; expected {typ}; got {got}");
        Err(self.fail(Reason::WrongType(typ, Some(got)), message))
    }

    pub(super) fn set_var(&mut self, name: VarName, value: Slot) -> Done<()> {
        let found = self
            .vars
            .iter_mut()
            .skip(self.base)
            .rev()
            .find(|(id, _)| *id == name.id);
        match found {
            Some(var) => {
                var.1 = value;
                Ok(())
            }
            None => Err(self.undefined(name)),
        }
    }

    pub(super) fn push_var(&mut self, id: u32, value: Slot) -> Done<()> {
        let limits = self.context.limits();
        if self.vars.len()
            > limits
                .items
                .saturating_add(limits.template_depth.saturating_mul(4))
        {
            return Err(self.limit(Limit::Items));
        }
        self.vars.push((id, value));
        Ok(())
    }

    fn var(&mut self, name: VarName) -> Done<Slot> {
        let mut visible = self.vars.iter().skip(self.base).rev().enumerate();
        let Some((passed, (_, slot))) = visible.find(|(_, (id, _))| *id == name.id) else {
            return Err(self.undefined(name));
        };
        let slot = slot.clone();
        // A search through many variables is work, too.
        self.charge(passed as u64 / 16)?;
        Ok(slot)
    }

    fn undefined(&self, name: VarName) -> ExecError {
        let name = name.span.of(self.source);
        self.fail(
            Reason::UndefinedVariable,
            [b"undefined variable: ", name].concat(),
        )
    }
}

/// Whether an untyped nil may stand for the type.
fn can_be_nil(typ: Type) -> bool {
    match typ {
        Type::Any | Type::Error | Type::Slice(_) | Type::Map(_) | Type::Func(_) => true,
        Type::Object(name) => name.starts_with('*'),
        Type::Bool | Type::String | Type::Int(_) | Type::Uint(_) | Type::Float(_) | Type::Complex => false,
    }
}

fn is_pointer_to(got: Option<Type>, want: Type) -> bool {
    match (got, want) {
        (Some(Type::Object(got)), Type::Object(want)) => got.strip_prefix('*') == Some(want),
        _ => false,
    }
}

/// The constant as that integer type; too large ones lose their upper bits, as with Go's `SetInt`.
fn int(number: &Number, kind: IntKind) -> Option<Value> {
    let unused = 64 - kind.bits();
    number.int.map(|n| Value::Int(kind, (n << unused) >> unused))
}

fn uint(number: &Number, kind: UintKind) -> Option<Value> {
    let unused = 64 - kind.bits();
    number.uint.map(|n| Value::Uint(kind, (n << unused) >> unused))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a float32 is held rounded to its precision"
)]
fn float(number: &Number, kind: FloatKind) -> Option<Value> {
    number.float.map(|x| match kind {
        FloatKind::Float32 => Value::Float(kind, f64::from(x as f32)),
        FloatKind::Float64 => Value::Float(kind, x),
    })
}
