//! Which layout a value gets under a verb, by its Go type.

use super::Printer;
use super::pad::Base;
use crate::strconv::{FloatForm, FloatSize};
use crate::template::limits::Limit;
use crate::template::named;
use crate::template::object::Object;
use crate::template::text::Text;
use crate::template::types::{FloatKind, Type};
use crate::template::value::Value;

/// Stands in for addresses, which Go prints for `%p` and which no output may depend on.
const ADDRESS: u64 = 0xc000_0000_0000;

impl Printer {
    /// A top-level operand.
    pub(super) fn arg(&mut self, value: &Value, verb: char) {
        match (value, verb) {
            (Value::Nil, 'T' | 'v') => self.pad(b"<nil>"),
            (Value::Nil, _) => self.bad_verb(verb, value),
            (_, 'T') => {
                let name = value.type_of().map(|typ| typ.to_string()).unwrap_or_default();
                self.string(name.as_bytes());
            }
            (_, 'p') => self.pointer(value, 'p'),
            (Value::Bytes(bytes), _) => self.bytes(value, bytes, verb, "[]byte"),
            (Value::List(list), _) if list.is_nil_bytes() => self.bytes(value, &Text::EMPTY, verb, "[]byte"),
            (Value::String(text), 'v') if !self.flags.sharp_v => self.string(text),
            _ => {
                if !self.method(value, verb) {
                    self.value(value, verb, 0);
                }
            }
        }
    }

    /// Prints what the value's `String` method gives, if it has one that counts here.
    fn method(&mut self, value: &Value, verb: char) -> bool {
        if self.erroring {
            return false;
        }
        if verb == 'w' {
            // Only `fmt.Errorf` knows this verb.
            self.bad_verb(verb, value);
            return true;
        }
        if self.flags.sharp_v {
            if let Value::Object(object) = value
                && let Some(text) = object.go_string()
            {
                self.string(&text);
                return true;
            }
            return false;
        }
        if !matches!(verb, 'v' | 's' | 'x' | 'X' | 'q') {
            return false;
        }
        let text = match value {
            Value::Object(object) => object.string(),
            _ => named::string(value),
        };
        match text {
            Some(text) => {
                self.text(&text, value, verb);
                true
            }
            None => false,
        }
    }

    /// An element, at `depth` below the operand.
    fn element(&mut self, value: &Value, verb: char, depth: usize) {
        if depth > self.max_depth && self.exceeded.is_none() {
            self.exceeded = Some(Limit::ValueDepth);
        }
        if self.exceeded.is_some() {
            return;
        }
        match value {
            Value::Nil => self.write(if self.flags.sharp_v {
                b"interface {}(nil)"
            } else {
                b"<nil>"
            }),
            _ => {
                if !self.method(value, verb) {
                    self.value(value, verb, depth);
                }
            }
        }
    }

    fn value(&mut self, value: &Value, verb: char, depth: usize) {
        match value {
            Value::Nil => self.write(b"<nil>"),
            Value::Bool(truth) => match verb {
                't' | 'v' => self.pad(if *truth { b"true" } else { b"false" }),
                _ => self.bad_verb(verb, value),
            },
            Value::Int(_, n) => self.number(value, n.unsigned_abs(), *n < 0, verb),
            Value::Uint(_, n) => self.number(value, *n, false, verb),
            Value::Float(kind, x) => {
                let size = match kind {
                    FloatKind::Float32 => FloatSize::Bits32,
                    FloatKind::Float64 => FloatSize::Bits64,
                };
                if !self.float_verb(*x, size, verb) {
                    self.bad_verb(verb, value);
                }
            }
            Value::Complex(parts) => self.complex(value, **parts, verb),
            Value::String(text) => self.text(text, value, verb),
            Value::Bytes(bytes) if matches!(verb, 's' | 'q' | 'x' | 'X') => {
                self.bytes(value, bytes, verb, "[]uint8");
            }
            Value::Bytes(bytes) => {
                let items = bytes.iter().map(|byte| Value::byte(*byte));
                self.sequence(Type::BYTES, false, items, verb, depth);
            }
            Value::List(list) if list.is_nil_bytes() && matches!(verb, 's' | 'q' | 'x' | 'X') => {
                self.text(&Text::EMPTY, value, verb);
            }
            Value::List(list) => {
                self.sequence(
                    Type::Slice(list.elem()),
                    list.is_nil(),
                    list.iter().cloned(),
                    verb,
                    depth,
                );
            }
            Value::Map(_) => self.map(value, verb, depth),
            Value::Object(object) => self.object(value, &**object, verb, depth),
            Value::Func(_) => self.pointer(value, verb),
        }
    }

