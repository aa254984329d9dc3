//! `templateFrom`: text out of ConfigMaps, Secrets and literals, and what happens when it changes.

use keyferry_parts::audit::Mark;
use serde_json::{Value, json};

use super::{extract, secret_where, space};
use crate::world::{Operator, Space, Start, until};

fn from(field: &str, name: &str, items: Value) -> Value {
    json!({ field: { "name": name, "items": items } })
}

fn with(space: &Space, template_from: Value) -> Value {
    let mut spec = extract(space, json!({ "template": { "templateFrom": template_from } }));
    // Long enough that nothing here is a refresh.
    spec["refreshInterval"] = json!("10h");
    spec
}

#[tokio::test(flavor = "multi_thread")]
async fn config_maps_secrets_and_literals_give_values_keys_and_metadata() {
    let space = space().await;
    space
        .config_map(
            "texts",
            &[
                ("app.ini", "user={{ .user }}"),
                (
                    "pairs",
                    "{{ range $k, $v := . }}cm_{{ $k }}: {{ $v | quote }}\n{{ end }}both: configmap",
                ),
            ],
        )
        .await;
    space
        .foreign_secret(
            "texts",
            &[
                ("pgpass", "*:*:*:{{ .user }}:{{ .password }}"),
                ("both", "secret"),
            ],
        )
        .await;
    let template_from = json!([
        from("configMap", "texts", json!([{ "key": "app.ini" }, { "key": "pairs", "templateAs": "KeysAndValues" }])),
        from("secret", "texts", json!([{ "key": "pgpass", "templateAs": "Values" }, { "key": "both" }])),
        { "literal": "literal_{{ .user }}: {{ .password | b64enc }}", "valuesDecodingStrategy": "Base64" },
        { "literal": "role: {{ .user }}", "target": "Labels" },
        { "literal": "example.com/user: {{ .user }}", "target": "annotations" },
    ]);
    space.apply("app", with(&space, template_from)).await;
    let wanted = [
        ("app.ini", "user=admin"),
        ("cm_user", "admin"),
        ("cm_password", "p@ss"),
        ("both", "secret"),
        ("pgpass", "*:*:*:admin:p@ss"),
        ("literal_admin", "p@ss"),
    ];
    space.holds("app", &wanted).await;
    let meta = space.secret("app").await.metadata;
    assert_eq!(meta.labels.unwrap()["role"], "admin");
    assert_eq!(meta.annotations.unwrap()["example.com/user"], "admin");
}

