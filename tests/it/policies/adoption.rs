//! A Secret that keyferry did not write is taken over only where nothing is lost, or with consent.

use futures::future::join_all;
use serde_json::{Value, json};

use super::{entry, map};
use crate::world::{Operator, Space, Start, provider};

/// A Secret that is in the way, and what comes of it.
struct Case {
    name: &'static str,
    data: &'static [(&'static str, &'static str)],
    /// Metadata that somebody puts on it; knows the object's name.
    metadata: fn(&str) -> Value,
    /// What the refusal must say; nothing where the Secret is taken over.
    refused: Option<&'static str>,
}

const CASES: [Case; 11] = [
    Case {
        name: "equal",
        data: &[("v", "one"), ("w", "one")],
        metadata: nothing,
        refused: None,
    },
    Case {
        name: "part-of-it",
        data: &[("v", "one")],
        metadata: nothing,
        refused: None,
    },
    Case {
        name: "empty",
        data: &[],
        metadata: nothing,
        refused: None,
    },
    Case {
        name: "foreign-key",
        data: &[("v", "one"), ("extra", "theirs"), ("more", "theirs")],
        metadata: nothing,
        refused: Some("holds keys that would be lost (extra, more)"),
    },
    Case {
        name: "other-value",
        data: &[("v", "theirs"), ("w", "one")],
        metadata: nothing,
        refused: Some("holds other values for its keys (v, w)"),
    },
    Case {
        name: "hidden-key",
        data: &[("v", "one"), ("extra", "theirs")],
        metadata: |_| json!({ "managedFields": [{}] }),
        refused: Some("holds keys whose names cannot be told"),
    },
    // Labels can be copied by anybody: they prove nothing.
    Case {
        name: "labelled",
        data: &[("v", "theirs")],
        metadata: |_| json!({ "labels": { "reconcile.external-secrets.io/managed": "true" } }),
        refused: Some("holds other values for its keys (v)"),
    },
    Case {
        name: "consent",
        data: &[("v", "theirs"), ("extra", "theirs")],
        metadata: consent,
        refused: None,
    },
    Case {
        name: "consent-for-another",
        data: &[("v", "theirs")],
        metadata: |_| consent("another"),
        refused: Some("annotate the Secret with keyferry.dev/adopt="),
    },
    // An ExternalSecret of this name that was deleted and came back has another uid.
    Case {
        name: "owned-before",
        data: &[("v", "one")],
        metadata: owned_before,
        refused: None,
    },
    Case {
        name: "owned-before-and-edited",
        data: &[("v", "theirs")],
        metadata: owned_before,
        refused: Some("holds other values for its keys (v)"),
    },
];

fn nothing(_: &str) -> Value {
    json!({})
}

fn consent(name: &str) -> Value {
    json!({ "annotations": { "keyferry.dev/adopt": name } })
}

fn owned_before(name: &str) -> Value {
    json!({ "ownerReferences": [{
        "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": name, "controller": true,
        "uid": "00000000-0000-0000-0000-000000000002",
    }] })
}

