//! Stores that are missing, closed, of another operator, or cannot be used.

use keyferry_parts::{Fault, When};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::{Synced, good, has};
use crate::world::{Operator, Space, Start};

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
async fn stores_of_a_kind_that_is_switched_off_and_objects_that_use_them_are_not_touched() {
    let space = Space::unserved().await;
    let class = "kinds-off";
    let store = json!({ "controller": class, "provider": { "aws": crate::world::provider(json!({})) } });
    space.store_spec("aws", store.clone()).await;
    let all = format!("{}-off", space.namespace);
    cluster_store(&space, &all, store).await;
    space.put("k", "v").await;
    let using = |kind: &str, name: &str| {
        json!({
            "secretStoreRef": { "kind": kind, "name": name },
            "data": [{ "secretKey": "k", "remoteRef": { "key": space.id("k") } }],
        })
    };
    let of_one = using("SecretStore", "aws");
    let of_all = using("ClusterSecretStore", &all);
    let served_by = async |flag: &str| {
        let start = Start {
            class: Some(class.to_owned()),
            arguments: vec![flag.to_owned()],
            ..Start::default()
        };
        Operator::start(&start, class).await
    };
    let is_untouched = async |name: &str| {
        assert_eq!(space.objects().get(name).await.unwrap().status, None, "{name}");
        assert_eq!(space.data(name).await, None, "{name}");
    };

    let operator = served_by("--enable-cluster-store-reconciler=false").await;
    space.apply("of-all", of_all.clone()).await;
    space.apply("of-one", of_one.clone()).await;
    space.ready("of-one", "True").await;
    is_untouched("of-all").await;
    assert_eq!(space.cluster_stores().get(&all).await.unwrap().status, None);
    operator.stop().await;

    let operator = served_by("--enable-secret-store-reconciler=false").await;
    space.apply("of-one-again", of_one).await;
    space.apply("of-all-again", of_all).await;
    for name in ["of-all", "of-all-again"] {
        space.ready(name, "True").await;
    }
    is_untouched("of-one-again").await;
    operator.stop().await;
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
    space.store_says("role", &["sts:AssumeRole", &role]).await;
    drop(refused);
}