/// Differs: docs/differences.md#template-watch.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_source_is_rendered_at_once_and_only_for_those_who_name_it() {
    let space = space().await;
    let item = || json!([{ "key": "k" }]);
    space.config_map("one", &[("k", "one {{ .user }}")]).await;
    space.foreign_secret("text", &[("k", "two {{ .user }}")]).await;
    space
        .apply("one", with(&space, json!([from("configMap", "one", item())])))
        .await;
    space
        .apply("two", with(&space, json!([from("secret", "text", item())])))
        .await;
    let mut once = with(&space, json!([from("configMap", "one", item())]));
    once["refreshPolicy"] = json!("CreatedOnce");
    space.apply("once", once).await;
    let mut zero = with(&space, json!([from("configMap", "one", item())]));
    zero["refreshInterval"] = json!("0");
    space.apply("zero", zero).await;
    for name in ["one", "once", "zero"] {
        space.holds(name, &[("k", "one admin")]).await;
    }
    space.holds("two", &[("k", "two admin")]).await;
    space.ready("two", "True").await;
    let untouched = space.secret("two").await.metadata.resource_version;

    space.config_map("one", &[("k", "changed {{ .user }}")]).await;
    space.holds("one", &[("k", "changed admin")]).await;
    space.holds("zero", &[("k", "changed admin")]).await;
    assert_eq!(space.secret("two").await.metadata.resource_version, untouched);
    space
        .edit("text", json!({ "k": "changed too {{ .user }}" }))
        .await;
    space.holds("two", &[("k", "changed too admin")]).await;
    space.holds("once", &[("k", "one admin")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_goes_is_an_error_that_leaves_the_target_and_one_that_comes_heals_it() {
    let space = space().await;
    let item = || json!([{ "key": "k" }]);
    space
        .apply("late", with(&space, json!([from("configMap", "late", item())])))
        .await;
    space
        .apply("secret", with(&space, json!([from("secret", "source", item())])))
        .await;
    let message = space.fails("late", "TemplateSourceNotFound").await;
    assert!(
        message.contains("there is no ConfigMap late in namespace"),
        "{message}"
    );
    let message = space.fails("secret", "TemplateSourceNotFound").await;
    assert!(
        message.contains("there is no Secret source in namespace"),
        "{message}"
    );
    assert!(space.data("late").await.is_none());

    space.config_map("late", &[("other", "x")]).await;
    let missing_key =
        |status: &str, _: &str, message: &str| status == "False" && message.contains("missing key k");
    space.ready_where("late", missing_key).await;
    space.config_map("late", &[("k", "{{ .user")]).await;
    space.fails("late", "TemplateFailed").await;
    space.config_map("late", &[("k", "came {{ .user }}")]).await;
    space.holds("late", &[("k", "came admin")]).await;
    space.ready("late", "True").await;
    space.foreign_secret("source", &[("k", "came {{ .user }}")]).await;
    space.holds("secret", &[("k", "came admin")]).await;
    space.ready("secret", "True").await;

    let version = space.secret("late").await.metadata.resource_version;
    space
        .config_maps()
        .delete("late", &kube::api::DeleteParams::default())
        .await
        .unwrap();
    space.fails("late", "TemplateSourceNotFound").await;
    assert_eq!(space.secret("late").await.metadata.resource_version, version);
    space.config_map("late", &[("k", "again {{ .user }}")]).await;
    space.holds("late", &[("k", "again admin")]).await;
}

/// Requests of this verb on ConfigMaps of a namespace.
fn requests(space: &Space, mark: Mark, verb: &str) -> usize {
    let requests = space.world.plane.audit().since(mark).unwrap();
    let on = |request: &&keyferry_parts::audit::Request| {
        request.verb == verb && request.resource() == "configmaps" && request.is_in(&space.namespace)
    };
    let ours = |request: &&keyferry_parts::audit::Request| request.user_agent.starts_with("keyferry/");
    requests.iter().filter(on).filter(ours).count()
}

async fn served_alone(name: &str, arguments: &[&str]) -> (Space, Operator) {
    let space = Space::unserved().await;
    let mut all = vec![format!("--namespace={}", space.namespace)];
    all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    let start = Start {
        class: Some(name.to_owned()),
        arguments: all,
        ..Start::default()
    };
    let operator = Operator::start(&start, name).await;
    space.store_of(name).await;
    space.put("db", r#"{"user":"admin"}"#).await;
    (space, operator)
}

#[tokio::test(flavor = "multi_thread")]
async fn config_maps_are_watched_only_while_an_object_takes_text_from_one() {
    let mark = crate::world::world().await.plane.audit().mark().unwrap();
    let (space, operator) = served_alone("template-watch", &[]).await;
    space.config_map("texts", &[("k", "{{ .user }}")]).await;
    let literal = json!([{ "literal": "k: {{ .user }}" }]);
    space.apply("app", with(&space, literal.clone())).await;
    space.ready("app", "True").await;
    assert_eq!(
        requests(&space, mark, "list"),
        0,
        "nobody takes text from a ConfigMap"
    );

    let item = json!([from("configMap", "texts", json!([{ "key": "k" }]))]);
    space.apply("app", with(&space, item)).await;
    until("the watch to begin", || async {
        if requests(&space, mark, "list") > 0 {
            Ok(())
        } else {
            Err(String::new())
        }
    })
    .await;
    space.config_map("texts", &[("k", "changed {{ .user }}")]).await;
    space.holds("app", &[("k", "changed admin")]).await;
    space.apply("app", with(&space, literal)).await;
    until("the watch to end", || async {
        let log = operator.log();
        let ended = log.contains("no object takes templates from sources of this kind any more");
        ended.then_some(()).ok_or_else(String::new)
    })
    .await;
    operator.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_template_watch_objects_follow_when_they_are_refreshed() {
    let mark = crate::world::world().await.plane.audit().mark().unwrap();
    let (space, operator) = served_alone("no-template-watch", &["--template-watch=false"]).await;
    space.config_map("texts", &[("k", "{{ .user }}")]).await;
    let item = json!([from("configMap", "texts", json!([{ "key": "k" }]))]);
    space.apply("app", with(&space, item)).await;
    space.holds("app", &[("k", "admin")]).await;
    space.config_map("texts", &[("k", "changed {{ .user }}")]).await;
    space.annotate("app", "force-sync", "1").await;
    secret_where(&space, "app", "the changed text", |secret| {
        secret
            .data
            .as_ref()
            .is_some_and(|data| data["k"].0 == b"changed admin")
    })
    .await;
    assert_eq!(requests(&space, mark, "list"), 0);
    operator.kill().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_other_namespaces_config_map_or_secret_can_be_read() {
    let (theirs, ours) = (space().await, space().await);
    theirs.config_map("texts", &[("k", "stolen")]).await;
    theirs.foreign_secret("texts", &[("k", "stolen")]).await;
    for field in ["configMap", "secret"] {
        let name = field.to_lowercase();
        let spec = with(&ours, json!([from(field, "texts", json!([{ "key": "k" }]))]));
        ours.apply(&name, spec).await;
        let message = ours.fails(&name, "TemplateSourceNotFound").await;
        assert!(message.contains(&ours.namespace), "{message}");
        // There is no field for a namespace, and a name cannot be a path.
        for bad in [
            format!("{}/texts", theirs.namespace),
            format!("../../{}/x/texts", theirs.namespace),
        ] {
            let spec = with(&ours, json!([from(field, &bad, json!([{ "key": "k" }]))]));
            assert!(ours.try_apply(&name, spec, json!({})).await.is_err(), "{bad}");
        }
        let mut spec = with(&ours, json!([from(field, "texts", json!([{ "key": "k" }]))]));
        spec["target"]["template"]["templateFrom"][0][field]["namespace"] = json!(theirs.namespace);
        // The server drops or refuses the field; what is read stays in the namespace.
        if ours.try_apply(&name, spec, json!({})).await.is_ok() {
            ours.fails(&name, "TemplateSourceNotFound").await;
        }
    }
}
