//! JSON: `fromJson`, `toJson` and their relatives, and the way between template values and JSON values.
//!
//! The `must` forms fail; the others swallow errors: `fromJson` gives what could be read, `toJson` the empty string.

use crate::json::{self, Html, Number};
use crate::template::{
    Args, Context, Entries, FloatKind, FuncError, Function, Limit, Map, Text, Type, Value,
};

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    Function::fixed("fromJson", &[Type::String], Type::Any, |context, args| {
        context.charge_bytes(args.bytes(0).len())?;
        match json::parse_what_fits(args.bytes(0)) {
            Ok((value, _)) => from_json(context, value),
            Err(_) => Ok(Value::Nil),
        }
    }),
    Function::fixed("mustFromJson", &[Type::String], Type::Any, |context, args| {
        context.charge_bytes(args.bytes(0).len())?;
        let value = json::parse(args.bytes(0)).map_err(|error| FuncError::new(error.to_string()))?;
        from_json(context, value)
    }),
    Function::fixed("toJson", &[Type::Any], Type::String, |context, args| {
        forgiving(write(context, args, Form::Plain), Value::EMPTY)
    }),
    Function::fixed("mustToJson", &[Type::Any], Type::String, |context, args| {
        write(context, args, Form::Plain)
    }),
    Function::fixed("toPrettyJson", &[Type::Any], Type::String, |context, args| {
        forgiving(write(context, args, Form::Pretty), Value::EMPTY)
    }),
    Function::fixed("mustToPrettyJson", &[Type::Any], Type::String, |context, args| {
        write(context, args, Form::Pretty)
    }),
    Function::fixed("toRawJson", &[Type::Any], Type::String, |context, args| {
        write(context, args, Form::Raw)
    }),
    Function::fixed("mustToRawJson", &[Type::Any], Type::String, |context, args| {
        write(context, args, Form::Raw)
    }),
];

const INDENT: &[u8] = b"  ";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `<`, `>` and `&` escaped.
    Plain,
    /// As plain, on indented lines.
    Pretty,
    /// Without these escapes.
    Raw,
}

/// Swallows Go's errors, but not a bound that was reached.
fn forgiving(result: Result<Value, FuncError>, otherwise: Value) -> Result<Value, FuncError> {
    match result {
        Err(FuncError::Message(_)) => Ok(otherwise),
        other => other,
    }
}

fn write(context: &mut Context<'_>, args: Args<'_>, form: Form) -> Result<Value, FuncError> {
    let indent = if form == Form::Pretty { INDENT.len() } else { 0 };
    let value = to_json(context, args.value(0), indent)?;
    let text = match form {
        Form::Plain => json::to_vec(&value, Html::Escaped),
        Form::Pretty => json::to_vec_indented(&value, INDENT, Html::Escaped),
        Form::Raw => json::to_vec(&value, Html::Plain),
    };
    context.charge_bytes(text.len())?;
    Ok(Value::string(text))
}

/// A JSON value as `json.Unmarshal` gives it: numbers are `float64`, objects maps.
pub(super) fn from_json(context: &mut Context<'_>, value: json::Value) -> Result<Value, FuncError> {
    Ok(match value {
        json::Value::Null => Value::Nil,
        json::Value::Bool(value) => Value::Bool(value),
        json::Value::Number(number) => Value::float64(number.to_f64()),
        json::Value::String(text) => Value::string(Text::from(text)),
        json::Value::Array(elements) => {
            context.charge_items(elements.len())?;
            let mut items = Vec::with_capacity(elements.len());
            for element in elements {
                items.push(from_json(context, element)?);
            }
            Value::list(items)
        }
        json::Value::Object(members) => {
            context.charge_items(members.len())?;
            let mut entries = Entries::new();
            for (key, member) in members {
                entries.insert(key.into(), from_json(context, member)?);
            }
            Value::Map(Map::any(entries))
        }
    })
}

