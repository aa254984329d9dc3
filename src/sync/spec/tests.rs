use serde_json::{Value, json};

use super::*;
use crate::api::external_secret::{ConversionStrategy, DecodingStrategy, NullBytePolicy, WrittenTarget};

fn typed(spec: &Value) -> ExternalSecretSpec {
    serde_json::from_value(spec.clone()).unwrap()
}

fn parse(spec: &Value) -> Result<Spec, Failure> {
    Spec::parse(&typed(spec), "app", &Rules::default())
}

/// The smallest spec there is, with these fields in place of its own.
fn with(fields: &Value) -> Value {
    let mut spec = json!({
        "secretStoreRef": { "name": "aws" },
        "data": [{ "secretKey": "k", "remoteRef": { "key": "prod/db" } }],
    });
    for (name, value) in fields.as_object().unwrap() {
        spec[name] = value.clone();
    }
    spec
}

fn accepted(fields: &Value) -> Spec {
    parse(&with(fields)).unwrap()
}

fn refused(fields: &Value) -> Failure {
    parse(&with(fields)).unwrap_err()
}

/// What an entry reads from a store.
fn remote(source: &Source) -> &Remote {
    match &source.wanted {
        Wanted::Value(remote) => remote,
        other => panic!("{other:?}"),
    }
}

fn policies(creation: &str, deletion: &str) -> Value {
    json!({ "target": { "creationPolicy": creation, "deletionPolicy": deletion } })
}

#[test]
fn what_is_left_out_has_esos_defaults() {
    let spec = accepted(&json!({}));
    assert_eq!((&*spec.target.name, spec.target.immutable), ("app", false));
    assert_eq!((spec.target.creation, spec.target.deletion), Default::default(),);
    assert!(spec.target.template.is_none());
    let hour = Interval::Every(Duration::from_hours(1));
    assert_eq!((spec.refresh, spec.interval), (Refresh::Periodic(hour), hour));
    let [source] = &spec.sources[..] else {
        panic!("one source");
    };
    assert_eq!(source.place, Place::Data(0, "k".into()));
    assert_eq!(remote(source).store.to_string(), "SecretStore \"aws\"");
    assert_eq!(
        (
            &remote(source).property,
            &remote(source).version,
            source.conversion,
            source.decoding,
            source.null_bytes
        ),
        (
            &None,
            &None,
            ConversionStrategy::Default,
            DecodingStrategy::None,
            NullBytePolicy::Ignore
        )
    );
}

#[test]
fn empty_names_and_references_count_as_left_out() {
    let spec = accepted(&json!({
        "target": { "name": "" },
        "data": [{ "secretKey": "k", "remoteRef": { "key": "a", "property": "", "version": "" } }],
    }));
    assert_eq!(&*spec.target.name, "app");
    assert_eq!(
        (
            &remote(&spec.sources[0]).property,
            &remote(&spec.sources[0]).version
        ),
        (&None, &None)
    );
}

#[test]
fn delete_needs_a_secret_that_the_object_owns() {
    for creation in ["Merge", "None", "CreateOrMerge"] {
        let failure = refused(&policies(creation, "Delete"));
        assert_eq!(failure.cause, Cause::InvalidSpec, "{creation}");
        assert!(
            failure.text.starts_with(
                "deletionPolicy=Delete must not be used when the controller doesn't own the secret"
            ),
            "{}",
            failure.text
        );
        assert_eq!(failure.headline, "could not delete secret");
    }
    accepted(&policies("Owner", "Delete"));
}

#[test]
fn orphan_with_delete_is_accepted_as_esos_admission_does() {
    assert_eq!(
        accepted(&policies("Orphan", "Delete")).target.deletion,
        DeletionPolicy::Delete
    );
}

#[test]
fn merge_on_deletion_needs_a_secret() {
    assert_eq!(refused(&policies("None", "Merge")).cause, Cause::InvalidSpec);
    for creation in ["Owner", "Orphan", "Merge", "CreateOrMerge"] {
        accepted(&policies(creation, "Merge"));
    }
}

