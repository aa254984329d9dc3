//! Targets that are no Secrets: ConfigMaps and custom resources, behind their flag.

mod commands;
mod life;
mod restart;
mod rights;

use kube::{
    Api,
    api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, Patch, PatchParams},
};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use crate::{
    examples, generators,
    world::{Operator, Space, Start, apply_crds, until, world},
};

/// The operator that writes other kinds than Secret.
async fn operator() -> &'static Operator {
    static OPERATOR: OnceCell<Operator> = OnceCell::const_new();
    let start = || async {
        let client = world().await.plane.client().await.unwrap();
        apply_crds(&client, &[widgets("test.example")]).await;
        let start = Start {
            class: Some("generic".to_owned()),
            arguments: vec!["--unsafe-allow-generic-targets".to_owned()],
            ..Start::default()
        };
        Operator::start(&start, "generic-targets").await
    };
    OPERATOR.get_or_init(start).await
}

/// A small kind with mappings, a list and a number.
fn widgets(group: &str) -> Value {
    let texts = json!({ "type": "object", "additionalProperties": { "type": "string" } });
    let spec = json!({ "type": "object", "properties": {
        "data": texts, "database": texts,
        "port": { "type": "integer" },
        "rules": { "type": "array", "items": texts },
    } });
    let versions = ["v1", "v1beta1"].map(|version| {
        json!({
            "name": version, "served": true, "storage": version == "v1",
            "schema": { "openAPIV3Schema": { "type": "object", "properties": { "spec": spec } } },
        })
    });
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("widgets.{group}") },
        "spec": {
            "group": group, "scope": "Namespaced",
            "names": { "kind": "Widget", "plural": "widgets", "singular": "widget" },
            "versions": versions,
        },
    })
}

/// A space that the operator with the flag serves.
async fn space() -> Space {
    operator().await;
    let space = Space::unserved().await;
    space.store_of("generic").await;
    space.ready_store("aws").await;
    space
}

/// The target of a manifest, with more.
fn target(api_version: &str, kind: &str, more: Value) -> Value {
    let mut target = more;
    target["manifest"] = json!({ "apiVersion": api_version, "kind": kind });
    target
}

fn config_map(more: Value) -> Value {
    target("v1", "ConfigMap", more)
}

fn widget(more: Value) -> Value {
    target("test.example/v1", "Widget", more)
}

/// Objects of a kind.
struct Objects(Api<DynamicObject>);

impl Objects {
    fn new(space: &Space, api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
        Self(Api::namespaced_with(
            space.client.clone(),
            &space.namespace,
            &resource,
        ))
    }

    async fn get(&self, name: &str) -> Option<DynamicObject> {
        self.0.get_opt(name).await.unwrap()
    }

    /// Waits until a field of an object is this.
    async fn holds(&self, name: &str, pointer: &str, wanted: &Value) -> DynamicObject {
        until(&format!("{name} to hold {wanted} at {pointer}"), || async {
            let object = self.get(name).await.ok_or("absent")?;
            match object.data.pointer(pointer) {
                Some(value) if value == wanted => Ok(object),
                other => Err(format!("{other:?}")),
            }
        })
        .await
    }

    async fn is_gone(&self, name: &str) {
        until(&format!("{name} to be gone"), || async {
            self.get(name)
                .await
                .map_or(Ok(()), |object| Err(format!("{:?}", object.metadata)))
        })
        .await;
    }

    /// Changes an object as another client.
    async fn edit(&self, name: &str, patch: Value) {
        let params = PatchParams {
            field_manager: Some("editor".to_owned()),
            ..PatchParams::default()
        };
        self.0.patch(name, &params, &Patch::Merge(patch)).await.unwrap();
    }

    /// Makes an object that keyferry did not write.
    async fn foreign(&self, object: Value) {
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        let params = PatchParams::apply("somebody");
        self.0.patch(&name, &params, &Patch::Apply(object)).await.unwrap();
    }

    async fn delete(&self, name: &str) {
        self.0.delete(name, &DeleteParams::default()).await.unwrap();
    }
}

fn config_maps(space: &Space) -> Objects {
    Objects::new(space, "v1", "ConfigMap")
}

fn data(space: &Space, entries: &[(&str, &str)]) -> Value {
    let entries = entries
        .iter()
        .map(|(key, name)| json!({ "secretKey": key, "remoteRef": { "key": space.id(name) } }));
    entries.collect()
}

