//! No value ever leaves through logs, events, status or metrics, at the highest log level and on failing paths.

mod generators;
mod sources;

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use keyferry_parts::{Fault, When};
use serde_json::{Value, json};

use crate::world::{Operator, Space, Start, provider, until};

/// A value that looks different in each encoding.
fn canary(n: usize) -> String {
    format!("CANARY{n:02}\"quoted\"\u{e9}<tag>&/{n:02}YRANAC")
}

/// How a value could show: as it is, in base64 of either alphabet and any alignment, escaped.
fn forms(value: &str) -> Vec<String> {
    let escaped = serde_json::to_string(value).unwrap();
    let escaped = escaped.trim_matches('"').to_owned();
    let ascii: String = value
        .chars()
        .map(|c| {
            if c.is_ascii() {
                c.to_string()
            } else {
                format!("\\u{:04x}", u32::from(c))
            }
        })
        .collect();
    let mut forms = vec![
        value.to_owned(),
        escaped,
        ascii,
        format!("{:?}", value.as_bytes()),
    ];
    // Base64 depends on what stands before: the middle of each alignment is looked for.
    for skip in 0..3 {
        let encoded = STANDARD.encode(&value.as_bytes()[skip..]);
        forms.push(encoded[..encoded.len() - 4].to_owned());
        forms.push(URL_SAFE.encode(&value.as_bytes()[skip..])[..24].to_owned());
    }
    // Parts of it count as well.
    forms.push(value[..8].to_owned());
    forms
}

/// Templates that fail in ways whose texts would quote a value in Go, in the manifest, a ConfigMap and a Secret.
async fn templates(space: &Space, value: &str) -> Vec<(String, Value, &'static str)> {
    let texts = [
        ("range", "{{ range .k }}{{ end }}", "TemplateFailed"),
        ("fail", "{{ fail .k }}", "TemplateFailed"),
        ("field", "{{ .k.x }}", "TemplateFailed"),
        ("json", "{{ mustFromJson .k }}", "TemplateFailed"),
        (
            "regexp",
            "{{ mustRegexFind (cat \"(\" .k) .k }}",
            "TemplateFailed",
        ),
        ("index", "{{ index (dict) .k .k }}", "TemplateFailed"),
        ("date", "{{ mustToDate \"2006\" .k }}", "TemplateFailed"),
        ("call", "{{ template \"x\" .k }}", "TemplateFailed"),
        (
            "costly",
            "{{ range until 100000 }}{{ range until 100000 }}{{ end }}{{ end }}",
            "TemplateTooCostly",
        ),
    ];
    let data: Vec<_> = texts.iter().map(|(name, text, _)| (*name, *text)).collect();
    space.config_map("texts", &data).await;
    // A template that comes out of a Secret may hold a value itself.
    let with_value: Vec<_> = data
        .iter()
        .map(|(name, text)| (*name, format!("{text}{{{{/* {value} */}}}}{value}")))
        .collect();
    let with_value: Vec<_> = with_value
        .iter()
        .map(|(name, text)| (*name, text.as_str()))
        .collect();
    space.foreign_secret("texts", &with_value).await;
    let spec = |template: Value| {
        json!({
            "target": { "template": template },
            "dataFrom": [{ "extract": { "key": space.id("json"), "property": "nested" } }],
        })
    };
    let item = |name: &str| json!({ "name": "texts", "items": [{ "key": name }] });
    let mut cases = vec![];
    for (name, text, cause) in texts {
        let places = [
            ("data", json!({ "data": { "t": text } })),
            (
                "configmap",
                json!({ "templateFrom": [{ "configMap": item(name) }] }),
            ),
            ("secret", json!({ "templateFrom": [{ "secret": item(name) }] })),
        ];
        for (place, template) in places {
            cases.push((format!("template-{name}-{place}"), spec(template), cause));
        }
    }
    let literal =
        |target: &str, text: &str| json!({ "templateFrom": [{ "target": target, "literal": text }] });
    let outputs = [
        ("yaml", literal("Data", "{{ .k }}"), "TemplateFailed"),
        ("key", literal("Data", "{{ .k | quote }}: x"), "InvalidKey"),
        (
            "label-name",
            literal("Labels", "{{ .k | quote }}: x"),
            "InvalidMetadata",
        ),
        (
            "label",
            literal("Labels", "l: {{ .k | quote }}"),
            "InvalidMetadata",
        ),
        (
            "metadata",
            json!({ "metadata": { "labels": { "l": "{{ .k }}" } } }),
            "InvalidMetadata",
        ),
        (
            "decoding",
            json!({ "templateFrom": [{ "literal": "l: {{ .k | quote }}", "valuesDecodingStrategy": "Base64" }] }),
            "DecodingFailed",
        ),
    ];
    cases.extend(outputs.map(|(name, template, cause)| (format!("template-{name}"), spec(template), cause)));
    cases
}

