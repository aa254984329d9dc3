use serde_json::{Value as Json, json};

use super::*;
use crate::sync::spec::Spec;

/// The operations as a manifest has them.
fn operations(list: &Json) -> Vec<RewriteOp> {
    let spec = json!({
        "secretStoreRef": { "name": "aws" },
        "dataFrom": [{ "extract": { "key": "db" }, "rewrite": list }],
    });
    let spec = Spec::parse(
        &serde_json::from_value(spec).unwrap(),
        "app",
        &crate::sync::spec::Rules::default(),
    )
    .unwrap();
    spec.sources[0].rewrite.clone()
}

fn map(entries: &[(&str, &str)]) -> Map {
    let entries = entries.iter();
    entries
        .map(|(key, value)| ((*key).to_owned(), SecretBytes::from((*value).to_owned())))
        .collect()
}

fn run(list: &Json, entries: &[(&str, &str)]) -> Result<Map, Failure> {
    apply(&operations(list), map(entries))
}

fn made(list: &Json, entries: &[(&str, &str)]) -> Vec<(String, String)> {
    let made = run(list, entries).unwrap();
    made.into_iter()
        .map(|(key, value)| (key, String::from_utf8(value.expose().to_vec()).unwrap()))
        .collect()
}

fn keys(list: &Json, keys: &[&str]) -> Vec<String> {
    let entries: Vec<_> = keys.iter().map(|key| (*key, "v")).collect();
    made(list, &entries).into_iter().map(|(key, _)| key).collect()
}

