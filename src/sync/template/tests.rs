use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::*;
use crate::{
    secret_bytes::SecretBytes,
    sync::{
        absence::Kept,
        cause::{Cause, Failure},
        rewrite::Map,
        sources::{self, SourceKind, Texts, Version},
    },
};

const ENOUGH: Budget = Budget {
    steps: 10_000_000,
    time: Duration::from_mins(1),
};
const SECRET: &str = "hunter2-never-shown";

#[expect(clippy::unwrap_in_result, reason = "the tests' own manifests are well-formed")]
fn parse_with(template: &Value, delimiters: &Delimiters) -> Result<Template, Failure> {
    Template::parse(
        &serde_json::from_value(template.clone()).unwrap(),
        delimiters,
        None,
    )
}

fn parse(template: &Value) -> Result<Template, Failure> {
    parse_with(template, &Delimiters::default())
}

fn read() -> Map {
    [
        ("user", "admin"),
        ("password", SECRET),
        ("with-dash", "d"),
        ("encoded", "aGVsbG8="),
    ]
    .map(|(key, value)| (key.to_owned(), SecretBytes::from(value.to_owned())))
    .into()
}

fn source(kind: SourceKind, name: &str, data: &[(&str, &str)]) -> (SourceName, Arc<sources::Text>) {
    let data = data
        .iter()
        .map(|(key, text)| ((*key).to_owned(), SecretBytes::from((*text).to_owned())));
    let text = sources::Text {
        version: Version {
            uid: "u".into(),
            resource_version: "1".into(),
        },
        data: data.collect(),
    };
    let name = SourceName {
        kind,
        name: name.into(),
    };
    (name, Arc::new(text))
}

fn filled(template: &Value, texts: &Texts) -> Result<Filled, Failure> {
    fill(&parse(template)?, &read(), &Kept::Nothing, texts, ENOUGH)
}

fn shown(map: &Map) -> BTreeMap<&str, &str> {
    map.iter()
        .map(|(key, value)| (key.as_str(), std::str::from_utf8(value.expose()).unwrap()))
        .collect()
}

#[track_caller]
fn gives(template: &Value, texts: &Texts, data: &[(&str, &str)]) {
    let filled = filled(template, texts).unwrap();
    assert_eq!(
        shown(&filled.data),
        data.iter().copied().collect::<BTreeMap<_, _>>()
    );
}

#[track_caller]
fn fails(template: &Value, texts: &Texts, cause: Cause, parts: &[&str]) {
    let failure = filled(template, texts).expect_err("a failure");
    assert_eq!(failure.cause, cause, "{}", failure.text);
    for part in parts {
        assert!(
            failure.text.contains(part),
            "{part:?} is missing in: {}",
            failure.text
        );
    }
    assert!(!failure.text.contains(SECRET), "{}", failure.text);
    assert_eq!(failure.headline, "could not update secret");
}

#[test]
fn only_rendered_keys_are_written_unless_the_merge_policy_says_otherwise() {
    let none = Texts::new();
    let data = json!({ "url": "{{ .user }}@{{ index . \"with-dash\" }}" });
    gives(&json!({ "data": data }), &none, &[("url", "admin@d")]);
    let merged = json!({ "mergePolicy": "Merge", "data": { "user": "{{ .user | upper }}" } });
    let all = [
        ("user", "ADMIN"),
        ("password", SECRET),
        ("with-dash", "d"),
        ("encoded", "aGVsbG8="),
    ];
    gives(&merged, &none, &all);
    let all = [
        ("user", "admin"),
        ("password", SECRET),
        ("with-dash", "d"),
        ("encoded", "aGVsbG8="),
    ];
    gives(&json!({ "type": "Opaque" }), &none, &all);
    gives(&json!({ "metadata": { "labels": { "a": "b" } } }), &none, &all);
}