#[test]
fn every_policy_goes_with_retain() {
    for creation in ["Owner", "Orphan", "Merge", "CreateOrMerge", "None"] {
        accepted(&policies(creation, "Retain"));
    }
}

#[test]
fn something_has_to_be_read() {
    for fields in [
        json!({ "data": [] }),
        json!({ "data": [], "dataFrom": [] }),
        json!({ "data": null }),
    ] {
        let failure = refused(&fields);
        assert_eq!(
            (failure.cause, &*failure.text),
            (Cause::InvalidSpec, "either data or dataFrom should be specified")
        );
    }
}

#[test]
fn extract_find_and_generator_exclude_one_another() {
    let extract = json!({ "key": "a" });
    let find = json!({ "name": { "regexp": ".*" } });
    let generator = json!({ "generatorRef": { "kind": "Password", "name": "p" } });
    for entry in [
        json!({ "extract": extract, "find": find }),
        json!({ "extract": extract, "sourceRef": generator }),
        json!({ "find": find, "sourceRef": generator }),
        json!({ "extract": extract, "find": find, "sourceRef": generator }),
    ] {
        let failure = refused(&json!({ "dataFrom": [entry] }));
        assert_eq!(failure.cause, Cause::InvalidSpec, "{entry}");
        assert_eq!(
            failure.text,
            "spec.dataFrom[0]: extract, find, or generatorRef cannot be set at the same time"
        );
    }
}

#[test]
fn an_entry_of_data_from_names_what_it_reads() {
    for entry in [
        json!({}),
        json!({ "sourceRef": { "storeRef": { "name": "other" } } }),
    ] {
        let failure = refused(&json!({ "dataFrom": [entry] }));
        assert_eq!(failure.cause, Cause::InvalidSpec, "{entry}");
        assert!(failure.text.starts_with("spec.dataFrom[0]: "), "{}", failure.text);
    }
}

#[test]
fn a_source_ref_names_a_store_or_a_generator() {
    let entry = json!({ "secretKey": "k", "remoteRef": { "key": "a" }, "sourceRef": {} });
    let failure = refused(&json!({ "data": [entry] }));
    assert_eq!(
        failure.text,
        "spec.data[0].sourceRef: generatorRef or storeRef must be set"
    );
    let failure = refused(&json!({ "dataFrom": [{ "extract": { "key": "a" }, "sourceRef": {} }] }));
    assert_eq!(
        failure.text,
        "spec.dataFrom[0].sourceRef: generatorRef or storeRef must be set"
    );
}

#[test]
fn duplicate_keys_are_refused_under_retain_only() {
    let twice = json!([
        { "secretKey": "k", "remoteRef": { "key": "a" } },
        { "secretKey": "k", "remoteRef": { "key": "b" } },
    ]);
    let failure = refused(&json!({ "data": twice }));
    assert_eq!(failure.text, "duplicate secretKey found: k in spec.data[1]");
    for deletion in ["Delete", "Merge"] {
        let spec = accepted(&json!({ "data": twice, "target": { "deletionPolicy": deletion } }));
        assert_eq!(spec.sources.len(), 2);
    }
}

#[test]
fn a_secret_key_is_a_key_of_a_secret() {
    let long = "k".repeat(254);
    for key in ["", "a/b", "a b", "ключ", ".", "..", "..a", &long] {
        let failure = refused(&json!({ "data": [{ "secretKey": key, "remoteRef": { "key": "a" } }] }));
        assert_eq!(failure.cause, Cause::InvalidSpec, "{key}");
        assert!(
            failure.text.starts_with("spec.data[0].secretKey "),
            "{}",
            failure.text
        );
    }
    for key in [".a", "a..", "_", "-", "A.b-c_1", &"k".repeat(253)] {
        accepted(&json!({ "data": [{ "secretKey": key, "remoteRef": { "key": "a" } }] }));
    }
}

