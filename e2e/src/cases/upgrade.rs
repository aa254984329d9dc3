//! What Secrets live through while Pods are replaced, and while the chart and its CRDs are exchanged. The image is the same
//! under every chart: what an older operator left behind is not tried here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Secret;
use kube::runtime::watcher::{Config, Event, watcher};
use kube::{Api, ResourceExt as _};
use serde_json::json;
use tokio::task::JoinHandle;

use crate::world::{CHART, HOME, World, until};
use crate::{Failure, screen};

const LOAD: usize = 50;
const LOAD_NAMESPACE: &str = "load";
/// What everybody has who never upgraded: the first chart, as it was released.
const FIRST_CHART: &str = "e2e/charts/keyferry-0.1.0";

fn name(at: usize) -> String {
    format!("load-{at:02}")
}

/// Many objects, each with a secret of its own that has this password; waits until all Secrets have it.
async fn load(world: &World<'_>, password: &str) -> Result<(), Failure> {
    world.restricted_namespace(LOAD_NAMESPACE).await?;
    world.store(LOAD_NAMESPACE, "aws", &json!({})).await?;
    let mut objects = vec![];
    for at in 0..LOAD {
        world.put(&name(at), password).await?;
        objects.push(World::object(LOAD_NAMESPACE, "aws", &name(at)));
    }
    world
        .apply(&json!({ "apiVersion": "v1", "kind": "List", "items": objects }))
        .await?;
    all_have(world, password).await
}

async fn all_have(world: &World<'_>, password: &str) -> Result<(), Failure> {
    for at in 0..LOAD {
        world
            .wait_for_password(LOAD_NAMESPACE, &name(at), password)
            .await?;
    }
    Ok(())
}

/// Gives every secret of the load a new password while something happens.
async fn rotate_during(
    world: &World<'_>,
    password: &str,
    happens: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let rotated = async {
        for at in 0..LOAD {
            world.put(&name(at), password).await?;
        }
        Ok::<(), Failure>(())
    };
    let (happened, rotated) = tokio::join!(happens, rotated);
    happened?;
    rotated?;
    all_have(world, password).await
}

/// What each Secret of keyferry, in any namespace, has been since the watch began, in order.
type Seen = BTreeMap<String, Vec<String>>;

struct Watch {
    seen: Arc<Mutex<Seen>>,
    task: JoinHandle<()>,
}

impl Watch {
    /// Begins, and has seen every Secret of the load when it returns.
    async fn begin(world: &World<'_>) -> Result<Self, Failure> {
        let seen = Arc::new(Mutex::new(Seen::new()));
        let secrets: Api<Secret> = Api::all(world.client.clone());
        let written = Config::default().labels("reconcile.external-secrets.io/managed=true");
        let task = tokio::spawn({
            let seen = Arc::clone(&seen);
            async move {
                let mut events = watcher(secrets, written).boxed();
                while let Some(event) = events.next().await {
                    let (secret, gone) = match event {
                        Ok(Event::Apply(secret) | Event::InitApply(secret)) => (secret, None),
                        Ok(Event::Delete(secret)) => (secret, Some("deleted".to_owned())),
                        _ => continue,
                    };
                    let place = format!("{}/{}", secret.namespace().unwrap_or_default(), secret.name_any());
                    let password = secret.data.and_then(|mut data| data.remove("password"));
                    let password = password.map(|bytes| String::from_utf8_lossy(&bytes.0).into_owned());
                    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                    seen.entry(place)
                        .or_default()
                        .push(gone.or(password).unwrap_or_default());
                }
            }
        });
        let watch = Self { seen, task };
        until("the watch", || async {
            let known = watch.seen().keys().filter(|place| is_load(place)).count();
            if known == LOAD {
                Ok(())
            } else {
                Err(known.to_string())
            }
        })
        .await?;
        Ok(watch)
    }

    fn seen(&self) -> Seen {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Each Secret of the load had each of these values, once, and no other Secret was touched.
    fn end(self, values: &[&str]) -> Result<(), Failure> {
        self.task.abort();
        let mut wrong = self.seen();
        let all = wrong.len();
        wrong.retain(|place, had| {
            if is_load(place) {
                *had != values
            } else {
                had.len() != 1
            }
        });
        if !wrong.is_empty() {
            return Err(format!(
                "{LOAD} Secrets should have been {values:?}, the others left alone: {wrong:?}"
            )
            .into());
        }
        screen::note(&format!(
            "{LOAD} Secrets, {} rotations: {} writes; {} other Secrets: none; none was ever missing",
            values.len() - 1,
            LOAD * (values.len() - 1),
            all - LOAD
        ));
        Ok(())
    }
}

fn is_load(place: &str) -> bool {
    place.starts_with(&format!("{LOAD_NAMESPACE}/"))
}

/// While Pods change, every secret is rotated twice. Each Secret must get each value, once.
pub(crate) async fn under_load(world: &World<'_>) -> Result<(), Failure> {
    load(world, "before").await?;
    let watch = Watch::begin(world).await?;
    for version in ["one", "two"] {
        let values = json!({ "podAnnotations": { "version": version } });
        rotate_during(world, version, world.install(HOME, &values)).await?;
    }
    watch.end(&["before", "one", "two"])
}

/// There and back as docs/upgrade.md says, CRDs and rights included.
pub(crate) async fn from_the_first_chart(world: &World<'_>) -> Result<(), Failure> {
    world.uninstall(HOME).await?;
    // The CRDs that an earlier case applied by kubectl stand newer than the first chart's: Helm would refuse to change them.
    let flags = ["--wait", "--timeout=3m", "--force-conflicts"];
    world.helm(FIRST_CHART, HOME, &json!({}), &flags).await?;
    let first = chart_of(world).await?;
    load(world, "of the first").await?;
    let watch = Watch::begin(world).await?;
    rotate_during(world, "of this", world.upgrade(HOME)).await?;
    let this = chart_of(world).await?;
    rotate_during(world, "of the first again", world.roll_back(HOME)).await?;
    let back = chart_of(world).await?;
    screen::note(&format!(
        "chart and CRDs of {first}, upgraded to {this}, chart back to {back}; the same image under all"
    ));
    if first == this || first != back {
        return Err(format!("{CHART} should have another version than {FIRST_CHART}").into());
    }
    watch.end(&["of the first", "of this", "of the first again"])?;
    world.install(HOME, &json!({})).await
}

/// Name and version of the chart that the operator's Deployment came from.
async fn chart_of(world: &World<'_>) -> Result<String, Failure> {
    let label = r"jsonpath={.metadata.labels.helm\.sh/chart}";
    world
        .kubectl
        .run(&["-n", HOME, "get", "deployment", "keyferry", "-o", label])
        .await
}
