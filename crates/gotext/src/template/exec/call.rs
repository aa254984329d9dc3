//! Calls: counts and types of arguments, then the function itself.

use super::eval::Want;
use super::{Done, Exec, Slot};
use crate::template::builtins;
use crate::template::error::Reason;
use crate::template::function::{Args, FuncError, Function, Signature};
use crate::template::named::NamedMethod;
use crate::template::node::{Builtin, Callee, Expr, NodeRef};
use crate::template::object::{Method, Object};
use crate::template::types::Type;
use crate::template::value::Value;

use std::sync::Arc;

/// What is called.
pub(super) enum Target<'v> {
    Builtin(Builtin),
    Table(&'static Function),
    Method(&'v Arc<dyn Object>, &'static Method),
    Named(&'v Value, &'static NamedMethod),
}

impl From<Callee> for Target<'_> {
    fn from(callee: Callee) -> Self {
        match callee {
            Callee::Builtin(builtin) => Self::Builtin(builtin),
            Callee::Table(function) => Self::Table(function),
        }
    }
}

/// The parameters of a target.
struct Params {
    fixed: FixedParams,
    variadic: Option<Want>,
}

enum FixedParams {
    Types(&'static [Type]),
    /// So many of Go's `reflect.Value`.
    Anything(usize),
}

impl Params {
    fn of(target: &Target<'_>) -> Self {
        let signature: &Signature = match target {
            Target::Builtin(builtin) => return Self::of_builtin(*builtin),
            Target::Table(function) => &function.signature,
            Target::Method(_, method) => &method.signature,
            Target::Named(_, method) => &method.signature,
        };
        match signature.params.split_last() {
            Some((last, fixed)) if signature.variadic => Self {
                fixed: FixedParams::Types(fixed),
                variadic: Some(Want::Type(*last)),
            },
            _ => Self {
                fixed: FixedParams::Types(signature.params),
                variadic: None,
            },
        }
    }

    fn of_builtin(builtin: Builtin) -> Self {
        let (fixed, variadic) = match builtin {
            Builtin::And | Builtin::Or | Builtin::Call | Builtin::Eq | Builtin::Index | Builtin::Slice => {
                (FixedParams::Anything(1), Some(Want::Anything))
            }
            Builtin::Ge | Builtin::Gt | Builtin::Le | Builtin::Lt | Builtin::Ne => {
                (FixedParams::Anything(2), None)
            }
            Builtin::Len | Builtin::Not => (FixedParams::Anything(1), None),
            Builtin::Html | Builtin::Js | Builtin::Print | Builtin::Println | Builtin::Urlquery => {
                (FixedParams::Types(&[]), Some(Want::Type(Type::Any)))
            }
            Builtin::Printf => (FixedParams::Types(&[Type::String]), Some(Want::Type(Type::Any))),
        };
        Self { fixed, variadic }
    }

    fn fixed_len(&self) -> usize {
        match self.fixed {
            FixedParams::Types(types) => types.len(),
            FixedParams::Anything(n) => n,
        }
    }

    /// What parameter `i` wants.
    fn want(&self, i: usize) -> Want {
        let fixed = match self.fixed {
            FixedParams::Types(types) => types.get(i).copied().map(Want::Type),
            FixedParams::Anything(n) => (i < n).then_some(Want::Anything),
        };
        fixed.or(self.variadic).unwrap_or(Want::Anything)
    }
}

impl<'t> Exec<'t, '_, '_> {
    /// Calls `target`; `last` is the argument that comes through the pipeline.
    pub(super) fn call(
        &mut self,
        dot: &Slot,
        target: &Target<'_>,
        node: NodeRef<'t>,
        name: &'t [u8],
        rest: &'t [Expr],
        last: Option<Slot>,
    ) -> Done<Slot> {
        let params = Params::of(target);
        self.check_count(&params, name, rest.len(), last.is_some())?;
        if let Target::Method(_, method) = target
            && method.results != 0
        {
            let message = match method.results {
                2 => [
                    b"invalid function signature for ",
                    name,
                    format!(
                        ": second return value should be error; is {}",
                        method.signature.result
                    )
                    .as_bytes(),
                ]
                .concat(),
                n => [
                    b"function ",
                    name,
                    format!(" has {n} return values; should be 1 or 2").as_bytes(),
                ]
                .concat(),
            };
            return Err(self.fail(Reason::NotAFunction, message));
        }
        match target {
            Target::Builtin(Builtin::And) => self.and_or(dot, false, rest, last),
            Target::Builtin(Builtin::Or) => self.and_or(dot, true, rest, last),
            Target::Builtin(builtin) => {
                let callee = (*builtin == Builtin::Call).then(|| self.callee_name(rest, last.as_ref()));
                let mut slots = Vec::with_capacity(rest.len() + 1);
                self.args(dot, &params, rest, last, |slot| slots.push(slot))?;
                let result = builtins::call(*builtin, slots, callee.as_deref(), self.context);
                result.or_else(|error| self.failed(node, name, error))
            }
            Target::Table(function) => {
                let values = self.values(dot, &params, rest, last)?;
                let result = (function.call)(self.context, Args::new(&values));
                self.finish(node, name, function.signature.result, result)
            }
            Target::Method(object, method) => {
                let values = self.values(dot, &params, rest, last)?;
                let result = (method.call)(&***object, self.context, Args::new(&values));
                self.finish(node, name, method.signature.result, result)
            }
            Target::Named(receiver, method) => {
                let values = self.values(dot, &params, rest, last)?;
                let result = (method.call)(receiver, self.context, Args::new(&values));
                self.finish(node, name, method.signature.result, result)
            }
        }
    }

