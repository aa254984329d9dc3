//! Bad input gives a clear error on the object that caused it, and its target stays as it is.

mod names;

use keyferry_parts::{Fault, When};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use crate::world::{Operator, Space, Start, until};

/// An object that was synced once, and the Secret as it was then.
struct Synced {
    space: Space,
    version: Option<String>,
}

impl Synced {
    async fn new() -> Self {
        let space = Space::new().await;
        space.store().await;
        space.put("good", r#"{"k":"v"}"#).await;
        space.apply("app", good(&space)).await;
        space.holds("app", &[("k", "v")]).await;
        space.ready("app", "True").await;
        let version = space.secret("app").await.metadata.resource_version;
        Self { space, version }
    }

    /// Applies a spec that fails with this cause; the target stays untouched. Gives the message.
    async fn fails(&self, spec: Value, cause: &str) -> String {
        self.space.apply("app", spec).await;
        self.untouched(cause).await
    }

    async fn untouched(&self, cause: &str) -> String {
        let message = self.space.fails("app", cause).await;
        let secret = self.space.secret("app").await;
        assert_eq!(
            secret.metadata.resource_version, self.version,
            "the target was touched"
        );
        self.space.apply("app", good(&self.space)).await;
        self.space.ready("app", "True").await;
        message
    }

    /// What one entry reads.
    fn one(remote: Value) -> Value {
        json!({ "data": [{ "secretKey": "k", "remoteRef": remote }] })
    }
}

fn good(space: &Space) -> Value {
    json!({ "dataFrom": [{ "extract": { "key": space.id("good") } }] })
}

fn has(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part:?} is missing in: {message}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_source_is_said_on_the_object_and_the_target_stays() {
    let synced = Synced::new().await;
    let id = |name: &str| synced.space.id(name);
    synced.space.put("text", "not json").await;
    synced.space.put("going", "x").await;
    synced
        .space
        .aws
        .delete_secret()
        .secret_id(id("going"))
        .recovery_window_in_days(7)
        .send()
        .await
        .unwrap();
    synced.space.put("spaced", r#"{"a b":"1","a_b":"2"}"#).await;
    synced
        .space
        .put("long", &json!({ "k".repeat(254): "v" }).to_string())
        .await;
    synced.space.put_binary("null", &[1, 0, 1]).await;

    let message = synced
        .fails(Synced::one(json!({ "key": id("nowhere") })), "SecretNotFound")
        .await;
    has(
        &message,
        &["spec.data[0] (key: k)", "Secret does not exist", &id("nowhere")],
    );
    let message = synced
        .fails(
            Synced::one(json!({ "key": id("going") })),
            "SecretMarkedForDeletion",
        )
        .await;
    has(&message, &["Secret does not exist", "deletion"]);
    let message = synced
        .fails(
            Synced::one(json!({ "key": id("good"), "version": "NOPE" })),
            "SecretNotFound",
        )
        .await;
    has(
        &message,
        &["Secret does not exist", "has no version or stage \"NOPE\""],
    );
    let message = synced
        .fails(
            Synced::one(json!({ "key": id("good"), "property": "x.y" })),
            "PropertyNotFound",
        )
        .await;
    has(
        &message,
        &[&format!("key x.y does not exist in secret {}", id("good"))],
    );
    let message = synced
        .fails(
            Synced::one(json!({ "key": id("text"), "property": "x" })),
            "PropertyNotFound",
        )
        .await;
    has(&message, &["not JSON"]);
    let extract = |key: &str| json!({ "dataFrom": [{ "extract": { "key": id(key) } }] });
    let message = synced.fails(extract("text"), "NotJson").await;
    has(
        &message,
        &[
            &format!("unable to unmarshal secret {}", id("text")),
            "spec.dataFrom[0].extract",
        ],
    );
    let message = synced.fails(extract("spaced"), "KeyCollision").await;
    has(&message, &["secret name collision during conversion: a_b"]);
    let message = synced.fails(extract("long"), "InvalidKey").await;
    has(&message, &["invalid secret keys (TIP:", "253"]);
    synced.space.put("accent", r#"{"é":"v"}"#).await;
    has(
        &synced.fails(extract("accent"), "InvalidKey").await,
        &["may hold only letters"],
    );
    let spec = Synced::one(json!({ "key": id("text"), "decodingStrategy": "Base64" }));
    has(&synced.fails(spec, "DecodingFailed").await, &["Base64", "key k"]);
    let spec = Synced::one(json!({ "key": id("null"), "nullBytePolicy": "Fail" }));
    has(&synced.fails(spec, "NullByte").await, &["null byte", "key k"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_result_over_one_mebibyte_is_refused_by_name_of_its_largest_key() {
    let synced = Synced::new().await;
    let big = "x".repeat(60_000);
    for n in 0..18 {
        synced.space.put(&format!("big{n}"), &big).await;
    }
    let data: Vec<_> = (0..18)
        .map(|n| json!({ "secretKey": format!("k{n}"), "remoteRef": { "key": synced.space.id(&format!("big{n}")) } }))
        .collect();
    has(
        &synced.fails(json!({ "data": data }), "TooLarge").await,
        &["1048576", "1080000", "largest key is k"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spec_that_contradicts_itself_is_refused_also_where_admission_let_it_pass() {
    let synced = Synced::new().await;
    let with = |more: Value| {
        let mut spec = good(&synced.space);
        for (key, value) in more.as_object().unwrap() {
            spec[key] = value.clone();
        }
        spec
    };
    has(
        &synced
            .fails(with(json!({ "refreshInterval": "10" })), "InvalidSpec")
            .await,
        &["refreshInterval", "30s"],
    );
    // Our CRDs refuse this one at once; ESO's let it pass.
    if synced
        .space
        .try_apply("app", json!({ "data": [], "dataFrom": [] }), json!({}))
        .await
        .is_ok()
    {
        has(
            &synced.untouched("InvalidSpec").await,
            &["either data or dataFrom"],
        );
    }
    let twice = json!({ "data": [
        { "secretKey": "k", "remoteRef": { "key": synced.space.id("good") } },
        { "secretKey": "k", "remoteRef": { "key": synced.space.id("good") } },
    ]});
    has(
        &synced.fails(twice, "InvalidSpec").await,
        &["duplicate secretKey found: k"],
    );
    for (more, path) in [(
        json!({ "target": { "manifest": { "apiVersion": "v1", "kind": "ConfigMap" } } }),
        "spec.target.manifest",
    )] {
        has(&synced.fails(with(more), "TargetKindRefused").await, &[path]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_an_expression_a_template_or_a_schedule_is_said_by_its_path_and_nothing_is_read() {
    let synced = Synced::new().await;
    let reads = synced.space.reads("unread");
    let window = |schedule: &str, duration: &str| {
        json!({
            "syncWindows": { "kind": "deny", "windows": [{ "schedule": schedule, "duration": duration }] },
            "dataFrom": [{ "extract": { "key": synced.space.id("unread") } }],
        })
    };
    let rewrite = |operation: Value| json!({ "dataFrom": [{ "extract": { "key": synced.space.id("unread") }, "rewrite": [operation] }] });
    for (spec, parts) in [
        (
            window("61 * * * *", "1h"),
            ["spec.syncWindows.windows[0].schedule", "is not a cron schedule"],
        ),
        (
            window("0 8 * * *", "8"),
            ["spec.syncWindows.windows[0].duration", "is not a duration"],
        ),
        (
            json!({ "dataFrom": [{ "find": { "name": { "regexp": "[" } } }] }),
            ["spec.dataFrom[0].find", "could not compile find.name.regexp [[]"],
        ),
        (
            json!({ "dataFrom": [{ "find": { "path": "/a" } }] }),
            ["spec.dataFrom[0].find", "unexpected find operator"],
        ),
        (
            rewrite(json!({ "regexp": { "source": "(", "target": "" } })),
            ["spec.dataFrom[0].rewrite[0].regexp.source", "missing closing )"],
        ),
        (
            rewrite(json!({ "transform": { "template": "{{ .value" } })),
            [
                "spec.dataFrom[0].rewrite[0].transform.template",
                "unclosed action",
            ],
        ),
        (
            rewrite(json!({ "merge": { "strategy": "JSON" } })),
            ["spec.dataFrom[0].rewrite[0].merge.into", "is needed"],
        ),
    ] {
        has(&synced.fails(spec, "InvalidSpec").await, &parts);
    }
    assert_eq!(synced.space.reads("unread"), reads);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_rewritten_keys_is_said_with_their_names() {
    let synced = Synced::new().await;
    synced
        .space
        .put("parts", r#"{"a1":{"x":"1"},"a2":{"x":"2"},"text":"plain"}"#)
        .await;
    let rewrite = |operation: Value| json!({ "dataFrom": [{ "extract": { "key": synced.space.id("parts") }, "rewrite": [operation] }] });
    let regexp = |source: &str, target: &str| json!({ "regexp": { "source": source, "target": target } });
    let merge = |options: Value| json!({ "merge": options });
    let long = "k".repeat(254);
    for (operation, cause, part) in [
        (
            regexp("[12]", ""),
            "KeyCollision",
            "the keys a1 and a2 both become \"a\"",
        ),
        (regexp("^text$", "a/b"), "InvalidKey", "may hold only letters"),
        (
            regexp("^text$", &long),
            "InvalidKey",
            "is longer than 253 characters",
        ),
        (
            json!({ "transform": { "template": "{{ fail \"no\" }}" } }),
            "RewriteFailed",
            "the function returned an error",
        ),
        (
            merge(json!({})),
            "NotJson",
            "the value of key text is not a JSON object",
        ),
        (
            merge(json!({ "priority": ["a1", "gone"] })),
            "RewriteFailed",
            "priority[1]: there is no key gone",
        ),
    ] {
        has(&synced.fails(rewrite(operation), cause).await, &[part, "rewrite"]);
    }
    synced
        .space
        .put("parts", r#"{"a1":{"x":"1"},"a2":{"x":"2"}}"#)
        .await;
    has(
        &synced.fails(rewrite(merge(json!({}))), "KeyCollision").await,
        &["merge failed with conflicts: x", "x in a1 and a2"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_that_on_missing_does_not_know_is_refused() {
    let synced = Synced::new().await;
    synced
        .space
        .annotate("app", "keyferry.dev/on-missing", "ignore")
        .await;
    let message = synced.space.fails("app", "InvalidSpec").await;
    has(&message, &["keyferry.dev/on-missing", "fail, keep or skip"]);
    assert_eq!(
        synced.space.secret("app").await.metadata.resource_version,
        synced.version
    );
}

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

async fn cluster_store(space: &Space, name: &str, spec: Value) {
    let store = json!({
        "apiVersion": "external-secrets.io/v1", "kind": "ClusterSecretStore", "metadata": { "name": name }, "spec": spec,
    });
    let patch = Patch::Apply(store);
    space
        .cluster_stores()
        .patch(name, &PatchParams::apply("user").force(), &patch)
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_store_is_said_on_the_objects_that_use_it() {
    let synced = Synced::new().await;
    let space = &synced.space;
    let on = |kind: &str, name: &str| {
        let mut spec = good(space);
        spec["secretStoreRef"] = json!({ "kind": kind, "name": name });
        spec
    };
    has(
        &synced.fails(on("SecretStore", "absent"), "StoreNotFound").await,
        &["could not get SecretStore \"absent\"", &space.namespace],
    );
    space
        .store_with("nowhere", json!({ "region": "no such region!" }))
        .await;
    has(
        &synced.fails(on("SecretStore", "nowhere"), "StoreNotReady").await,
        &["SecretStore \"nowhere\" is not ready", "region not found"],
    );
    space
        .store_with("ssm", json!({ "service": "CertificateManager" }))
        .await;
    has(
        &synced.fails(on("SecretStore", "ssm"), "StoreNotReady").await,
        &["SecretStore \"ssm\" is not ready"],
    );
    let secret_ref = |secret: &str| {
        json!({ "auth": { "secretRef": {
            "accessKeyIDSecretRef": { "name": secret, "key": "id" },
            "secretAccessKeySecretRef": { "name": secret, "key": "key" },
        }}})
    };
    space
        .store_with("keyless", secret_ref("absent-credentials"))
        .await;
    has(
        &synced.fails(on("SecretStore", "keyless"), "StoreNotReady").await,
        &[
            "SecretStore \"keyless\" is not ready",
            "CredentialsMissing: ",
            "could not fetch",
            "absent-credentials",
        ],
    );
    space.foreign_secret("half", &[("id", "AKIDHALF")]).await;
    space.store_with("half", secret_ref("half")).await;
    has(
        &synced.fails(on("SecretStore", "half"), "StoreNotReady").await,
        &["cannot find secret data for key: \"key\""],
    );
    let both = |id: &str, key: &str| [("id", id.to_owned()), ("key", key.to_owned())];
    for (name, keys, said) in [
        (
            "echoed",
            both("AKIDECHOED\n", "secret"),
            "accessKeyID secret: the value has a line break at its end",
        ),
        (
            "echoed-key",
            both("AKIDECHOED", "secret\r\n"),
            "SecretAccessKey secret: the value has a line break at its end",
        ),
        (
            "void",
            both("", "secret"),
            "accessKeyID secret: the value is empty",
        ),
        (
            "odd",
            both("AK\u{7}ID", "secret"),
            "accessKeyID secret: the value holds",
        ),
    ] {
        let keys: Vec<_> = keys.iter().map(|(key, value)| (*key, value.as_str())).collect();
        space.foreign_secret(name, &keys).await;
        space.store_with(name, secret_ref(name)).await;
        let message = synced.fails(on("SecretStore", name), "StoreNotReady").await;
        has(&message, &[said]);
        assert!(!message.contains("ECHOED"), "{message}");
    }
    let broken = format!("broken-{}", space.namespace);
    let mut keyless = secret_ref("absent-credentials");
    for selector in ["accessKeyIDSecretRef", "secretAccessKeySecretRef"] {
        keyless["auth"]["secretRef"][selector]["namespace"] = json!(space.namespace);
    }
    cluster_store(
        space,
        &broken,
        json!({ "provider": { "aws": crate::world::provider(keyless) } }),
    )
    .await;
    has(
        &synced
            .fails(on("ClusterSecretStore", &broken), "StoreNotReady")
            .await,
        &["CredentialsMissing: ", "could not fetch", "absent-credentials"],
    );
    // A store and an object of different operators: the object is refused where it mixes them.
    space
        .store_spec(
            "other",
            json!({ "controller": "other", "provider": { "aws": crate::world::provider(json!({})) } }),
        )
        .await;
    let mut mixed = good(space);
    mixed["data"] = json!([{
        "secretKey": "x", "remoteRef": { "key": space.id("good") }, "sourceRef": { "storeRef": { "name": "other" } },
    }]);
    has(
        &synced.fails(mixed, "StoreNotOurs").await,
        &["can not reference unmanaged store"],
    );
    let denied = format!("denied-{}", space.namespace);
    let spec = json!({
        "provider": { "aws": crate::world::provider(json!({})) },
        "conditions": [{ "namespaces": ["somebody-else"] }],
    });
    cluster_store(space, &denied, spec).await;
    has(
        &synced
            .fails(on("ClusterSecretStore", &denied), "StoreDenied")
            .await,
        &["is not allowed from namespace", "denied by spec.condition"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_whose_stores_are_all_of_another_operator_is_not_touched() {
    let space = Space::new().await;
    space
        .store_spec(
            "other",
            json!({ "controller": "other", "provider": { "aws": crate::world::provider(json!({})) } }),
        )
        .await;
    space
        .store_spec(
            "vault",
            json!({ "provider": { "vault": { "server": "https://vault.example" } } }),
        )
        .await;
    space.store().await;
    space.put("k", "v").await;
    for store in ["other", "vault", "aws"] {
        let spec = json!({
            "secretStoreRef": { "name": store }, "data": [{ "secretKey": "k", "remoteRef": { "key": space.id("k") } }],
        });
        space.apply(store, spec).await;
    }
    space.ready("aws", "True").await;
    for name in ["other", "vault"] {
        assert_eq!(space.objects().get(name).await.unwrap().status, None, "{name}");
        assert_eq!(space.stores().get(name).await.unwrap().status, None, "{name}");
        assert_eq!(space.data(name).await, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_aws_denies_is_said_with_its_code_and_the_target_stays() {
    let synced = Synced::new().await;
    let space = &synced.space;
    space.put("denied", "x").await;
    let when = || When::operation("GetSecretValue").on(space.id("denied"));
    let one = Synced::one(json!({ "key": space.id("denied") }));
    {
        let _denied = space
            .world
            .proxy
            .inject(when(), Fault::access_denied("secretsmanager:GetSecretValue"));
        let message = synced.fails(one.clone(), "AccessDenied").await;
        has(&message, &["AccessDenied", "secretsmanager:GetSecretValue"]);
    }
    let kms = Fault::error(
        400,
        "DecryptionFailure",
        "Secrets Manager can't decrypt the protected secret text.",
    );
    let _kms = space.world.proxy.inject(when(), kms);
    has(&synced.fails(one, "KmsFailed").await, &["DecryptionFailure"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aws_that_fails_or_cuts_its_answers_off_is_waited_for_and_the_target_stays() {
    let synced = Synced::new().await;
    let space = &synced.space;
    for (n, fault) in [Fault::internal(), Fault::Cut, Fault::HangUp]
        .into_iter()
        .enumerate()
    {
        let name = format!("failing{n}");
        space.put(&name, &name).await;
        let before = space.data("app").await;
        let broken = space.world.proxy.inject(When::any().on(space.id(&name)), fault);
        space
            .apply("app", Synced::one(json!({ "key": space.id(&name) })))
            .await;
        let message = space.fails("app", "AwsUnavailable").await;
        has(&message, &["spec.data[0] (key: k)"]);
        assert_eq!(space.data("app").await, before, "the target was touched");
        drop(broken);
        space.holds("app", &[("k", &name)]).await;
        space.ready("app", "True").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_is_down_turns_ready_false_after_the_second_failure_and_heals_by_itself() {
    let space = Space::unserved().await;
    space.put("k", "v").await;
    // Nothing listens there.
    let [port] = keyferry_parts::free_ports().unwrap();
    let start = Start {
        class: Some("down".to_owned()),
        endpoint: Some(format!("http://127.0.0.1:{port}")),
        ..Start::default()
    };
    let operator = Operator::start(&start, "down").await;
    let spec = json!({ "controller": "down", "provider": { "aws": crate::world::provider(json!({})) } });
    space.store_spec("aws", spec).await;
    space
        .apply(
            "app",
            json!({ "data": [{ "secretKey": "k", "remoteRef": { "key": space.id("k") } }] }),
        )
        .await;
    let message = space.fails("app", "AwsUnavailable").await;
    has(&message, &["spec.data[0] (key: k)"]);
    assert_eq!(space.data("app").await, None);
    operator.kill().await;
    let healed = Operator::start(
        &Start {
            endpoint: None,
            ..start
        },
        "up",
    )
    .await;
    space.holds("app", &[("k", "v")]).await;
    space.ready("app", "True").await;
    drop(healed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_cannot_be_assumed_makes_its_store_not_ready_and_its_objects_say_so() {
    let synced = Synced::new().await;
    let space = &synced.space;
    let role = format!("arn:aws:iam::222222222222:role/{}", space.namespace);
    let denied = Fault::error(
        403,
        "AccessDenied",
        &format!(
            "User: arn:aws:iam::123456789012:user/op is not authorized to perform: sts:AssumeRole on resource: {role}"
        ),
    );
    let refused = space
        .world
        .proxy
        .inject(When::operation("AssumeRole").on(&role), denied);
    space.store_with("role", json!({ "role": role })).await;
    let mut spec = good(space);
    spec["secretStoreRef"] = json!({ "name": "role" });
    has(
        &synced.fails(spec, "StoreNotReady").await,
        &["SecretStore \"role\" is not ready"],
    );
    until("the store to say why", || async {
        let status = space
            .stores()
            .get("role")
            .await
            .unwrap()
            .status
            .unwrap_or_default();
        let message = status
            .conditions
            .unwrap_or_default()
            .first()
            .and_then(|c| c.message.clone())
            .unwrap_or_default();
        if message.contains("sts:AssumeRole") && message.contains(&role) {
            Ok(())
        } else {
            Err(message)
        }
    })
    .await;
    drop(refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_object_is_reported_on_itself_and_stops_nobody() {
    let space = Space::new().await;
    space.store().await;
    space.put("k", "v").await;
    // The CRD would refuse this object; a webhook-less past may have stored it.
    let spec = json!({ "refreshInterval": "nonsense", "data": [{ "secretKey": "k", "remoteRef": { "key": space.id("k") } }] });
    space.apply("bad", spec).await;
    space
        .apply(
            "good",
            json!({ "data": [{ "secretKey": "k", "remoteRef": { "key": space.id("k") } }] }),
        )
        .await;
    space.holds("good", &[("k", "v")]).await;
    has(&space.fails("bad", "InvalidSpec").await, &["nonsense"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_renamed_to_a_taken_name_keeps_its_old_secret() {
    let synced = Synced::new().await;
    let space = &synced.space;
    space.foreign_secret("taken", &[("other", "data")]).await;
    let mut spec = good(space);
    spec["target"] = json!({ "name": "taken" });
    space.apply("app", spec.clone()).await;
    has(
        &space.fails("app", "TargetNotAdopted").await,
        &["Secret taken", "other", "keyferry.dev/adopt=app"],
    );
    assert_eq!(
        space.data("app").await.unwrap()["k"],
        "v",
        "the old Secret serves until the new one stands"
    );
    assert_eq!(space.data("taken").await.unwrap()["other"], "data");
    space.delete_secret("taken").await;
    space.annotate("app", "force-sync", "1").await;
    space.holds("taken", &[("k", "v")]).await;
    space.is_gone("app").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interval_of_centuries_stops_nobody() {
    let space = Space::new().await;
    space.store().await;
    space.put("k", "v").await;
    let spec = |interval: &str| json!({ "refreshInterval": interval, "data": [{ "secretKey": "k", "remoteRef": { "key": space.id("k") } }] });
    space.apply("long", spec("2500000h")).await;
    space.ready("long", "True").await;
    space.apply("after", spec("1h")).await;
    space.holds("after", &[("k", "v")]).await;
}
