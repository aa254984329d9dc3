//! YAML: `toYaml` and `fromYaml`, by the rules of `sigs.k8s.io/yaml`.
//!
//! Neither fails: what cannot be written is the empty string, and what cannot be read is a map with the text of the
//! error under `Error`.

use super::json::{from_json, to_json};
use crate::json;
use crate::template::{Args, Context, Entries, FuncError, Function, Map, Type, Value};
use crate::yaml;

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    Function::fixed("toYaml", &[Type::Any], Type::String, to_yaml),
    Function::fixed("fromYaml", &[Type::String], Type::ANY_MAP, from_yaml),
];

/// Spaces per level of the output.
const INDENT: usize = 2;

fn to_yaml(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let value = match to_json(context, args.value(0), INDENT) {
        Ok(value) => value,
        Err(FuncError::Message(_)) => return Ok(Value::EMPTY),
        Err(limit) => return Err(limit),
    };
    let Ok(mut text) = yaml::to_vec(&value) else {
        return Ok(Value::EMPTY);
    };
    context.charge_bytes(text.len())?;
    text.pop_if(|last| *last == b'\n');
    Ok(Value::string(text))
}

fn from_yaml(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let text = args.bytes(0);
    context.charge_bytes(text.len())?;
    context.charge(text.len() as u64)?;
    match yaml::parse(text) {
        // An empty document leaves Go's map as it was made.
        Ok(json::Value::Null) => Ok(Value::Map(Map::any(Entries::new()))),
        Ok(value @ json::Value::Object(_)) => from_json(context, value),
        Ok(_) | Err(_) => {
            let error = yaml::parse_map(text)
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default();
            Ok(Value::Map(Map::any(Entries::from([(
                "Error".into(),
                Value::string(error),
            )]))))
        }
    }
}
