//! Values that are made and not read, each kind through `generatorRef`.

use std::collections::BTreeMap;

use keyferry_parts::{FakeAws, When};
use kube::{
    Api,
    api::{ApiResource, DynamicObject, GroupVersionKind, Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::{
    examples,
    world::{Operator, Space, Start, operator, until},
};

const VERSION: &str = "generators.external-secrets.io/v1alpha1";
/// The seed of RFC 6238, whose code for second 59 is known.
pub(crate) const SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

fn resource(kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk(
        "generators.external-secrets.io",
        "v1alpha1",
        kind,
    ))
}

async fn apply(api: Api<DynamicObject>, kind: &str, name: &str, spec: &Value) {
    let object = json!({
        "apiVersion": VERSION, "kind": kind, "metadata": { "name": name }, "spec": spec,
    });
    api.patch(name, &PatchParams::apply("user").force(), &Patch::Apply(object))
        .await
        .unwrap();
}

pub(crate) async fn generator(space: &Space, kind: &str, name: &str, spec: Value) {
    let api = Api::namespaced_with(space.client.clone(), &space.namespace, &resource(kind));
    apply(api, kind, name, &spec).await;
}

/// A generator for all; its name is that of the test's namespace and `name`.
pub(crate) async fn cluster_generator(space: &Space, name: &str, kind: &str, spec: Value) -> String {
    let name = format!("{}-{name}", space.namespace);
    let api = Api::all_with(space.client.clone(), &resource("ClusterGenerator"));
    let spec = json!({ "kind": kind, "generator": spec });
    apply(api, "ClusterGenerator", &name, &spec).await;
    name
}

pub(crate) fn from(kind: &str, name: &str) -> Value {
    json!({ "sourceRef": { "generatorRef": { "apiVersion": VERSION, "kind": kind, "name": name } } })
}

fn using(kind: &str, name: &str, interval: &str) -> Value {
    json!({ "refreshInterval": interval, "dataFrom": [from(kind, name)] })
}

/// The keys of a user, in a Secret, and how a generator refers to them.
pub(crate) async fn keys(space: &Space, secret: &str, id: &str) -> Value {
    space
        .foreign_secret(secret, &[("id", id), ("key", "planted-secret-key")])
        .await;
    json!({ "secretRef": {
        "accessKeyIDSecretRef": { "name": secret, "key": "id" },
        "secretAccessKeySecretRef": { "name": secret, "key": "key" },
    }})
}

async fn made(space: &Space, name: &str) -> BTreeMap<String, String> {
    until(&format!("Secret {}/{name}", space.namespace), || async {
        match space.data(name).await {
            Some(data) => Ok(data),
            None => Err(format!("{:?}", space.status(name).await.conditions)),
        }
    })
    .await
}

fn names(data: &BTreeMap<String, String>) -> Vec<&str> {
    data.keys().map(String::as_str).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_makes_the_keys_of_the_contract() {
    let space = Space::new().await;
    let password = json!({ "length": 30, "digits": 5, "symbols": 0, "secretKeys": ["admin", "reader"] });
    generator(&space, "Password", "p", password).await;
    generator(&space, "UUID", "u", json!({})).await;
    generator(
        &space,
        "SSHKey",
        "s",
        json!({ "keyType": "ed25519", "comment": "deploy" }),
    )
    .await;
    generator(
        &space,
        "Fake",
        "f",
        json!({ "data": { "user": "guest", "pass": "guest" } }),
    )
    .await;
    space.foreign_secret("seed", &[("totp", SEED)]).await;
    let mfa = json!({ "secret": { "name": "seed", "key": "totp" }, "when": "1970-01-01T00:00:59Z" });
    generator(&space, "MFA", "m", mfa).await;
    let auth = keys(&space, "keys", "AKIDGENERATOR").await;
    let at = |more: Value| {
        let mut spec = json!({ "region": "eu-central-1", "auth": auth });
        spec.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        spec
    };
    generator(&space, "ECRAuthorizationToken", "e", at(json!({}))).await;
    let parameters = json!({ "requestParameters": { "sessionDuration": 900 } });
    generator(&space, "STSSessionToken", "t", at(parameters)).await;
    for (kind, name) in [
        ("Password", "p"),
        ("UUID", "u"),
        ("SSHKey", "s"),
        ("Fake", "f"),
        ("MFA", "m"),
        ("ECRAuthorizationToken", "e"),
        ("STSSessionToken", "t"),
    ] {
        space.apply(name, using(kind, name, "1h")).await;
    }
    let data = made(&space, "p").await;
    assert_eq!(names(&data), ["admin", "reader"]);
    assert!(data["admin"].len() == 30 && data["admin"] != data["reader"]);
    let data = made(&space, "u").await;
    assert!(names(&data) == ["uuid"] && data["uuid"].len() == 36 && data["uuid"].as_bytes()[14] == b'4');
    let data = made(&space, "s").await;
    assert_eq!(names(&data), ["privateKey", "publicKey"]);
    assert!(data["privateKey"].starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
    assert!(data["publicKey"].starts_with("ssh-ed25519 ") && data["publicKey"].ends_with(" deploy\n"));
    space.holds("f", &[("pass", "guest"), ("user", "guest")]).await;
    space.holds("m", &[("timeLeft", "1"), ("token", "287082")]).await;
    let data = made(&space, "e").await;
    assert_eq!(
        names(&data),
        ["expires_at", "password", "proxy_endpoint", "username"]
    );
    assert_eq!(data["username"], "AWS");
    assert_eq!(
        data["proxy_endpoint"],
        "https://123456789012.dkr.ecr.eu-central-1.amazonaws.com"
    );
    assert!(!data["password"].is_empty() && data["expires_at"].parse::<i64>().is_ok());
    let data = made(&space, "t").await;
    let wanted = [
        "access_key_id",
        "expiration",
        "secret_access_key",
        "session_token",
    ];
    assert_eq!(names(&data), wanted);
    assert!(data["expiration"].parse::<i64>().is_ok());
    assert_eq!(space.ready("t", "True").await.0, "SecretSynced");
}

#[tokio::test(flavor = "multi_thread")]
async fn several_generators_and_secrets_of_aws_fill_one_secret() {
    let space = Space::new().await;
    space.store().await;
    space.put("db", r#"{"host":"db"}"#).await;
    generator(&space, "Password", "p", json!({})).await;
    let two = json!({ "length": 9, "secretKeys": ["second"] });
    generator(&space, "Password", "q", two).await;
    let extract = json!({ "extract": { "key": space.id("db") } });
    let entries = json!({ "dataFrom": [from("Password", "p"), from("Password", "q"), extract] });
    space.apply("all", entries).await;
    let data = made(&space, "all").await;
    assert_eq!(names(&data), ["host", "password", "second"]);
    assert_eq!((data["password"].len(), data["second"].len()), (24, 9));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_keys_of_a_generator_are_rewritten_as_those_of_a_secret_are() {
    let space = Space::new().await;
    let two = json!({ "length": 12, "secretKeys": ["admin", "reader"] });
    generator(&space, "Password", "p", two).await;
    let objects = json!({ "data": { "one": "{\"host\":\"db\"}", "two": "{\"port\":\"5432\"}" } });
    generator(&space, "Fake", "objects", objects).await;
    generator(
        &space,
        "Fake",
        "odd",
        json!({ "data": { "a b": "1", "a/b": "2" } }),
    )
    .await;
    let rewritten = |kind: &str, name: &str, operations: Value| {
        let mut entry = from(kind, name);
        entry["rewrite"] = operations;
        entry
    };
    let prefix = json!([{ "regexp": { "source": "^", "target": "db_" } }]);
    let upper = json!([
        { "regexp": { "source": "reader", "target": "guest" } }, { "transform": { "template": "{{ .value | upper }}" } },
    ]);
    let entries = [
        rewritten("Password", "p", prefix),
        rewritten("Password", "p", upper),
        rewritten("Fake", "objects", json!([{ "merge": {} }])),
    ];
    space.apply("all", json!({ "dataFrom": entries })).await;
    let data = made(&space, "all").await;
    assert_eq!(
        names(&data),
        ["ADMIN", "GUEST", "db_admin", "db_reader", "host", "port"]
    );
    assert!(
        data["db_admin"] != data["ADMIN"],
        "each entry has values of its own"
    );
    assert_eq!((data["host"].as_str(), data["port"].as_str()), ("db", "5432"));

    let collide = json!([{ "regexp": { "source": "[ /]", "target": "-" } }]);
    let odd = json!({ "dataFrom": [rewritten("Fake", "odd", collide)] });
    space.apply("odd", odd).await;
    let message = space.fails("odd", "KeyCollision").await;
    assert!(
        message.contains("a b") && message.contains("a/b") && message.contains("sourceRef.generatorRef"),
        "{message}"
    );
    assert_eq!(space.data("odd").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_generator_looks_its_secrets_up_in_the_namespace_of_the_object() {
    let (space, other) = (Space::new().await, Space::new().await);
    space.foreign_secret("seed", &[("totp", SEED)]).await;
    // It names the first namespace; that counts for nothing.
    let secret = json!({ "name": "seed", "namespace": space.namespace, "key": "totp" });
    let spec = json!({ "mfaSpec": { "secret": secret, "when": "1970-01-01T00:00:59Z" } });
    let mfa = cluster_generator(&space, "mfa", "MFA", spec).await;
    space.apply("m", using("ClusterGenerator", &mfa, "1h")).await;
    space.holds("m", &[("timeLeft", "1"), ("token", "287082")]).await;
    other.apply("m", using("ClusterGenerator", &mfa, "1h")).await;
    let message = other.fails("m", "GeneratorInvalid").await;
    assert!(
        message.contains("there is no Secret \"seed\" in namespace"),
        "{message}"
    );

    let auth = keys(&space, "keys", "AKIDGENERATOR").await;
    let mut auth = auth;
    for selector in auth["secretRef"].as_object_mut().unwrap().values_mut() {
        selector["namespace"] = json!(space.namespace);
    }
    let spec = json!({ "ecrAuthorizationTokenSpec": { "region": "eu-central-1", "auth": auth } });
    let ecr = cluster_generator(&space, "ecr", "ECRAuthorizationToken", spec).await;
    space.apply("e", using("ClusterGenerator", &ecr, "1h")).await;
    assert_eq!(made(&space, "e").await["username"], "AWS");
    other.apply("e", using("ClusterGenerator", &ecr, "1h")).await;
    let message = other.fails("e", "CredentialsFailed").await;
    assert!(
        message.contains(&format!("from namespace \"{}\"", other.namespace)),
        "{message}"
    );
    assert_eq!(other.data("e").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generator_and_its_credentials_in_another_namespace_cannot_be_reached() {
    let (space, other) = (Space::new().await, Space::new().await);
    generator(&other, "Password", "theirs", json!({})).await;
    space.apply("p", using("Password", "theirs", "1h")).await;
    let message = space.fails("p", "GeneratorNotFound").await;
    assert!(
        message.contains("there is no Password \"theirs\" in namespace"),
        "{message}"
    );
    let auth = keys(&other, "keys", "AKIDOTHER").await;
    let mut auth = auth;
    for selector in auth["secretRef"].as_object_mut().unwrap().values_mut() {
        selector["namespace"] = json!(other.namespace);
    }
    for (kind, name) in [("ECRAuthorizationToken", "ecr"), ("STSSessionToken", "sts")] {
        generator(
            &space,
            kind,
            name,
            json!({ "region": "eu-central-1", "auth": auth }),
        )
        .await;
        space.apply(name, using(kind, name, "1h")).await;
        let message = space.fails(name, "CredentialsFailed").await;
        let own = format!("from namespace \"{}\"", space.namespace);
        assert!(message.contains(&own), "{message}");
    }
    let account = json!({ "name": "default", "namespace": other.namespace });
    let auth = json!({ "jwt": { "serviceAccountRef": account } });
    generator(
        &space,
        "ECRAuthorizationToken",
        "jwt",
        json!({ "region": "eu-central-1", "auth": auth }),
    )
    .await;
    space
        .apply("jwt", using("ECRAuthorizationToken", "jwt", "1h"))
        .await;
    let message = space.fails("jwt", "CredentialsFailed").await;
    assert!(
        message.contains(&format!("\"{}\"", space.namespace))
            || message.contains(&format!("namespace: {}", space.namespace)),
        "{message}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_whose_generator_names_another_class_is_left_alone() {
    let space = Space::new().await;
    let spec = |class: &str| json!({ "controller": class, "data": { "k": "v" } });
    generator(&space, "Fake", "theirs", spec("another")).await;
    generator(&space, "Fake", "ours", spec("default")).await;
    space.apply("theirs", using("Fake", "theirs", "1h")).await;
    space.apply("ours", using("Fake", "ours", "1h")).await;
    space.holds("ours", &[("k", "v")]).await;
    until("a turn of the object", || async {
        let metrics = operator().await.metrics().await;
        let turn = format!("name=\"theirs\",namespace=\"{}\"", space.namespace);
        if metrics
            .lines()
            .any(|line| line.starts_with("externalsecret_sync_calls_total") && line.contains(&turn))
        {
            Ok(())
        } else {
            Err("none yet".to_owned())
        }
    })
    .await;
    assert_eq!(
        space.status("theirs").await,
        keyferry::api::ExternalSecretStatus::default()
    );
    assert_eq!(space.data("theirs").await, None);
}

/// Differs: docs/differences.md#generator-tries.
/// Differs: docs/differences.md#generator-class.
#[tokio::test(flavor = "multi_thread")]
async fn only_the_default_class_serves_objects_that_name_no_store() {
    let space = Space::new().await;
    let class = "no-store";
    let start = Start {
        class: Some(class.to_owned()),
        arguments: vec![format!("--namespace={}", space.namespace)],
        ..Start::default()
    };
    let other = Operator::start(&start, class).await;
    space.store_of(class).await;
    generator(&space, "Password", "p", json!({})).await;
    let nameless = json!({
        "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
        "metadata": { "name": "nameless" }, "spec": using("Password", "p", "1h"),
    });
    let params = PatchParams::apply("user").force();
    let objects = space.objects();
    objects
        .patch("nameless", &params, &Patch::Apply(nameless))
        .await
        .unwrap();
    space.ready("nameless", "True").await;
    space.apply("named", using("Password", "p", "1h")).await;
    space.ready("named", "True").await;
    for (operator, serves, leaves) in [
        (operator().await, "nameless", "named"),
        (&other, "named", "nameless"),
    ] {
        let metrics = operator.metrics().await;
        let served = |name: &str| {
            let object = format!("name=\"{name}\",namespace=\"{}\"", space.namespace);
            let succeeded = "keyferry_externalsecret_last_success_timestamp_seconds";
            metrics
                .lines()
                .any(|line| line.starts_with(succeeded) && line.contains(&object))
        };
        assert!(served(serves) && !served(leaves), "{serves}");
    }
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_generator_that_cannot_make_its_values_is_named_and_the_target_stays() {
    let space = Space::new().await;
    generator(&space, "Password", "p", json!({})).await;
    space.apply("p", using("Password", "p", "1h")).await;
    let before = made(&space, "p").await;
    generator(&space, "Password", "p", json!({ "length": 100 })).await;
    space.annotate("p", "force-sync", "1").await;
    let message = space.fails("p", "GeneratorInvalid").await;
    assert!(
        message.contains(
            "error using generator Password \"p\": 25 digits are asked for, and there are 10 of them"
        ),
        "{message}"
    );
    assert_eq!(space.data("p").await.as_ref(), Some(&before));
    // What is wrong stands in the generator: once it is right, the object recovers.
    generator(&space, "Password", "p", json!({ "length": 8 })).await;
    space.annotate("p", "force-sync", "2").await;
    space.ready("p", "True").await;
    assert_eq!(made(&space, "p").await["password"].len(), 8);

    let elsewhere = json!({ "kind": "Password", "name": "p", "apiVersion": "apps/v1" });
    for (name, entry, cause, wanted) in [
        (
            "gone",
            from("UUID", "none"),
            "GeneratorNotFound",
            "unable to get generator: there is no UUID \"none\"",
        ),
        (
            "webhook",
            from("Webhook", "w"),
            "NotSupported",
            "generators of kind Webhook are not supported",
        ),
        (
            "version",
            json!({ "sourceRef": { "generatorRef": elsewhere } }),
            "InvalidSpec",
            "generatorRef.apiVersion \"apps/v1\" is not",
        ),
    ] {
        space.apply(name, json!({ "dataFrom": [entry] })).await;
        let message = space.fails(name, cause).await;
        assert!(
            message.contains(wanted) && message.contains("spec.dataFrom[0].sourceRef.generatorRef"),
            "{message}"
        );
    }
    for (name, kind, spec, cause, wanted) in [
        (
            "region",
            "ECRAuthorizationToken",
            json!({ "region": "no region" }),
            "GeneratorInvalid",
            "region not found",
        ),
        (
            "own",
            "STSSessionToken",
            json!({ "region": "eu-central-1" }),
            "GeneratorInvalid",
            "is not given away",
        ),
        (
            "jwt",
            "STSSessionToken",
            json!({ "region": "eu-central-1", "auth": { "jwt": { "serviceAccountRef": { "name": "default" } } } }),
            "GeneratorInvalid",
            "jwt auth cannot be used",
        ),
        (
            "rsa",
            "SSHKey",
            json!({ "keySize": 1024 }),
            "GeneratorInvalid",
            "use 2048, 3072, 4096 or 8192",
        ),
        (
            "seed",
            "MFA",
            json!({ "secret": {} }),
            "GeneratorInvalid",
            "must name a Secret and a key",
        ),
    ] {
        generator(&space, kind, name, spec).await;
        space.apply(name, using(kind, name, "1h")).await;
        let message = space.fails(name, cause).await;
        assert!(message.contains(wanted), "{message}");
        assert_eq!(space.data(name).await, None);
    }
    let mixed = cluster_generator(&space, "mixed", "Password", json!({ "uuidSpec": {} })).await;
    space
        .apply("mixed", using("ClusterGenerator", &mixed, "1h"))
        .await;
    let message = space.fails("mixed", "GeneratorInvalid").await;
    assert!(message.contains("give both the same kind"), "{message}");
}

/// Differs: docs/differences.md#no-new-values.
#[tokio::test(flavor = "multi_thread")]
async fn a_password_of_interval_zero_survives_changes_of_its_object_and_restarts() {
    let space = Space::unserved().await;
    space.store_of("lasting").await;
    let start = Start {
        class: Some("lasting".to_owned()),
        ..Start::default()
    };
    let operator = Operator::start(&start, "lasting-1").await;
    generator(&space, "Password", "p", json!({})).await;
    space.apply("p", using("Password", "p", "0")).await;
    space.apply("hourly", using("Password", "p", "1h")).await;
    let (zero, hourly) = (made(&space, "p").await, made(&space, "hourly").await);
    space.ready("p", "True").await;
    space.ready("hourly", "True").await;

    space.annotate("p", "team", "red").await;
    let mut spec = using("Password", "p", "0");
    spec["dataFrom"]
        .as_array_mut()
        .unwrap()
        .push(from("UUID", "absent"));
    space.apply("p", spec).await;
    observed(&space, "p").await;
    assert_eq!(space.data("p").await.as_ref(), Some(&zero));

    operator.kill().await;
    let operator = Operator::start(&start, "lasting-2").await;
    // A refresh that was asked for shows that the operator has seen all, and that it can make another password.
    generator(&space, "UUID", "absent", json!({})).await;
    space.apply("witness", using("UUID", "absent", "1h")).await;
    made(&space, "witness").await;
    assert_eq!(space.data("p").await.as_ref(), Some(&zero));
    assert_eq!(space.data("hourly").await.as_ref(), Some(&hourly));
    space.annotate("p", "force-sync", "now").await;
    until("another password", || async {
        let now = made(&space, "p").await;
        if now["password"] != zero["password"] && now.contains_key("uuid") {
            Ok(())
        } else {
            Err(format!("{:?}", names(&now)))
        }
    })
    .await;
    operator.stop().await;
}

/// Waits until the status speaks of the object as it is now.
async fn observed(space: &Space, name: &str) {
    if crate::world::on_eso_crds() {
        return;
    }
    until("the generation to be observed", || async {
        let object = space.objects().get(name).await.map_err(|e| e.to_string())?;
        let observed = object.status.and_then(|status| status.observed_generation);
        if observed == object.metadata.generation {
            Ok(())
        } else {
            Err(format!("{observed:?}"))
        }
    })
    .await;
}

/// Differs: docs/differences.md#renewed-tokens.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_renewed_before_it_expires_whatever_the_interval() {
    let space = Space::unserved().await;
    space.store_of("expiring").await;
    let aws = FakeAws::start().unwrap();
    aws.limit_sessions(std::time::Duration::from_secs(6));
    let start = Start {
        class: Some("expiring".to_owned()),
        endpoint: Some(aws.url()),
        ..Start::default()
    };
    let operator = Operator::start(&start, "expiring-1").await;
    let auth = keys(&space, "keys", "AKIDUSER").await;
    let public = json!({ "region": "us-east-1", "auth": auth, "scope": "public" });
    generator(&space, "ECRAuthorizationToken", "public", public).await;
    let session = json!({ "region": "us-east-1", "auth": auth });
    generator(&space, "STSSessionToken", "session", session).await;
    generator(&space, "Password", "p", json!({})).await;
    let two = |policy: &str| {
        json!({
            "refreshInterval": "0", "refreshPolicy": policy, "dataFrom": [from("ECRAuthorizationToken", "public")],
        })
    };
    space.apply("zero", two("Periodic")).await;
    space.apply("once", two("CreatedOnce")).await;
    space
        .apply("daily", using("STSSessionToken", "session", "24h"))
        .await;
    // The password lasts, so its time counts.
    let mut mixed = two("Periodic");
    mixed["dataFrom"]
        .as_array_mut()
        .unwrap()
        .push(from("Password", "p"));
    space.apply("mixed", mixed).await;

    let zero = made(&space, "zero").await;
    assert_eq!(names(&zero), ["expires_at", "password", "username"]);
    let (once, daily, mixed) = (
        made(&space, "once").await,
        made(&space, "daily").await,
        made(&space, "mixed").await,
    );
    renewed(&space, "zero", "password", &zero).await;
    renewed(&space, "daily", "session_token", &daily).await;
    if !crate::world::on_eso_crds() {
        assert!(space.status("zero").await.expires.is_some());
    }
    operator.kill().await;
    // It goes on after a restart, from what the status tells.
    let zero = made(&space, "zero").await;
    let operator = Operator::start(&start, "expiring-2").await;
    if !crate::world::on_eso_crds() {
        renewed(&space, "zero", "password", &zero).await;
    }
    assert_eq!(space.data("once").await, Some(once));
    assert_eq!(space.data("mixed").await, Some(mixed));
    operator.stop().await;
}

async fn renewed(space: &Space, name: &str, key: &str, before: &BTreeMap<String, String>) {
    until(&format!("a new {key} in {name}"), || async {
        let now = made(space, name).await;
        if now[key] == before[key] {
            Err("the old one".to_owned())
        } else {
            Ok(())
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_aws_refuses_says_which_keys_it_needs() {
    let space = Space::unserved().await;
    space.store_of("sessions").await;
    let aws = FakeAws::start().unwrap();
    let start = Start {
        class: Some("sessions".to_owned()),
        endpoint: Some(aws.url()),
        ..Start::default()
    };
    let operator = Operator::start(&start, "sessions").await;
    let auth = keys(&space, "keys", "AKIDUSER").await;
    let role = "arn:aws:iam::123456789012:role/any";
    let spec = json!({ "region": "us-east-1", "auth": auth, "role": role });
    generator(&space, "STSSessionToken", "assumed", spec.clone()).await;
    generator(&space, "ECRAuthorizationToken", "assumed", spec).await;
    space
        .apply("session", using("STSSessionToken", "assumed", "1h"))
        .await;
    let message = space.fails("session", "CredentialsFailed").await;
    assert!(
        message.contains("GetSessionToken was refused")
            && message.contains("needs the long-term keys of an IAM user"),
        "{message}"
    );
    space
        .apply("login", using("ECRAuthorizationToken", "assumed", "1h"))
        .await;
    let login = made(&space, "login").await;
    assert_eq!(
        login["proxy_endpoint"],
        "https://123456789012.dkr.ecr.us-east-1.amazonaws.com"
    );
    let asked = aws.calls().matching(&When::operation("GetAuthorizationToken"));
    assert!(
        asked
            .iter()
            .all(|call| call.identity.contains("assumed-role/any/")),
        "{asked:?}"
    );
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_examples_of_generators_do_what_they_say() {
    let space = Space::new().await;
    let user = [
        ("access-key-id", "AKIDUSER"),
        ("secret-access-key", "planted-secret-key"),
    ];
    space.foreign_secret("user-keys", &user).await;
    for (file, secret, keys) in [
        ("password.yaml", "database-passwords", &["admin", "app"][..]),
        ("uuid.yaml", "installation-id", &["uuid"]),
        ("ssh-key.yaml", "deploy-key", &["privateKey", "publicKey"]),
        ("one-time-code.yaml", "console-code", &["timeLeft", "token"]),
        ("ecr-pull-secret.yaml", "registry-login", &[".dockerconfigjson"]),
        (
            "sts-session.yaml",
            "user-session",
            &[
                "access_key_id",
                "expiration",
                "secret_access_key",
                "session_token",
            ],
        ),
        ("fake-generator.yaml", "guest-login", &["password", "username"]),
        ("cluster-generator.yaml", "session-key", &["password"]),
    ] {
        examples::apply(&space, file).await;
        assert_eq!(names(&made(&space, secret).await), keys, "{file}");
        space.ready(secret, "True").await;
    }
    let passwords = made(&space, "database-passwords").await;
    assert!(passwords.values().all(|password| password.len() == 32));
    assert_eq!(made(&space, "session-key").await["password"].len(), 40);
    assert!(made(&space, "deploy-key").await["publicKey"].ends_with(" deploy@example\n"));
    assert_eq!(made(&space, "console-code").await["token"].len(), 6);
    let pull = space.secret("registry-login").await;
    assert_eq!(pull.type_.as_deref(), Some("kubernetes.io/dockerconfigjson"));
    let config: Value = serde_json::from_slice(&pull.data.unwrap()[".dockerconfigjson"].0).unwrap();
    let login = &config["auths"]["123456789012.dkr.ecr.eu-central-1.amazonaws.com"];
    assert_eq!(login["username"], "AWS");
    assert!(
        login["password"].is_string() && login["auth"].is_string(),
        "the login is whole"
    );
}
