use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::secret_bytes::SecretBytes;

fn object(labels: &Value, annotations: &Value) -> Object {
    let object = serde_json::from_value(json!({
        "apiVersion": names::API_VERSION, "kind": "ExternalSecret",
        "metadata": {
            "name": "app", "namespace": "team", "uid": "e-1", "generation": 1,
            "labels": labels, "annotations": annotations,
        },
        "spec": {
            "secretStoreRef": { "name": "aws" },
            "data": [{ "secretKey": "k", "remoteRef": { "key": "prod/db" } }],
        },
    }))
    .unwrap();
    Object::new(
        crate::api::Stored(Ok(object)),
        &crate::sync::spec::Rules::default(),
    )
}

fn map(pairs: &[(&str, &str)]) -> Map {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), SecretBytes::from((*value).to_owned())))
        .collect()
}

fn rendered(object: &Object, data: Map) -> Result<Rendered, Failure> {
    render(
        object,
        object.spec.as_ref().map_err(Clone::clone)?,
        Content::Read(data, Kept::Nothing),
    )
}

fn plain() -> Object {
    object(&json!({}), &json!({}))
}

#[test]
fn labels_and_annotations_of_tools_stay_behind() {
    let names = [
        "kubectl.kubernetes.io/restartedAt",
        "argocd.argoproj.io/instance",
        "argocd.argoproj.io/tracking-id",
        "meta.helm.sh/release-name",
        "helm.sh/chart",
        "helm.toolkit.fluxcd.io/name",
        "kustomize.toolkit.fluxcd.io/name",
        "reconcile.fluxcd.io/requestedAt",
        "kustomize.config.k8s.io/behavior",
        "config.kubernetes.io/origin",
        "internal.config.kubernetes.io/index",
        "keyferry.dev/on-delete",
        "force-sync",
        "external-secrets.io/force-sync",
    ];
    let all: Value = names
        .iter()
        .map(|name| ((*name).to_owned(), json!("x")))
        .collect();
    let rendered = rendered(&object(&all, &all), map(&[])).unwrap();
    assert!(rendered.labels.is_empty(), "{:?}", rendered.labels);
    assert!(rendered.annotations.is_empty(), "{:?}", rendered.annotations);
}

#[test]
fn what_users_declare_is_copied_recommended_labels_included() {
    let labels =
        json!({ "app.kubernetes.io/name": "shop", "app.kubernetes.io/instance": "shop-1", "team": "x" });
    let annotations =
        json!({ "reloader.stakater.com/match": "true", "force-synced": "no", "kubernetes.io/note": "" });
    let rendered = rendered(&object(&labels, &annotations), map(&[])).unwrap();
    assert_eq!(json!(rendered.labels), labels);
    assert_eq!(json!(rendered.annotations), annotations);
    assert_eq!(rendered.type_, None, "the type is Kubernetes' business");
}

#[test]
fn a_secret_holds_one_mebibyte_and_the_largest_key_is_named() {
    let data = |length: usize| map(&[("small", "x"), ("large", &"y".repeat(length - 1))]);
    assert!(rendered(&plain(), data(1024 * 1024)).is_ok());
    let failure = rendered(&plain(), data(1024 * 1024 + 1)).unwrap_err();
    assert_eq!(failure.cause, Cause::TooLarge);
    assert!(
        failure.text.contains("would hold 1048577 bytes") && failure.text.contains("largest key is large"),
        "{}",
        failure.text
    );
}

/// Differs: docs/differences.md#bad-keys.
#[test]
fn a_key_that_kubernetes_would_refuse_is_named() {
    let failure = rendered(&plain(), map(&[("ok", "1"), ("not/ok", "2")])).unwrap_err();
    assert_eq!(failure.cause, Cause::InvalidKey);
    assert!(failure.text.contains("\"not/ok\""), "{}", failure.text);
}