    fn text(&mut self, text: &[u8], value: &Value, verb: char) {
        match verb {
            'v' if self.flags.sharp_v => self.quoted(text),
            'v' | 's' => self.string(text),
            'x' => self.hex(text, false),
            'X' => self.hex(text, true),
            'q' => self.quoted(text),
            _ => self.bad_verb(verb, value),
        }
    }

    /// A `[]uint8` operand.
    fn bytes(&mut self, value: &Value, bytes: &Text, verb: char, type_name: &str) {
        match verb {
            'v' | 'd' if self.flags.sharp_v => {
                self.write(type_name.as_bytes());
                if matches!(value, Value::List(_)) {
                    self.write(b"(nil)");
                    return;
                }
                self.byte(b'{');
                for (i, byte) in bytes.iter().enumerate() {
                    if i > 0 {
                        self.write(b", ");
                    }
                    self.hex_number(u64::from(*byte), true);
                }
                self.byte(b'}');
            }
            'v' | 'd' => {
                self.byte(b'[');
                for (i, byte) in bytes.iter().enumerate() {
                    if i > 0 {
                        self.byte(b' ');
                    }
                    self.integer(u64::from(*byte), false, Base::Ten, false);
                }
                self.byte(b']');
            }
            's' | 'x' | 'X' | 'q' => self.text(bytes, value, verb),
            _ => self.value(value, verb, 0),
        }
    }

    fn sequence(
        &mut self,
        typ: Type,
        nil: bool,
        items: impl Iterator<Item = Value>,
        verb: char,
        depth: usize,
    ) {
        let sharp_v = self.flags.sharp_v;
        if sharp_v {
            self.type_name(typ);
            if nil {
                self.write(b"(nil)");
                return;
            }
        }
        self.byte(if sharp_v { b'{' } else { b'[' });
        for (i, item) in items.enumerate() {
            self.separate(i);
            self.element(&item, verb, depth + 1);
            if self.exceeded.is_some() {
                return;
            }
        }
        self.byte(if sharp_v { b'}' } else { b']' });
    }

    fn separate(&mut self, i: usize) {
        if i > 0 {
            self.write(if self.flags.sharp_v { b", " } else { b" " });
        }
    }

    fn map(&mut self, value: &Value, verb: char, depth: usize) {
        let Value::Map(map) = value else { return };
        if self.flags.sharp_v {
            self.type_name(Type::Map(map.elem()));
            if map.is_nil() {
                self.write(b"(nil)");
                return;
            }
            self.byte(b'{');
        } else {
            self.write(b"map[");
        }
        for (i, (key, value)) in map.entries().iter().enumerate() {
            self.separate(i);
            self.element(&Value::String(key.clone()), verb, depth + 1);
            self.byte(b':');
            self.element(value, verb, depth + 1);
            if self.exceeded.is_some() {
                return;
            }
        }
        self.byte(if self.flags.sharp_v { b'}' } else { b']' });
    }

    fn object(&mut self, value: &Value, object: &dyn Object, verb: char, depth: usize) {
        let name = object.type_name();
        let struct_name = name.strip_prefix('*');
        if struct_name.is_some() {
            if depth > 0 || object.is_nil() {
                self.pointer(value, verb);
                return;
            }
            self.byte(b'&');
        }
        if self.flags.sharp_v {
            self.write(struct_name.unwrap_or(name).as_bytes());
        }
        self.byte(b'{');
        for (i, (name, field)) in object.fields().iter().enumerate() {
            self.separate(i);
            if self.flags.plus_v || self.flags.sharp_v {
                self.write(name.as_bytes());
                self.byte(b':');
            }
            self.element(field, verb, depth + 1);
        }
        self.byte(b'}');
    }