async fn failure(space: &Space, name: &str, cause: &str) -> (String, String) {
    let prefix = format!("{cause}: ");
    space
        .ready_where(name, |status, _, message| {
            status == "False" && message.starts_with(&prefix)
        })
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_config_map_follows_its_source() {
    let space = space().await;
    space.put("level", "debug").await;
    let spec = json!({
        "refreshInterval": "1s", "target": config_map(json!({ "name": "settings" })),
        "data": data(&space, &[("LEVEL", "level")]),
    });
    space
        .apply_with("app", spec, json!({ "labels": { "team": "red" } }))
        .await;
    let maps = config_maps(&space);
    let made = maps
        .holds("settings", "/data", &json!({ "LEVEL": "debug" }))
        .await;
    let labels = made.metadata.labels.clone().unwrap();
    assert_eq!(labels["team"], "red");
    assert_eq!(labels["reconcile.external-secrets.io/managed"], "true");
    let owner = made.metadata.owner_references.clone().unwrap();
    assert_eq!((&*owner[0].name, owner[0].controller), ("app", Some(true)));
    let (reason, message) = space.ready("app", "True").await;
    assert_eq!((&*reason, &*message), ("ResourceSynced", "secret synced"));
    until("the event", || async {
        let events = space.events("app").await;
        let told = ("Created".to_owned(), "Created ConfigMap settings".to_owned());
        if events.contains(&told) {
            Ok(())
        } else {
            Err(format!("{events:?}"))
        }
    })
    .await;
    space.put("level", "info").await;
    maps.holds("settings", "/data", &json!({ "LEVEL": "info" })).await;
    assert_eq!(space.data("settings").await, None, "no Secret is made");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_custom_resource_is_written_at_the_paths_of_its_template() {
    let space = space().await;
    space.put("host", "db.example").await;
    space.put("port", "5432").await;
    space.config_map("texts", &[("port", "{{ .port }}")]).await;
    let template = json!({
        "metadata": { "labels": { "app": "web" } },
        "templateFrom": [
            { "target": "spec.database", "literal": "host: {{ .host }}\nname: app" },
            { "target": "spec.database", "literal": "user: app" },
            { "target": "spec.rules[0]", "literal": "from: {{ .host }}" },
            { "target": "spec.port", "configMap": { "name": "texts", "items": [{ "key": "port" }] } },
        ],
    });
    let spec = json!({
        "target": widget(json!({ "template": template })),
        "data": data(&space, &[("host", "host"), ("port", "port")]),
    });
    space.apply("app", spec).await;
    let widgets = Objects::new(&space, "test.example/v1", "Widget");
    let wanted = json!({
        "database": { "host": "db.example", "name": "app", "user": "app" },
        "port": 5432, "rules": [{ "from": "db.example" }],
    });
    let made = widgets.holds("app", "/spec", &wanted).await;
    assert_eq!(made.metadata.labels.unwrap()["app"], "web");
    let spec = json!({
        "target": widget(json!({ "name": "plain" })), "data": data(&space, &[("host", "host")]),
    });
    space.apply("plain", spec).await;
    widgets
        .holds("plain", "/spec", &json!({ "data": { "host": "db.example" } }))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_generator_makes_fills_a_config_map_through_a_template() {
    let space = space().await;
    let fake = json!({ "controller": "generic", "data": { "user": "guest" } });
    generators::generator(&space, "Fake", "fixed", fake).await;
    let template = json!({ "template": { "data": { "greeting": "hello {{ .user }}" } } });
    let spec = json!({ "target": config_map(template), "dataFrom": [generators::from("Fake", "fixed")] });
    space.apply("generated", spec).await;
    let wanted = json!({ "greeting": "hello guest" });
    config_maps(&space).holds("generated", "/data", &wanted).await;
}

/// Differs: docs/differences.md#rendered-once.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_template_gives_is_not_rendered_again() {
    let space = space().await;
    space.put("text", "{{ fail \"twice\" }}").await;
    space.config_map("texts", &[("copy", "{{ .text }}")]).await;
    let from = |target: &str| json!({ "target": target, "configMap": { "name": "texts", "items": [{ "key": "copy" }] } });
    let spec = json!({
        "target": config_map(json!({ "template": { "templateFrom": [from("Data")] } })),
        "data": data(&space, &[("text", "text")]),
    });
    space.apply("once", spec).await;
    let wanted = json!({ "copy": "{{ fail \"twice\" }}" });
    config_maps(&space).holds("once", "/data", &wanted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_written_is_an_error_on_the_object() {
    let space = space().await;
    space.put("v", "hunter2").await;
    space.put_binary("bytes", &[0xff, 0xfe]).await;
    let literal = |target: &str, text: &str| json!({ "template": { "templateFrom": [{ "target": target, "literal": text }] } });
    let entry = ("v", "v");
    let rows = [
        (
            "bytes",
            config_map(json!({})),
            ("v", "bytes"),
            "TargetInvalid",
            "key v is not UTF-8",
        ),
        (
            "undeclared",
            widget(literal("spec.nowhere", "a: '{{ .v }}'")),
            entry,
            "TargetInvalid",
            "no such field",
        ),
        (
            "through-text",
            widget(literal("spec.port[0]", "{{ .v }}")),
            entry,
            "TargetInvalid",
            "no such field",
        ),
        (
            "no-mapping",
            widget(literal("spec", "{{ .v }}")),
            entry,
            "TemplateFailed",
            "not YAML of keys and values",
        ),
        (
            "gap",
            widget(literal("spec.rules[1]", "a: b")),
            entry,
            "TemplateFailed",
            "spec.rules[1]",
        ),
        (
            "hostile",
            config_map(literal(
                "data",
                "{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}",
            )),
            entry,
            "TemplateTooCostly",
            "could not apply template",
        ),
        (
            "reserved",
            widget(literal("metadata.name", "{{ .v }}")),
            entry,
            "InvalidSpec",
            "metadata",
        ),
        (
            "not-served",
            target("nowhere.example/v1", "Thing", json!({})),
            entry,
            "TargetKindNotServed",
            "Thing",
        ),
        (
            "cluster",
            target("v1", "Namespace", json!({})),
            entry,
            "TargetKindRefused",
            "no namespace",
        ),
        (
            "rights",
            target("rbac.authorization.k8s.io/v1", "RoleBinding", json!({})),
            entry,
            "TargetKindRefused",
            "rights",
        ),
    ];
    for (name, target, entry, _, _) in &rows {
        let spec = json!({ "target": target, "data": data(&space, &[*entry]) });
        space.apply(name, spec).await;
    }
    for (name, _, _, cause, text) in &rows {
        let (_, message) = failure(&space, name, cause).await;
        assert!(message.contains(text), "{name}: {message}");
        assert!(!message.contains("hunter2"), "{name}: {message}");
    }
    let keep = json!({ "annotations": { "keyferry.dev/on-missing": "keep" } });
    let spec = json!({ "target": config_map(json!({})), "data": data(&space, &[entry]) });
    space.apply_with("keep", spec, keep).await;
    let (_, message) = failure(&space, "keep", "InvalidSpec").await;
    assert!(message.contains("on-missing"), "{message}");
    assert!(config_maps(&space).get("keep").await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_is_installed_later_is_written_then() {
    let space = space().await;
    space.put("v", "1").await;
    let later = format!("{}.later.example", space.namespace);
    let spec = json!({
        "target": target(&format!("{later}/v1"), "Widget", json!({})), "data": data(&space, &[("v", "v")]),
    });
    space.apply("early", spec).await;
    let (reason, _) = failure(&space, "early", "TargetKindNotServed").await;
    assert_eq!(reason, "ResourceSyncedError");
    apply_crds(&space.client, &[widgets(&later)]).await;
    space.annotate("early", "force-sync", "1").await;
    let widgets = Objects::new(&space, &format!("{later}/v1"), "Widget");
    widgets.holds("early", "/spec/data", &json!({ "v": "1" })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_flag_nothing_is_touched() {
    let space = Space::new().await;
    space.store().await;
    space.put("v", "1").await;
    let spec = json!({ "target": config_map(json!({})), "data": data(&space, &[("v", "v")]) });
    space.apply("off", spec).await;
    let (reason, message) = failure(&space, "off", "TargetKindRefused").await;
    assert_eq!(reason, "SecretSyncedError");
    assert!(message.contains("--unsafe-allow-generic-targets"), "{message}");
    assert!(config_maps(&space).get("off").await.is_none());
    assert_eq!(space.reads("v"), 0);
    let secret = target("v1", "Secret", json!({}));
    let spec = json!({ "target": secret, "data": data(&space, &[("v", "v")]) });
    space.apply("secret", spec).await;
    space.holds("secret", &[("v", "1")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_value_shows_in_logs_events_or_status() {
    let space = space().await;
    let canary = "CANARY-hunter2-YRANAC";
    space.put("v", canary).await;
    let literal = |text: &str| json!({ "template": { "templateFrom": [{ "target": "spec.nowhere", "literal": text }] } });
    let spec = |target: Value| json!({ "target": target, "data": data(&space, &[("v", "v")]) });
    space.apply("good", spec(config_map(json!({})))).await;
    space.apply("keyed", spec(widget(literal("{{ .v }}: x")))).await;
    space
        .apply(
            "typed",
            spec(widget(json!({ "template": { "templateFrom": [
        { "target": "spec.port", "literal": "{{ .v }}" },
    ] } }))),
        )
        .await;
    space.ready("good", "True").await;
    failure(&space, "keyed", "TargetInvalid").await;
    failure(&space, "typed", "TargetInvalid").await;
    let mut shown = vec![operator().await.log(), operator().await.metrics().await];
    for name in ["good", "keyed", "typed"] {
        shown.push(format!("{:?}", space.status(name).await));
        shown.push(format!("{:?}", space.events(name).await));
    }
    let shown = shown.concat();
    for form in [canary, "Q0FOQVJZ", "hunter2"] {
        assert!(!shown.contains(form), "{form}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_makes_a_config_map() {
    let space = space().await;
    let id = "generic-target/settings";
    crate::world::put(&space.aws, id, r#"{"level":"info","region":"eu"}"#).await;
    examples::apply(&space, "generic-target.yaml").await;
    let wanted = json!({ "LOG_LEVEL": "info", "settings.yaml": "region: eu\n" });
    config_maps(&space).holds("app-settings", "/data", &wanted).await;
}
