//! `docs/reference.md`: every field of the CRDs as a table, made from their schema, so that it cannot tell otherwise.

use std::fmt::Write;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};

use crate::crds::{self, Error};

const HEADER: &str = "\
# Every field

Printed by `keyferry crds --reference`; change the types in src/api, not this file.

`[]` stands for each item of a list, `{}` for each value of a map. A field is optional unless its type says *required*. Where the
column says nothing, there is no default in the schema; what happens then is in the meaning. Examples that show how fields work
together are in [`examples/`](../examples).
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
        let mut rows = String::new();
        walk(&mut rows, part, fields);
        if rows.is_empty() {
            continue;
        }
        _ = match part {
            "spec" => write!(
                text,
                "\n| Field | Type | Default | Example | Meaning |\n|---|---|---|---|---|\n{rows}"
            ),
            _ => write!(
                text,
                "\nWhat is reported:\n\n| Field | Type | Meaning |\n|---|---|---|\n{rows}"
            ),
        };
    }
}

fn walk(rows: &mut String, path: &str, schema: &JSONSchemaProps) {
    let required = schema.required.as_deref().unwrap_or_default();
    for (name, field) in schema.properties.iter().flatten() {
        let path = format!("{path}.{name}");
        row(rows, &path, field, required.contains(name));
        if !ELSEWHERE.iter().any(|(elsewhere, _)| *elsewhere == path) {
            inside(rows, &path, field);
        }
    }
}

fn inside(rows: &mut String, path: &str, field: &JSONSchemaProps) {
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &field.items {
        walk(rows, &format!("{path}[]"), items);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &field.additional_properties {
        walk(rows, &format!("{path}{{}}"), values);
    }
    walk(rows, path, field);
}

fn row(rows: &mut String, path: &str, field: &JSONSchemaProps, required: bool) {
    let elsewhere = ELSEWHERE.iter().find(|(elsewhere, _)| *elsewhere == path);
    let kind = match elsewhere {
        Some((_, there)) => (*there).to_owned(),
        None => type_of(field),
    };
    let required = if required && path.starts_with("spec.") {
        ", *required*"
    } else {
        ""
    };
    let meaning = cell(field.description.as_deref().unwrap_or_default());
    _ = if path.starts_with("status") {
        writeln!(rows, "| `{path}` | {kind} | {meaning} |")
    } else {
        let default = field.default.as_ref().map(|value| code(&value.0.to_string()));
        writeln!(
            rows,
            "| `{path}` | {kind}{required} | {} | {} | {meaning} |",
            default.unwrap_or_default(),
            example(field),
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

/// What the description names after "such as", or the last value of a list: seldom the default.
fn example(field: &JSONSchemaProps) -> String {
    let description = field.description.as_deref().unwrap_or_default();
    let named = description
        .split_once("such as `")
        .and_then(|(_, rest)| rest.split_once('`'))
        .map(|(example, _)| code(example));
    let listed = || {
        field
            .enum_
            .as_ref()?
            .last()
            .map(|value| code(value.0.as_str().unwrap_or_default()))
    };
    let plain = || (field.type_.as_deref() == Some("boolean")).then(|| code("true"));
    named.or_else(listed).or_else(plain).unwrap_or_default()
}

fn code(text: &str) -> String {
    let text = text.trim_matches('"');
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
