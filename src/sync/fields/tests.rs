use serde_json::json;

use super::*;

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

fn document(fields: &Fields) -> Value {
    Value::Object(fields.expose().clone())
}

#[test]
fn a_path_makes_the_mappings_and_lists_that_it_leads_through() {
    let mut fields = Fields::default();
    fields
        .set(&path("spec.rules[0].from[0].x"), json!("first"))
        .unwrap();
    fields.set(&path("spec.rules[0].from[1].x"), json!(2)).unwrap();
    assert_eq!(
        document(&fields),
        json!({ "spec": { "rules": [{ "from": [{ "x": "first" }, { "x": 2 }] }] } })
    );
}

#[test]
fn a_mapping_is_added_to_what_is_below_the_top_and_replaces_what_is_at_the_top() {
    let mut fields = Fields::default();
    fields.merge(&path("spec.a"), json!({ "x": 1 })).unwrap();
    fields.merge(&path("spec.a"), json!({ "y": 2 })).unwrap();
    assert_eq!(document(&fields), json!({ "spec": { "a": { "x": 1, "y": 2 } } }));
    fields.merge(&path("spec"), json!({ "b": 3 })).unwrap();
    assert_eq!(document(&fields), json!({ "spec": { "b": 3 } }));
}

#[test]
fn a_path_through_something_else_is_an_error() {
    let mut fields = Fields::default();
    fields.set(&path("spec.a"), json!("text")).unwrap();
    assert_eq!(
        fields.set(&path("spec.a.b"), Value::Null),
        Err(Misfit::NotMapping)
    );
    assert_eq!(fields.set(&path("spec.a[0]"), Value::Null), Err(Misfit::NotList));
    assert_eq!(fields.set(&path("spec.l[1]"), Value::Null), Err(Misfit::Gap));
    fields.insert(&Path::spec(), "k", Value::Null).unwrap();
    fields.set(&path("spec.k.x"), json!(1)).unwrap();
}

#[test]
fn bad_paths_are_refused() {
    for text in [
        "",
        ".",
        "spec.",
        "[0]",
        "spec.[0]",
        "spec.a[",
        "spec.a[]",
        "spec.a[-1]",
        "spec.a[+1]",
        "spec.a[10001]",
        "spec.a[0]b",
        "spec.a]",
        "metadata.labels",
        "metadata",
        "kind",
        "apiVersion",
        "status.x",
    ] {
        assert!(Path::parse(text).is_err(), "{text:?}");
    }
    assert!(Path::parse(&vec!["a"; 65].join(".")).is_err());
    for text in ["spec", "spec.a-b.c", "spec.rules[10000]", "a[0][1].b", "Data.x"] {
        assert_eq!(path(text).to_string(), text);
    }
}

#[test]
fn leaves_end_at_lists_and_empty_mappings() {
    let mut fields = Fields::default();
    fields
        .set(
            &path("spec"),
            json!({ "a": { "b": 1, "c": {} }, "l": [{ "x": 1 }] }),
        )
        .unwrap();
    fields.set(&Path::data(), json!({})).unwrap();
    assert_eq!(
        fields.leaves().into_iter().collect::<Vec<_>>(),
        ["data", "spec/a/b", "spec/a/c", "spec/l"]
    );
}

#[test]
fn yaml_becomes_json_with_its_types() {
    let read = |text: &str| json(gotext::yaml::parse(text.as_bytes()).unwrap());
    assert_eq!(read("5"), Some(json!(5)));
    assert_eq!(read("1.5"), Some(json!(1.5)));
    assert_eq!(
        read("{a: [true, null, x]}"),
        Some(json!({ "a": [true, null, "x"] }))
    );
}

#[test]
fn the_debug_form_shows_nothing() {
    let mut fields = Fields::default();
    fields.set(&path("spec.password"), json!("hunter2")).unwrap();
    assert_eq!(format!("{fields:?}"), "[redacted]");
}