#[test]
fn privileged_types_are_refused_whatever_else_the_template_says() {
    for type_ in [
        "kubernetes.io/service-account-token",
        "bootstrap.kubernetes.io/token",
    ] {
        let failure = refused(&json!({ "target": { "template": { "type": type_ } } }));
        assert_eq!(failure.cause, Cause::TargetTypeRefused);
        assert!(failure.text.contains(type_), "{}", failure.text);
    }
}

fn manifest(api_version: &str, kind: &str, more: &Value) -> Value {
    let mut target = more.clone();
    target["manifest"] = json!({ "apiVersion": api_version, "kind": kind });
    json!({ "target": target })
}

fn with_generic_targets(fields: &Value) -> Result<Spec, Failure> {
    let rules = Rules {
        generic_targets: true,
        ..Rules::default()
    };
    Spec::parse(&typed(&with(fields)), "app", &rules)
}

#[test]
fn a_generic_target_needs_the_flag() {
    let config_map = manifest("v1", "ConfigMap", &json!({}));
    let failure = refused(&config_map);
    assert_eq!(failure.cause, Cause::TargetKindRefused);
    assert_eq!(failure.headline, "invalid generic target");
    assert!(
        failure.text.contains("--unsafe-allow-generic-targets"),
        "{failure}"
    );
    let kind = with_generic_targets(&config_map).unwrap().target.kind.unwrap();
    assert_eq!(
        (&*kind.group, &*kind.version, &*kind.kind),
        ("", "v1", "ConfigMap")
    );
    let kind = with_generic_targets(&manifest("argoproj.io/v1alpha1", "Application", &json!({})));
    let kind = kind.unwrap().target.kind.unwrap();
    assert_eq!(kind.api_version(), "argoproj.io/v1alpha1");
}

/// Differs: docs/differences.md#other-kinds-refused.
#[test]
fn a_manifest_that_names_secret_is_the_secret_itself() {
    let secret = manifest("v1", "Secret", &json!({ "immutable": true }));
    assert_eq!(accepted(&secret).target.kind, None);
    assert_eq!(with_generic_targets(&secret).unwrap().target.kind, None);
}

/// Differs: docs/differences.md#other-kinds-refused.
#[test]
fn kinds_that_hand_out_rights_and_our_own_are_refused() {
    for (api_version, kind) in [
        ("rbac.authorization.k8s.io/v1", "RoleBinding"),
        ("external-secrets.io/v1", "SecretStore"),
        ("generators.external-secrets.io/v1alpha1", "Fake"),
    ] {
        let failure = with_generic_targets(&manifest(api_version, kind, &json!({}))).unwrap_err();
        assert_eq!(failure.cause, Cause::TargetKindRefused, "{kind}");
        assert!(failure.text.contains(kind), "{failure}");
    }
}

/// Differs: docs/differences.md#for-secrets-only.
#[test]
fn what_cannot_be_a_kind_or_is_for_secrets_only_is_an_error() {
    for (api_version, kind, more, names) in [
        ("v1/", "X", json!({}), "apiVersion"),
        ("/v1", "X", json!({}), "apiVersion"),
        ("a/b/c", "X", json!({}), "apiVersion"),
        ("v1", "../secrets", json!({}), "apiVersion"),
        (
            "v1",
            "ConfigMap",
            json!({ "immutable": true }),
            "spec.target.immutable",
        ),
        (
            "v1",
            "ConfigMap",
            json!({ "template": { "type": "Opaque" } }),
            "spec.target.template.type",
        ),
        (
            "v1",
            "ConfigMap",
            json!({ "template": { "templateFrom": [{ "literal": "a: b", "target": "metadata.name" }] } }),
            "spec.target.template.templateFrom[0].target",
        ),
        (
            "v1",
            "ConfigMap",
            json!({ "template": { "templateFrom": [
                { "literal": "a: b", "target": "spec.x", "valuesDecodingStrategy": "Base64" },
            ] } }),
            "valuesDecodingStrategy",
        ),
    ] {
        let failure = with_generic_targets(&manifest(api_version, kind, &more)).unwrap_err();
        assert_eq!(failure.cause, Cause::InvalidSpec, "{failure}");
        assert!(failure.text.contains(names), "{failure}");
    }
}