#[tokio::test(flavor = "multi_thread")]
async fn no_value_appears_in_logs_events_status_or_metrics() {
    let space = Space::unserved().await;
    let start = Start {
        class: Some("canary".to_owned()),
        ..Start::default()
    };
    let operator = Operator::start(&start, "canary").await;
    let mut values: Vec<_> = (0..16).map(canary).collect();
    // A credential has no quotes: another one would be refused before it is used.
    values[0] = "CANARY00/no+quotes/in+a/credential/00YRANAC".to_owned();
    values.push("CANARY16/refused/as/a/credential/16YRANAC".to_owned());
    let store = |more: Value| json!({ "controller": "canary", "provider": { "aws": provider(more) } });
    space.store_spec("aws", store(json!({}))).await;
    // Credentials of a store are values too.
    space
        .foreign_secret("credentials", &[("id", "AKIDCANARY"), ("key", &values[0])])
        .await;
    let auth = json!({ "auth": { "secretRef": {
        "accessKeyIDSecretRef": { "name": "credentials", "key": "id" },
        "secretAccessKeySecretRef": { "name": "credentials", "key": "key" },
    }}});
    space.store_spec("static", store(auth.clone())).await;
    // Credentials that cannot be used: with a line break, and without one of their keys.
    let refused = format!("{}\n", values[16]);
    for (name, keys) in [
        ("echoed", vec![("id", "AKIDCANARY"), ("key", &*refused)]),
        ("half", vec![("id", &*values[16])]),
    ] {
        space.foreign_secret(name, &keys).await;
        let mut auth = auth.clone();
        for field in ["accessKeyIDSecretRef", "secretAccessKeySecretRef"] {
            auth["auth"]["secretRef"][field]["name"] = json!(name);
        }
        space.store_spec(name, store(auth)).await;
    }

    space.put("plain", &values[1]).await;
    space
        .put(
            "json",
            &json!({ "k": values[2], "nested": { "k": values[3] } }).to_string(),
        )
        .await;
    space.put("broken-json", &format!("{{\"k\": {}", values[4])).await;
    space
        .put(
            "collides",
            &json!({ "a b": values[5], "a_b": values[6] }).to_string(),
        )
        .await;
    space
        .put("keys", &json!({ "\u{e9}": values[7] }).to_string())
        .await;
    space.put("denied", &values[8]).await;
    space.put("cut", &values[9]).await;
    space.put("rotated", &values[10]).await;
    space
        .put_binary("binary", format!("{}\0", values[11]).as_bytes())
        .await;

    space
        .put(
            "parts",
            &json!({ "a1": { "x": values[12] }, "a2": { "x": values[13] }, "text": values[14] }).to_string(),
        )
        .await;
    space
        .put(
            "objects",
            &json!({ "a1": { "x": values[12] }, "a2": { "x": values[13] } }).to_string(),
        )
        .await;

    let entry = |key: &str, more: Value| {
        let mut remote = json!({ "key": space.id(key) });
        for (name, value) in more.as_object().unwrap() {
            remote[name] = value.clone();
        }
        json!({ "secretKey": "k", "remoteRef": remote })
    };
    let data = |key: &str, more: Value| json!({ "refreshInterval": "1s", "data": [entry(key, more)] });
    let extract = |key: &str| json!({ "dataFrom": [{ "extract": { "key": space.id(key) } }] });
    space.apply("plain", data("plain", json!({}))).await;
    space
        .apply("property", data("json", json!({ "property": "nested.k" })))
        .await;
    space.apply("extract", extract("json")).await;
    let mut static_store = data("plain", json!({}));
    static_store["secretStoreRef"] = json!({ "name": "static" });
    space.apply("static", static_store).await;
    space.apply("rotated", data("rotated", json!({}))).await;
    for name in ["plain", "property", "extract", "static", "rotated"] {
        space.ready(name, "True").await;
    }
    // Keys that are rewritten, merged and kept.
    let rewrite = |key: &str, operation: Value| json!({ "dataFrom": [{ "extract": { "key": space.id(key) }, "rewrite": [operation] }] });
    let upper = json!({ "transform": { "template": "{{ .value | upper }}" } });
    space.apply("upper", rewrite("json", upper)).await;
    let ignoring = json!({ "merge": { "conflictPolicy": "Ignore", "strategy": "JSON", "into": "all" } });
    space.apply("merged", rewrite("objects", ignoring)).await;
    space.put("going", &values[15]).await;
    let mut partly = data("plain", json!({}));
    let mut going = entry("going", json!({}));
    going["secretKey"] = json!("going");
    partly["data"].as_array_mut().unwrap().push(going);
    let keep = json!({ "annotations": { "keyferry.dev/on-missing": "keep" } });
    space.apply_with("partly", partly, keep).await;
    for name in ["upper", "merged", "partly"] {
        space.ready(name, "True").await;
    }
    space.remove("going").await;
    space
        .ready_where("partly", |_, _, message| message.starts_with("PartiallySynced"))
        .await;
    let denial = Fault::error(
        400,
        "AccessDeniedException",
        &format!("no access to {}", values[8]),
    );
    let _denied = space
        .world
        .proxy
        .inject(When::any().on(space.id("denied")), denial);
    let _cut = space
        .world
        .proxy
        .inject(When::any().on(space.id("cut")), Fault::Cut);
    let failing = [
        ("not-json", extract("broken-json"), "NotJson"),
        (
            "no-property",
            data("broken-json", json!({ "property": "x" })),
            "PropertyNotFound",
        ),
        ("collides", extract("collides"), "KeyCollision"),
        ("keys", extract("keys"), "InvalidKey"),
        (
            "decoding",
            data("plain", json!({ "decodingStrategy": "Base64" })),
            "DecodingFailed",
        ),
        (
            "null",
            data("binary", json!({ "nullBytePolicy": "Fail" })),
            "NullByte",
        ),
        (
            "renamed-to-one",
            rewrite("parts", json!({ "regexp": { "source": "[12]", "target": "" } })),
            "KeyCollision",
        ),
        (
            "template-fails",
            rewrite(
                "parts",
                json!({ "transform": { "template": "{{ fail .value }}" } }),
            ),
            "RewriteFailed",
        ),
        ("not-objects", rewrite("parts", json!({ "merge": {} })), "NotJson"),
        (
            "conflicts",
            rewrite("objects", json!({ "merge": {} })),
            "KeyCollision",
        ),
        ("denied", data("denied", json!({})), "AccessDenied"),
        ("cut", data("cut", json!({})), "AwsUnavailable"),
    ];
    for (name, spec, cause) in failing {
        space.apply(name, spec).await;
        space.fails(name, cause).await;
    }
    for store in ["echoed", "half"] {
        let mut spec = data("plain", json!({}));
        spec["secretStoreRef"] = json!({ "name": store });
        space.apply(store, spec).await;
        space.fails(store, "StoreNotReady").await;
    }
    // Too much for a Secret, made of values; a type that would have to change on a Secret that is there.
    let large = values[14].repeat(60_000 / values[14].len());
    space.put("large", &large).await;
    let large: Vec<_> = (0..18)
        .map(|n| {
            let mut entry = entry("large", json!({}));
            entry["secretKey"] = json!(format!("k{n}"));
            entry
        })
        .collect();
    space.apply("large", json!({ "data": large })).await;
    space.fails("large", "TooLarge").await;
    let mut retyped = extract("json");
    retyped["target"] = json!({ "template": { "type": "example.com/other", "data": { "k": "{{ .k }}" } } });
    space.apply("extract", retyped).await;
    space.fails("extract", "TargetImmutable").await;
    let templates = templates(&space, &values[2]).await;
    for (name, spec, cause) in &templates {
        space.apply(name, spec.clone()).await;
        space.fails(name, cause).await;
    }
    // A target that is in the way, with a value of its own; a target that is edited; a secret that rotates.
    space.foreign_secret("taken", &[("k", &values[6])]).await;
    space.apply("taken", data("plain", json!({}))).await;
    space.fails("taken", "TargetNotAdopted").await;
    space.edit("plain", json!({ "k": values[5] })).await;
    space.holds("plain", &[("k", &values[1])]).await;
    space.put("rotated", &values[9]).await;
    space.holds("rotated", &[("k", &values[9])]).await;

    let failures = 17 + templates.len();
    appear_nowhere(&space, &operator, &values, failures, vec![]).await;
    operator.kill().await;
}

