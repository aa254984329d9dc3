//! What is found, what comes from Parameter Store in each of its forms, and tags.

use keyferry_parts::{FakeAws, Fault, When};
use serde_json::{Value, json};

use super::{appear_nowhere, canary};
use crate::{
    migration::commands::keyferry_of,
    world::{Operator, REGION, Space, Start, provider},
};

const CLASS: &str = "canary-sources";

/// A `find` by name.
fn named(regexp: &str) -> Value {
    json!({ "find": { "name": { "regexp": regexp } } })
}

fn with(mut entry: Value, what: &str, more: Value) -> Value {
    let fields = entry.as_object_mut().unwrap();
    if what == "rewrite" {
        fields.insert(what.to_owned(), more);
    } else {
        fields.values_mut().next().unwrap()[what] = more;
    }
    entry
}

fn data_from(entry: Value) -> Value {
    json!({ "dataFrom": [entry] })
}

fn data(remote: Value) -> Value {
    json!({ "data": [{ "secretKey": "k", "remoteRef": remote }] })
}

/// What is there, and which value is where.
fn fill(aws: &FakeAws, values: &[String]) {
    let vault = aws.vault(keyferry_parts::fake_aws::ACCOUNT, REGION);
    vault.put_secret("found/one", &*values[0]);
    vault.put_secret("found/two", &*values[1]);
    vault.tag_secret("found/two", "env", "prod");
    vault.put_secret("clash/x", &*values[2]);
    vault.put_secret("clash_x", &*values[3]);
    vault.put_secret("refused/one", &*values[4]);
    vault.put_secret("cut/one", &*values[5]);
    let binary = format!("{}\0", values[6]).into_bytes();
    vault.put_secret("null/one", keyferry_parts::fake_aws::SecretValue::Binary(binary));
    for name in ["tagged", "badly-tagged", "hidden-tags", "cut-tags"] {
        vault.put_secret(name, "{}");
        vault.tag_secret(name, "owner", &values[7]);
    }
    vault.tag_secret("badly-tagged", "\u{e9}", &values[8]);
    vault.put_parameter("/p/plain", &values[9]);
    vault.put_secure_parameter("/p/secure", &values[10]);
    vault.put_parameter_list("/p/list", &format!("{},{}", values[11], values[12]));
    vault.put_secure_parameter(
        "/p/json",
        &json!({ "k": values[13], "nested": { "k": values[14] } }).to_string(),
    );
    vault.put_secure_parameter("/p/versions", &values[15]);
    vault.put_secure_parameter("/p/versions", &values[16]);
    vault.label_parameter("/p/versions", 1, "stable");
    vault.tag_parameter("/p/plain", "owner", &values[17]);
    vault.tag_parameter("/p/plain", "env", "prod");
    vault.put_secret("referenced", &*values[18]);
    vault.put_secure_parameter("/broken/json", &format!("{{\"k\": {}", values[19]));
    vault.put_secure_parameter("/broken/keys", &json!({ "\u{e9}": values[20] }).to_string());
    vault.put_secure_parameter("/clash/a_b", &values[21]);
    vault.put_secure_parameter("/clash/a/b", &values[22]);
    vault.put_secure_parameter("/refused/one", &values[23]);
    vault.put_secure_parameter("/cut/one", &values[24]);
}