#[test]
fn a_status_names_only_targets_that_a_spec_could_have_named() {
    let named = |api_version: &str, kind: &str, name: &str| {
        TargetName::of_status(&WrittenTarget {
            api_version: api_version.to_owned(),
            kind: kind.to_owned(),
            name: name.to_owned(),
        })
    };
    let written = named("v1", "ConfigMap", "settings").unwrap();
    assert_eq!(written.to_string(), "ConfigMap settings");
    assert!(named("example.com/v1alpha1", "Widget", "a.b").is_some());
    // Whoever may write a status could otherwise have anything deleted that the operator may delete.
    for (api_version, kind, name) in [
        ("v1", "Secret", "app"),
        ("rbac.authorization.k8s.io/v1", "RoleBinding", "admin"),
        ("external-secrets.io/v1", "SecretStore", "aws"),
        ("generators.external-secrets.io/v1alpha1", "Password", "p"),
        ("", "ConfigMap", "settings"),
        ("v1", "", "settings"),
        ("v1", "ConfigMap", ""),
        ("v1", "ConfigMap", "../secrets/app"),
        ("v1", "ConfigMap", "app?dryRun=All"),
        ("v1", "ConfigMap", "App"),
        ("v1", "configmaps/../secrets", "app"),
        ("v1", "Config Map", "app"),
        ("../v1", "ConfigMap", "app"),
        ("a/b/v1", "ConfigMap", "app"),
        ("/v1", "ConfigMap", "app"),
        ("v1/", "ConfigMap", "app"),
        ("v1", "ConfigMap", &"a".repeat(254)),
        ("v1", &"K".repeat(64), "app"),
    ] {
        assert_eq!(
            named(api_version, kind, name),
            None,
            "{api_version:?} {kind:?} {name:?}"
        );
    }
}

/// Differs: docs/differences.md#generator-in-data.
#[test]
fn a_generator_is_named_in_data_from_only() {
    let generator = json!({ "generatorRef": { "kind": "Password", "name": "p" } });
    let spec = accepted(&json!({ "dataFrom": [{ "sourceRef": generator }] }));
    assert!(spec.uses_generator());
    let Wanted::Generator(name) = &spec.sources[0].wanted else {
        panic!("{:?}", spec.sources)
    };
    assert_eq!(name.to_string(), "Password \"p\"");
    let entry = json!({ "secretKey": "k", "remoteRef": { "key": "a" }, "sourceRef": generator });
    let failure = refused(&json!({ "data": [entry] }));
    assert_eq!(
        failure.text,
        "spec.data[0].sourceRef.generatorRef: a generator makes several keys; use it in spec.dataFrom"
    );
}

#[test]
fn an_empty_rewrite_and_metadata_policy_none_ask_for_nothing() {
    let spec = accepted(&json!({
        "dataFrom": [{ "extract": { "key": "a", "metadataPolicy": "None" }, "rewrite": [] }],
    }));
    assert_eq!(spec.sources.len(), 2);
}

#[test]
fn a_key_and_a_store_are_needed() {
    let empty = refused(&json!({ "data": [{ "secretKey": "k", "remoteRef": { "key": "" } }] }));
    assert_eq!(
        empty.text,
        "spec.data[0].remoteRef.key is empty; name the secret to read"
    );
    for store in [
        json!(null),
        json!({}),
        json!({ "name": "" }),
        json!({ "kind": "ClusterSecretStore" }),
    ] {
        let failure = refused(&json!({ "secretStoreRef": store }));
        assert_eq!(failure.cause, Cause::InvalidSpec, "{store}");
        assert!(
            failure.text.starts_with("spec.data[0] names no store"),
            "{}",
            failure.text
        );
    }
}

