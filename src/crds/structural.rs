//! From the JSON schema of a Rust type to the structural schema of a CRD.
//!
//! Own code, because kube's derive marks every optional field `nullable`, lets a type's description win over that of
//! the field it stands in, and drops what the values of an enum mean.

use schemars::{JsonSchema, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// What the values of an enum mean, until it is known whose description they go to.
const MEANINGS: &str = "x-meanings";

/// The structural schema of a type.
pub(super) fn schema<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    });
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    restructure(&mut schema);
    describe(&mut schema);
    schema
}

/// Inside out: options become plain, enums become lists of values.
fn restructure(schema: &mut Value) {
    for child in children(schema) {
        restructure(child);
    }
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    object.remove("title");
    object.remove("$schema");
    unwrap_option(object);
    if let Some(Value::Array(variants)) = object.remove("oneOf") {
        list_values(object, &variants);
    }
}

/// `Option<T>` is T: in a CRD a field is optional unless its parent requires it.
fn unwrap_option(object: &mut Map<String, Value>) {
    let null = json!("null");
    if let Some(Value::Array(types)) = object.get_mut("type") {
        types.retain(|t| *t != null);
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(alternatives)) = object.remove("anyOf") {
        let inner = alternatives.into_iter().find(|a| a.get("type") != Some(&null));
        if let Some(Value::Object(inner)) = inner {
            for (key, value) in inner {
                // What is said at the field wins over what is said at its type.
                object.entry(key).or_insert(value);
            }
        }
    }
}

/// Variants with a comment each become a list of values; the comments go to the description.
fn list_values(object: &mut Map<String, Value>, variants: &[Value]) {
    let mut values = Vec::new();
    let mut meanings = String::new();
    for variant in variants {
        let Some(value) = variant.get("const").and_then(Value::as_str) else {
            continue;
        };
        values.push(json!(value));
        if let Some(meaning) = variant.get("description").and_then(Value::as_str) {
            meanings.push_str("\n- ");
            meanings.push_str(value);
            meanings.push_str(": ");
            meanings.push_str(&one_line(meaning));
        }
    }
    object.insert("type".to_owned(), json!("string"));
    object.insert("enum".to_owned(), Value::Array(values));
    object.insert(MEANINGS.to_owned(), json!(meanings));
}

/// Descriptions as users see them: paragraphs on one line, values listed.
fn describe(schema: &mut Value) {
    for child in children(schema) {
        describe(child);
    }
    let Some(object) = schema.as_object_mut() else {
        return;
    };
    let meanings = object.remove(MEANINGS);
    if let Some(Value::String(description)) = object.get_mut("description") {
        *description = one_line(description);
        if let Some(meanings) = meanings.as_ref().and_then(Value::as_str) {
            description.push_str(meanings);
        }
    }
}

/// A comment's line breaks are those of the source; empty lines part paragraphs.
fn one_line(text: &str) -> String {
    let paragraphs: Vec<String> = text
        .split("\n\n")
        .map(|p| p.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    paragraphs.join("\n")
}

/// Schemas directly inside a schema.
fn children(schema: &mut Value) -> impl Iterator<Item = &mut Value> {
    schema.as_object_mut().into_iter().flat_map(|object| {
        object
            .iter_mut()
            .flat_map(|(key, value)| -> Box<dyn Iterator<Item = &mut Value>> {
                match (key.as_str(), value) {
                    ("properties", Value::Object(properties)) => Box::new(properties.values_mut()),
                    ("anyOf", Value::Array(alternatives)) => Box::new(alternatives.iter_mut()),
                    ("items" | "additionalProperties", child) => Box::new(std::iter::once(child)),
                    _ => Box::new(std::iter::empty()),
                }
            })
    })
}
