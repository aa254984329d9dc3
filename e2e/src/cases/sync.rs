//! The main job, as Pods see it.

use serde_json::{Value, json};

use crate::Failure;
use crate::aws::REGION;
use crate::world::{SHOP, TOOLS, World, until};

pub(crate) async fn first_secret(world: &World<'_>) -> Result<(), Failure> {
    world.put("database", "first").await?;
    world.apply(&World::object(SHOP, "aws", "database")).await?;
    world.wait_for_password(SHOP, "database", "first").await?;
    let ready = [
        "-n",
        SHOP,
        "wait",
        "--for=condition=Ready",
        "--timeout=60s",
        "externalsecret/database",
    ];
    world.kubectl.run(&ready).await.map(drop)
}

pub(crate) async fn pod_sees_the_rotation(world: &World<'_>) -> Result<(), Failure> {
    world
        .apply(&json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "name": "app", "namespace": SHOP },
            "spec": {
                "terminationGracePeriodSeconds": 1,
                "automountServiceAccountToken": false,
                "securityContext": { "runAsNonRoot": true, "runAsUser": 1000, "seccompProfile": { "type": "RuntimeDefault" } },
                "containers": [{
                    "name": "app", "image": TOOLS, "imagePullPolicy": "IfNotPresent",
                    "securityContext": { "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] } },
                    "volumeMounts": [{ "name": "database", "mountPath": "/database" }],
                }],
                "volumes": [{ "name": "database", "secret": { "secretName": "database" } }],
            },
        }))
        .await?;
    world
        .kubectl
        .run(&[
            "-n",
            SHOP,
            "wait",
            "--for=condition=Ready",
            "--timeout=120s",
            "pod/app",
        ])
        .await?;
    for password in ["first", "second"] {
        world.put("database", password).await?;
        until(&format!("the Pod to read {password}"), || async {
            let read = [
                "-n",
                SHOP,
                "exec",
                "app",
                "--",
                "/busybox",
                "cat",
                "/database/password",
            ];
            match world.kubectl.run(&read).await {
                Ok(seen) if seen == password => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await?;
    }
    world
        .kubectl
        .run(&["-n", SHOP, "delete", "pod", "app", "--wait"])
        .await
        .map(drop)
}

/// One object for many namespaces, as it comes, changes and goes.
pub(crate) async fn cluster_wide(world: &World<'_>) -> Result<(), Failure> {
    let kind = |interval: &str| {
        json!({
            "apiVersion": "external-secrets.io/v1", "kind": "ClusterExternalSecret",
            "metadata": { "name": "everywhere" },
            "spec": {
                "namespaceSelectors": [{ "matchLabels": { "kubernetes.io/metadata.name": SHOP } }],
                "externalSecretName": "everywhere",
                "externalSecretSpec": {
                    "refreshInterval": interval,
                    "secretStoreRef": { "name": "shared", "kind": "ClusterSecretStore" },
                    "dataFrom": [{ "extract": { "key": "everywhere" } }],
                },
            },
        })
    };
    world
        .apply(&json!({
            "apiVersion": "external-secrets.io/v1", "kind": "ClusterSecretStore",
            "metadata": { "name": "shared" },
            "spec": { "provider": { "aws": { "service": "SecretsManager", "region": REGION } } },
        }))
        .await?;
    world.put("everywhere", "shared").await?;
    world.apply(&kind("1h")).await?;
    world.wait_for_password(SHOP, "everywhere", "shared").await?;
    world.apply(&kind("5s")).await?;
    world.put("everywhere", "rotated").await?;
    world.wait_for_password(SHOP, "everywhere", "rotated").await?;
    world
        .kubectl
        .run(&["delete", "clusterexternalsecret", "everywhere"])
        .await?;
    gone(world, "everywhere").await
}

/// What went at AWS goes here too, where the object says so.
pub(crate) async fn deletion_policy(world: &World<'_>) -> Result<(), Failure> {
    world.put("temporary", "for now").await?;
    let mut object = World::object(SHOP, "aws", "temporary");
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        spec.insert("target".to_owned(), json!({ "deletionPolicy": "Delete" }));
    }
    // As ESO leaves it.
    let finalizer = "externalsecrets.external-secrets.io/externalsecret-cleanup";
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("finalizers".to_owned(), json!([finalizer]));
    }
    world.apply(&object).await?;
    world.wait_for_password(SHOP, "temporary", "for now").await?;
    let delete = world.aws.own_account().delete_secret();
    delete
        .secret_id("temporary")
        .force_delete_without_recovery(true)
        .send()
        .await?;
    gone(world, "temporary").await?;
    world
        .kubectl
        .run(&[
            "-n",
            SHOP,
            "delete",
            "externalsecret",
            "temporary",
            "--timeout=60s",
        ])
        .await
        .map(drop)
}

async fn gone(world: &World<'_>, name: &str) -> Result<(), Failure> {
    until(&format!("the Secret {name} to go"), || async {
        match world.password(SHOP, name).await {
            Ok(None) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await
}
