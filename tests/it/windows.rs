//! Sync windows hold refreshes back, and nothing else.

use serde_json::{Value, json};

use crate::world::{Space, until};

/// Open at every moment: it opens once in an hour, for an hour.
fn always(kind: &str) -> Value {
    json!({ "kind": kind, "windows": [{ "schedule": "@every 1h", "duration": "1h" }] })
}

fn spec(space: &Space, key: &str, windows: Value) -> Value {
    json!({
        "refreshInterval": "1s",
        "syncWindows": windows,
        "data": [{ "secretKey": "k", "remoteRef": { "key": space.id(key) } }],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_window_holds_refreshes_back_and_an_open_one_lets_them_through() {
    let space = Space::new().await;
    space.store().await;
    for key in ["open", "closed"] {
        space.put(key, "old").await;
    }
    space.apply("open", spec(&space, "open", always("allow"))).await;
    space
        .apply("closed", spec(&space, "closed", always("deny")))
        .await;
    for name in ["open", "closed"] {
        space.holds(name, &[("k", "old")]).await;
        space.ready(name, "True").await;
    }
    let reads = space.reads("closed");
    for key in ["open", "closed"] {
        space.put(key, "new").await;
    }
    // Several refreshes of the open one show that the closed one had its turns too.
    space.holds("open", &[("k", "new")]).await;
    let before = space.reads("open");
    until("more refreshes", || async {
        let more = space.reads("open") - before;
        if more >= 3 { Ok(()) } else { Err(format!("{more}")) }
    })
    .await;
    assert_eq!(space.reads("closed"), reads);
    space.holds("closed", &[("k", "old")]).await;
    assert_eq!(space.ready("closed", "True").await.1, "secret synced");

    // What is asked for, and what was edited, does not wait.
    space.annotate("closed", "force-sync", "now").await;
    space.holds("closed", &[("k", "new")]).await;
    space.edit("closed", json!({ "k": "edited" })).await;
    space.holds("closed", &[("k", "new")]).await;
}
