//! Targets that are in the way.

use serde_json::json;

use super::{Synced, good, has};

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_renamed_to_a_taken_name_keeps_its_old_secret() {
    let synced = Synced::new().await;
    let space = &synced.space;
    space.foreign_secret("taken", &[("other", "data")]).await;
    let mut spec = good(space);
    spec["target"] = json!({ "name": "taken" });
    space.apply("app", spec.clone()).await;
    has(
        &space.fails("app", "TargetNotAdopted").await,
        &["Secret taken", "other", "keyferry.dev/adopt=app"],
    );
    assert_eq!(
        space.data("app").await.unwrap()["k"],
        "v",
        "the old Secret serves until the new one stands"
    );
    assert_eq!(space.data("taken").await.unwrap()["other"], "data");
    space.delete_secret("taken").await;
    space.annotate("app", "force-sync", "1").await;
    space.holds("taken", &[("k", "v")]).await;
    space.is_gone("app").await;
}
