//! The main job, as Pods see it.

use serde_json::json;

use crate::Failure;
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
