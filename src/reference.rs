//! `docs/reference.md`: every field of the CRDs as a table, made from their schema, so that it cannot tell otherwise.

mod examples;

use std::fmt::Write;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use serde_json::Value;

use crate::crds::{self, Error};

const HEADER: &str = "\
# Every field

Printed by `keyferry crds --reference`; change the types in src/api, not this file.

`[]` stands for each item of a list, `{}` for each value of a map. A field is optional unless its type says *required*. Where the
column says nothing, there is no default in the schema; what happens then is in the meaning. Examples that show how fields work
together are in [`examples/`](../examples/README.md).
";

/// The fields of which others are shown elsewhere: path, and where.
const ELSEWHERE: [(&str, &str); 1] = [(
    "spec.externalSecretSpec",
    "spec of [ExternalSecret](#externalsecret)",
)];

/// The reference as Markdown.
pub fn markdown() -> Result<String, Error> {
    let mut text = HEADER.to_owned();
    for crd in crds::all()? {
        kind(&mut text, &crd);
    }
    Ok(text)
}

fn kind(text: &mut String, crd: &CustomResourceDefinition) {
    let names = &crd.spec.names;
    let Some(version) = crd.spec.versions.iter().find(|version| version.served) else {
        return;
    };
    let schema = version
        .schema
        .as_ref()
        .and_then(|schema| schema.open_api_v3_schema.as_ref());
    let Some(schema) = schema else { return };
    let short = names.short_names.as_ref().and_then(|names| names.first());
    let get = short.unwrap_or(&names.plural);
    // Writing to a String cannot fail.
    _ = write!(
        text,
        "\n## {}\n\n{}\n\n`apiVersion: {}/{}` · {} · `kubectl get {get}`\n",
        names.kind,
        schema.description.as_deref().unwrap_or_default(),
        crd.spec.group,
        version.name,
        if crd.spec.scope == "Cluster" {
            "cluster-wide"
        } else {
            "in a namespace"
        },
    );
    for part in ["spec", "status"] {
        let Some(fields) = schema.properties.as_ref().and_then(|fields| fields.get(part)) else {
            continue;
        };
        let mut fields_of_part = vec![];
        walk(&mut fields_of_part, part, fields);
        if fields_of_part.is_empty() {
            continue;
        }
        text.push_str(if part == "spec" {
            "\n| Field | Type | Default | Example | Meaning |\n|---|---|---|---|---|\n"
        } else {
            "\nWhat is reported:\n\n| Field | Type | Example | Meaning |\n|---|---|---|---|\n"
        });
        for field in fields_of_part {
            row(text, &names.kind, &field);
        }
    }
}

/// A field as the tables have it.
struct Field<'a> {
    path: String,
    schema: &'a JSONSchemaProps,
    required: bool,
}

fn walk<'a>(fields: &mut Vec<Field<'a>>, path: &str, schema: &'a JSONSchemaProps) {
    let required = schema.required.as_deref().unwrap_or_default();
    for (name, field) in schema.properties.iter().flatten() {
        let path = format!("{path}.{name}");
        fields.push(Field {
            path: path.clone(),
            schema: field,
            required: required.contains(name),
        });
        if !ELSEWHERE.iter().any(|(elsewhere, _)| *elsewhere == path) {
            inside(fields, &path, field);
        }
    }
}

fn inside<'a>(fields: &mut Vec<Field<'a>>, path: &str, field: &'a JSONSchemaProps) {
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &field.items {
        walk(fields, &format!("{path}[]"), items);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &field.additional_properties {
        walk(fields, &format!("{path}{{}}"), values);
    }
    walk(fields, path, field);
}

fn row(text: &mut String, kind: &str, field: &Field<'_>) {
    let Field { path, schema, .. } = field;
    let elsewhere = ELSEWHERE.iter().find(|(elsewhere, _)| elsewhere == path);
    let type_ = match elsewhere {
        Some((_, there)) => (*there).to_owned(),
        None => type_of(schema),
    };
    let example = examples::of(kind, path, schema);
    let example = example.map(|value| code(&value)).unwrap_or_default();
    let meaning = cell(schema.description.as_deref().unwrap_or_default());
    // Writing to a String cannot fail.
    _ = if path.starts_with("status") {
        writeln!(text, "| `{path}` | {type_} | {example} | {meaning} |")
    } else {
        let required = if field.required { ", *required*" } else { "" };
        let default = schema.default.as_ref().map(|value| code(&value.0));
        let default = default.unwrap_or_default();
        writeln!(
            text,
            "| `{path}` | {type_}{required} | {default} | {example} | {meaning} |"
        )
    };
}

fn type_of(field: &JSONSchemaProps) -> String {
    if field.x_kubernetes_int_or_string == Some(true) {
        return "integer or string".to_owned();
    }
    if field.enum_.is_some() {
        return "one of a list".to_owned();
    }
    match (
        field.type_.as_deref().unwrap_or("any"),
        &field.items,
        &field.additional_properties,
    ) {
        ("array", Some(JSONSchemaPropsOrArray::Schema(items)), _) => format!("list of {}", plural(items)),
        ("object", _, Some(JSONSchemaPropsOrBool::Schema(values))) => format!("map to {}", plural(values)),
        (plain, ..) => plain.to_owned(),
    }
}

fn plural(items: &JSONSchemaProps) -> String {
    match type_of(items).as_str() {
        "one of a list" => "values of a list".to_owned(),
        "any" => "anything".to_owned(),
        plain => format!("{plain}s"),
    }
}

/// A value as a manifest has it: text bare, all else as JSON, which is YAML too.
fn code(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if text.is_empty() {
        return "empty".to_owned();
    }
    format!("`{}`", text.replace('|', "\\|"))
}

/// Text that stands in one cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
        .replace("\n- ", "<br>• ")
        .replace('\n', "<br>")
}

#[cfg(test)]
mod tests;
