//! `dataFrom[].find`: every secret that matches becomes a key.

mod services;

use aws_sdk_secretsmanager::types::Tag;
use serde_json::{Value, json};

use crate::world::{Operator, Space, Start, until};

async fn space() -> Space {
    let space = Space::new().await;
    space.store().await;
    space
}

/// A secret with tags.
async fn put_tagged(space: &Space, name: &str, value: &str, tags: &[(&str, &str)]) {
    space.put(name, value).await;
    for (key, value) in tags {
        let tag = Tag::builder().key(*key).value(*value).build();
        let tagged = space.aws.tag_resource().secret_id(space.id(name)).tags(tag);
        tagged.send().await.unwrap();
    }
}

fn find(find: Value) -> Value {
    json!({ "refreshInterval": "1s", "target": { "deletionPolicy": "Merge" }, "dataFrom": [{ "find": find }] })
}

/// A key as it becomes of a name in this space.
fn key(space: &Space, name: &str) -> String {
    space.id(name).replace('/', "_")
}

async fn holds(space: &Space, object: &str, wanted: &[(&str, &str)]) {
    let wanted: Vec<_> = wanted
        .iter()
        .map(|(name, value)| (key(space, name), *value))
        .collect();
    let wanted: Vec<_> = wanted.iter().map(|(key, value)| (key.as_str(), *value)).collect();
    space.holds(object, &wanted).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_name_every_secret_that_matches_is_a_key_and_follows_its_source() {
    let space = space().await;
    for (name, value) in [("app-one", "1"), ("app-two", "2"), ("other", "3")] {
        space.put(name, value).await;
    }
    let named = json!({ "name": { "regexp": format!("^{}/app-", space.namespace) } });
    space.apply("found", find(named)).await;
    holds(&space, "found", &[("app-one", "1"), ("app-two", "2")]).await;
    space.put("app-two", "rotated").await;
    space.put("app-three", "3").await;
    holds(
        &space,
        "found",
        &[("app-one", "1"), ("app-two", "rotated"), ("app-three", "3")],
    )
    .await;
    space.remove("app-one").await;
    holds(&space, "found", &[("app-two", "rotated"), ("app-three", "3")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_name_and_rewrite_keys_are_what_the_rewrite_makes_of_whole_names() {
    let space = space().await;
    space.put("app/one", "1").await;
    space.put("app/two", "2").await;
    let spec = json!({ "dataFrom": [{
        "find": { "name": { "regexp": format!("^{}/app/", space.namespace) } },
        "rewrite": [{ "regexp": { "source": format!("^{}/app/(.*)$", space.namespace), "target": "key_$1" } }],
    }]});
    space.apply("found", spec).await;
    space.holds("found", &[("key_one", "1"), ("key_two", "2")]).await;
    let bare = json!({ "dataFrom": [{
        "find": { "name": { "regexp": format!("^{}/app/", space.namespace) } },
        "rewrite": [{ "regexp": { "source": "one", "target": "1" } }],
    }]});
    space.apply("found", bare).await;
    space.fails("found", "InvalidKey").await;
    space.holds("found", &[("key_one", "1"), ("key_two", "2")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn by_path_and_name_both_must_hold() {
    let space = space().await;
    for name in ["red/db", "red/mq", "blue/db"] {
        space.put(name, name).await;
    }
    let spec = find(json!({ "path": space.id("red"), "name": { "regexp": "db$" } }));
    space.apply("found", spec).await;
    holds(&space, "found", &[("red/db", "red/db")]).await;
}

/// Differs: docs/differences.md#find-tags.
#[tokio::test(flavor = "multi_thread")]
async fn by_tags_all_must_be_there_with_their_whole_value() {
    let space = space().await;
    let test = space.namespace.as_str();
    put_tagged(&space, "a", "1", &[("test", test), ("env", "prod")]).await;
    put_tagged(&space, "b", "2", &[("test", test), ("env", "production")]).await;
    put_tagged(&space, "c", "3", &[("test", test)]).await;
    put_tagged(&space, "x/d", "4", &[("test", test), ("env", "prod")]).await;
    let tags = json!({ "test": test, "env": "prod" });
    space.apply("tags", find(json!({ "tags": tags }))).await;
    holds(&space, "tags", &[("a", "1"), ("x/d", "4")]).await;
    let with_path = json!({ "tags": tags, "path": space.id("x/") });
    space.apply("path", find(with_path)).await;
    holds(&space, "path", &[("x/d", "4")]).await;
}

/// Differs: docs/differences.md#second-look.
/// Differs: docs/differences.md#find-second-look.
#[tokio::test(flavor = "multi_thread")]
async fn what_went_while_no_operator_ran_is_looked_for_twice_before_its_key_goes() {
    let space = Space::unserved().await;
    let start = Start {
        class: Some("find-restart".to_owned()),
        ..Start::default()
    };
    space.store_of("find-restart").await;
    space.put("app-one", "1").await;
    space.put("app-two", "2").await;
    let operator = Operator::start(&start, "find-restart-1").await;
    let named = json!({ "name": { "regexp": format!("^{}/app-", space.namespace) } });
    space.apply("found", find(named)).await;
    holds(&space, "found", &[("app-one", "1"), ("app-two", "2")]).await;
    space.ready("found", "True").await;
    operator.stop().await;
    space.remove("app-one").await;
    let operator = Operator::start(&start, "find-restart-2").await;
    holds(&space, "found", &[("app-two", "2")]).await;
    until("the log to tell of the second look", || async {
        let log = operator.log();
        if log.contains("awaiting confirmation") {
            Ok(())
        } else {
            Err("not yet".to_owned())
        }
    })
    .await;
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_found_under_retain_leaves_the_target_and_says_so() {
    let space = space().await;
    space.put("app-one", "1").await;
    let spec = json!({ "refreshInterval": "1s", "dataFrom": [
        { "find": { "name": { "regexp": format!("^{}/app-", space.namespace) } } },
    ]});
    space.apply("found", spec).await;
    holds(&space, "found", &[("app-one", "1")]).await;
    space.remove("app-one").await;
    space
        .ready_where("found", |_, _, message| {
            message == "secret retained due to DeletionPolicy=Retain"
        })
        .await;
    holds(&space, "found", &[("app-one", "1")]).await;
}
