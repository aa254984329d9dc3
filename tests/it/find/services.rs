//! Finds in Secrets Manager and Parameter Store, and ten thousand secrets under one.

use std::time::Duration;

use aws_sdk_secretsmanager::types::Tag;
use aws_sdk_ssm::types::{ParameterType, Tag as ParameterTag};
use keyferry_parts::{FakeAws, Fault, When};
use serde_json::{Value, json};

use crate::{
    parameter_store,
    world::{Operator, Space, Start, until},
};

fn find(find: Value) -> Value {
    json!({ "dataFrom": [{ "find": find }] })
}

/// Differs: docs/differences.md#find-tags.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_found_by_name_path_and_tags() {
    let space = Space::new().await;
    space.store().await;
    for (name, value) in [("db/user", "u"), ("db/password", "p"), ("cache", "c")] {
        space.put(name, value).await;
    }
    for (name, env) in [
        ("db/user", "prod"),
        ("db/password", "production"),
        ("cache", "prod"),
    ] {
        let tag = Tag::builder().key("env").value(env).build();
        let own = Tag::builder().key("space").value(&space.namespace).build();
        let tagged = space
            .aws
            .tag_resource()
            .secret_id(space.id(name))
            .tags(tag)
            .tags(own);
        tagged.send().await.unwrap();
    }
    let key = |name: &str| space.id(name).replace('/', "_");
    let (user, password, cache) = (key("db/user"), key("db/password"), key("cache"));
    let own = format!("^{}/", space.namespace);
    space
        .apply(
            "name",
            find(json!({ "name": { "regexp": format!("{own}.*[er]$") } })),
        )
        .await;
    space.holds("name", &[(&user, "u"), (&cache, "c")]).await;
    let path = json!({ "path": space.id("db/"), "name": { "regexp": "." } });
    space.apply("path", find(path)).await;
    space.holds("path", &[(&user, "u"), (&password, "p")]).await;
    let tags = json!({ "tags": { "env": "prod", "space": space.namespace } });
    space.apply("tags", find(tags.clone())).await;
    space.holds("tags", &[(&user, "u"), (&cache, "c")]).await;
    let mut both = tags;
    both["name"] = json!({ "regexp": "user" });
    space.apply("both", find(both)).await;
    space.holds("both", &[(&user, "u")]).await;
}

/// Differs: docs/differences.md#find-tags.
#[tokio::test(flavor = "multi_thread")]
async fn parameters_are_found_by_name_path_and_tags() {
    let space = Space::new().await;
    let ssm = parameter_store::client(&space);
    let name = |name: &str| format!("/{}/{name}", space.namespace);
    for (key, value) in [("db/user", "u"), ("db/password", "p"), ("cache", "c")] {
        let tag = ParameterTag::builder().key("db").value(value.len().to_string());
        let put = ssm.put_parameter().name(name(key)).value(value);
        let put = put.r#type(ParameterType::SecureString);
        let put = put.tags(tag.build().unwrap());
        put.send().await.unwrap();
    }
    let tag = ParameterTag::builder()
        .key("space")
        .value(&space.namespace)
        .build()
        .unwrap();
    let tagged = ssm.add_tags_to_resource().resource_id(name("cache")).tags(tag);
    let kind = aws_sdk_ssm::types::ResourceTypeForTagging::Parameter;
    tagged.resource_type(kind).send().await.unwrap();
    space
        .store_with("aws", json!({ "service": "ParameterStore" }))
        .await;
    let key = |key: &str| name(key).replace('/', "_");
    let (user, password, cache) = (key("db/user"), key("db/password"), key("cache"));
    let own = format!("^/{}/", space.namespace);
    space
        .apply(
            "name",
            find(json!({ "name": { "regexp": format!("{own}.*[er]$") } })),
        )
        .await;
    space.holds("name", &[(&user, "u"), (&cache, "c")]).await;
    let path = json!({ "path": name("db"), "name": { "regexp": "." } });
    space.apply("path", find(path)).await;
    space.holds("path", &[(&user, "u"), (&password, "p")]).await;
    space
        .apply("tags", find(json!({ "tags": { "space": space.namespace } })))
        .await;
    space.holds("tags", &[(&cache, "c")]).await;
    let both = json!({ "tags": { "db": "1" }, "path": name("db"), "name": { "regexp": "pass" } });
    space.apply("both", find(both)).await;
    space.holds("both", &[(&password, "p")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_secrets_under_one_find_take_little_memory_and_hold_up_nobody() {
    const MOST: u64 = 64 * 1024;
    let space = Space::unserved().await;
    let aws = FakeAws::start().unwrap();
    let vault = aws.vault(keyferry_parts::fake_aws::ACCOUNT, crate::world::REGION);
    for number in 0..10_000 {
        vault.put_secret(&format!("app/{number:05}"), format!("value-{number}"));
    }
    vault.put_secret("small", "small");
    let start = Start {
        class: Some("find".to_owned()),
        endpoint: Some(aws.url()),
        ..Start::default()
    };
    let operator = Operator::start(&start, "find-memory").await;
    space.store_of("find").await;
    let small = json!({ "data": [{ "secretKey": "key", "remoteRef": { "key": "small" } }] });
    space.apply("before", small.clone()).await;
    space.holds("before", &[("key", "small")]).await;
    let base = memory(&operator, "RssAnon");
    let _slow = aws.inject(
        When::operation("BatchGetSecretValue").on("app/"),
        Fault::Latency(Duration::from_millis(100)),
    );
    space
        .apply("all", find(json!({ "name": { "regexp": "^app/" } })))
        .await;
    until("the find to be under way", || async {
        let calls = aws.calls().count(&When::operation("BatchGetSecretValue"));
        if calls > 8 { Ok(()) } else { Err(calls.to_string()) }
    })
    .await;
    space.apply("during", small).await;
    space.holds("during", &[("key", "small")]).await;
    assert!(space.data("all").await.is_none(), "the find was not over yet");
    let mut most = 0;
    let data = until("everything to be there", || {
        most = most.max(memory(&operator, "RssAnon"));
        async {
            let data = space.data("all").await.ok_or("no Secret yet")?;
            Ok(data)
        }
    })
    .await;
    assert_eq!(data.len(), 10_000);
    assert_eq!(data["app_04711"], "value-4711");
    let most = most.max(memory(&operator, "RssAnon"));
    assert!(most - base.min(most) <= MOST, "{most} kB, from {base} kB");
    operator.stop().await;
}

/// Kilobytes, as the kernel counts them.
fn memory(operator: &Operator, what: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", operator.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with(what)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
