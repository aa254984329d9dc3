//! Parameter Store: from parameters to a Secret.

use aws_sdk_ssm::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    types::ParameterType,
};
use keyferry_parts::When;
use serde_json::{Value, json};

use crate::{
    examples,
    world::{REGION, Space},
};

pub(crate) fn client(space: &Space) -> Client {
    let config = aws_sdk_ssm::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(space.world.moto.url())
        .credentials_provider(Credentials::new("AKIDTEST", "secret", None, None, "test"))
        .build();
    Client::from_conf(config)
}

/// Creates a parameter or adds a version.
async fn put(client: &Client, name: &str, kind: ParameterType, value: &str) {
    let put = client.put_parameter().name(name).value(value).r#type(kind);
    put.overwrite(true).send().await.unwrap();
}

async fn store(space: &Space) {
    let aws = json!({ "service": "ParameterStore", "prefix": format!("/{}/", space.namespace) });
    space.store_with("aws", aws).await;
}

fn entry(key: &str, remote: Value) -> Value {
    json!({ "secretKey": key, "remoteRef": remote })
}

#[tokio::test(flavor = "multi_thread")]
async fn names_versions_labels_and_lists_become_keys() {
    let space = Space::new().await;
    let ssm = client(&space);
    let name = |name: &str| format!("/{}/{name}", space.namespace);
    put(
        &ssm,
        &name("db"),
        ParameterType::SecureString,
        r#"{"password":"first"}"#,
    )
    .await;
    put(
        &ssm,
        &name("db"),
        ParameterType::SecureString,
        r#"{"password":"second"}"#,
    )
    .await;
    put(&ssm, &name("hosts"), ParameterType::StringList, "a,b").await;
    put(&ssm, &name("level"), ParameterType::String, "info").await;
    let label = ssm
        .label_parameter_version()
        .name(name("db"))
        .parameter_version(1);
    label.labels("stable").send().await.unwrap();
    store(&space).await;
    let spec = json!({
        "data": [
            entry("password", json!({ "key": "db", "property": "password" })),
            entry("first", json!({ "key": "db", "property": "password", "version": "1" })),
            entry("stable", json!({ "key": "db", "property": "password", "version": "stable" })),
            entry("hosts", json!({ "key": "hosts" })),
            entry("level", json!({ "key": "level" })),
        ],
        "dataFrom": [{ "extract": { "key": "db" }, }],
    });
    space.apply("app", spec).await;
    let wanted = [
        ("password", "second"),
        ("first", "first"),
        ("stable", "first"),
        ("hosts", "a,b"),
        ("level", "info"),
    ];
    space.holds("app", &wanted).await;
    assert_eq!(space.ready("app", "True").await.0, "SecretSynced");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_followed_and_parameters_travel_in_tens() {
    let space = Space::new().await;
    let ssm = client(&space);
    let name = |number: usize| format!("/{}/{number}", space.namespace);
    for number in 0..10 {
        put(&ssm, &name(number), ParameterType::String, "old").await;
    }
    store(&space).await;
    let data: Vec<_> = (0..10)
        .map(|number| entry(&format!("key-{number}"), json!({ "key": number.to_string() })))
        .collect();
    space
        .apply("app", json!({ "refreshInterval": "1s", "data": data }))
        .await;
    let holds = async |first: &str| {
        let keys: Vec<_> = (0..10).map(|number| format!("key-{number}")).collect();
        let wanted: Vec<_> = keys
            .iter()
            .enumerate()
            .map(|(number, key)| (key.as_str(), if number == 0 { first } else { "old" }))
            .collect();
        space.holds("app", &wanted).await;
    };
    holds("old").await;
    put(&ssm, &name(0), ParameterType::String, "new").await;
    holds("new").await;
    let calls = space.world.proxy.calls();
    let together = When::operation("GetParameters").on(name(9));
    let call = calls.matching(&together).pop().unwrap();
    assert!(call.texts("Names").len() > 1, "{call:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_parameter_follows_the_deletion_policy() {
    let space = Space::new().await;
    let ssm = client(&space);
    let name = format!("/{}/gone", space.namespace);
    put(&ssm, &name, ParameterType::SecureString, "value").await;
    store(&space).await;
    let spec = |policy: &str| {
        json!({
            "refreshInterval": "1s",
            "target": { "deletionPolicy": policy },
            "data": [entry("key", json!({ "key": "gone" }))],
        })
    };
    space.apply("kept", spec("Retain")).await;
    space.apply("deleted", spec("Delete")).await;
    for object in ["kept", "deleted"] {
        space.holds(object, &[("key", "value")]).await;
    }
    ssm.delete_parameter().name(&name).send().await.unwrap();
    let message = space.fails("kept", "SecretNotFound").await;
    assert!(message.contains("Secret does not exist (gone)"), "{message}");
    space.is_gone("deleted").await;
    space.holds("kept", &[("key", "value")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_example_becomes_what_its_comments_say() {
    let space = Space::new().await;
    let ssm = client(&space);
    let name = |name: &str| format!("/quickstart/web/{name}");
    put(&ssm, &name("LOG_LEVEL"), ParameterType::String, "info").await;
    put(
        &ssm,
        &name("FEATURES"),
        ParameterType::StringList,
        "search,export",
    )
    .await;
    let database = r#"{"username":"app","password":"pa55"}"#;
    put(&ssm, &name("DATABASE"), ParameterType::SecureString, database).await;
    examples::apply(&space, "parameter-store.yaml").await;
    let wanted = [
        ("LOG_LEVEL", "info"),
        ("FEATURES", "search,export"),
        ("DATABASE_PASSWORD", "pa55"),
        ("DATABASE_FIRST", database),
    ];
    space.holds("web", &wanted).await;
}
