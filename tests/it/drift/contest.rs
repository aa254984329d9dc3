//! Two writers of one Secret: said out loud, not fought.

use serde_json::json;

use crate::{
    policies::{entry, map},
    world::{Space, until},
};

/// Writes of a Secret by us since a mark.
fn writes(space: &Space, name: &str, since: keyferry_parts::audit::Mark) -> usize {
    let requests = space.world.plane.audit().since(since).unwrap();
    let ours = requests
        .iter()
        .filter(|r| r.is_in(&space.namespace) && r.is_write() && r.user_agent.starts_with("keyferry/"));
    let of = ours.filter_map(|r| r.object.as_ref());
    of.filter(|object| object.resource == "secrets" && object.name == name)
        .count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contest_is_reported_with_the_other_writers_name_and_not_fought() {
    let space = Space::new().await;
    space.store().await;
    space.put("v", "one").await;
    let spec = || json!({ "refreshInterval": "2s", "data": [entry(&space, "v", "v")] });
    space.apply("contested", spec()).await;
    space.apply("fence", spec()).await;
    for name in ["contested", "fence"] {
        space.ready(name, "True").await;
    }
    // Repaired three times, and no more.
    for n in 0..3 {
        space
            .edit("contested", json!({ "v": format!("theirs {n}") }))
            .await;
        space.holds("contested", &[("v", "one")]).await;
    }
    space.edit("contested", json!({ "v": "theirs" })).await;
    let message = space.fails("contested", "Contested").await;
    assert!(message.contains("contested by editor"), "{message}");
    let mark = space.world.plane.audit().mark().unwrap();
    let reads = space.reads("v");
    space.edit("contested", json!({ "v": "theirs again" })).await;
    until("refreshes of others to pass", || {
        std::future::ready(if space.reads("v") >= reads + 3 {
            Ok(())
        } else {
            Err(String::new())
        })
    })
    .await;
    assert_eq!(space.data("contested").await, Some(map(&[("v", "theirs again")])));
    assert_eq!(writes(&space, "contested", mark), 0);
    assert_eq!(space.ready("fence", "True").await.1, "secret synced");
    // Who asks for it gets it.
    space.annotate("contested", "force-sync", "1").await;
    space.holds("contested", &[("v", "one")]).await;
    space.ready("contested", "True").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_objects_that_merge_the_same_key_report_each_other() {
    let space = Space::new().await;
    space.store().await;
    space.put("a", "a").await;
    space.put("b", "b").await;
    space.foreign_secret("shared", &[("foreign", "kept")]).await;
    for name in ["a", "b"] {
        let target = json!({ "name": "shared", "creationPolicy": "Merge" });
        space
            .apply(
                name,
                json!({ "refreshInterval": "2s", "target": target, "data": [entry(&space, "v", name)] }),
            )
            .await;
    }
    let message = until("one of the two to report the other", || async {
        for name in ["a", "b"] {
            let conditions = space.status(name).await.conditions.unwrap_or_default();
            let message = conditions
                .into_iter()
                .find_map(|condition| condition.message)
                .unwrap_or_default();
            if message.starts_with("Contested: ") {
                return Ok((name, message));
            }
        }
        Err("neither does".to_owned())
    })
    .await;
    let other = if message.0 == "a" { "b" } else { "a" };
    let manager = format!("contested by externalsecrets.external-secrets.io/{other}");
    assert!(message.1.contains(&manager), "{}", message.1);
    // The other has won, and the Secret rests.
    space.ready(other, "True").await;
    space.holds("shared", &[("v", other), ("foreign", "kept")]).await;
    let version = space.secret("shared").await.metadata.resource_version;
    let reads = space.reads(other);
    until("more refreshes", || {
        std::future::ready(if space.reads(other) >= reads + 3 {
            Ok(())
        } else {
            Err(String::new())
        })
    })
    .await;
    assert_eq!(space.secret("shared").await.metadata.resource_version, version);
}
