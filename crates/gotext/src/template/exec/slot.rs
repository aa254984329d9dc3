//! A value with what Go's `reflect` knows beyond it: whether it sits in an interface, and whether it is there at
//! all.

use crate::template::types::Type;
use crate::template::value::Value;

/// Go's `reflect.Value`. Nil outside an interface is the invalid value: nothing at all.
#[derive(Clone, Debug)]
pub(in crate::template) struct Slot {
    pub(in crate::template) value: Value,
    /// The value is the content of an `interface {}`, such as an element of `[]interface {}`.
    pub(in crate::template) in_interface: bool,
}

impl Slot {
    pub(in crate::template) const INVALID: Self = Self {
        value: Value::Nil,
        in_interface: false,
    };

    pub(in crate::template) fn concrete(value: Value) -> Self {
        Self {
            value,
            in_interface: false,
        }
    }

    /// A variable of static type `typ` that holds `value`.
    pub(in crate::template) fn typed(value: Value, typ: Type) -> Self {
        Self {
            value,
            in_interface: typ.is_interface(),
        }
    }

    pub(in crate::template) fn is_valid(&self) -> bool {
        self.in_interface || !matches!(self.value, Value::Nil)
    }

    /// The static type; `None` for the invalid value.
    pub(in crate::template) fn type_of(&self) -> Option<Type> {
        if self.in_interface {
            Some(Type::Any)
        } else {
            self.value.type_of()
        }
    }

    /// Takes the value out of its interface.
    pub(in crate::template) fn elem(self) -> Self {
        Self::concrete(self.value)
    }
}
