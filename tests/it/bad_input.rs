//! Bad input gives a clear error on the object that caused it, and its target stays as it is.

mod aws;
mod names;
mod sources;
mod specs;
mod stores;
mod targets;
mod templates;

use serde_json::{Value, json};

use crate::world::Space;

/// An object that was synced once, and the Secret as it was then.
struct Synced {
    space: Space,
    version: Option<String>,
}

impl Synced {
    async fn new() -> Self {
        let space = Space::new().await;
        space.store().await;
        space.put("good", r#"{"k":"v"}"#).await;
        space.apply("app", good(&space)).await;
        space.holds("app", &[("k", "v")]).await;
        space.ready("app", "True").await;
        let version = space.secret("app").await.metadata.resource_version;
        Self { space, version }
    }

    /// Applies a spec that fails with this cause; the target stays untouched. Gives the message.
    async fn fails(&self, spec: Value, cause: &str) -> String {
        self.space.apply("app", spec).await;
        self.untouched(cause).await
    }

    async fn untouched(&self, cause: &str) -> String {
        let message = self.space.fails("app", cause).await;
        let secret = self.space.secret("app").await;
        assert_eq!(
            secret.metadata.resource_version, self.version,
            "the target was touched"
        );
        self.space.apply("app", good(&self.space)).await;
        self.space.ready("app", "True").await;
        message
    }

    /// What one entry reads.
    fn one(remote: Value) -> Value {
        json!({ "data": [{ "secretKey": "k", "remoteRef": remote }] })
    }
}

fn good(space: &Space) -> Value {
    json!({ "dataFrom": [{ "extract": { "key": space.id("good") } }] })
}

fn has(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "{part:?} is missing in: {message}");
    }
}
