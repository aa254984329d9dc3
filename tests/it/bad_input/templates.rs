//! Templates that cannot be parsed, end in an error, or would cost too much.

use serde_json::{Value, json};

use super::{Synced, good, has};

/// Differs: docs/differences.md#template-bounds.
/// Differs: docs/differences.md#template-metadata.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_template_is_said_by_its_place_and_the_target_stays() {
    let synced = Synced::new().await;
    let space = &synced.space;
    space
        .config_map("texts", &[("broken", "{{ .k"), ("labels", "a b: c")])
        .await;
    let with = |template: Value| {
        let mut spec = good(space);
        spec["target"] = json!({ "template": template });
        spec
    };
    let data = |text: &str| with(json!({ "data": { "cfg": text } }));
    let from = |name: &str, key: &str| {
        let item = json!({ "key": key, "templateAs": "KeysAndValues" });
        with(
            json!({ "templateFrom": [{ "target": "Labels", "configMap": { "name": name, "items": [item] } }] }),
        )
    };
    let place = "at key cfg (spec.target.template.data)";
    let cases = [
        (data("{{ .k"), "TemplateInvalid", vec![place, "unclosed action"]),
        (
            data("{{ nope }}"),
            "TemplateInvalid",
            vec![place, "function \"nope\" not defined"],
        ),
        (
            data("{{ .missing }}"),
            "TemplateFailed",
            vec![place, "map has no entry for the key"],
        ),
        (
            data("{{ define \"a\" }}{{ template \"a\" . }}{{ end }}{{ template \"a\" . }}"),
            "TemplateFailed",
            vec![place, "limit exceeded"],
        ),
        (
            data("{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}"),
            "TemplateTooCostly",
            vec![place, "limit exceeded"],
        ),
        (
            data("{{ repeat 100000000 .k }}"),
            "TemplateFailed",
            vec![place, "limit exceeded"],
        ),
        (data("{{ repeat 1500000 \"x\" }}"), "TooLarge", vec!["cfg"]),
        (
            with(json!({ "data": { "a b": "x" } })),
            "InvalidSpec",
            vec!["\"a b\""],
        ),
        (
            with(json!({ "metadata": { "labels": { "l": "{{ .k }}!" } } })),
            "InvalidMetadata",
            vec!["at key l (spec.target.template.metadata.labels)", "label"],
        ),
        (
            with(json!({ "metadata": { "annotations": { "keyferry.dev/adopt": "x" } } })),
            "InvalidSpec",
            vec!["keyferry.dev/adopt"],
        ),
        (
            from("absent", "k"),
            "TemplateSourceNotFound",
            vec!["ConfigMap absent"],
        ),
        (
            from("texts", "absent"),
            "TemplateSourceNotFound",
            vec!["error in configmap texts: missing key absent"],
        ),
        (
            from("texts", "broken"),
            "TemplateFailed",
            vec!["at key broken (spec.target.template.templateFrom[0].configMap texts)"],
        ),
        (from("texts", "labels"), "InvalidMetadata", vec!["at key labels"]),
        (
            with(json!({ "type": "kubernetes.io/tls", "data": { "cfg": "x" } })),
            "TargetImmutable",
            vec!["type"],
        ),
    ];
    for (spec, cause, parts) in cases {
        has(&synced.fails(spec, cause).await, &parts);
    }
    let events = space.events("app").await;
    assert!(
        events
            .iter()
            .any(|(reason, text)| reason == "UpdateFailed" && text.contains("could not apply template")),
        "{events:?}"
    );
}