/// Looks for values in whatever a person or another system gets to see: everything that the operator says of a space,
/// once so many failures were told as events, and what else is given, by the name of its place.
async fn appear_nowhere(
    space: &Space,
    operator: &Operator,
    values: &[String],
    failures: usize,
    more: Vec<(&str, String)>,
) {
    let all = kube::api::ListParams::default();
    let objects = space.objects().list(&all).await.unwrap().items;
    let statuses: Vec<_> = objects
        .iter()
        .map(|o| serde_json::to_string(&o.status).unwrap())
        .collect();
    let stores = space.stores().list(&all).await.unwrap().items;
    let stores: Vec<_> = stores
        .iter()
        .map(|s| serde_json::to_string(&s.status).unwrap())
        .collect();
    // Names, labels and annotations of what was written may be read by many who may not read the data.
    let written = space.secrets().list_metadata(&all).await.unwrap().items;
    let written: Vec<_> = written
        .iter()
        .filter(|secret| secret.metadata.owner_references.is_some())
        .map(|secret| serde_json::to_string(&secret.metadata).unwrap())
        .collect();
    // Events come in the background; the last failure's is the last.
    let events = until("the events of failures", || async {
        let mut events = vec![];
        for object in &objects {
            events.extend(space.events(object.metadata.name.as_deref().unwrap()).await);
        }
        let told = events
            .iter()
            .filter(|(reason, _)| reason == "UpdateFailed")
            .count();
        if told >= failures {
            Ok(events)
        } else {
            Err(format!("{told}: {events:?}"))
        }
    })
    .await;
    let log = operator.log();
    assert!(log.contains("\"TRACE\""), "the log is at its highest level");
    let mut places = vec![
        ("log", log),
        ("metrics", operator.metrics().await),
        ("statuses", statuses.join("\n")),
        ("stores", stores.join("\n")),
        ("metadata", written.join("\n")),
        ("events", format!("{events:?}")),
    ];
    places.extend(more);
    for (place, text) in &places {
        for value in values {
            for form in forms(value) {
                assert!(!text.contains(&form), "{place} holds {form:?} of {value:?}");
            }
        }
    }
}