fn refused(list: &Json, entries: &[(&str, &str)]) -> Failure {
    run(list, entries).unwrap_err()
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let pairs = pairs.iter();
    pairs
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn regexp(source: &str, target: &str) -> Json {
    json!([{ "regexp": { "source": source, "target": target } }])
}

fn merge(options: &Json) -> Json {
    json!([{ "merge": options }])
}

#[test]
fn a_regexp_replaces_each_match_once() {
    let table = [
        ("(.*)", "my_$1", "user", "my_user"),
        ("^prod/app/", "", "prod/app/db", "db"),
        ("[^a-zA-Z0-9 -]", "_", "a/b:c", "a_b_c"),
        (
            "(?P<a>[a-z]+)-(?P<b>[a-z]+)",
            "${b}.${a}",
            "left-right",
            "right.left",
        ),
        ("-", "$$", "a-b", "a$b"),
        ("nothing", "x", "key", "key"),
    ];
    for (source, target, key, expected) in table {
        assert_eq!(
            keys(&regexp(source, target), &[key]),
            [expected],
            "{source} {target}"
        );
    }
}

#[test]
fn a_template_makes_each_key_anew() {
    let transform = |template: &str| json!([{ "transform": { "template": template } }]);
    let table = [
        ("{{ .value | upper | replace \"/\" \"_\" }}", "prod/db", "PROD_DB"),
        ("{{ .value }}", "same", "same"),
        ("{{ .nothing }}", "k", "<no value>"),
        ("{{ trimPrefix \"a.\" .value }}", "a.b", "b"),
    ];
    for (template, key, expected) in table {
        assert_eq!(keys(&transform(template), &[key]), [expected], "{template}");
    }
}

#[test]
fn operations_run_one_after_another() {
    let list = json!([
        { "regexp": { "source": "^prod/", "target": "" } },
        { "transform": { "template": "{{ .value | upper }}" } },
        { "regexp": { "source": "/", "target": "_" } },
    ]);
    assert_eq!(keys(&list, &["prod/app/db", "prod/app/mq"]), ["APP_DB", "APP_MQ"]);
}

#[test]
fn two_keys_that_become_one_are_an_error_with_both_names() {
    let table = [
        regexp("[0-9]", ""),
        json!([{ "transform": { "template": "same" } }]),
    ];
    for list in table {
        let failure = refused(&list, &[("a1", "hunter1"), ("a2", "hunter2")]);
        assert_eq!(failure.cause, Cause::KeyCollision);
        assert!(
            failure
                .text
                .starts_with("error applying rewrite to keys: rewrite[0]."),
            "{}",
            failure.text
        );
        assert!(
            failure.text.contains("the keys a1 and a2 both become"),
            "{}",
            failure.text
        );
        assert!(!failure.text.contains("hunter"), "{}", failure.text);
    }
}

#[test]
fn a_template_that_fails_says_where_and_for_which_key() {
    let failure = refused(
        &json!([{ "transform": { "template": "{{ fail .value }}" } }]),
        &[("k", "hunter2")],
    );
    assert_eq!(failure.cause, Cause::RewriteFailed);
    assert_eq!(
        failure.text,
        "error applying rewrite to keys: rewrite[0].transform: key k: template: rewrite:1:3: executing \"rewrite\" at \
         <fail .value>: the function returned an error"
    );
}

#[test]
fn a_template_that_does_not_end_is_stopped() {
    let endless = "{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}";
    let failure = refused(&json!([{ "transform": { "template": endless } }]), &[("k", "v")]);
    assert_eq!(failure.cause, Cause::RewriteFailed);
    assert!(failure.text.contains("limit exceeded"), "{}", failure.text);
}

#[test]
fn merged_objects_become_keys_in_place_of_all_others() {
    let made = made(
        &merge(&json!({})),
        &[
            ("a", r#"{"user":"u","port":5432,"tls":true}"#),
            (
                "b",
                r#"{"none":null,"list":[1,"<"],"nested":{"b":1,"a":2},"ratio":0.5,"big":1e21}"#,
            ),
            ("c", "null"),
        ],
    );
    let expected = owned(&[
        ("big", "1000000000000000000000"),
        ("list", "[1,\"\\u003c\"]"),
        ("nested", "{\"a\":2,\"b\":1}"),
        ("none", ""),
        ("port", "5432"),
        ("ratio", "0.5"),
        ("tls", "true"),
        ("user", "u"),
    ]);
    assert_eq!(made, expected);
}

#[test]
fn strategy_json_adds_the_merged_object_beside_the_others() {
    let made = made(
        &merge(&json!({ "strategy": "JSON", "into": "all" })),
        &[("b", r#"{"z":1,"html":"<&>"}"#), ("a", r#"{"y":null}"#)],
    );
    let expected = owned(&[
        ("a", r#"{"y":null}"#),
        ("all", r#"{"html":"<&>","y":null,"z":1}"#),
        ("b", r#"{"z":1,"html":"<&>"}"#),
    ]);
    assert_eq!(made, expected);
}

#[test]
fn conflicts_are_errors_with_both_names_unless_they_are_to_be_ignored() {
    let entries = [
        ("a", r#"{"x":"1","y":"1"}"#),
        ("b", r#"{"x":"2"}"#),
        ("c", r#"{"x":"3","y":"3"}"#),
    ];
    let failure = refused(&merge(&json!({})), &entries);
    assert_eq!(failure.cause, Cause::KeyCollision);
    assert!(
        failure
            .text
            .contains("merge failed with conflicts: x, y (x in b and c; y in a and c); "),
        "{}",
        failure.text
    );
    let ignoring = |extra: Json| {
        let mut options = json!({ "conflictPolicy": "Ignore" });
        for (name, value) in extra.as_object().unwrap() {
            options[name] = value.clone();
        }
        made(&merge(&options), &entries)
    };
    assert_eq!(
        ignoring(json!({})),
        owned(&[("x", "3"), ("y", "3")]),
        "in alphabetical order"
    );
    assert_eq!(
        ignoring(json!({ "priority": ["b", "a"] })),
        owned(&[("x", "1"), ("y", "1")])
    );
    assert_eq!(
        ignoring(json!({ "priority": ["a", "b"] })),
        owned(&[("x", "2"), ("y", "1")])
    );
}

#[test]
fn a_key_of_priority_that_is_missing_is_an_error_unless_that_is_to_be_ignored() {
    let entries = [("a", r#"{"x":"1"}"#)];
    let failure = refused(&merge(&json!({ "priority": ["a", "gone"] })), &entries);
    assert_eq!(failure.cause, Cause::RewriteFailed);
    assert!(
        failure.text.contains("priority[1]: there is no key gone"),
        "{}",
        failure.text
    );
    let ignoring = merge(&json!({ "priority": ["gone", "a", "a"], "priorityPolicy": "IgnoreNotFound" }));
    assert_eq!(made(&ignoring, &entries), owned(&[("x", "1")]));
}

#[test]
fn only_json_objects_can_be_merged_and_the_error_does_not_quote_the_value() {
    for value in ["hunter2", "[1]", "\"hunter2\"", "1", ""] {
        let failure = refused(&merge(&json!({})), &[("a", "{}"), ("bad", value)]);
        assert_eq!(failure.cause, Cause::NotJson, "{value}");
        assert!(
            failure.text.contains("the value of key bad is not a JSON object"),
            "{}",
            failure.text
        );
        assert!(!failure.text.contains("hunter"), "{}", failure.text);
    }
}

#[test]
fn a_merge_can_be_followed_by_other_operations() {
    let list = json!([{ "merge": {} }, { "regexp": { "source": "^", "target": "db_" } }]);
    assert_eq!(
        made(&list, &[("a", r#"{"user":"u"}"#), ("b", r#"{"pass":"p"}"#)]),
        owned(&[("db_pass", "p"), ("db_user", "u")])
    );
}

#[test]
fn keys_that_become_empty_are_dropped_and_do_not_collide() {
    assert_eq!(
        keys(&regexp("^tmp_.*$", ""), &["tmp_a", "tmp_b", "user"]),
        ["user"]
    );
    // In Go, `$1x` is a group of that name, which there is not.
    assert!(keys(&regexp("(a)", "$1x"), &["a"]).is_empty());
}

/// Differs: docs/differences.md#rewrite-bounds.
#[test]
fn keys_that_grow_without_bound_are_refused() {
    let long = |c: &str| c.repeat(30_000);
    let list = json!([
        { "regexp": { "source": "^", "target": long("a") } },
        { "regexp": { "source": "a", "target": long("b") } },
    ]);
    let failure = refused(&list, &[("key", "v")]);
    assert_eq!(failure.cause, Cause::RewriteFailed);
    assert!(
        failure.text.contains("rewrite[1].regexp: key aaa")
            && failure.text.contains("the new key is longer than 65536 bytes"),
        "{}",
        failure.text
    );

    let names: Vec<_> = (0..200).map(|n| format!("{n}")).collect();
    let entries: Vec<_> = names.iter().map(|name| (name.as_str(), "v")).collect();
    let failure = refused(&regexp("^", &long("a")), &entries);
    assert_eq!(failure.cause, Cause::RewriteFailed);
    assert!(
        failure
            .text
            .contains("the new keys together are longer than 4194304 bytes"),
        "{}",
        failure.text
    );
}
