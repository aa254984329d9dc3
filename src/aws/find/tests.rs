//! What is found, what is not, and what a find costs.

use std::{sync::Arc, time::Duration};

use keyferry_parts::{Fault, When, fake_aws::Denied};

use super::*;
use crate::aws::testing::{World, text};

fn query(service: AwsService) -> Query {
    Query {
        service,
        prefix: None,
        path: None,
        name: None,
        tags: BTreeMap::new(),
    }
}

fn secrets(pattern: &str) -> Query {
    Query {
        name: Some(NamePattern::parse(pattern).unwrap()),
        ..query(AwsService::SecretsManager)
    }
}

fn parameters(pattern: &str) -> Query {
    Query {
        service: AwsService::ParameterStore,
        ..secrets(pattern)
    }
}

fn tagged(query: Query, tags: &[(&str, &str)]) -> Query {
    let tags = tags
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Query {
        tags: tags.collect(),
        ..query
    }
}

fn under(query: Query, path: &str) -> Query {
    Query {
        path: Some(path.to_owned()),
        ..query
    }
}

async fn result(world: &World, identity: &Arc<Identity>, query: &Query) -> Result<Vec<Found>, Error> {
    world.broker.find(identity, None, query, Lane::NOW).await
}

/// What is found, as `name=value`.
async fn found(world: &World, identity: &Arc<Identity>, query: &Query) -> Vec<String> {
    let found = result(world, identity, query).await.unwrap();
    let shown = found
        .iter()
        .map(|found| format!("{}={}", found.name, text(&found.answer)));
    shown.collect()
}

async fn with_secrets(names: &[&str]) -> (World, Arc<Identity>) {
    let world = World::start().await;
    let identity = world.reader("a", "AKIAONE").await;
    for name in names {
        world.aws.home().put_secret(name, format!("v{name}"));
    }
    (world, identity)
}

async fn with_parameters(names: &[&str]) -> (World, Arc<Identity>) {
    let world = World::start().await;
    let identity = world.reader("a", "AKIAONE").await;
    for name in names {
        world.aws.home().put_secure_parameter(name, &format!("v{name}"));
    }
    (world, identity)
}

fn deny(world: &World, action: &str, resource: Option<&str>) {
    world.aws.deny(Denied {
        action: action.to_owned(),
        resource: resource.map(str::to_owned),
        ..Denied::default()
    });
}

#[tokio::test]
async fn a_name_matches_anywhere_and_before_values_are_read() {
    let (world, identity) = with_secrets(&["app/db", "app/cache", "other"]).await;
    assert_eq!(
        found(&world, &identity, &secrets("a.*[be]$")).await,
        ["app/cache=vapp/cache", "app/db=vapp/db"]
    );
    assert_eq!(found(&world, &identity, &secrets("^db")).await, [""; 0]);
    assert_eq!(world.aws.calls().count(&When::any().on("other")), 0);
    let counted = world.metric(
        "externalsecret_provider_api_calls_count",
        &["AWS/SecretsManager", "ListSecrets", "success"],
    );
    assert!((counted - 2.0).abs() < 0.1, "{counted}");
}

#[tokio::test]
async fn a_path_of_secrets_is_read_in_batches_by_filter() {
    let names: Vec<_> = (0..45).map(|number| format!("app/{number:02}")).collect();
    let names: Vec<_> = names
        .iter()
        .map(String::as_str)
        .chain(["apple", "other"])
        .collect();
    let (world, identity) = with_secrets(&names).await;
    assert_eq!(
        found(&world, &identity, &under(secrets("."), "app/")).await.len(),
        45
    );
    assert_eq!(
        (
            world.count("BatchGetSecretValue"),
            world.count("ListSecrets"),
            world.count("GetSecretValue")
        ),
        (3, 0, 0)
    );
    assert_eq!(
        found(&world, &identity, &under(secrets("4$"), "app/"))
            .await
            .len(),
        5
    );
}