    fn check_count(&self, params: &Params, name: &[u8], given: usize, has_last: bool) -> Done<()> {
        let fixed = params.fixed_len();
        let total = given + usize::from(has_last);
        let text = match params.variadic {
            // Go does not count the pipeline's value in this text.
            Some(_) if total < fixed => format!(": want at least {fixed} got {given}"),
            None if total != fixed => format!(": want {fixed} got {total}"),
            _ => return Ok(()),
        };
        Err(self.fail(
            Reason::ArgumentCount,
            [b"wrong number of args for ", name, text.as_bytes()].concat(),
        ))
    }

    /// Evaluates the arguments in order.
    fn args(
        &mut self,
        dot: &Slot,
        params: &Params,
        rest: &'t [Expr],
        last: Option<Slot>,
        mut add: impl FnMut(Slot),
    ) -> Done<()> {
        for (i, expr) in rest.iter().enumerate() {
            let slot = self.arg(dot, params.want(i), expr)?;
            add(slot);
        }
        if let Some(last) = last {
            let slot = self.validate(last, params.want(rest.len()))?;
            add(slot);
        }
        Ok(())
    }

    fn values(
        &mut self,
        dot: &Slot,
        params: &Params,
        rest: &'t [Expr],
        last: Option<Slot>,
    ) -> Done<Vec<Value>> {
        let mut values = Vec::with_capacity(rest.len() + usize::from(last.is_some()));
        self.args(dot, params, rest, last, |slot| values.push(slot.value))?;
        Ok(values)
    }

    /// `and` and `or` evaluate no more than they need.
    fn and_or(&mut self, dot: &Slot, is_or: bool, rest: &'t [Expr], last: Option<Slot>) -> Done<Slot> {
        let mut slot = Slot::INVALID;
        for expr in rest {
            slot = self.arg(dot, Want::Anything, expr)?;
            if slot.value.is_true() == is_or {
                return Ok(slot);
            }
        }
        Ok(last.unwrap_or(slot))
    }

    /// What `call` names its function in errors.
    fn callee_name(&self, rest: &[Expr], last: Option<&Slot>) -> Vec<u8> {
        match (rest.first(), last) {
            (Some(expr), _) => expr.text(self.source),
            (
                None,
                Some(Slot {
                    value: Value::String(text),
                    in_interface: false,
                }),
            ) => text.to_vec(),
            (None, Some(slot)) => match slot.type_of() {
                Some(typ) => format!("<{typ} Value>").into_bytes(),
                None => b"<invalid Value>".to_vec(),
            },
            (None, None) => Vec::new(),
        }
    }

    fn finish(
        &mut self,
        node: NodeRef<'t>,
        name: &[u8],
        typ: Type,
        result: Result<Value, FuncError>,
    ) -> Done<Slot> {
        match result {
            Ok(value) => Ok(Slot::typed(value, typ)),
            Err(error) => self.failed(node, name, error),
        }
    }

    #[cold]
    fn failed(&mut self, node: NodeRef<'t>, name: &[u8], error: FuncError) -> Done<Slot> {
        self.node = Some(node);
        let (reason, text) = match error {
            FuncError::Message(text) => (Reason::FunctionFailed, text),
            FuncError::Limit(limit) => (Reason::Limit(limit), limit.to_string().into()),
        };
        Err(self.fail(reason, [b"error calling ", name, b": ", &*text].concat()))
    }
}