/// Objects that sync: the store, the object's name and spec.
fn good() -> Vec<(&'static str, &'static str, Value)> {
    let found = || named("^found/");
    let upper = json!([{ "transform": { "template": "{{ .value | upper | replace \"/\" \"_\" }}" } }]);
    let entries: Vec<_> = [
        json!({ "key": "/p/plain" }),
        json!({ "key": "/p/secure" }),
        json!({ "key": "/p/list" }),
        json!({ "key": "/p/json", "property": "nested.k" }),
        json!({ "key": "/p/versions", "version": "2" }),
        json!({ "key": "/p/versions", "version": "stable" }),
        json!({ "key": "/aws/reference/secretsmanager/referenced" }),
        json!({ "key": "/p/plain", "metadataPolicy": "Fetch", "property": "owner" }),
    ]
    .into_iter()
    .enumerate()
    .map(|(n, remote)| json!({ "secretKey": format!("k{n}"), "remoteRef": remote }))
    .collect();
    let fetched = |key: &str| json!({ "extract": { "key": key, "metadataPolicy": "Fetch" } });
    let tags = json!({ "find": { "tags": { "env": "prod" } } });
    let path = |path: &str| json!({ "find": { "path": path, "name": { "regexp": "." } } });
    vec![
        ("secrets", "found", data_from(found())),
        ("secrets", "found-by-tags", data_from(tags.clone())),
        ("secrets", "found-by-path", data_from(path("found/"))),
        (
            "secrets",
            "found-rewritten",
            data_from(with(found(), "rewrite", upper.clone())),
        ),
        (
            "secrets",
            "tag",
            data(json!({ "key": "tagged", "metadataPolicy": "Fetch", "property": "owner" })),
        ),
        (
            "secrets",
            "tags",
            data(json!({ "key": "tagged", "metadataPolicy": "Fetch" })),
        ),
        ("secrets", "tags-extracted", data_from(fetched("tagged"))),
        ("parameters", "parameters", json!({ "data": entries })),
        (
            "parameters",
            "parameter-extracted",
            data_from(json!({ "extract": { "key": "/p/json" } })),
        ),
        ("parameters", "parameter-tags", data_from(fetched("/p/plain"))),
        ("parameters", "parameters-by-name", data_from(named("^/p/"))),
        ("parameters", "parameters-by-path", data_from(path("/p"))),
        ("parameters", "parameters-by-tags", data_from(tags)),
        (
            "parameters",
            "parameters-rewritten",
            data_from(with(
                path("/p"),
                "rewrite",
                json!([{ "regexp": { "source": "/", "target": "_" } }, upper[0]]),
            )),
        ),
    ]
}

