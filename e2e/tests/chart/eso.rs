//! Values that people bring from the chart of External Secrets Operator: each is taken, and does something or is named as
//! having no meaning.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::render::{CHART, REPOSITORY, arguments, container, helm, of_kind, the};

/// Values that do nothing beside the others of the file, and why that is right.
const WITHOUT_EFFECT: &[(&str, &str)] = &[
    (
        "global.compatibility.openshift.adaptSecurityContext",
        "only where the cluster is OpenShift",
    ),
    (
        "metrics.service.enabled",
        "the ServiceMonitor needs the Service anyway",
    ),
    (
        "readinessProbe.spec.address",
        "both probes are answered at the address of livenessProbe",
    ),
    (
        "readinessProbe.spec.port",
        "both probes are answered at the port of livenessProbe",
    ),
];

fn read(path: &str) -> Value {
    serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn values_of_eso() -> Value {
    let mut values = read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/chart/eso-values.yaml"
    ));
    // Modes in which others of these do nothing; modes.rs tries them.
    for mode in ["scopedNamespace", "scopedRBAC"] {
        values.as_object_mut().unwrap().remove(mode).unwrap();
    }
    values
}

/// Objects and notes, as text.
async fn installed(values: &Value) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), values.to_string()).unwrap();
    let path = file.path().display().to_string();
    let install = [
        "install",
        "keyferry",
        CHART,
        "--dry-run=client",
        "--values",
        &path,
    ];
    let text = helm(&install).await.unwrap();
    let (_, from_manifest) = text.split_once("\nMANIFEST:\n").unwrap();
    from_manifest.to_owned()
}

/// Paths down to where the schema knows no more.
fn paths(values: &Value, schema: &Value, at: &str, found: &mut Vec<String>) {
    for (name, value) in values.as_object().unwrap() {
        let path = format!("{at}/{name}");
        let mut schema = &schema["properties"][name];
        if schema["$ref"] == "#/definitions/probe" {
            schema = &Value::Null;
        }
        if value.is_object() && (schema["properties"].is_object() || name == "spec") {
            paths(value, schema, &path, found);
        } else {
            found.push(path);
        }
    }
}

fn remove(values: &mut Value, path: &str) {
    let (parent, name) = path.rsplit_once('/').unwrap();
    let parent = values.pointer_mut(parent).and_then(Value::as_object_mut);
    parent.and_then(|parent| parent.remove(name));
}

#[tokio::test]
async fn every_value_of_eso_does_something_or_is_named_in_the_notes() {
    let values = values_of_eso();
    let schema = read(&format!("{CHART}/values.schema.json"));
    let ours = read(&format!("{CHART}/values.yaml"));
    let mut all = vec![];
    paths(&values, &schema, "", &mut all);
    let mut rendered = BTreeMap::new();
    let mut idle = vec![];
    for path in all {
        let name = path.trim_start_matches('/').replace('/', ".");
        // As by default, so it means the same.
        let default = ours.pointer(&path) == values.pointer(&path);
        if default || WITHOUT_EFFECT.iter().any(|(known, _)| *known == name) {
            continue;
        }
        let mut with = values.clone();
        // They are long, and what else is rendered does not depend on them.
        with["installCRDs"] = path.starts_with("/crds").into();
        // The value of the same name without `global` wins.
        if let Some(global) = path.strip_prefix("/global") {
            remove(&mut with, global);
        }
        let mut without = with.clone();
        remove(&mut without, &path);
        if !rendered.contains_key(&with.to_string()) {
            rendered.insert(with.to_string(), installed(&with).await);
        }
        if rendered[&with.to_string()] == installed(&without).await {
            idle.push(name);
        }
    }
    assert!(idle.is_empty(), "these are taken and mean nothing: {idle:?}");
}

#[tokio::test]
async fn values_of_eso_arrive_where_they_mean_the_same() {
    let text = installed(&values_of_eso()).await;
    let (manifest, _) = text.split_once("\nNOTES:\n").unwrap();
    let objects: Vec<Value> = serde_saphyr::from_multiple(manifest).unwrap();
    let flags = arguments(&objects);
    for flag in [
        "--client-qps=1000000",
        "--enable-flood-gate",
        "--aws-batch=off",
        "--enable-http2=false",
        "--live-addr=:9092",
        "--metrics-addr=:9090",
        "--loglevel=dpanic",
        "--leader-election-id=secrets",
    ] {
        assert!(flags.contains(&flag), "{flag} in {flags:?}");
    }
    let live = &container(&objects)["livenessProbe"];
    assert_eq!(live["httpGet"]["port"], 9092);
    assert!(live["port"].is_null() && live["address"].is_null(), "{live}");
    let extra: Vec<_> = of_kind(&objects, "ConfigMap")
        .iter()
        .map(|object| object["metadata"]["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(extra, ["extra", "keyferry-extra", "secrets-dashboard"]);
    // One object's own label wins over the common one.
    let pod = &the(&objects, "Deployment")["spec"]["template"]["metadata"]["labels"];
    assert_eq!(pod["team"], "pods");
    let budget = &the(&objects, "PodDisruptionBudget")["spec"];
    assert_eq!(budget["maxUnavailable"], "50%");
}

/// Nobody would look for them in a list of what is ours.
#[test]
fn every_value_without_a_meaning_is_in_the_schema_and_in_the_notes() {
    let schema = read(&format!("{CHART}/values.schema.json"));
    let template =
        fs::read_to_string(format!("{REPOSITORY}/charts/keyferry/templates/_helpers.tpl")).unwrap();
    let mut found = vec![];
    without_meaning(&schema, "", &mut found);
    assert!(found.len() > 20, "{found:?}");
    for name in found {
        assert!(
            template.contains(&format!("\"{name}\"")),
            "the notes do not name {name}"
        );
    }
}

fn without_meaning(schema: &Value, at: &str, found: &mut Vec<String>) {
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{at}{name}");
        if inner["$ref"] == "#/definitions/withoutMeaning" {
            found.push(path);
        } else {
            without_meaning(inner, &format!("{path}."), found);
        }
    }
}
