//! Each end of a sync: its Ready condition, as people's tools know it, and its event.

use futures::future::{join, join_all};
use serde_json::{Value, json};

use super::{entry, map};
use crate::world::{Space, on_eso_crds, operator, until};

/// An object and how it ends.
struct Row {
    name: &'static str,
    spec: Value,
    ready: (&'static str, &'static str, &'static str),
    /// Reason and beginning of the text; nothing where there is none.
    event: Option<(&'static str, &'static str)>,
}

impl Row {
    async fn is_seen(&self, space: &Space) {
        let (status, reason, text) = self.ready;
        let ready = space.ready_where(self.name, |now, _, message| {
            now == status && message.starts_with(text)
        });
        let (now, message) = ready.await;
        assert_eq!(now, reason, "{}", self.name);
        if status == "True" {
            assert_eq!(message, text, "{}", self.name);
        }
        if let Some((reason, text)) = self.event {
            event(space, self.name, reason, text).await;
        }
    }
}

/// Waits for an event.
async fn event(space: &Space, name: &str, reason: &str, text: &str) {
    until(&format!("the event {reason} {text:?} about {name}"), || async {
        let events = space.events(name).await;
        let found = events
            .iter()
            .any(|(now, note)| now == reason && note.starts_with(text));
        if found { Ok(()) } else { Err(format!("{events:?}")) }
    })
    .await;
}

/// Differs: docs/differences.md#causes.
#[tokio::test(flavor = "multi_thread")]
async fn each_end_of_a_sync_has_its_condition_and_its_event() {
    let space = &Space::new().await;
    space.store().await;
    join(space.put("v", "one"), space.put("empty", "{}")).await;
    space.foreign_secret("taken", &[("v", "theirs")]).await;
    for name in ["controlled", "frozen"] {
        space.foreign_secret(name, &[("v", "one")]).await;
    }
    let controller = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "controller": true,
        "uid": "00000000-0000-0000-0000-000000000001",
    });
    space
        .patch_secret(
            "controlled",
            json!({ "metadata": { "ownerReferences": [controller] } }),
        )
        .await;
    let data = || json!([entry(space, "v", "v")]);
    let absent = || json!([entry(space, "v", "nowhere")]);
    let policies =
        |creation: &str, deletion: &str| json!({ "creationPolicy": creation, "deletionPolicy": deletion });
    let rows = [
        Row {
            name: "synced",
            spec: json!({ "data": data() }),
            ready: ("True", "SecretSynced", "secret synced"),
            event: Some(("Created", "secret created")),
        },
        Row {
            name: "none",
            spec: json!({ "data": data(), "target": policies("None", "Retain") }),
            ready: ("True", "SecretSynced", "secret synced"),
            event: None,
        },
        Row {
            name: "retained",
            spec: json!({ "dataFrom": [{ "extract": { "key": space.id("empty") } }] }),
            ready: (
                "True",
                "SecretSynced",
                "secret retained due to DeletionPolicy=Retain",
            ),
            event: None,
        },
        Row {
            name: "empty-and-deleted",
            spec: json!({
                "dataFrom": [{ "extract": { "key": space.id("empty") } }], "target": policies("Owner", "Delete"),
            }),
            ready: (
                "True",
                "SecretDeleted",
                "secret deleted due to DeletionPolicy=Delete",
            ),
            event: None,
        },
        Row {
            name: "empty-and-merged",
            spec: json!({
                "dataFrom": [{ "extract": { "key": space.id("empty") } }], "target": policies("Owner", "Merge"),
            }),
            ready: ("True", "SecretSynced", "secret synced"),
            event: Some(("Created", "secret created")),
        },
        Row {
            name: "nothing-to-merge-into",
            spec: json!({ "data": data(), "target": policies("Merge", "Retain") }),
            ready: (
                "True",
                "SecretMissing",
                "secret will not be created due to CreationPolicy=Merge",
            ),
            event: None,
        },
        Row {
            name: "never-there",
            spec: json!({ "data": absent(), "target": policies("Owner", "Delete") }),
            ready: (
                "True",
                "SecretDeleted",
                "secret deleted due to DeletionPolicy=Delete",
            ),
            event: None,
        },
        Row {
            name: "partly-there",
            spec: json!({
                "data": [entry(space, "v", "v"), entry(space, "w", "nowhere")], "target": policies("Owner", "Merge"),
            }),
            ready: ("True", "SecretSynced", "secret synced"),
            event: Some((
                "MissingProviderSecret",
                "secret does not exist at provider using spec.data[1] (key: w)",
            )),
        },
        Row {
            name: "not-found",
            spec: json!({ "data": absent() }),
            ready: (
                "False",
                "SecretSyncedError",
                "SecretNotFound: error processing spec.data[0] (key: v), err: ",
            ),
            event: Some((
                "UpdateFailed",
                "could not get secret data from provider: error processing spec.data[0] (key: v), err: ",
            )),
        },
        Row {
            name: "not-to-be-deleted",
            spec: json!({ "data": absent(), "target": policies("Orphan", "Delete") }),
            ready: (
                "False",
                "SecretSyncedError",
                "SecretNotFound: deletionPolicy=Delete must not be used when the controller",
            ),
            event: Some((
                "UpdateFailed",
                "could not delete secret: deletionPolicy=Delete must not be used when the controller",
            )),
        },
        Row {
            name: "taken",
            spec: json!({ "data": data() }),
            ready: (
                "False",
                "SecretSyncedError",
                "TargetNotAdopted: Secret taken exists",
            ),
            event: Some(("UpdateFailed", "could not update secret: Secret taken exists")),
        },
        Row {
            name: "controlled",
            spec: json!({ "data": data() }),
            ready: (
                "False",
                "SecretSyncedError",
                "TargetOwned: could not set controller reference on secret: Secret controlled is controlled by Deployment web",
            ),
            event: Some((
                "UpdateFailed",
                "failed to take ownership of target secret: could not set controller reference on secret",
            )),
        },
        Row {
            name: "manifest",
            spec: json!({ "data": data(), "target": { "manifest": { "apiVersion": "v1", "kind": "ConfigMap" } } }),
            ready: (
                "False",
                "SecretSyncedError",
                "TargetKindRefused: spec.target.manifest",
            ),
            event: Some(("UpdateFailed", "invalid generic target: spec.target.manifest")),
        },
        Row {
            name: "frozen",
            spec: json!({ "data": data() }),
            ready: ("True", "SecretSynced", "secret synced"),
            event: Some(("Updated", "secret updated")),
        },
    ];
    join_all(rows.iter().map(|row| space.apply(row.name, row.spec.clone()))).await;
    join_all(rows.iter().map(|row| row.is_seen(space))).await;

    for name in [
        "none",
        "retained",
        "empty-and-deleted",
        "nothing-to-merge-into",
        "never-there",
        "not-found",
        "not-to-be-deleted",
    ] {
        assert_eq!(space.data(name).await, None, "{name}");
    }
    assert_eq!(space.data("empty-and-merged").await, Some(map(&[])));
    assert_eq!(space.data("taken").await, Some(map(&[("v", "theirs")])));
    // A binding names a Secret that was written, not one that will not be.
    for name in ["none", "nothing-to-merge-into"] {
        assert_eq!(space.status(name).await.binding, None, "{name}");
    }
    let metrics = operator().await.metrics().await;
    let value = |metric: &str, labels: &str| {
        let series = format!("{metric}{{{labels}}} ");
        metrics
            .lines()
            .find_map(|line| line.strip_prefix(&series))
            .map(str::to_owned)
    };
    for (name, errors, ready) in [("nothing-to-merge-into", None, "1"), ("not-found", Some(()), "0")] {
        let namespace = &space.namespace;
        let failed = value(
            "externalsecret_sync_calls_error",
            &format!(r#"name="{name}",namespace="{namespace}""#),
        );
        assert_eq!(failed.filter(|count| count != "0").map(drop), errors, "{name}");
        let condition = |status: &str| {
            let labels =
                format!(r#"condition="Ready",name="{name}",namespace="{namespace}",status="{status}""#);
            value("externalsecret_status_condition", &labels)
        };
        assert_eq!(condition("True").as_deref(), Some(ready), "{name}");
        assert_ne!(condition("False").as_deref(), Some(ready), "{name}");
    }

    // What was synced can fail later, and its condition then tells since when.
    space.patch_secret("frozen", json!({ "immutable": true })).await;
    space.put("v", "two").await;
    space.annotate("frozen", "force-sync", "1").await;
    let frozen = Row {
        name: "frozen",
        spec: Value::Null,
        ready: (
            "False",
            "SecretSyncedError",
            "TargetImmutable: secret is immutable: Secret frozen",
        ),
        event: Some((
            "UpdateFailed",
            "could not update secret, target is immutable: secret is immutable",
        )),
    };
    frozen.is_seen(space).await;
    assert_eq!(space.data("frozen").await, Some(map(&[("v", "one")])));
    space.annotate("synced", "force-sync", "1").await;
    space.holds("synced", &[("v", "two")]).await;
    event(space, "synced", "Updated", "secret updated").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_transition_time_moves_only_when_ready_flips() {
    let space = Space::new().await;
    space.store().await;
    let since = async |status: &str, text: &str| {
        space
            .ready_where("t", |now, _, message| now == status && message.contains(text))
            .await;
        let conditions = space.status("t").await.conditions.unwrap();
        conditions[0].last_transition_time.clone().unwrap()
    };
    let spec = |secret: &str| json!({ "data": [entry(&space, "v", secret)] });
    space.apply("t", spec("first")).await;
    let failing = since("False", "first").await;
    // Whole seconds: another failure of a later second would show a time that moved.
    until("the next second", || {
        let now = jiff::Timestamp::now().as_second();
        std::future::ready(if now > failing.0.as_second() {
            Ok(())
        } else {
            Err(String::new())
        })
    })
    .await;
    space.apply("t", spec("second")).await;
    assert_eq!(since("False", "second").await, failing);
    space.put("second", "value").await;
    space.annotate("t", "force-sync", "1").await;
    assert!(since("True", "secret synced").await.0 > failing.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_contradicts_itself_is_refused_by_admission_or_by_the_operator() {
    let space = &Space::new().await;
    space.store().await;
    space.put("v", "one").await;
    let data = || json!([entry(space, "v", "v")]);
    let rows = [
        (
            "merge",
            json!({ "target": { "creationPolicy": "Merge", "deletionPolicy": "Delete" }, "data": data() }),
            "deletionPolicy=Delete must not be used when the controller doesn't own the secret",
        ),
        (
            "none",
            json!({ "target": { "creationPolicy": "None", "deletionPolicy": "Delete" }, "data": data() }),
            "deletionPolicy=Delete must not be used when the controller doesn't own the secret",
        ),
        (
            "create-or-merge",
            json!({ "target": { "creationPolicy": "CreateOrMerge", "deletionPolicy": "Delete" }, "data": data() }),
            "deletionPolicy=Delete must not be used when the controller doesn't own the secret",
        ),
        (
            "none-merge",
            json!({ "target": { "creationPolicy": "None", "deletionPolicy": "Merge" }, "data": data() }),
            "deletionPolicy=Merge must not be used with creationPolicy=None",
        ),
        (
            "nothing",
            json!({}),
            "either data or dataFrom should be specified",
        ),
        (
            "twice",
            json!({ "data": [entry(space, "v", "v"), entry(space, "v", "w")] }),
            "duplicate secretKey found: v",
        ),
        (
            "both",
            json!({ "dataFrom": [{ "extract": { "key": "x" }, "find": { "name": { "regexp": "x" } } }] }),
            "extract",
        ),
        ("neither", json!({ "dataFrom": [{}] }), "dataFrom"),
    ];
    join_all(rows.iter().map(async |(name, spec, text)| {
        if let Err(error) = space.try_apply(name, spec.clone(), json!({})).await {
            assert!(
                !on_eso_crds() && error.to_string().contains(text),
                "{name}: {error}"
            );
        } else {
            let message = space.fails(name, "InvalidSpec").await;
            assert!(message.contains(text), "{name}: {message}");
        }
        assert_eq!(space.data(name).await, None, "{name}");
    }))
    .await;
}