/// Objects that fail with this cause, each on another way through the values.
fn bad() -> Vec<(&'static str, &'static str, Value, &'static str)> {
    let found = || named("^found/");
    let rewritten = |operation: Value| data_from(with(found(), "rewrite", json!([operation])));
    let templated = |entry: Value, text: &str| {
        let mut spec = data_from(entry);
        spec["target"] = json!({ "template": { "data": { "t": text } } });
        spec
    };
    let fails = json!({ "transform": { "template": "{{ fail .value }}" } });
    let one = json!({ "regexp": { "source": "one|two", "target": "" } });
    let fetch = |key: &str, more: Value| {
        let mut remote = json!({ "key": key, "metadataPolicy": "Fetch" });
        for (name, value) in more.as_object().unwrap() {
            remote[name] = value.clone();
        }
        remote
    };
    let extracted = |key: &str| data_from(json!({ "extract": { "key": key } }));
    let base64 = json!({ "decodingStrategy": "Base64", "property": "owner" });
    vec![
        (
            "secrets",
            "find-clash",
            data_from(named("^clash")),
            "KeyCollision",
        ),
        (
            "secrets",
            "find-refused",
            data_from(named("^refused/")),
            "AccessDenied",
        ),
        ("secrets", "find-cut", data_from(named("^cut/")), "AwsUnavailable"),
        (
            "secrets",
            "find-decoding",
            data_from(with(found(), "decodingStrategy", json!("Base64"))),
            "DecodingFailed",
        ),
        (
            "secrets",
            "find-null",
            data_from(with(named("^null/"), "nullBytePolicy", json!("Fail"))),
            "NullByte",
        ),
        ("secrets", "find-transform", rewritten(fails), "RewriteFailed"),
        ("secrets", "find-regexp", rewritten(one), "KeyCollision"),
        (
            "secrets",
            "find-merge",
            rewritten(json!({ "merge": {} })),
            "NotJson",
        ),
        (
            "secrets",
            "find-template",
            templated(found(), "{{ fail .found_one }}"),
            "TemplateFailed",
        ),
        (
            "secrets",
            "tag-absent",
            data(fetch("tagged", json!({ "property": "x" }))),
            "PropertyNotFound",
        ),
        (
            "secrets",
            "tag-decoding",
            data(fetch("tagged", base64.clone())),
            "DecodingFailed",
        ),
        (
            "secrets",
            "tags-keys",
            data_from(json!({ "extract": fetch("badly-tagged", json!({})) })),
            "InvalidKey",
        ),
        (
            "secrets",
            "tags-refused",
            data(fetch("hidden-tags", json!({}))),
            "AccessDenied",
        ),
        (
            "secrets",
            "tags-cut",
            data(fetch("cut-tags", json!({}))),
            "AwsUnavailable",
        ),
        (
            "secrets",
            "tags-template",
            templated(
                json!({ "extract": fetch("tagged", json!({})) }),
                "{{ mustFromJson .owner }}",
            ),
            "TemplateFailed",
        ),
        (
            "parameters",
            "parameter-property",
            data(json!({ "key": "/broken/json", "property": "x" })),
            "PropertyNotFound",
        ),
        (
            "parameters",
            "parameter-json",
            extracted("/broken/json"),
            "NotJson",
        ),
        (
            "parameters",
            "parameter-keys",
            extracted("/broken/keys"),
            "InvalidKey",
        ),
        (
            "parameters",
            "parameter-decoding",
            data(json!({ "key": "/p/secure", "decodingStrategy": "Base64" })),
            "DecodingFailed",
        ),
        (
            "parameters",
            "parameter-version",
            data(json!({ "key": "/p/versions", "version": "nine" })),
            "SecretNotFound",
        ),
        (
            "parameters",
            "parameter-refused",
            data(json!({ "key": "/refused/one" })),
            "AccessDenied",
        ),
        (
            "parameters",
            "parameter-cut",
            data(json!({ "key": "/cut/one" })),
            "AwsUnavailable",
        ),
        (
            "parameters",
            "parameter-tag",
            data(fetch("/p/plain", base64)),
            "DecodingFailed",
        ),
        (
            "parameters",
            "parameters-clash",
            data_from(named("^/clash/")),
            "KeyCollision",
        ),
        (
            "parameters",
            "parameters-refused",
            data_from(json!({ "find": { "path": "/refused", "name": { "regexp": "." } } })),
            "AccessDenied",
        ),
        (
            "parameters",
            "parameters-template",
            templated(json!({ "extract": { "key": "/p/json" } }), "{{ .k.x }}"),
            "TemplateFailed",
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_found_or_read_from_parameter_store_and_no_tag_appears_anywhere() {
    let space = Space::unserved().await;
    let aws = FakeAws::start().unwrap();
    let values: Vec<_> = (0..25).map(canary).collect();
    fill(&aws, &values);
    // Whoever answers may say what it likes, values included.
    let says = |n: usize| {
        Fault::error(
            400,
            "AccessDeniedException",
            &format!("no access to {}", values[n]),
        )
    };
    let _faults = [
        aws.inject(When::any().on("refused/"), says(4)),
        aws.inject(When::any().on("/refused"), says(23)),
        aws.inject(When::any().on("hidden-tags"), says(7)),
        aws.inject(When::any().on("cut/"), Fault::Cut),
        aws.inject(When::any().on("cut-tags"), Fault::Cut),
    ];
    let start = Start {
        class: Some(CLASS.to_owned()),
        endpoint: Some(aws.url()),
        ..Start::default()
    };
    let operator = Operator::start(&start, CLASS).await;
    for (name, service) in [("secrets", "SecretsManager"), ("parameters", "ParameterStore")] {
        let provider = provider(json!({ "service": service }));
        let spec = json!({ "controller": CLASS, "provider": { "aws": provider } });
        space.store_spec(name, spec).await;
    }
    let (good, bad) = (good(), bad());
    let all = good.iter().map(|(store, name, spec)| (store, name, spec));
    for (store, name, spec) in all.chain(bad.iter().map(|(store, name, spec, _)| (store, name, spec))) {
        let mut spec = spec.clone();
        spec["secretStoreRef"] = json!({ "name": store });
        space.apply(name, spec).await;
    }
    for (_, name, _) in &good {
        space.ready(name, "True").await;
        let data = space.data(name).await.unwrap_or_default();
        assert!(
            data.values().any(|value| value.contains("CANARY")),
            "{name} was read: {data:?}"
        );
    }
    for (_, name, _, cause) in &bad {
        space.fails(name, cause).await;
    }
    // A second sync finds something new.
    aws.vault(keyferry_parts::fake_aws::ACCOUNT, REGION)
        .put_secret("found/one", &*values[24]);
    space.annotate("found", "force-sync", "1").await;
    let two = values[1].as_str();
    space
        .holds("found", &[("found_one", &values[24]), ("found_two", two)])
        .await;
    // The rehearsal takes the same ways, also where the Secret is another one.
    space.edit("tag", json!({ "k": values[3] })).await;
    let planned = plan(&space, &aws).await;
    for (_, name, ..) in &bad {
        assert!(
            planned.contains(&format!("{}/{name}", space.namespace)),
            "{name}: {planned}"
        );
    }
    appear_nowhere(&space, &operator, &values, bad.len(), vec![("plan", planned)]).await;
    operator.kill().await;
}

/// What `keyferry plan` prints for a space.
async fn plan(space: &Space, aws: &FakeAws) -> String {
    let (class, within) = (
        format!("--controller-class={CLASS}"),
        format!("--namespace={}", space.namespace),
    );
    let arguments = ["plan", "--loglevel=trace", &*class, &*within];
    let (_, out, complaint) = keyferry_of(&aws.url(), &space.world.plane.kubeconfig(), &arguments).await;
    out + &complaint
}
