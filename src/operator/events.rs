//! Events for users, published in the background: bounded, slow, and never in the way of a sync.
//!
//! Own piece because kube's recorder folds repeated events into a series that keeps the first text, and ours differ in it.

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use k8s_openapi::{
    api::{core::v1::ObjectReference, events::v1::Event},
    apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta},
};
use kube::{Api, Client, api::PostParams};
use prometheus::IntCounter;
use tokio::sync::mpsc;

/// Events that wait; more are dropped and counted.
const WAITING: usize = 1024;
/// Events a second.
const PACE: Duration = Duration::from_millis(50);
/// Longest text, in bytes (the API's limit).
const NOTE_LIMIT: usize = 1024;

/// What an event says about an object.
#[derive(Debug)]
struct Entry {
    regarding: ObjectReference,
    component: &'static str,
    warning: bool,
    reason: &'static str,
    note: String,
}

/// The way to publish events.
#[derive(Clone, Debug)]
pub struct Events {
    queue: mpsc::Sender<Entry>,
    dropped: IntCounter,
}

impl Events {
    /// Starts the background task; it ends when the last sender goes.
    pub fn start(client: Client, instance: Arc<str>, dropped: IntCounter) -> Self {
        let (queue, waiting) = mpsc::channel(WAITING);
        tokio::spawn(publish(client, instance, waiting));
        Self { queue, dropped }
    }

    /// Publishes an event when its turn comes.
    pub fn publish(
        &self,
        regarding: ObjectReference,
        component: &'static str,
        warning: bool,
        reason: &'static str,
        note: impl Into<String>,
    ) {
        let entry = Entry {
            regarding,
            component,
            warning,
            reason,
            note: note.into(),
        };
        if self.queue.try_send(entry).is_err() {
            self.dropped.inc();
        }
    }
}

async fn publish(client: Client, instance: Arc<str>, mut waiting: mpsc::Receiver<Entry>) {
    let mut pace = tokio::time::interval(PACE);
    pace.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut told = false;
    while let Some(entry) = waiting.recv().await {
        pace.tick().await;
        // Events of cluster-wide objects live in the namespace default.
        let namespace = entry
            .regarding
            .namespace
            .clone()
            .unwrap_or_else(|| "default".to_owned());
        let event = event(entry, &instance, &namespace);
        let api: Api<Event> = Api::namespaced(client.clone(), &namespace);
        let params = PostParams::default();
        let created = tokio::time::timeout(Duration::from_secs(10), api.create(&params, &event));
        match created.await {
            Ok(Ok(_)) => told = false,
            // Once, and not for each: somebody may have left the right out on purpose.
            Ok(Err(error)) if !told && is_forbidden(&error) => {
                tracing::warn!(%error, "events cannot be published");
                told = true;
            }
            Ok(Err(error)) => tracing::debug!(%error, "an event could not be published"),
            Err(_) => tracing::debug!("an event could not be published in time"),
        }
    }
}

fn is_forbidden(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 403)
}

fn event(entry: Entry, instance: &str, namespace: &str) -> Event {
    let mut note = entry.note;
    if note.len() > NOTE_LIMIT {
        let end = (0..=NOTE_LIMIT)
            .rev()
            .find(|at| note.is_char_boundary(*at))
            .unwrap_or_default();
        note.truncate(end);
    }
    Event {
        metadata: ObjectMeta {
            generate_name: Some(format!(
                "{}-",
                entry.regarding.name.as_deref().unwrap_or("object")
            )),
            namespace: Some(namespace.to_owned()),
            ..ObjectMeta::default()
        },
        action: Some("Reconciling".to_owned()),
        event_time: Some(MicroTime(Timestamp::now())),
        note: Some(note),
        reason: Some(entry.reason.to_owned()),
        regarding: Some(entry.regarding),
        reporting_controller: Some(entry.component.to_owned()),
        reporting_instance: Some(instance.to_owned()),
        type_: Some(if entry.warning { "Warning" } else { "Normal" }.to_owned()),
        ..Event::default()
    }
}