/// Differs: docs/differences.md#safe-adoption.
#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_secret_is_taken_over_where_nothing_is_lost_and_else_refused_with_its_keys_named() {
    let space = &Space::new().await;
    space.store().await;
    space.put("v", "one").await;
    let policies = ["Owner", "Orphan"];
    let all = CASES
        .iter()
        .flat_map(|case| policies.map(|policy| (case, policy)));
    join_all(all.map(async |(case, policy)| {
        let name = &format!("{}-{}", policy.to_lowercase(), case.name);
        space.foreign_secret(name, case.data).await;
        space
            .patch_secret(name, json!({ "metadata": (case.metadata)(name) }))
            .await;
        let before = space.secret(name).await;
        let target = json!({ "creationPolicy": policy });
        let spec = json!({ "target": target, "data": [entry(space, "v", "v"), entry(space, "w", "v")] });
        space.apply(name, spec).await;
        match case.refused {
            None => {
                space.holds(name, &[("v", "one"), ("w", "one")]).await;
                space.ready(name, "True").await;
                let after = space.secret(name).await.metadata;
                assert_eq!(after.uid, before.metadata.uid, "{name}");
                let object = space.objects().get(name).await.unwrap().metadata.uid;
                let owners = after.owner_references.unwrap_or_default();
                let owners: Vec<_> = owners.into_iter().map(|owner| Some(owner.uid)).collect();
                assert_eq!(
                    owners,
                    (policy == "Owner")
                        .then_some(object)
                        .into_iter()
                        .collect::<Vec<_>>(),
                    "{name}"
                );
            }
            Some(text) => {
                let message = space.fails(name, "TargetNotAdopted").await;
                assert!(
                    message.contains(text) && message.contains(&**name),
                    "{name}: {message}"
                );
                assert!(!message.contains("theirs"), "{name}: a value in {message}");
                assert_eq!(space.secret(name).await, before, "{name}: nothing is written");
            }
        }
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_that_comes_later_is_acted_on_without_touching_the_object() {
    let space = Space::new().await;
    space.store().await;
    space.put("v", "one").await;
    space
        .foreign_secret("later", &[("v", "theirs"), ("extra", "theirs")])
        .await;
    space
        .apply("later", json!({ "data": [entry(&space, "v", "v")] }))
        .await;
    space.fails("later", "TargetNotAdopted").await;
    space
        .patch_secret(
            "later",
            json!({ "metadata": { "annotations": { "keyferry.dev/adopt": "later" } } }),
        )
        .await;
    space.holds("later", &[("v", "one")]).await;
    space.ready("later", "True").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn merging_needs_no_consent_because_foreign_keys_stay() {
    let space = &Space::new().await;
    space.store().await;
    space.put("v", "one").await;
    join_all(["Merge", "CreateOrMerge"].map(async |policy| {
        let name = &policy.to_lowercase();
        space
            .foreign_secret(name, &[("v", "theirs"), ("extra", "theirs")])
            .await;
        space
            .apply(
                name,
                json!({ "target": { "creationPolicy": policy }, "data": [entry(space, "v", "v")] }),
            )
            .await;
        space.holds(name, &[("v", "one"), ("extra", "theirs")]).await;
        space.ready(name, "True").await;
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_on_the_object_counts_only_where_the_operator_is_told_so() {
    let space = &Space::unserved().await;
    space.put("v", "one").await;
    let operator = async |adopt: &str| {
        let start = Start {
            class: Some(adopt.to_owned()),
            arguments: vec![
                format!("--adopt={adopt}"),
                format!("--namespace={}", space.namespace),
            ],
            ..Start::default()
        };
        let spec = json!({ "controller": adopt, "provider": { "aws": provider(json!({})) } });
        space.store_spec(adopt, spec).await;
        Operator::start(&start, &format!("adopt-{adopt}")).await
    };
    let _operators = join_all(["safe", "es", "always"].map(operator)).await;
    // Class, whether the object consents, and whether that is enough.
    let cases = [
        ("safe", false, false),
        ("safe", true, false),
        ("es", false, false),
        ("es", true, true),
        ("always", false, true),
        ("always", true, true),
    ];
    join_all(cases.map(async |(class, consents, taken)| {
        let name = &format!("{class}-{consents}");
        space
            .foreign_secret(name, &[("v", "theirs"), ("extra", "theirs")])
            .await;
        let spec = json!({ "secretStoreRef": { "name": class }, "data": [entry(space, "v", "v")] });
        let consent = if consents {
            json!({ "annotations": { "keyferry.dev/adopt": name } })
        } else {
            json!({})
        };
        space.apply_with(name, spec, consent).await;
        if taken {
            space.holds(name, &[("v", "one")]).await;
            space.ready(name, "True").await;
        } else {
            space.fails(name, "TargetNotAdopted").await;
            assert_eq!(
                space.data(name).await,
                Some(map(&[("v", "theirs"), ("extra", "theirs")])),
                "{name}"
            );
        }
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_merged_into_is_not_deleted_once_the_object_wants_to_own_it() {
    let space = Space::new().await;
    space.store().await;
    space.put("v", "one").await;
    space.put("w", "one").await;
    space.foreign_secret("merged", &[("foreign", "kept")]).await;
    let spec = |creation: &str, deletion: &str| {
        json!({
            "refreshInterval": "2s",
            "target": { "creationPolicy": creation, "deletionPolicy": deletion },
            "data": [entry(&space, "v", "v")],
        })
    };
    space.apply("merged", spec("Merge", "Retain")).await;
    space.holds("merged", &[("foreign", "kept"), ("v", "one")]).await;
    // Under CreateOrMerge it is ours to make, and still not ours alone.
    let made = json!({ "refreshInterval": "2s", "target": { "creationPolicy": "CreateOrMerge" }, "data": [entry(&space, "w", "w")] });
    space.apply("made", made).await;
    space.holds("made", &[("w", "one")]).await;
    space.edit("made", json!({ "foreign": "kept" })).await;
    for name in ["merged", "made"] {
        space.ready(name, "True").await;
    }
    for secret in ["v", "w"] {
        space.remove(secret).await;
    }
    space.apply("merged", spec("Owner", "Delete")).await;
    let mut owner = spec("Owner", "Delete");
    owner["data"] = json!([entry(&space, "w", "w")]);
    space.apply("made", owner).await;
    for (name, data) in [
        ("merged", [("foreign", "kept"), ("v", "one")]),
        ("made", [("foreign", "kept"), ("w", "one")]),
    ] {
        let message = space.fails(name, "TargetOwned").await;
        assert!(message.contains("was not deleted"), "{message}");
        assert_eq!(space.data(name).await, Some(map(&data)), "{name}");
    }
}
