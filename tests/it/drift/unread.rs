//! Values of targets go one way: to the API server.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::json;

use super::witness::Witness;
use crate::{
    policies::{entry, map},
    world::{Operator, Space, Start, until},
};

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_of_the_api_server_ever_holds_a_targets_value() {
    let space = Space::unserved().await;
    let witness = Witness::start(space.world.plane).await;
    space.store_of("witness").await;
    let start = Start {
        class: Some("witness".to_owned()),
        kubeconfig: Some(witness.kubeconfig()),
        arguments: vec![format!("--namespace={}", space.namespace)],
        ..Start::default()
    };
    let operator = Operator::start(&start, "witness").await;
    let values = [
        "planted-first",
        "planted-second",
        "planted-by-others",
        "planted-edit",
    ];
    let [first, second, theirs, edit] = values;
    space.put("v", first).await;
    // Made, adopted with equal values, refused for others, refused for its type, merged.
    space.foreign_secret("equal", &[("v", first)]).await;
    space.foreign_secret("refused", &[("v", theirs)]).await;
    space.foreign_secret("merge", &[("theirs", theirs)]).await;
    let policies = [
        ("owner", "Owner", "Delete"),
        ("orphan", "Orphan", "Retain"),
        ("equal", "Owner", "Retain"),
        ("refused", "Owner", "Retain"),
        ("merge", "Merge", "Merge"),
        ("createormerge", "CreateOrMerge", "Merge"),
        ("frozen", "Owner", "Retain"),
    ];
    let spec = |(name, creation, deletion): (&str, &str, &str)| {
        let target = json!({
            "creationPolicy": creation, "deletionPolicy": deletion, "immutable": name == "frozen",
        });
        json!({ "refreshInterval": "2s", "target": target, "data": [entry(&space, "v", "v")] })
    };
    for row in policies {
        space.apply(row.0, spec(row)).await;
    }
    let written = ["owner", "orphan", "equal", "createormerge"];
    for name in written {
        space.holds(name, &[("v", first)]).await;
    }
    space.holds("merge", &[("v", first), ("theirs", theirs)]).await;
    space.fails("refused", "TargetNotAdopted").await;
    // Edited, rotated, deleted, frozen, renamed.
    for name in written {
        space.edit(name, json!({ "v": edit })).await;
    }
    for name in written {
        space.holds(name, &[("v", first)]).await;
    }
    space.put("v", second).await;
    for name in written {
        space.holds(name, &[("v", second)]).await;
    }
    for name in ["owner", "createormerge", "frozen"] {
        space.delete_secret(name).await;
        space.holds(name, &[("v", second)]).await;
    }
    let renamed = json!({ "target": { "name": "renamed" }, "data": [entry(&space, "v", "v")] });
    space.apply("equal", renamed).await;
    space.holds("renamed", &[("v", second)]).await;
    space.is_gone("equal").await;
    space.remove("v").await;
    space.is_gone("owner").await;
    space.holds("merge", &[("theirs", theirs)]).await;
    operator.stop().await;

    for exchange in witness.on_secrets() {
        let what = format!("{} {} ({})", exchange.method, exchange.path, exchange.accept);
        let metadata = exchange.accept.contains("as=PartialObjectMetadata");
        assert!(metadata || exchange.accept.contains("as=Table"), "{what}");
    }
    let plain = values.iter().map(|value| (*value).to_owned());
    let encoded = values.iter().map(|value| STANDARD.encode(value));
    let planted: Vec<_> = plain.chain(encoded).collect();
    for exchange in witness.all() {
        let answer = String::from_utf8_lossy(&exchange.answer);
        let found = planted.iter().find(|value| answer.contains(value.as_str()));
        assert_eq!(found, None, "{} {}", exchange.method, exchange.path);
    }
    // Else nothing was looked at.
    let seen: BTreeMap<_, usize> =
        witness
            .on_secrets()
            .into_iter()
            .fold(BTreeMap::new(), |mut seen, exchange| {
                *seen.entry(exchange.method).or_default() += exchange.answer.len();
                seen
            });
    for method in ["GET", "POST", "PATCH", "DELETE"] {
        assert!(
            seen.get(method).is_some_and(|bytes| *bytes > 0),
            "{method}: {seen:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_object_costs_two_writes_and_no_read_of_the_api_server() {
    let space = Space::new().await;
    space.store().await;
    space.ready_store("aws").await;
    space.put("v", "one").await;
    let mark = space.world.plane.audit().mark().unwrap();
    let names: Vec<_> = ["Owner", "Orphan", "CreateOrMerge"]
        .into_iter()
        .flat_map(|policy| (0..4).map(move |n| (policy, format!("{policy}-{n}").to_lowercase())))
        .collect();
    for (policy, name) in &names {
        let target = json!({ "creationPolicy": policy });
        space
            .apply(
                name,
                json!({ "refreshInterval": "1h", "target": target, "data": [entry(&space, "v", "v")] }),
            )
            .await;
    }
    for (_, name) in &names {
        space.ready(name, "True").await;
        assert_eq!(space.data(name).await, Some(map(&[("v", "one")])));
    }
    // Each event lies behind its object's writes.
    for (_, name) in &names {
        until("the event", || async {
            let events = space.events(name).await;
            if events.is_empty() {
                Err(String::new())
            } else {
                Ok(())
            }
        })
        .await;
    }
    let requests = space.world.plane.audit().since(mark).unwrap();
    let ours = requests
        .iter()
        .filter(|r| r.is_in(&space.namespace) && r.user_agent.starts_with("keyferry/"));
    // Events come from a queue of their own, the store's among them.
    let ours = ours.filter(|r| r.resource() != "events");
    let counts = keyferry_parts::audit::count_by_verb_and_resource(ours);
    let wanted = [("create", "secrets"), ("patch", "externalsecrets/status")];
    let wanted = wanted.map(|(verb, resource)| ((verb.to_owned(), resource.to_owned()), names.len()));
    assert_eq!(counts, wanted.into());
}