    fn number(&mut self, value: &Value, magnitude: u64, negative: bool, verb: char) {
        let is_unsigned = matches!(value, Value::Uint(..));
        // For characters Go reads the bits as unsigned.
        let bits = if negative {
            magnitude.wrapping_neg()
        } else {
            magnitude
        };
        match verb {
            'v' if self.flags.sharp_v && is_unsigned => self.hex_number(magnitude, true),
            'v' | 'd' => self.integer(magnitude, negative, Base::Ten, false),
            'b' => self.integer(magnitude, negative, Base::Two, false),
            'o' => self.integer(magnitude, negative, Base::Eight, false),
            'O' => self.integer(magnitude, negative, Base::Eight, true),
            'x' => self.integer(magnitude, negative, Base::Sixteen, false),
            'X' => self.integer(magnitude, negative, Base::UpperSixteen, false),
            'c' => self.character(bits),
            'q' => self.quoted_character(bits),
            'U' => self.code_point(bits),
            _ => self.bad_verb(verb, value),
        }
    }

    fn hex_number(&mut self, n: u64, prefix: bool) {
        let sharp = std::mem::replace(&mut self.flags.sharp, prefix);
        self.integer(n, false, Base::Sixteen, false);
        self.flags.sharp = sharp;
    }

    /// `false` if the verb is not one of floats.
    fn float_verb(&mut self, x: f64, size: FloatSize, verb: char) -> bool {
        let (form, precision) = match verb {
            'v' | 'g' => (FloatForm::General, None),
            'G' => (FloatForm::UpperGeneral, None),
            'b' => (FloatForm::Binary, None),
            'x' => (FloatForm::Hex, None),
            'X' => (FloatForm::UpperHex, None),
            'f' | 'F' => (FloatForm::Fixed, Some(6)),
            'e' => (FloatForm::Exponent, Some(6)),
            'E' => (FloatForm::UpperExponent, Some(6)),
            _ => return false,
        };
        self.float(x, size, form, precision);
        true
    }

    fn complex(&mut self, value: &Value, (real, imaginary): (f64, f64), verb: char) {
        if !matches!(verb, 'v' | 'b' | 'g' | 'G' | 'x' | 'X' | 'f' | 'F' | 'e' | 'E') {
            self.bad_verb(verb, value);
            return;
        }
        self.byte(b'(');
        self.float_verb(real, FloatSize::Bits64, verb);
        let plus = std::mem::replace(&mut self.flags.plus, true);
        self.float_verb(imaginary, FloatSize::Bits64, verb);
        self.flags.plus = plus;
        self.write(b"i)");
    }

    fn pointer(&mut self, value: &Value, verb: char) {
        let address = match value {
            Value::List(list) if list.is_nil() => 0,
            Value::Map(map) if map.is_nil() => 0,
            Value::Bytes(_) | Value::List(_) | Value::Map(_) | Value::Func(_) => ADDRESS,
            Value::Object(object) if object.is_nil() => 0,
            Value::Object(object) if object.type_name().starts_with('*') => ADDRESS,
            _ => {
                self.bad_verb(verb, value);
                return;
            }
        };
        match verb {
            'v' if self.flags.sharp_v => {
                self.byte(b'(');
                self.type_name(value.type_of().unwrap_or(Type::Any));
                self.write(b")(");
                if address == 0 {
                    self.write(b"nil");
                } else {
                    self.hex_number(address, true);
                }
                self.byte(b')');
            }
            'v' if address == 0 => self.pad(b"<nil>"),
            'v' | 'p' => self.hex_number(address, !self.flags.sharp),
            'b' | 'o' | 'd' | 'x' | 'X' => self.number(&Value::Nil, address, false, verb),
            _ => self.bad_verb(verb, value),
        }
    }

    fn bad_verb(&mut self, verb: char, value: &Value) {
        self.erroring = true;
        self.write(b"%!");
        self.char(verb);
        self.byte(b'(');
        match value.type_of() {
            None => self.write(b"<nil>"),
            Some(typ) => {
                self.type_name(typ);
                self.byte(b'=');
                if let Value::Bytes(bytes) = value {
                    self.bytes(value, bytes, 'v', "[]byte");
                } else {
                    self.value(value, 'v', 0);
                }
            }
        }
        self.byte(b')');
        self.erroring = false;
    }
}