#[test]
fn only_types_that_give_power_are_privileged() {
    assert!(is_privileged("kubernetes.io/service-account-token"));
    assert!(is_privileged("bootstrap.kubernetes.io/token"));
    for type_ in [
        "Opaque",
        "kubernetes.io/tls",
        "kubernetes.io/dockerconfigjson",
        "",
    ] {
        assert!(!is_privileged(type_), "{type_}");
    }
}

fn text_map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

fn wanted() -> Rendered {
    Rendered {
        fields: Fields::default(),
        data: map(&[("a", "1"), ("b", "")]),
        labels: text_map(&[("l", "1")]),
        annotations: text_map(&[("n", "1")]),
        kept: Kept::Nothing,
        finalizers: vec![],
        type_: None,
    }
}

fn key() -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, b"drawn at start")
}

#[test]
fn equal_secrets_have_equal_digests_under_one_key_and_others_under_another() {
    assert_eq!(digest(&key(), &wanted(), "p"), digest(&key(), &wanted(), "p"));
    let other = hmac::Key::new(hmac::HMAC_SHA256, b"drawn at another start");
    assert_ne!(digest(&key(), &wanted(), "p"), digest(&other, &wanted(), "p"));
}

#[test]
fn every_part_that_matters_changes_the_digest() {
    type Change = fn(&mut Rendered);
    let changes: [(&str, Change); 10] = [
        ("a value", |r| {
            _ = r.data.insert("a".to_owned(), "2".to_owned().into());
        }),
        ("a key", |r| {
            let value = r.data.remove("a").unwrap();
            r.data.insert("c".to_owned(), value);
        }),
        ("one key less", |r| _ = r.data.remove("b")),
        ("a label", |r| _ = r.labels.insert("l".to_owned(), "2".to_owned())),
        ("one label less", |r| r.labels.clear()),
        ("an annotation", |r| {
            _ = r.annotations.insert("n".to_owned(), "2".to_owned());
        }),
        ("a label that becomes an annotation", |r| {
            r.annotations.append(&mut r.labels);
        }),
        ("an annotation that becomes a label", |r| {
            r.labels.append(&mut r.annotations);
        }),
        ("a type", |r| r.type_ = Some("kubernetes.io/tls".to_owned())),
        ("a byte that moves from one value to the next", |r| {
            r.data = map(&[("a", ""), ("b", "1")]);
        }),
    ];
    let before = digest(&key(), &wanted(), "p");
    for (what, change) in changes {
        let mut after = wanted();
        change(&mut after);
        assert_ne!(digest(&key(), &after, "p"), before, "{what}");
    }
    assert_ne!(digest(&key(), &wanted(), "q"), before, "the policy");
}

fn texts() -> impl Strategy<Value = BTreeMap<String, String>> {
    proptest::collection::btree_map("[ab]{1,2}", "[ab]{0,2}", 0..3)
}

prop_compose! {
    fn any_rendered()(
        data in texts(),
        labels in texts(),
        annotations in texts(),
        type_ in proptest::option::of("[ab]{1,2}"),
    ) -> Rendered {
        Rendered {
            fields: Fields::default(),
            data: data.into_iter().map(|(key, value)| (key, value.into())).collect(),
            labels,
            annotations,
            kept: Kept::Nothing,
            finalizers: vec![],
            type_,
        }
    }
}

fn parts(rendered: &Rendered) -> impl PartialEq + std::fmt::Debug {
    let data: Vec<_> = rendered
        .data
        .iter()
        .map(|(key, value)| (key.clone(), value.expose().to_vec()))
        .collect();
    (
        data,
        rendered.labels.clone(),
        rendered.annotations.clone(),
        rendered.type_.clone(),
    )
}

proptest! {
    #[test]
    fn digests_are_equal_just_where_the_secrets_are(a in any_rendered(), b in any_rendered()) {
        prop_assert_eq!(digest(&key(), &a, "p") == digest(&key(), &b, "p"), parts(&a) == parts(&b));
    }
}