#[test]
fn later_entries_win_and_data_wins_over_all_of_them() {
    let texts = [
        source(
            SourceKind::ConfigMap,
            "c",
            &[
                ("a", "configmap {{ .user }}"),
                ("all", "b: configmap\nc: configmap"),
            ],
        ),
        source(
            SourceKind::Secret,
            "s",
            &[("b", "secret {{ .user }}"), ("c", "secret")],
        ),
    ]
    .into();
    let template = json!({
        "data": { "e": "data" },
        "templateFrom": [
            {
                "literal": "c: literal\nd: literal",
                "secret": { "name": "s", "items": [{ "key": "b" }, { "key": "c" }] },
                "configMap": { "name": "c", "items": [{ "key": "a" }, { "key": "all", "templateAs": "KeysAndValues" }] },
            },
            { "literal": "d: second\ne: second" },
        ],
    });
    let wanted = [
        ("a", "configmap admin"),
        ("b", "secret admin"),
        ("c", "literal"),
        ("d", "second"),
        ("e", "data"),
    ];
    gives(&template, &texts, &wanted);
}

#[test]
fn keys_and_values_are_yaml_whose_keys_are_templates_too() {
    let literal =
        "{{ range $k, $v := . }}p_{{ $k }}: {{ $v | quote }}\n{{ end }}number: 12\nyes: yes\nnothing:";
    let template = json!({ "templateFrom": [{ "literal": literal }] });
    let wanted = [
        ("p_user", "admin"),
        ("p_password", SECRET),
        ("p_with-dash", "d"),
        ("p_encoded", "aGVsbG8="),
        ("number", "12"),
        ("true", "true"),
        ("nothing", ""),
    ];
    gives(&template, &Texts::new(), &wanted);
}

#[test]
fn rendered_values_are_decoded_where_the_entry_says_so() {
    let texts = [source(SourceKind::ConfigMap, "c", &[("v", "{{ .encoded }}")])].into();
    let entry = |strategy: &str| {
        json!({ "templateFrom": [{
            "valuesDecodingStrategy": strategy, "literal": "l: {{ .encoded }}",
            "configMap": { "name": "c", "items": [{ "key": "v" }] },
        }]})
    };
    gives(&entry("Base64"), &texts, &[("v", "hello"), ("l", "hello")]);
    gives(&entry("Auto"), &texts, &[("v", "hello"), ("l", "hello")]);
    gives(&entry("None"), &texts, &[("v", "aGVsbG8="), ("l", "aGVsbG8=")]);
    let template =
        json!({ "templateFrom": [{ "valuesDecodingStrategy": "Base64", "literal": "l: {{ .password }}" }] });
    fails(
        &template,
        &texts,
        Cause::DecodingFailed,
        &["templateFrom[0]", "Base64"],
    );
}

#[test]
fn labels_and_annotations_are_rendered_and_those_of_the_metadata_win() {
    let template = json!({
        "metadata": { "labels": { "user": "{{ .user }}" }, "annotations": { "note": "of {{ .user }}" } },
        "templateFrom": [
            { "target": "labels", "literal": "user: literal\ntier: {{ .user }}" },
            { "target": "ANNOTATIONS", "literal": "note: literal\nexample.com/more: \"a b\"" },
        ],
    });
    let filled = filled(&template, &Texts::new()).unwrap();
    assert!(filled.data.is_empty());
    let text = |map: &BTreeMap<String, String>| {
        map.iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect::<Vec<_>>()
            .join(",")
    };
    assert_eq!(text(&filled.labels), "tier=admin,user=admin");
    assert_eq!(text(&filled.annotations), "example.com/more=a b,note=of admin");
}

/// What is left of a template when a value `gone` was not read: what is rendered, and what stays.
fn partly(template: &Value) -> (String, Kept) {
    let texts = [source(
        SourceKind::ConfigMap,
        "c",
        &[("from", "{{ .gone }}"), ("plain", "p")],
    )]
    .into();
    let gone = Kept::Keys(["gone".into()].into());
    let filled = fill(&parse(template).unwrap(), &read(), &gone, &texts, ENOUGH).unwrap();
    let rendered: Vec<_> = filled.data.keys().map(String::as_str).collect();
    let metadata = filled.labels.len() + filled.annotations.len();
    (format!("{} {metadata}", rendered.join(",")), filled.kept)
}

