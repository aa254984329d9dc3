//! Fields: keys of maps, fields and methods of objects.

use super::call::Target;
use super::{Done, Exec, MissingKey, Slot};
use crate::strconv;
use crate::template::error::{ExecError, Reason};
use crate::template::named;
use crate::template::node::{Expr, NodeRef};
use crate::template::types::Type;
use crate::template::value::Value;

impl<'t> Exec<'t, '_, '_> {
    /// `fields` is the text `.a.b`; only the last may be a method with arguments.
    pub(super) fn field_chain(
        &mut self,
        dot: &Slot,
        mut receiver: Slot,
        node: NodeRef<'t>,
        fields: &'t [u8],
        rest: &'t [Expr],
        last: Option<Slot>,
    ) -> Done<Slot> {
        let mut names = fields.get(1..).unwrap_or_default();
        while let Some(end) = memchr::memchr(b'.', names) {
            let (name, others) = names.split_at_checked(end).unwrap_or_default();
            receiver = self.field(dot, &receiver, node, name, &[], None)?;
            names = others.get(1..).unwrap_or_default();
        }
        self.field(dot, &receiver, node, names, rest, last)
    }

    fn field(
        &mut self,
        dot: &Slot,
        receiver: &Slot,
        node: NodeRef<'t>,
        name: &'t [u8],
        rest: &'t [Expr],
        last: Option<Slot>,
    ) -> Done<Slot> {
        let Some(typ) = receiver.type_of() else {
            if self.missing_key == MissingKey::Error {
                let message = format!("nil data; no entry for key {}", strconv::quote(name));
                return Err(self.fail(Reason::MissingKey, message));
            }
            return Ok(Slot::INVALID);
        };
        let has_args = !rest.is_empty() || last.is_some();
        match &receiver.value {
            Value::Nil => {
                let message = [format!("nil pointer evaluating {typ}.").as_bytes(), name].concat();
                Err(self.fail(Reason::NilField, message))
            }
            Value::Map(map) => {
                if has_args {
                    let message = [name, b" is not a method but has arguments"].concat();
                    return Err(self.fail(Reason::NotAFunction, message));
                }
                match map.get(name) {
                    Some(value) => Ok(Slot::typed(value, *map.elem())),
                    None => self.missing(*map.elem(), name),
                }
            }
            Value::Object(object) => {
                if let Some(method) = object
                    .methods()
                    .iter()
                    .find(|method| method.name.as_bytes() == name)
                {
                    let target = Target::Method(object, method);
                    return self.call(dot, &target, node, name, rest, last);
                }
                match object
                    .fields()
                    .into_iter()
                    .find(|(field, _)| field.as_bytes() == name)
                {
                    Some((_, value)) => self.object_field(typ, name, value, has_args),
                    None => Err(self.no_such_field(typ, name)),
                }
            }
            Value::Int(kind, _) => match named::method(*kind, name) {
                Some(method) => self.call(
                    dot,
                    &Target::Named(&receiver.value, method),
                    node,
                    name,
                    rest,
                    last,
                ),
                None => Err(self.no_such_field(typ, name)),
            },
            Value::Bool(_)
            | Value::Uint(..)
            | Value::Float(..)
            | Value::Complex(_)
            | Value::String(_)
            | Value::Bytes(_)
            | Value::List(_)
            | Value::Func(_) => Err(self.no_such_field(typ, name)),
        }
    }

    fn object_field(&self, typ: Type, name: &[u8], value: Value, has_args: bool) -> Done<Slot> {
        if !name.first().is_some_and(u8::is_ascii_uppercase) {
            let tail = format!(" is an unexported field of struct type {typ}");
            return Err(self.fail(Reason::NoSuchField, [name, tail.as_bytes()].concat()));
        }
        if has_args {
            let message = [name, b" has arguments but cannot be invoked as function"].concat();
            return Err(self.fail(Reason::NotAFunction, message));
        }
        Ok(Slot::concrete(value))
    }

    fn missing(&self, elem: Type, name: &[u8]) -> Done<Slot> {
        match self.missing_key {
            MissingKey::Default => Ok(Slot::INVALID),
            MissingKey::Zero => Ok(Slot::typed(Value::zero(elem), elem)),
            MissingKey::Error => {
                let message = format!("map has no entry for key {}", strconv::quote(name));
                Err(self.fail(Reason::MissingKey, message))
            }
        }
    }

    fn no_such_field(&self, typ: Type, name: &[u8]) -> ExecError {
        let message = [
            b"can't evaluate field ",
            name,
            format!(" in type {typ}").as_bytes(),
        ]
        .concat();
        self.fail(Reason::NoSuchField, message)
    }
}
