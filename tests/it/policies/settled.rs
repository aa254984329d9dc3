//! What has settled stays quiet, however often it is refreshed.

use std::collections::BTreeMap;

use futures::future::join_all;
use serde_json::{Value, json};

use super::{entry, map};
use crate::world::{Space, until};

/// Writes by the operator in this space: verb, resource and name, and how often.
fn writes(space: &Space, since: keyferry_parts::audit::Mark) -> BTreeMap<String, usize> {
    let requests = space.world.plane.audit().since(since).unwrap();
    let ours = requests
        .iter()
        .filter(|r| r.is_in(&space.namespace) && r.is_write() && r.user_agent.starts_with("keyferry/"));
    ours.fold(BTreeMap::new(), |mut writes, r| {
        let name = r.object.as_ref().map_or("", |object| &object.name);
        *writes
            .entry(format!("{} {} {name}", r.verb, r.resource()))
            .or_default() += 1;
        writes
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_that_finds_everything_as_it_was_writes_nothing_however_the_last_one_ended() {
    let space = &Space::new().await;
    space.store().await;
    let target =
        |creation: &str, deletion: &str| json!({ "creationPolicy": creation, "deletionPolicy": deletion });
    // Each reads a secret of its own name; whether it exists, and how Ready ends.
    let rows: [(&str, Option<&str>, Value, &str, &str); 10] = [
        (
            "synced",
            Some("one"),
            target("Owner", "Retain"),
            "True",
            "SecretSynced",
        ),
        (
            "merged",
            Some("one"),
            target("Merge", "Retain"),
            "True",
            "SecretSynced",
        ),
        (
            "retained",
            Some("{}"),
            target("Owner", "Retain"),
            "True",
            "SecretSynced",
        ),
        (
            "not-written",
            Some("one"),
            target("None", "Retain"),
            "True",
            "SecretSynced",
        ),
        (
            "missing",
            Some("one"),
            target("Merge", "Retain"),
            "True",
            "SecretMissing",
        ),
        (
            "deleted",
            None,
            target("Owner", "Delete"),
            "True",
            "SecretDeleted",
        ),
        ("emptied", None, target("Owner", "Merge"), "True", "SecretSynced"),
        (
            "not-found",
            None,
            target("Owner", "Retain"),
            "False",
            "SecretSyncedError",
        ),
        (
            "not-deleted",
            None,
            target("Orphan", "Delete"),
            "False",
            "SecretSyncedError",
        ),
        ("unmerged", None, target("Merge", "Merge"), "True", "SecretSynced"),
    ];
    for name in ["merged", "unmerged"] {
        space.foreign_secret(name, &[("foreign", "kept")]).await;
    }
    join_all(rows.iter().map(async |(name, value, target, status, reason)| {
        if let Some(value) = value {
            space.put(name, value).await;
        }
        let mut spec = json!({ "refreshInterval": "1s", "target": target });
        if *name == "retained" {
            spec["dataFrom"] = json!([{ "extract": { "key": space.id(name) } }]);
        } else {
            spec["data"] = json!([entry(space, "v", name)]);
        }
        space.apply(name, spec).await;
        space
            .ready_where(name, |now, why, _| now == *status && why == *reason)
            .await;
    }))
    .await;
    // All that belongs to the sync that made it so lies behind when two more polls have passed.
    let polls = async |more: usize| {
        let before: Vec<_> = rows.iter().map(|(name, ..)| space.reads(name)).collect();
        until("more polls of each", || {
            let polled = rows
                .iter()
                .zip(&before)
                .filter(|((name, ..), before)| space.reads(name) < *before + more);
            let waiting: Vec<_> = polled.map(|((name, ..), _)| *name).collect();
            std::future::ready(if waiting.is_empty() {
                Ok(())
            } else {
                Err(format!("{waiting:?}"))
            })
        })
        .await;
    };
    polls(2).await;
    let mark = space.world.plane.audit().mark().unwrap();
    polls(5).await;
    let mut writes = writes(space, mark);
    // Events of what happened before may wait in their queue; that they tell no more than that is looked at below.
    writes.retain(|write, _| !write.starts_with("create events"));
    // Once in ten minutes refreshTime says that all is well; that point may lie within these seconds.
    writes.retain(|write, count| !(write.starts_with("patch externalsecrets/status ") && *count == 1));
    assert_eq!(writes, BTreeMap::new());

    for (name, ..) in &rows {
        let mut events = space.events(name).await;
        events.sort();
        let told = events.len();
        events.dedup();
        assert_eq!(
            events.len(),
            told,
            "{name} tells one thing several times: {events:?}"
        );
    }

    // Quiet, and awake.
    join_all(["deleted", "not-found", "not-deleted"].map(async |name| {
        space.put(name, "back").await;
        space.holds(name, &[("v", "back")]).await;
        space.ready(name, "True").await;
    }))
    .await;
    space.foreign_secret("missing", &[]).await;
    space.holds("missing", &[("v", "one")]).await;
    space
        .ready_where("missing", |_, reason, _| reason == "SecretSynced")
        .await;
    assert_eq!(space.data("unmerged").await, Some(map(&[("foreign", "kept")])));
}