#[test]
fn a_text_that_may_need_what_is_missing_is_not_rendered_and_its_keys_stay() {
    let kept = |keys: &[&str]| Kept::Keys(keys.iter().map(|&key| key.into()).collect());
    let data = json!({
        "a": "{{ .user }}", "b": "{{ .gone }}", "c": "{{ index . \"gone\" }}", "d": "{{ toJson . }}", "e": "fixed",
    });
    assert_eq!(
        partly(&json!({ "data": data })),
        ("a,e 0".to_owned(), kept(&["b", "c", "d"]))
    );
    // What is missing is a key of the Secret itself only where what was read is written.
    let merge = json!({ "mergePolicy": "Merge", "data": { "user": "{{ .gone }}" } });
    assert_eq!(
        partly(&merge),
        ("encoded,password,with-dash 0".to_owned(), kept(&["gone", "user"]))
    );
    let items = json!({ "name": "c", "items": [{ "key": "from" }, { "key": "plain" }] });
    assert_eq!(
        partly(&json!({ "templateFrom": [{ "configMap": items }] })),
        ("plain 0".to_owned(), kept(&["from"]))
    );
    let all = json!({ "templateFrom": [{ "literal": "x: \"1\"" }, { "literal": "{{ range $k, $v := . }}{{ end }}" }], "data": { "a": "a" } });
    assert_eq!(partly(&all), ("a 0".to_owned(), Kept::All));
    let metadata =
        json!({ "metadata": { "labels": { "l": "{{ .gone }}", "m": "m" } }, "data": { "a": "a" } });
    assert_eq!(partly(&metadata), ("a 1".to_owned(), kept(&[])));
    let whole = json!({ "data": { "a": "{{ .user }}" } });
    assert_eq!(partly(&whole), ("a 0".to_owned(), Kept::Nothing));
}

#[test]
fn delimiters_are_those_of_the_operator_also_for_texts_that_are_read() {
    let delimiters = Delimiters {
        left: "[[".into(),
        right: "]]".into(),
    };
    let template = json!({
        "data": { "a": "[[ .user ]] {{ .user }}" },
        "templateFrom": [{ "configMap": { "name": "c", "items": [{ "key": "b" }] } }],
    });
    let texts = [source(SourceKind::ConfigMap, "c", &[("b", "[[ .user ]]{{")])].into();
    let template = parse_with(&template, &delimiters).unwrap();
    let filled = fill(&template, &read(), &Kept::Nothing, &texts, ENOUGH).unwrap();
    assert_eq!(
        shown(&filled.data),
        BTreeMap::from([("a", "admin {{ .user }}"), ("b", "admin{{")])
    );
}

#[test]
fn a_template_that_does_not_parse_is_refused_by_its_place() {
    let table = [
        (
            json!({ "data": { "cfg": "{{ .user" } }),
            "at key cfg (spec.target.template.data)",
        ),
        (
            json!({ "data": { "cfg": "{{ getHostByName \"x\" }}" } }),
            "function \"getHostByName\" not defined",
        ),
        (
            json!({ "metadata": { "labels": { "l": "{{ end }}" } } }),
            "at key l (spec.target.template.metadata.labels)",
        ),
        (
            json!({ "templateFrom": [{ "literal": "a: b" }, { "literal": "{{ if }}" }] }),
            "(spec.target.template.templateFrom[1])",
        ),
    ];
    for (template, place) in table {
        let failure = parse(&template).expect_err("a failure");
        assert_eq!(failure.cause, Cause::TemplateInvalid);
        assert!(
            failure.text.contains("unable to parse template"),
            "{}",
            failure.text
        );
        assert!(failure.text.contains(place), "{}", failure.text);
    }
}

