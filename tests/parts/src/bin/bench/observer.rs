//! One watch that counts the objects of a namespace that are Ready. It is the same in every measurement.

use std::time::Duration;

use futures::StreamExt as _;
use kube::Api;
use kube::api::{ListParams, WatchEvent, WatchParams};
use serde_json::Value;
use std::collections::HashSet;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval};

use crate::Error;
use crate::workload::{DynamicObject, external_secrets};

pub(crate) struct Observer {
    ready: watch::Receiver<usize>,
    task: JoinHandle<()>,
    started: Instant,
}

impl Observer {
    /// Time counts from here.
    pub(crate) async fn start(client: &kube::Client, namespace: &str) -> Result<Self, Error> {
        let api = external_secrets(client, namespace);
        let list = api.list_metadata(&ListParams::default().limit(1)).await?;
        let version = list.metadata.resource_version.unwrap_or_default();
        let (tell, ready) = watch::channel(0);
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
            if *ready.borrow_and_update() >= wanted {
                return Ok(self.started.elapsed());
            }
            tokio::select! {
                changed = ready.changed() => changed.map_err(|_| "the observer's watch has ended")?,
                _ = tick.tick() => {
                    check()?;
                    if self.started.elapsed() > within {
                        return Err(format!("{} of {wanted} objects are Ready after {} s", *ready.borrow(), within.as_secs()).into());
                    }
                }
            }
        }
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Ends when the watch breaks for good, which the receiver notices.
async fn follow(api: Api<DynamicObject>, mut version: String, tell: watch::Sender<usize>) {
    let mut ready = HashSet::new();
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
            if is_ready(&object.data) && ready.insert(object.metadata.name.unwrap_or_default()) {
                tell.send_replace(ready.len());
            }
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
