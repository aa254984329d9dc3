//! A leader that dies, a node that is drained.

use std::ffi::OsStr;
use std::time::Instant;

use serde_json::json;

use crate::world::{HOME, SHOP, World, until};
use crate::{Failure, screen, tool};

async fn leader(world: &World<'_>) -> Result<String, Failure> {
    let lease = [
        "-n",
        HOME,
        "get",
        "lease",
        "keyferry",
        "-o",
        "jsonpath={.spec.holderIdentity}",
    ];
    world.kubectl.run(&lease).await
}

/// Ends the operator of a Pod without a word, so that it cannot let go of the Lease. On a node of our own its process is one of
/// ours; elsewhere the Pod is removed by force, which may leave it a moment.
async fn kill(world: &World<'_>, pod: &str) -> Result<(), Failure> {
    if world.node.is_none() {
        let forced = ["-n", HOME, "delete", "pod", pod, "--grace-period=0", "--force"];
        return world.kubectl.run(&forced).await.map(drop);
    }
    for entry in std::fs::read_dir("/proc")? {
        let process = entry?.path();
        let environment = std::fs::read(process.join("environ")).unwrap_or_default();
        let command = std::fs::read(process.join("cmdline")).unwrap_or_default();
        let of_the_pod = environment
            .split(|byte| *byte == 0)
            .any(|one| one == format!("HOSTNAME={pod}").as_bytes());
        if of_the_pod && command.starts_with(b"/keyferry\0") {
            let id = process.file_name().unwrap_or_default().to_owned();
            return tool::run("sh", [OsStr::new("-c"), OsStr::new("kill -KILL $0"), &id])
                .await
                .map(drop);
        }
    }
    Err(format!("no process belongs to the Pod {pod}").into())
}

pub(crate) async fn leader_killed(world: &World<'_>) -> Result<(), Failure> {
    let two = json!({ "replicaCount": 2, "leaderElect": true, "podDisruptionBudget": { "enabled": true } });
    world.install(HOME, &two).await?;
    let first = until("a leader", || async {
        match leader(world).await {
            Ok(holder) if !holder.is_empty() => Ok(holder),
            other => Err(format!("{other:?}")),
        }
    })
    .await?;
    world.put("database", "before the kill").await?;
    world
        .wait_for_password(SHOP, "database", "before the kill")
        .await?;
    // The holder's name begins with its Pod's.
    let pods = world
        .kubectl
        .run(&[
            "-n",
            HOME,
            "get",
            "pods",
            "-o",
            "jsonpath={.items[*].metadata.name}",
        ])
        .await?;
    let pod = pods
        .split_whitespace()
        .find(|pod| first.starts_with(pod))
        .ok_or_else(|| format!("no Pod is called {first}: {pods}"))?;
    let killed = Instant::now();
    kill(world, pod).await?;
    world.put("database", "after the kill").await?;
    let second = until("another leader", || async {
        match leader(world).await {
            Ok(holder) if !holder.is_empty() && holder != first => Ok(holder),
            other => Err(format!("{other:?}")),
        }
    })
    .await?;
    let elected = killed.elapsed();
    world
        .wait_for_password(SHOP, "database", "after the kill")
        .await?;
    screen::note(&format!(
        "{second} took over from {first} {:.1} s after the kill, and the rotation of that moment was written after {:.1} s",
        elected.as_secs_f64(),
        killed.elapsed().as_secs_f64()
    ));
    // Back to one without a Lease.
    world.install(HOME, &json!({})).await
}

/// On a cluster of one node the operator has nowhere to go meanwhile; on others it moves.
pub(crate) async fn drain(world: &World<'_>) -> Result<(), Failure> {
    let pod = world.pod().await?;
    let node = world
        .kubectl
        .run(&["-n", HOME, "get", "pod", &pod, "-o", "jsonpath={.spec.nodeName}"])
        .await?;
    // AWS stays: in a cluster that is not ours it is a Pod, which forgets everything when it goes.
    let flags = [
        "--pod-selector=app!=moto",
        "--ignore-daemonsets",
        "--delete-emptydir-data",
        "--force",
        "--timeout=120s",
    ];
    world
        .kubectl
        .run(&[&["drain", &node] as &[&str], &flags].concat())
        .await?;
    world.put("database", "while drained").await?;
    let kept = world.password(SHOP, "database").await?;
    world.kubectl.run(&["uncordon", &node]).await?;
    if kept.is_none() {
        return Err("the Secret went while nobody served it".into());
    }
    world
        .kubectl
        .run(&[
            "-n",
            HOME,
            "rollout",
            "status",
            "deployment/keyferry",
            "--timeout=120s",
        ])
        .await?;
    world.wait_for_password(SHOP, "database", "while drained").await
}
