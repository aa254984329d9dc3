//! Whether a change of the object is a reason to read its source, under each refreshPolicy.

use futures::future::join_all;
use serde_json::{Value, json};

use super::{entry, map};
use crate::world::{Space, on_eso_crds, until};

/// Name, policy, interval; whether a changed label syncs, and whether a changed spec does.
type Row = (&'static str, &'static str, &'static str, bool, bool);

const ROWS: [Row; 4] = [
    ("periodic", "Periodic", "1h", true, true),
    ("zero", "Periodic", "0", false, true),
    ("onchange", "OnChange", "1h", true, true),
    ("createdonce", "CreatedOnce", "1h", false, false),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_label_or_spec_syncs_where_the_refresh_policy_says_so() {
    let space = &Space::new().await;
    space.store().await;
    space.put("v", "one").await;
    let apply = async |name: &str, policy: &str, every: &str, key: &str, labels: Value| {
        let spec = json!({
            "refreshPolicy": policy, "refreshInterval": every, "data": [entry(space, key, "v")],
        });
        space.apply_with(name, spec, json!({ "labels": labels })).await;
    };
    join_all(ROWS.iter().map(async |(name, policy, every, ..)| {
        apply(name, policy, every, "v", json!({})).await;
        space.ready(name, "True").await;
    }))
    .await;
    // Those that sync first; then the others had time to.
    let seen = async |key: &str, value: &str, syncs: fn(&Row) -> bool| {
        join_all(ROWS.iter().filter(|row| syncs(row)).map(async |row: &Row| {
            space.holds(row.0, &[(key, value)]).await;
        }))
        .await;
        for row in ROWS.iter().filter(|row| !syncs(row)) {
            assert_ne!(space.data(row.0).await, Some(map(&[(key, value)])), "{}", row.0);
        }
    };
    space.put("v", "two").await;
    join_all(
        ROWS.iter()
            .map(|(name, policy, every, ..)| apply(name, policy, every, "v", json!({ "a": "b" }))),
    )
    .await;
    seen("v", "two", |row| row.3).await;
    space.put("v", "three").await;
    join_all(
        ROWS.iter()
            .map(|(name, policy, every, ..)| apply(name, policy, every, "w", json!({ "a": "b" }))),
    )
    .await;
    seen("w", "three", |row| row.4).await;
    // Also a change that is no reason to sync is seen, which is what kstatus and Flux wait for.
    join_all(ROWS.iter().filter(|_| !on_eso_crds()).map(async |(name, ..)| {
        until(&format!("the generation of {name} to be observed"), || async {
            let seen = space.status(name).await.observed_generation;
            if seen == Some(2) {
                Ok(())
            } else {
                Err(format!("{seen:?}"))
            }
        })
        .await;
    }))
    .await;
}