#[tokio::test]
async fn a_role_without_batches_finds_by_list_and_single_reads() {
    let (world, identity) = with_secrets(&["app/a", "app/b", "other"]).await;
    deny(&world, "secretsmanager:BatchGetSecretValue", None);
    let query = under(secrets("."), "app");
    for _ in 0..2 {
        assert_eq!(
            found(&world, &identity, &query).await,
            ["app/a=vapp/a", "app/b=vapp/b"]
        );
    }
    assert_eq!(world.count("GetSecretValue"), 4);
    assert_eq!(
        world.broker.missing_actions(&identity),
        ["secretsmanager:BatchGetSecretValue"]
    );
    deny(&world, "secretsmanager:ListSecrets", None);
    let error = result(&world, &identity, &query).await.unwrap_err();
    assert_eq!((error.class, error.operation), (Class::Denied, "ListSecrets"));
}

/// Differs: docs/differences.md#find-tags.
#[tokio::test]
async fn tags_match_exactly_and_as_pairs() {
    let (world, identity) = with_secrets(&["a", "b", "c", "d", "e"]).await;
    let vault = world.aws.home();
    vault.tag_secret("a", "env", "prod");
    vault.tag_secret("b", "env", "production");
    vault.tag_secret("c", "environment", "prod");
    vault.tag_secret("d", "env", "dev");
    vault.tag_secret("d", "other", "prod");
    vault.tag_secret("e", "env", "prod");
    vault.tag_secret("e", "odd", "ключ,!");
    vault.tag_secret("e", "none", "");
    let tags = |tags| tagged(query(AwsService::SecretsManager), tags);
    assert_eq!(
        found(&world, &identity, &tags(&[("env", "prod")])).await,
        ["a=va", "e=ve"]
    );
    let odd = tags(&[("env", "prod"), ("odd", "ключ,!"), ("none", "")]);
    assert_eq!(found(&world, &identity, &odd).await, ["e=ve"]);
    assert_eq!(
        found(&world, &identity, &tagged(secrets("^e$"), &[("env", "prod")])).await,
        ["e=ve"]
    );
}

#[tokio::test]
async fn more_tags_than_filters_are_all_heeded() {
    let (world, identity) = with_secrets(&["all", "most"]).await;
    let tags: Vec<_> = (0..14)
        .map(|number| (format!("key-{number:02}"), format!("{number}")))
        .collect();
    for (at, (key, value)) in tags.iter().enumerate() {
        world.aws.home().tag_secret("all", key, value);
        if at < 13 {
            world.aws.home().tag_secret("most", key, value);
        }
    }
    let tags: Vec<_> = tags
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    let query = under(tagged(query(AwsService::SecretsManager), &tags), "a");
    assert_eq!(found(&world, &identity, &query).await, ["all=vall"]);
}

/// Differs: docs/differences.md#find-prefix.
#[tokio::test]
async fn the_stores_prefix_bounds_a_find_and_is_put_before_a_path_once() {
    let (world, identity) = with_secrets(&["prod/app/a", "prod/b", "dev/app/c"]).await;
    let prefixed = |query: Query| Query {
        prefix: Some("prod/".to_owned()),
        ..query
    };
    assert_eq!(
        found(&world, &identity, &prefixed(secrets("."))).await,
        ["prod/app/a=vprod/app/a", "prod/b=vprod/b"]
    );
    for path in ["app", "prod/app"] {
        assert_eq!(
            found(&world, &identity, &prefixed(under(secrets("."), path))).await,
            ["prod/app/a=vprod/app/a"]
        );
    }
}

/// Differs: docs/differences.md#find-unreadable.
#[tokio::test]
async fn what_cannot_be_read_fails_the_find_by_name_and_what_vanished_does_not() {
    let (world, identity) = with_secrets(&["app/a", "app/denied", "app/gone", "app/marked"]).await;
    world.aws.home().mark_for_deletion("app/marked");
    let by_list = || secrets("^app/");
    let by_filter = || under(secrets("."), "app/");
    for query in [by_list(), by_filter()] {
        let all = found(&world, &identity, &query).await;
        assert_eq!(
            all,
            ["app/a=vapp/a", "app/denied=vapp/denied", "app/gone=vapp/gone"]
        );
    }
    let gone = world.aws.inject(
        When::operation("GetSecretValue").on("app/gone"),
        Fault::error(400, "ResourceNotFoundException", ""),
    );
    world.aws.omit_from_batches("app/gone");
    assert_eq!(
        found(&world, &identity, &by_list()).await,
        ["app/a=vapp/a", "app/denied=vapp/denied"]
    );
    drop(gone);
    deny(&world, "secretsmanager:GetSecretValue", Some("denied"));
    for query in [by_list(), by_filter()] {
        let error = result(&world, &identity, &query).await.unwrap_err();
        assert_eq!(error.class, Class::Denied);
        assert!(
            error.text.starts_with("app/denied: GetSecretValue was refused"),
            "{error}"
        );
    }
    let others = under(secrets("a$"), "app/");
    assert_eq!(found(&world, &identity, &others).await, ["app/a=vapp/a"]);
}