/// Differs: docs/differences.md#template-target.
#[test]
fn names_that_kubernetes_refuses_are_refused_with_the_spec() {
    let item = |target: &str, key: &str| {
        json!({ "templateFrom": [{
            "target": target, "configMap": { "name": "c", "items": [{ "key": key }] },
        }]})
    };
    let table = [
        (json!({ "data": { "a b": "x" } }), "\"a b\""),
        (
            json!({ "metadata": { "labels": { "a b": "x" } } }),
            "metadata.labels: \"a b\"",
        ),
        (
            json!({ "metadata": { "annotations": { "keyferry.dev/keys": "x" } } }),
            "keyferry's own",
        ),
        (
            json!({ "templateFrom": [{ "target": "spec.x", "literal": "a: b" }] }),
            "\"spec.x\"",
        ),
        (
            json!({ "templateFrom": [{ "secret": { "name": "../../other/secrets/x", "items": [] } }] }),
            "cannot be the name of a Secret",
        ),
        (item("Labels", "_"), "templateFrom[0].configMap.items"),
        (item("Data", ".."), "templateFrom[0].configMap.items"),
    ];
    for (template, part) in table {
        let failure = parse(&template).expect_err("a failure");
        assert_eq!(failure.cause, Cause::InvalidSpec, "{}", failure.text);
        assert!(
            failure.text.contains(part),
            "{part:?} is missing in: {}",
            failure.text
        );
    }
}

#[test]
fn a_failing_template_names_its_place_and_never_a_value() {
    let none = Texts::new();
    let data = |text: &str| json!({ "data": { "k": text } });
    let place = "at key k (spec.target.template.data)";
    let table = [
        ("{{ .nope }}", "map has no entry for the key"),
        ("{{ fail .password }}", "the function returned an error"),
        ("{{ range .password }}{{ end }}", "can't iterate"),
        ("{{ index .password \"a\" }}", ":1:3:"),
        ("{{ .password.field }}", ":1:"),
        ("{{ template \"gone\" }}", "template not defined"),
        (
            "{{ regexReplaceAll .password .password .password | mustFromJson }}",
            ":1:",
        ),
        ("{{ .password | mustFromJson }}", "the function returned an error"),
        ("{{ index (list 1) (int .password) (int .password) }}", ":1:"),
    ];
    for (text, part) in table {
        fails(&data(text), &none, Cause::TemplateFailed, &[place, part]);
    }
    // A key that was rendered may hold a value, too.
    let literal = |text: &str| json!({ "templateFrom": [{ "literal": text }] });
    fails(
        &literal("\"{{ .password }} \": a"),
        &none,
        Cause::InvalidKey,
        &["templateFrom[0]"],
    );
    fails(
        &literal("{{ .password }}"),
        &none,
        Cause::TemplateFailed,
        &["not YAML of keys and values"],
    );
    let label = |text: &str| json!({ "templateFrom": [{ "target": "Labels", "literal": text }] });
    fails(
        &label("\"{{ .password }}/\": a"),
        &none,
        Cause::InvalidMetadata,
        &["templateFrom[0]"],
    );
    fails(
        &label("{{ .password }}: \"a b\""),
        &none,
        Cause::InvalidMetadata,
        &["value of a label"],
    );
    let label = json!({ "metadata": { "labels": { "l": "{{ .password }}!" } } });
    fails(
        &label,
        &none,
        Cause::InvalidMetadata,
        &["at key l (spec.target.template.metadata.labels)"],
    );
    let annotation = json!({ "metadata": { "annotations": { "a": "{{ printf \"%c\" 255 | b64enc | b64dec }}{{ \"/w==\" | b64dec }}" } } });
    fails(&annotation, &none, Cause::InvalidMetadata, &["not UTF-8"]);
    let long = json!({ "metadata": { "annotations": { "a": "{{ repeat 300000 \"x\" }}" } } });
    fails(&long, &none, Cause::InvalidMetadata, &["262144"]);
}

