//! One watch that notes when each ExternalSecret became Ready. It is the same in every measurement.

use std::collections::HashMap;
use std::time::Duration;

use futures::StreamExt as _;
use kube::Api;
use kube::api::{ListParams, WatchEvent, WatchParams};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval};

use crate::Error;
use crate::workload::{DynamicObject, all_external_secrets};

/// Namespace and name → when it was first seen Ready.
type Ready = HashMap<(String, String), Instant>;

pub(crate) struct Observer {
    ready: watch::Receiver<Ready>,
    task: JoinHandle<()>,
    started: Instant,
}

impl Observer {
    /// Time counts from here.
    pub(crate) async fn start(client: &kube::Client) -> Result<Self, Error> {
        let api = all_external_secrets(client);
        let list = api.list_metadata(&ListParams::default().limit(1)).await?;
        let version = list.metadata.resource_version.unwrap_or_default();
        let (tell, ready) = watch::channel(Ready::new());
        let task = tokio::spawn(async move {
            follow(api, version, tell).await;
        });
        Ok(Self {
            ready,
            task,
            started: Instant::now(),
        })
    }

    /// Waits until `wanted` objects are Ready; `check` fails early, for instance when the operator has ended.
    pub(crate) async fn wait_for(
        &self,
        wanted: usize,
        within: Duration,
        mut check: impl FnMut() -> Result<(), Error>,
    ) -> Result<Duration, Error> {
        let mut ready = self.ready.clone();
        let mut tick = interval(Duration::from_millis(250));
        loop {
            let now = ready.borrow_and_update().len();
            if now >= wanted {
                return Ok(self.started.elapsed());
            }
            tokio::select! {
                changed = ready.changed() => changed.map_err(|_| "the observer's watch has ended")?,
                _ = tick.tick() => {
                    check()?;
                    if self.started.elapsed() > within {
                        return Err(format!("{now} of {wanted} objects are Ready after {} s", within.as_secs()).into());
                    }
                }
            }
        }
    }

    /// When an object was first seen Ready; waits for it.
    pub(crate) async fn ready_at(
        &self,
        namespace: &str,
        name: &str,
        within: Duration,
    ) -> Result<Instant, Error> {
        let key = (namespace.to_owned(), name.to_owned());
        let mut ready = self.ready.clone();
        let seen = ready.wait_for(|ready| ready.contains_key(&key));
        let seen = tokio::time::timeout(within, seen).await;
        let ready =
            seen.map_err(|_| format!("{namespace}/{name} is not Ready after {} s", within.as_secs()))?;
        let ready = ready.map_err(|_| "the observer's watch has ended")?;
        Ok(*ready.get(&key).ok_or("an object that was Ready is not")?)
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Ends when the watch breaks for good, which the receiver notices.
async fn follow(api: Api<DynamicObject>, mut version: String, tell: watch::Sender<Ready>) {
    loop {
        let Ok(stream) = api.watch(&WatchParams::default().timeout(290), &version).await else {
            return;
        };
        let mut stream = std::pin::pin!(stream);
        while let Some(event) = stream.next().await {
            let Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) = event else {
                continue;
            };
            version = object.metadata.resource_version.clone().unwrap_or_default();
            if !is_ready(&object.data) {
                continue;
            }
            let key = (
                object.metadata.namespace.unwrap_or_default(),
                object.metadata.name.unwrap_or_default(),
            );
            tell.send_if_modified(|ready| {
                let new = !ready.contains_key(&key);
                if new {
                    ready.insert(key, Instant::now());
                }
                new
            });
        }
    }
}

fn is_ready(data: &Value) -> bool {
    let conditions = data.pointer("/status/conditions").and_then(Value::as_array);
    conditions.into_iter().flatten().any(|condition| {
        condition.get("type").and_then(Value::as_str) == Some("Ready")
            && condition.get("status").and_then(Value::as_str) == Some("True")
    })
}