#[test]
fn an_entrys_store_wins_over_the_objects() {
    let spec = accepted(&json!({
        "data": [
            { "secretKey": "a", "remoteRef": { "key": "a" } },
            { "secretKey": "b", "remoteRef": { "key": "b" },
              "sourceRef": { "storeRef": { "name": "all", "kind": "ClusterSecretStore" } } },
        ],
    }));
    let stores: Vec<_> = spec
        .sources
        .iter()
        .map(|source| remote(source).store.to_string())
        .collect();
    assert_eq!(stores, ["SecretStore \"aws\"", "ClusterSecretStore \"all\""]);
}

#[test]
fn data_from_is_read_before_data() {
    let spec = accepted(&json!({
        "dataFrom": [{ "extract": { "key": "a" } }, { "extract": { "key": "b" } }],
    }));
    let places: Vec<_> = spec
        .sources
        .iter()
        .map(|source| source.place.to_string())
        .collect();
    assert_eq!(
        places,
        [
            "spec.dataFrom[0].extract",
            "spec.dataFrom[1].extract",
            "spec.data[0] (key: k)"
        ]
    );
}

/// Differs: docs/differences.md#shortest-interval.
#[test]
fn intervals_are_go_durations_and_nothing_or_less_means_once() {
    let seconds = |n| Some(Interval::Every(Duration::from_secs(n)));
    let table = [
        ("1h0m0s", seconds(3600)),
        ("1h30m", seconds(5400)),
        ("90s", seconds(90)),
        ("1.5h", seconds(5400)),
        ("+5m", seconds(300)),
        ("500ms", seconds(1)),
        ("0", Some(Interval::Once)),
        ("0s", Some(Interval::Once)),
        ("-5m", Some(Interval::Once)),
        ("", None),
        ("5", None),
        ("1d", None),
        ("1h 30m", None),
        ("soon", None),
        ("PT1H", None),
        ("9999999999h", None),
    ];
    for (text, expected) in table {
        let parsed = parse(&with(&json!({ "refreshInterval": text })));
        assert_eq!(
            parsed.as_ref().ok().map(|spec| spec.interval),
            expected,
            "{text:?}"
        );
        if let Err(failure) = parsed {
            assert_eq!(failure.cause, Cause::InvalidSpec);
            assert!(
                failure
                    .text
                    .starts_with(&format!("spec.refreshInterval {text:?} is not a duration")),
                "{}",
                failure.text
            );
        }
    }
}

#[test]
fn an_interval_is_checked_under_every_policy_and_counts_under_periodic_only() {
    for policy in ["CreatedOnce", "OnChange", "Periodic"] {
        let failure = refused(&json!({ "refreshPolicy": policy, "refreshInterval": "soon" }));
        assert_eq!(failure.cause, Cause::InvalidSpec, "{policy}");
    }
    let refresh = |policy| accepted(&json!({ "refreshPolicy": policy, "refreshInterval": "5m" })).refresh;
    assert_eq!(refresh("CreatedOnce"), Refresh::CreatedOnce);
    assert_eq!(refresh("OnChange"), Refresh::OnChange);
    assert_eq!(
        refresh("Periodic"),
        Refresh::Periodic(Interval::Every(Duration::from_mins(5)))
    );
}

#[test]
fn the_stores_of_a_refused_spec_are_known_all_the_same() {
    let spec = with(&json!({
        "refreshInterval": "soon",
        "dataFrom": [
            { "find": {}, "sourceRef": { "storeRef": { "name": "all", "kind": "ClusterSecretStore" } } },
            { "extract": { "key": "a" }, "sourceRef": { "storeRef": { "name": "aws" } } },
        ],
    }));
    assert!(parse(&spec).is_err());
    let named: Vec<_> = stores(&typed(&spec)).iter().map(ToString::to_string).collect();
    assert_eq!(named, ["SecretStore \"aws\"", "ClusterSecretStore \"all\""]);
}

