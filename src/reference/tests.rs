use std::collections::BTreeSet;

use gotext::regexp::Regexp;

use super::*;

/// Calls `visit` with kind and field for each row of the tables.
fn each(mut visit: impl FnMut(&str, &Field<'_>)) {
    for crd in crds::all().unwrap() {
        let version = crd.spec.versions.iter().find(|version| version.served).unwrap();
        let schema = version.schema.as_ref().unwrap();
        let schema = schema.open_api_v3_schema.as_ref().unwrap();
        for part in ["spec", "status"] {
            let mut fields = vec![];
            if let Some(part_of) = schema.properties.as_ref().unwrap().get(part) {
                walk(&mut fields, part, part_of);
            }
            for field in &fields {
                visit(&crd.spec.names.kind, field);
            }
        }
    }
}

/// Why a value is none of a schema.
fn misfit(schema: &JSONSchemaProps, value: &Value) -> Option<String> {
    let wrong = |what: &str| Some(format!("{value} {what}"));
    if let Some(listed) = &schema.enum_
        && !listed.iter().any(|one| one.0 == *value)
    {
        return wrong("is not in the list");
    }
    match schema.type_.as_deref() {
        Some("string") => {
            let Some(text) = value.as_str() else {
                return wrong("is no text");
            };
            if let Some(pattern) = &schema.pattern
                && !Regexp::new(pattern).unwrap().is_match(text.as_bytes())
            {
                return wrong("does not match the pattern");
            }
            if schema.format.as_deref() == Some("date-time") && text.parse::<jiff::Timestamp>().is_err() {
                return wrong("is no time");
            }
            let length = i64::try_from(text.len()).unwrap();
            if schema.min_length.is_some_and(|least| length < least)
                || schema.max_length.is_some_and(|most| length > most)
            {
                return wrong("is too short or too long");
            }
            None
        }
        Some("integer") => {
            let number = value.as_i64();
            let in_bounds = |number: f64| {
                schema.minimum.is_none_or(|least| number >= least)
                    && schema.maximum.is_none_or(|most| number <= most)
            };
            match number.and_then(|number| i32::try_from(number).ok()) {
                Some(number) if in_bounds(f64::from(number)) => None,
                _ => wrong("is no number within its bounds"),
            }
        }
        Some("boolean") if !value.is_boolean() => wrong("is neither true nor false"),
        Some("array") => {
            let Some(items) = value.as_array() else {
                return wrong("is no list");
            };
            let Some(JSONSchemaPropsOrArray::Schema(schema)) = &schema.items else {
                return None;
            };
            items.iter().find_map(|item| misfit(schema, item))
        }
        Some("object") => {
            let Some(members) = value.as_object() else {
                return wrong("is no object");
            };
            let required = schema.required.as_deref().unwrap_or_default();
            if let Some(missing) = required.iter().find(|name| !members.contains_key(*name)) {
                return wrong(&format!("lacks {missing}"));
            }
            members.iter().find_map(|(name, member)| {
                let field = schema.properties.as_ref().and_then(|fields| fields.get(name));
                match (field, &schema.additional_properties) {
                    (Some(field), _) => misfit(field, member),
                    (None, Some(JSONSchemaPropsOrBool::Schema(values))) => misfit(values, member),
                    _ => wrong(&format!("has {name}, which is no field")),
                }
            })
        }
        _ => None,
    }
}

#[test]
fn every_field_has_an_example_that_its_schema_takes() {
    let mut wrong = vec![];
    each(|kind, field| {
        let why = match examples::of(kind, &field.path, field.schema) {
            None => Some("has no example".to_owned()),
            Some(example) => misfit(field.schema, &example),
        };
        wrong.extend(why.map(|why| format!("{kind} {}: {why}", field.path)));
    });
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_entry_of_the_table_is_some_fields_example() {
    let mut unused: BTreeSet<_> = examples::TABLE.iter().map(|(end, _)| *end).collect();
    each(|kind, field| {
        if let Some((end, _)) = examples::entry(kind, &field.path) {
            unused.remove(end);
        }
    });
    assert!(unused.is_empty(), "{unused:?}");
}
