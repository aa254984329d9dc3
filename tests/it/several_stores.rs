//! One object reads from several stores, each entry from its own.

use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::json;

use crate::world::{Space, provider};

#[tokio::test(flavor = "multi_thread")]
async fn each_entry_reads_from_its_own_store() {
    let space = Space::new().await;
    space.store().await;
    space.put("red/db", r#"{"user":"red"}"#).await;
    space.put("blue/db", "blue").await;
    space.put("db", "plain").await;
    space
        .store_with("red", json!({ "prefix": format!("{}/red/", space.namespace) }))
        .await;
    let name = format!("{}-blue", space.namespace);
    let cluster = json!({
        "apiVersion": "external-secrets.io/v1", "kind": "ClusterSecretStore", "metadata": { "name": name },
        "spec": { "provider": { "aws": provider(json!({ "prefix": format!("{}/blue/", space.namespace) })) } },
    });
    let params = PatchParams::apply("user").force();
    space
        .cluster_stores()
        .patch(&name, &params, &Patch::Apply(cluster))
        .await
        .unwrap();
    let spec = json!({
        "data": [
            { "secretKey": "plain", "remoteRef": { "key": space.id("db") } },
            { "secretKey": "blue", "remoteRef": { "key": "db" },
              "sourceRef": { "storeRef": { "kind": "ClusterSecretStore", "name": name } } },
        ],
        "dataFrom": [{ "extract": { "key": "db" }, "sourceRef": { "storeRef": { "name": "red" } } }],
    });
    space.apply("app", spec).await;
    space
        .holds("app", &[("plain", "plain"), ("blue", "blue"), ("user", "red")])
        .await;
    // Else what is told next may be from before the stores were seen.
    space.ready("app", "True").await;

    // One store of several that is not there: nothing is written, and it is named.
    space
        .cluster_stores()
        .delete(&name, &DeleteParams::default())
        .await
        .unwrap();
    let version = space.secret("app").await.metadata.resource_version;
    space.annotate("app", "force-sync", "now").await;
    let message = space.fails("app", "StoreNotFound").await;
    assert!(
        message.contains(&format!("ClusterSecretStore \"{name}\"")),
        "{message}"
    );
    assert_eq!(space.secret("app").await.metadata.resource_version, version);
}