#[test]
fn a_find_needs_a_name_or_tags_and_an_expression_that_compiles() {
    let find = |find: Value| json!({ "dataFrom": [{ "find": find }] });
    let table = [
        (json!({}), "unexpected find operator: set name, tags or both"),
        (
            json!({ "path": "/a" }),
            "unexpected find operator: set name, tags or both",
        ),
        (
            json!({ "tags": {} }),
            "unexpected find operator: set name, tags or both",
        ),
        (
            json!({ "name": { "regexp": "(" } }),
            "could not compile find.name.regexp [(]: error parsing regexp: missing closing ): `(`",
        ),
    ];
    for (fields, text) in table {
        let failure = refused(&find(fields));
        assert_eq!(failure.cause, Cause::InvalidSpec);
        assert_eq!(failure.text, format!("spec.dataFrom[0].find: {text}"));
    }
    let spec = accepted(&find(
        json!({ "tags": { "env": "prod" }, "path": "", "conversionStrategy": "Unicode" }),
    ));
    let Wanted::Find(_, by) = &spec.sources[0].wanted else {
        panic!("{:?}", spec.sources)
    };
    assert_eq!((&by.path, &by.name, by.tags.len()), (&None, &None, 1));
    assert_eq!(spec.sources[0].conversion, ConversionStrategy::Unicode);
}

#[test]
fn what_is_wrong_with_a_rewrite_is_said_by_its_path() {
    let rewrite = |op: Value| json!({ "dataFrom": [{ "extract": { "key": "a" }, "rewrite": [op] }] });
    let table = [
        (
            json!({}),
            ": exactly one of regexp, transform and merge must be set",
        ),
        (
            json!({ "merge": {}, "regexp": { "source": "a", "target": "b" } }),
            ": exactly one of regexp, transform and merge must be set",
        ),
        (
            json!({ "regexp": { "source": "[", "target": "b" } }),
            ".regexp.source: could not compile \"[\": error parsing regexp: missing closing ]: `[`",
        ),
        (
            json!({ "transform": { "template": "{{ .value | nope }}" } }),
            ".transform.template: template: rewrite:1: function \"nope\" not defined",
        ),
        (
            json!({ "merge": { "strategy": "JSON" } }),
            ".merge.into is needed with strategy JSON: the key that takes the merged object",
        ),
    ];
    for (op, text) in table {
        let failure = refused(&rewrite(op));
        assert_eq!(failure.cause, Cause::InvalidSpec);
        assert_eq!(failure.text, format!("spec.dataFrom[0].rewrite[0]{text}"));
    }
}

#[test]
fn bad_windows_are_said_by_their_path_under_every_policy() {
    for (schedule, duration, field) in [
        ("0 25 * * *", "1h", "schedule"),
        ("* * * *", "1h", "schedule"),
        ("@dayly", "1h", "schedule"),
        ("0 8 * * 1-5", "a day", "duration"),
        ("0 8 * * 1-5", "-1h", "duration"),
    ] {
        for policy in ["Periodic", "OnChange", "CreatedOnce"] {
            let windows = json!([
                { "schedule": "@daily", "duration": "1h" },
                { "schedule": schedule, "duration": duration },
            ]);
            let failure = refused(&json!({
                "refreshPolicy": policy, "syncWindows": { "kind": "deny", "windows": windows },
            }));
            assert_eq!(failure.cause, Cause::InvalidSpec);
            assert!(
                failure
                    .text
                    .starts_with(&format!("spec.syncWindows.windows[1].{field} ")),
                "{}",
                failure.text
            );
        }
    }
}

#[test]
fn a_find_by_a_name_without_an_expression_finds_any_name() {
    for name in [json!({}), json!({ "regexp": "" })] {
        let find = json!({ "dataFrom": [{ "find": { "path": "/a", "name": name } }] });
        let spec = parse(&with(&find)).unwrap();
        let Wanted::Find(_, by) = &spec.sources[0].wanted else {
            panic!("{:?}", spec.sources);
        };
        assert!(by.name.as_ref().is_some_and(|name| name.matches("anything")));
    }
}