/// A value as `json.Marshal` sees it. Each item is charged with `indent` bytes per level, for what printing it will
/// take. Errors have Go's text.
pub(super) fn to_json(
    context: &mut Context<'_>,
    value: &Value,
    indent: usize,
) -> Result<json::Value, FuncError> {
    let mut encoder = Encoder {
        context,
        indent,
        outer: Vec::new(),
    };
    encoder.value(value, 0)
}

struct Encoder<'e, 'c> {
    context: &'e mut Context<'c>,
    indent: usize,
    /// The maps around the value, for finding one inside itself.
    outer: Vec<Map>,
}

impl Encoder<'_, '_> {
    fn value(&mut self, value: &Value, depth: usize) -> Result<json::Value, FuncError> {
        self.context.charge(1)?;
        Ok(match value {
            Value::Nil => json::Value::Null,
            Value::Bool(value) => json::Value::Bool(*value),
            Value::Int(_, n) => json::Value::Number(Number::from(*n)),
            Value::Uint(_, n) => json::Value::Number(Number::from(*n)),
            Value::Float(kind, x) => json::Value::Number(float(*kind, *x)?),
            Value::String(text) => {
                self.context.charge_bytes(text.len())?;
                json::Value::string(text.as_bytes())
            }
            Value::Bytes(bytes) => {
                self.context.charge_bytes(bytes.len() / 3 * 4 + 4)?;
                json::Value::string(data_encoding::BASE64.encode(bytes))
            }
            Value::List(list) if list.is_nil() => json::Value::Null,
            Value::List(list) => {
                self.container(list.len(), depth)?;
                let mut elements = Vec::with_capacity(list.len());
                for item in list.iter() {
                    elements.push(self.value(item, depth + 1)?);
                }
                json::Value::Array(elements)
            }
            Value::Map(map) if map.is_nil() => json::Value::Null,
            Value::Map(map) => self.map(map, depth)?,
            Value::Object(object) => match object.json() {
                Some(text) => json::parse(&text?).map_err(|error| FuncError::new(error.to_string()))?,
                None => self.fields(&object.fields(), depth)?,
            },
            Value::Complex(_) | Value::Func(_) => {
                let name = value.type_of().map(|typ| typ.to_string()).unwrap_or_default();
                return Err(FuncError::new(format!("json: unsupported type: {name}")));
            }
        })
    }

    fn map(&mut self, map: &Map, depth: usize) -> Result<json::Value, FuncError> {
        if self.outer.iter().any(|outer| outer.same(map)) {
            return Err(FuncError::new(format!(
                "json: unsupported value: encountered a cycle via map[string]{}",
                map.elem()
            )));
        }
        let entries = map.entries();
        self.container(entries.len(), depth)?;
        self.outer.push(map.clone());
        let mut members = Vec::with_capacity(entries.len());
        for (key, value) in entries.iter() {
            self.context.charge_bytes(key.len())?;
            members.push((key.to_vec(), self.value(value, depth + 1)?));
        }
        self.outer.pop();
        Ok(json::Value::Object(members))
    }

    /// Charges a list or map before its items are read.
    fn container(&mut self, items: usize, depth: usize) -> Result<(), Limit> {
        self.context.check_depth(depth + 1)?;
        self.context.charge_items(items)?;
        let spaces = items.saturating_add(1).saturating_mul(self.indent * (depth + 1));
        self.context.charge_bytes(spaces)
    }

    /// A struct: its exported fields.
    fn fields(&mut self, fields: &[(&'static str, Value)], depth: usize) -> Result<json::Value, FuncError> {
        self.container(fields.len(), depth)?;
        let mut members = Vec::with_capacity(fields.len());
        for (name, value) in fields {
            if name.starts_with(|first: char| first.is_ascii_uppercase()) {
                members.push((name.as_bytes().to_vec(), self.value(value, depth + 1)?));
            }
        }
        Ok(json::Value::Object(members))
    }
}

fn float(kind: FloatKind, x: f64) -> Result<Number, FuncError> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the value is a float32 in a wider variable"
    )]
    let number = match kind {
        FloatKind::Float32 => Number::from_f32(x as f32),
        FloatKind::Float64 => Number::from_f64(x),
    };
    number.map_err(|error| FuncError::new(error.to_string()))
}
