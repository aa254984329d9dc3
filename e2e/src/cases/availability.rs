//! Upgrades, a leader that dies, a node that is drained.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::runtime::watcher::{Config, Event, watcher};
use serde_json::json;

use crate::world::{HOME, SHOP, World, until};
use crate::{Failure, screen, tool};

const LOAD: usize = 50;
const LOAD_NAMESPACE: &str = "load";

/// Every value that each Secret has had since the watch began, in order.
type Seen = Arc<Mutex<BTreeMap<String, Vec<String>>>>;

fn watch(world: &World<'_>) -> (Seen, tokio::task::JoinHandle<()>) {
    let seen = Seen::default();
    let secrets: Api<Secret> = Api::namespaced(world.client.clone(), LOAD_NAMESPACE);
    let task = tokio::spawn({
        let seen = Arc::clone(&seen);
        async move {
            let mut events = watcher(secrets, Config::default()).boxed();
            while let Some(event) = events.next().await {
                let (secret, gone) = match event {
                    Ok(Event::Apply(secret) | Event::InitApply(secret)) => (secret, None),
                    Ok(Event::Delete(secret)) => (secret, Some("deleted".to_owned())),
                    _ => continue,
                };
                let password = secret.data.and_then(|mut data| data.remove("password"));
                let password = password.map(|bytes| String::from_utf8_lossy(&bytes.0).into_owned());
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                seen.entry(secret.metadata.name.unwrap_or_default())
                    .or_default()
                    .push(gone.or(password).unwrap_or_default());
            }
        }
    });
    (seen, task)
}

fn name(at: usize) -> String {
    format!("load-{at:02}")
}

async fn all_have(world: &World<'_>, password: &str) -> Result<(), Failure> {
    for at in 0..LOAD {
        world
            .wait_for_password(LOAD_NAMESPACE, &name(at), password)
            .await?;
    }
    Ok(())
}

/// While Pods change, every secret is rotated twice. Each Secret must get each value, once.
pub(crate) async fn upgrade_under_load(world: &World<'_>) -> Result<(), Failure> {
    world.restricted_namespace(LOAD_NAMESPACE).await?;
    world.store(LOAD_NAMESPACE, "aws", &json!({})).await?;
    let mut objects = vec![];
    for at in 0..LOAD {
        world.put(&name(at), "before").await?;
        objects.push(World::object(LOAD_NAMESPACE, "aws", &name(at)));
    }
    world
        .apply(&json!({ "apiVersion": "v1", "kind": "List", "items": objects }))
        .await?;
    all_have(world, "before").await?;
    let (seen, task) = watch(world);
    until("the watch", || async {
        let known = seen.lock().unwrap_or_else(PoisonError::into_inner).len();
        if known == LOAD {
            Ok(())
        } else {
            Err(known.to_string())
        }
    })
    .await?;
    for version in ["one", "two"] {
        let values = json!({ "podAnnotations": { "version": version } });
        let upgraded = world.install(HOME, &values);
        let rotated = async {
            for at in 0..LOAD {
                world.put(&name(at), version).await?;
            }
            Ok::<(), Failure>(())
        };
        let (upgraded, rotated) = tokio::join!(upgraded, rotated);
        upgraded?;
        rotated?;
        all_have(world, version).await?;
    }
    task.abort();
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let wrong: Vec<_> = seen
        .iter()
        .filter(|(_, values)| *values != &["before", "one", "two"])
        .collect();
    if wrong.is_empty() {
        screen::note(&format!(
            "{LOAD} Secrets, two upgrades, two rotations: {} writes",
            seen.len() * 2
        ));
        Ok(())
    } else {
        Err(format!("each Secret should have been written once for each rotation: {wrong:?}").into())
    }
}

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
    let flags = [
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