#[tokio::test]
async fn all_pages_are_followed() {
    let names: Vec<_> = (0..9).map(|number| format!("/app/{number}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let (world, identity) = with_secrets(&names).await;
    for name in &names {
        world.aws.home().put_parameter(name, "value");
        world.aws.home().tag_parameter(name, "env", "prod");
    }
    world.aws.page_size(2);
    let queries = [
        secrets("."),
        under(secrets("."), "/app"),
        parameters("."),
        tagged(parameters("."), &[("env", "prod")]),
    ];
    for query in queries {
        let found = result(&world, &identity, &query).await.unwrap();
        assert_eq!(found.len(), 9, "{query:?}");
    }
}

#[tokio::test]
async fn parameters_are_found_below_a_path() {
    let (world, identity) =
        with_parameters(&["/app/db/user", "/app/host", "/apple", "/other/db", "flat"]).await;
    assert_eq!(found(&world, &identity, &parameters(".")).await.len(), 5);
    assert_eq!(
        found(&world, &identity, &under(parameters("."), "/app")).await,
        ["/app/db/user=v/app/db/user", "/app/host=v/app/host"]
    );
    assert_eq!(
        found(&world, &identity, &under(parameters("db"), "/app/")).await,
        ["/app/db/user=v/app/db/user"]
    );
    let prefixed = Query {
        prefix: Some("/ap".to_owned()),
        ..parameters("t|e$")
    };
    assert_eq!(
        found(&world, &identity, &prefixed).await,
        ["/app/host=v/app/host", "/apple=v/apple"]
    );
    assert_eq!(
        (world.count("DescribeParameters"), world.count("GetParameters")),
        (0, 0)
    );
    let flat = Query {
        prefix: Some("fl".to_owned()),
        ..parameters(".")
    };
    assert_eq!(found(&world, &identity, &flat).await, ["flat=vflat"]);
    let error = result(&world, &identity, &under(parameters("."), "app"))
        .await
        .unwrap_err();
    assert_eq!(error.class, Class::Invalid);
}

#[tokio::test]
async fn a_role_without_paths_finds_by_description_and_reads_in_tens() {
    let names: Vec<_> = (0..25).map(|number| format!("/app/{number:02}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).chain(["/app2/x"]).collect();
    let (world, identity) = with_parameters(&names).await;
    deny(&world, "ssm:GetParametersByPath", None);
    let query = under(parameters("."), "/app");
    assert_eq!(found(&world, &identity, &query).await.len(), 25);
    // From then on it is known that reads may travel together.
    world.aws.calls().forget();
    assert_eq!(found(&world, &identity, &query).await.len(), 25);
    assert_eq!(
        (
            world.count("DescribeParameters"),
            world.count("GetParameters"),
            world.count("GetParameter")
        ),
        (1, 3, 0)
    );
    assert_eq!(
        world.broker.missing_actions(&identity),
        ["ssm:GetParametersByPath"]
    );
    deny(&world, "ssm:DescribeParameters", None);
    let error = result(&world, &identity, &query).await.unwrap_err();
    assert_eq!(
        (error.class, error.operation),
        (Class::Denied, "GetParametersByPath")
    );
}

#[tokio::test]
async fn a_parameter_that_cannot_be_decrypted_fails_only_a_find_that_wants_it() {
    let (world, identity) = with_parameters(&["/app/a", "/app/locked"]).await;
    let kms = || Fault::error(400, "InvalidKeyId", "");
    let _path = world.aws.inject(When::operation("GetParametersByPath"), kms());
    let _both = world
        .aws
        .inject(When::operation("GetParameters").on("locked"), kms());
    let _single = world
        .aws
        .inject(When::operation("GetParameter").on("locked"), kms());
    assert_eq!(
        found(&world, &identity, &under(parameters("a$"), "/app")).await,
        ["/app/a=v/app/a"]
    );
    let error = result(&world, &identity, &under(parameters("."), "/app"))
        .await
        .unwrap_err();
    assert_eq!(error.class, Class::Kms);
    assert!(error.text.starts_with("/app/locked: "), "{error}");
}

#[tokio::test]
async fn parameters_are_found_by_tags_names_and_both() {
    let (world, identity) = with_parameters(&["/app/a", "/app/b", "/other/a"]).await;
    let tags: Vec<_> = (0..12)
        .map(|number| (format!("key-{number}"), "on".to_owned()))
        .collect();
    for name in ["/app/a", "/other/a"] {
        for (key, value) in &tags {
            world.aws.home().tag_parameter(name, key, value);
        }
    }
    world.aws.home().tag_parameter("/app/b", "key-0", "on");
    let all: Vec<_> = tags
        .iter()
        .map(|(key, value)| (key.as_str(), value.as_str()))
        .collect();
    let any = || query(AwsService::ParameterStore);
    assert_eq!(
        found(&world, &identity, &tagged(any(), &[("key-0", "on")]))
            .await
            .len(),
        3
    );
    assert_eq!(
        found(&world, &identity, &tagged(any(), &[("key-0", "o")]))
            .await
            .len(),
        0
    );
    assert_eq!(
        found(&world, &identity, &tagged(any(), &all)).await,
        ["/app/a=v/app/a", "/other/a=v/other/a"]
    );
    assert_eq!(
        found(&world, &identity, &under(tagged(parameters("a"), &all), "/app")).await,
        ["/app/a=v/app/a"]
    );
    let error = result(&world, &identity, &tagged(any(), &[("key-0", "")]))
        .await
        .unwrap_err();
    assert_eq!(error.class, Class::Invalid);
}

#[tokio::test]
async fn a_find_that_holds_too_much_says_so_and_stops() {
    let patient = Duration::from_mins(2);
    let world = World::with(|settings| {
        settings.timeouts.room = patient;
        settings.timeouts.call = patient;
    })
    .await;
    let identity = world.reader("a", "AKIAONE").await;
    for number in 0..200 {
        let name = format!("app/{number}");
        world.aws.home().put_secret(&name, "x".repeat(60_000));
    }
    for query in [under(secrets("."), "app/"), secrets(".")] {
        let error = result(&world, &identity, &query).await.unwrap_err();
        assert_eq!(error.class, Class::TooLarge, "{error}");
        assert!(error.text.contains("8388608 bytes"), "{error}");
        if query.path.is_some() {
            let pages = world.count("BatchGetSecretValue");
            assert_eq!(pages, 7, "those after that are not asked for");
        }
    }
    assert_eq!(
        world.text(&identity, "app/0").await.len(),
        60_000,
        "the room is free again"
    );
}

#[tokio::test]
async fn two_identities_find_each_their_own() {
    let (world, one) = with_secrets(&["app"]).await;
    world.aws.add_access_key("AKIATWO", "222222222222", "two");
    let two = world.reader("b", "AKIATWO").await;
    world
        .aws
        .vault("222222222222", "us-east-1")
        .put_secret("app", "other");
    let (ours, theirs) = tokio::join!(async { found(&world, &one, &secrets(".")).await }, async {
        found(&world, &two, &secrets(".")).await
    });
    assert_eq!(
        (ours, theirs),
        (vec!["app=vapp".to_owned()], vec!["app=other".to_owned()])
    );
}

#[tokio::test]
async fn a_list_that_is_throttled_for_a_moment_goes_on() {
    let (world, identity) = with_secrets(&["app"]).await;
    let _fault = world.aws.inject_times(
        1,
        When::operation("ListSecrets"),
        Fault::error(400, "ThrottlingException", ""),
    );
    let patient = Lane::Periodic {
        patience: Duration::from_millis(250),
    };
    let found = world.broker.find(&identity, None, &secrets("."), patient).await;
    assert_eq!(found.unwrap().len(), 1);
}