#[test]
fn a_text_out_of_a_secret_is_not_quoted_where_one_of_a_configmap_is() {
    let item =
        |field: &str| json!({ "templateFrom": [{ field: { "name": "s", "items": [{ "key": "k" }] } }] });
    for text in ["{{ .hidden_name }}", "{{ hidden_name }}"] {
        let texts = [
            source(SourceKind::Secret, "s", &[("k", text)]),
            source(SourceKind::ConfigMap, "s", &[("k", text)]),
        ]
        .into();
        let failure = |template: &Value| filled(template, &texts).expect_err("a failure").text;
        let (secret, config_map) = (failure(&item("secret")), failure(&item("configMap")));
        assert!(!secret.contains("hidden"), "{secret}");
        assert!(secret.contains("templateFrom[0].secret s"), "{secret}");
        assert!(config_map.contains("hidden_name"), "{config_map}");
    }
}

#[test]
fn a_key_that_its_source_lacks_is_named() {
    let texts = [source(SourceKind::ConfigMap, "c", &[("other", "x")])].into();
    let template = json!({ "templateFrom": [{ "configMap": { "name": "c", "items": [{ "key": "k" }] } }] });
    let part = "error fetching templateFrom data: error in configmap c: missing key k";
    fails(&template, &texts, Cause::TemplateSourceNotFound, &[part]);
}

/// Differs: docs/differences.md#template-bounds.
#[test]
fn hostile_templates_end_at_their_bounds() {
    let none = Texts::new();
    let data = |text: &str| json!({ "data": { "k": text } });
    let table = [
        (
            "{{ range until 10000 }}{{ range until 10000 }}{{ end }}{{ end }}",
            Cause::TemplateTooCostly,
        ),
        (
            "{{ define \"a\" }}{{ template \"a\" . }}{{ end }}{{ template \"a\" . }}",
            Cause::TemplateFailed,
        ),
        ("{{ repeat 999999999 \"x\" }}", Cause::TemplateFailed),
        (
            "{{ range until 200000 }}xxxxxxxxxxxxxxxxxxxxxxxxxxxxx{{ end }}",
            Cause::TemplateFailed,
        ),
    ];
    for (text, cause) in table {
        fails(&data(text), &none, cause, &["limit exceeded"]);
    }
    // Many texts share one object's bounds.
    let many: BTreeMap<_, _> = (0..8)
        .map(|n| (format!("k{n}"), "{{ repeat 1000000 \"x\" }}"))
        .collect();
    fails(&json!({ "data": many }), &none, Cause::TooLarge, &["4 MiB"]);
    let template = parse(&data("x")).unwrap();
    let no_time = Budget {
        time: Duration::ZERO,
        ..ENOUGH
    };
    let failure = fill(&template, &read(), &Kept::Nothing, &none, no_time)
        .err()
        .unwrap();
    assert_eq!(failure.cause, Cause::TemplateTooCostly);
}

#[test]
fn texts_that_draw_something_new_are_known_wherever_they_stand() {
    let draws = |template: Value| parse(&template).unwrap().draws;
    assert!(draws(
        json!({ "data": { "a": "{{ if false }}{{ randAlphaNum 8 }}{{ end }}" } })
    ));
    assert!(draws(
        json!({ "metadata": { "labels": { "a": "{{ uuidv4 }}" } } })
    ));
    assert!(draws(
        json!({ "templateFrom": [{ "literal": "a: {{ genPrivateKey \"ecdsa\" | quote }}" }] })
    ));
    assert!(!draws(
        json!({ "data": { "a": "{{ .user | sha256sum }} {{ now }}" } })
    ));
    let template = json!({ "templateFrom": [{ "configMap": { "name": "c", "items": [{ "key": "k" }] } }] });
    let texts = [source(SourceKind::ConfigMap, "c", &[("k", "{{ uuidv4 }}")])].into();
    assert!(filled(&template, &texts).unwrap().draws);
}

#[test]
fn templates_have_no_way_out() {
    // Whatever reads files, the environment, the network or other objects stays out of reach.
    for function in [
        "env",
        "expandenv",
        "getHostByName",
        "getSecretKey",
        "lookup",
        "readFile",
        "glob",
        "getenv",
    ] {
        let failure = parse(&json!({ "data": { "k": format!("{{{{ {function} \"x\" }}}}") } }));
        assert_eq!(
            failure.expect_err("a failure").cause,
            Cause::TemplateInvalid,
            "{function}"
        );
    }
}

mod pool;
