//! Targets that are frozen, renamed, contested by owners, privileged, or kept when their object goes.

use futures::future::{join, join_all};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::{entry, map};
use crate::world::{Space, on_eso_crds, until};

/// Deletes an object and waits until it is gone.
async fn delete(space: &Space, name: &str) {
    space
        .objects()
        .delete(name, &DeleteParams::default())
        .await
        .unwrap();
    until(&format!("the object {name} to be gone"), || async {
        let left = space.objects().get_opt(name).await.map_err(|e| e.to_string())?;
        left.map_or(Ok(()), |_| Err("it is there".to_owned()))
    })
    .await;
}

fn one_value(space: &Space, target: &Value) -> Value {
    json!({ "refreshInterval": "1h", "target": target, "data": [entry(space, "v", "v")] })
}

/// Forces a sync and waits until it is over.
async fn forced(space: &Space, name: &str, value: &str) {
    let reads = space.reads("v");
    space.annotate(name, "force-sync", value).await;
    until(&format!("the forced sync of {name}"), || {
        std::future::ready(if space.reads("v") > reads {
            Ok(())
        } else {
            Err(String::new())
        })
    })
    .await;
    let object = space.objects().get(name).await.unwrap().metadata;
    let (annotations, labels) = (
        object.annotations.unwrap_or_default(),
        object.labels.unwrap_or_default(),
    );
    let form = keyferry::sync::fingerprint::synced_form(object.generation.unwrap(), &annotations, &labels);
    until(&format!("the forced sync of {name} to be reported"), || async {
        let synced = space.status(name).await.synced_resource_version;
        if synced.as_ref() == Some(&form) {
            Ok(())
        } else {
            Err(format!("{synced:?}"))
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_immutable_target_keeps_its_data_until_it_is_deleted_and_is_then_made_anew() {
    let space = Space::new().await;
    space.store().await;
    space.put("v", "one").await;
    for policy in ["Owner", "CreateOrMerge"] {
        let name = &policy.to_lowercase();
        let frozen = json!({ "creationPolicy": policy, "immutable": true });
        space.apply(name, one_value(&space, &frozen)).await;
        space.holds(name, &[("v", "one")]).await;
        let before = space.secret(name).await;
        assert_eq!(before.immutable, Some(true));
        space.ready(name, "True").await;
    }
    space.put("v", "two").await;
    for policy in ["Owner", "CreateOrMerge"] {
        let name = &policy.to_lowercase();
        let before = space.secret(name).await;
        forced(&space, name, "1").await;
        forced(&space, name, "2").await;
        assert_eq!(
            space.secret(name).await,
            before,
            "nothing that is declared changed, so nothing is written"
        );
        assert_eq!(space.ready(name, "True").await.1, "secret synced");
        space.delete_secret(name).await;
        space.holds(name, &[("v", "two")]).await;
        assert_eq!(space.secret(name).await.immutable, Some(true));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn freezing_a_target_keeps_what_it_holds_also_for_an_object_that_was_deleted_and_came_back() {
    let space = &Space::new().await;
    space.store().await;
    space.put("v", "one").await;
    let names = ["frozen-later", "came-back-frozen", "came-back"];
    join_all(names.map(async |name| {
        space.apply(name, one_value(space, &json!({}))).await;
        space.ready(name, "True").await;
    }))
    .await;
    let uid = space.secret("came-back-frozen").await.metadata.uid;
    join(delete(space, "came-back-frozen"), delete(space, "came-back")).await;
    space.put("v", "two").await;
    for name in ["frozen-later", "came-back-frozen"] {
        space
            .apply(name, one_value(space, &json!({ "immutable": true })))
            .await;
        until(&format!("{name} to be frozen"), || async {
            let secret = space.secret(name).await;
            if secret.immutable == Some(true) {
                Ok(())
            } else {
                Err(String::new())
            }
        })
        .await;
        space.ready(name, "True").await;
        assert_eq!(space.data(name).await, Some(map(&[("v", "one")])), "{name}");
    }
    let secret = space.secret("came-back-frozen").await;
    assert_eq!(secret.metadata.uid, uid);
    let owner = &secret.metadata.owner_references.unwrap()[0].uid;
    assert_eq!(
        Some(owner),
        space
            .objects()
            .get("came-back-frozen")
            .await
            .unwrap()
            .metadata
            .uid
            .as_ref()
    );
    space.apply("came-back", one_value(space, &json!({}))).await;
    space.holds("came-back", &[("v", "two")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renamed_target_leaves_nothing_behind_under_owner_and_everything_under_other_policies() {
    let space = &Space::new().await;
    space.store().await;
    space.put("v", "one").await;
    let policies = ["Owner", "Orphan", "Merge", "CreateOrMerge"];
    join_all(policies.map(async |policy| {
        let name = &policy.to_lowercase();
        let target = |tail: &str| json!({ "name": format!("{name}-{tail}"), "creationPolicy": policy });
        if policy == "Merge" {
            join(
                space.foreign_secret("merge-old", &[]),
                space.foreign_secret("merge-new", &[]),
            )
            .await;
        }
        space.apply(name, one_value(space, &target("old"))).await;
        space.ready(name, "True").await;
        space.holds(&format!("{name}-old"), &[("v", "one")]).await;
        if policy == "Owner" {
            // A copy of our Secret carries our labels too, but it is somebody's own.
            let labels = space.secret("owner-old").await.metadata.labels.unwrap();
            space.foreign_secret("owner-copy", &[("v", "one")]).await;
            space
                .patch_secret("owner-copy", json!({ "metadata": { "labels": labels } }))
                .await;
        }
        space.apply(name, one_value(space, &target("new"))).await;
        space.holds(&format!("{name}-new"), &[("v", "one")]).await;
        if policy == "Owner" {
            space.is_gone("owner-old").await;
            until("the event", || async {
                let events = space.events(name).await;
                let wanted = (
                    "Deleted".to_owned(),
                    "secret deleted because it was orphaned".to_owned(),
                );
                if events.contains(&wanted) {
                    Ok(())
                } else {
                    Err(format!("{events:?}"))
                }
            })
            .await;
        }
    }))
    .await;
    for name in ["orphan-old", "merge-old", "createormerge-old", "owner-copy"] {
        assert_eq!(space.data(name).await, Some(map(&[("v", "one")])), "{name}");
    }
    for name in policies.map(str::to_lowercase) {
        let bound = space.status(&name).await.binding.and_then(|binding| binding.name);
        assert_eq!(bound, Some(format!("{name}-new")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_creation_policy_gives_the_secret_up_or_takes_it() {
    let space = Space::new().await;
    space.store().await;
    space.put("v", "one").await;
    let of = |policy: &str| one_value(&space, &json!({ "creationPolicy": policy }));
    space.apply("p", of("Owner")).await;
    space.holds("p", &[("v", "one")]).await;
    for (policy, owned) in [
        ("Orphan", false),
        ("Owner", true),
        ("Merge", false),
        ("Owner", true),
        ("CreateOrMerge", false),
    ] {
        space.apply("p", of(policy)).await;
        until(&format!("the marks of {policy}"), || async {
            let meta = space.secret("p").await.metadata;
            let labels = meta.labels.unwrap_or_default();
            let has = (
                meta.owner_references.is_some_and(|owners| !owners.is_empty()),
                labels.contains_key("reconcile.external-secrets.io/created-by"),
                labels.contains_key("reconcile.external-secrets.io/managed"),
            );
            if has == (owned, owned, true) {
                Ok(())
            } else {
                Err(format!("{has:?}"))
            }
        })
        .await;
        assert_eq!(space.data("p").await, Some(map(&[("v", "one")])), "{policy}");
    }
}

/// Differs: docs/differences.md#on-delete.
#[tokio::test(flavor = "multi_thread")]
async fn on_delete_retain_takes_the_owner_reference_away_and_nothing_else() {
    let space = Space::new().await;
    space.store().await;
    space.put("v", "one").await;
    let apply = async |metadata: Value| {
        space
            .apply_with("r", one_value(&space, &json!({})), metadata)
            .await;
    };
    let retain = || json!({ "annotations": { "keyferry.dev/on-delete": "retain" } });
    let owned = async |wanted: bool| {
        until("the owner reference", || async {
            let meta = space
                .secrets()
                .get("r")
                .await
                .map_err(|e| e.to_string())?
                .metadata;
            let labels = meta.labels.unwrap_or_default();
            assert!(labels.contains_key("reconcile.external-secrets.io/created-by"));
            let has = meta.owner_references.is_some_and(|owners| !owners.is_empty());
            if has == wanted {
                Ok(())
            } else {
                Err(format!("{has}"))
            }
        })
        .await;
    };
    apply(retain()).await;
    owned(false).await;
    apply(json!({})).await;
    owned(true).await;
    apply(retain()).await;
    owned(false).await;
    // Still Owner in everything else.
    space.edit("r", json!({ "v": "edited", "extra": "added" })).await;
    space.holds("r", &[("v", "one")]).await;
    space.delete_secret("r").await;
    space.holds("r", &[("v", "one")]).await;
    owned(false).await;
    delete(&space, "r").await;
    assert_eq!(space.data("r").await, Some(map(&[("v", "one")])));
    // The object that comes back takes its Secret up again.
    apply(json!({})).await;
    owned(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_has_one_owner_and_whoever_else_wants_it_waits_until_it_is_free() {
    let space = &Space::new().await;
    space.store().await;
    space.put("v", "one").await;
    let policies = ["Owner", "Orphan", "Merge", "CreateOrMerge"];
    let spec = |policy: &str, second: &str| {
        let target = format!("{}-target", second.to_lowercase());
        one_value(space, &json!({ "name": target, "creationPolicy": policy }))
    };
    join_all(policies.map(async |second| {
        let (first, name) = (
            &format!("first-{}", second.to_lowercase()),
            &format!("second-{}", second.to_lowercase()),
        );
        space.apply(first, spec("Owner", second)).await;
        space.ready(first, "True").await;
        space.apply(name, spec(second, second)).await;
        let message = space.fails(name, "TargetOwned").await;
        assert!(
            message.contains("owned by another ExternalSecret") && message.contains(&**first),
            "{name}: {message}"
        );
        assert_eq!(space.ready(first, "True").await.1, "secret synced");
    }))
    .await;
    // What garbage collection does when the first object goes: also again, where the operator heard of the Secret before it
    // heard of the object, and made another one for it.
    let gone = space
        .objects()
        .get("first-owner")
        .await
        .unwrap()
        .metadata
        .uid
        .unwrap();
    delete(space, "first-owner").await;
    until("the Secret to have the second owner", || async {
        let owners = space
            .secrets()
            .get_opt("owner-target")
            .await
            .unwrap()
            .and_then(|secret| secret.metadata.owner_references);
        let owner = owners.and_then(|owners| owners.into_iter().next());
        match &owner {
            Some(owner) if owner.uid == gone => space.delete_secret("owner-target").await,
            Some(owner) if owner.name == "second-owner" => return Ok(()),
            _ => {}
        }
        Err(format!("{owner:?}"))
    })
    .await;
    space.holds("owner-target", &[("v", "one")]).await;
    space.ready("second-owner", "True").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn long_names_have_a_hashed_field_manager_and_all_else_as_usual() {
    let space = &Space::new().await;
    space.store().await;
    space.put("v", "one").await;
    let dotted = format!("{}.{}", "a".repeat(63), "b".repeat(189));
    let names = ["c".repeat(27), "d".repeat(28), "e".repeat(64), dotted];
    join_all(names.iter().map(async |name| {
        space.apply(name, one_value(space, &json!({}))).await;
        space.holds(name, &[("v", "one")]).await;
        space.ready(name, "True").await;
        let fields = space.secret(name).await.metadata.managed_fields.unwrap();
        let manager = fields[0].manager.as_deref().unwrap();
        let tail = manager
            .strip_prefix("externalsecrets.external-secrets.io/")
            .unwrap();
        if name.len() <= 27 {
            assert_eq!(tail, name);
        } else {
            let hash = tail.strip_prefix("sha3/").unwrap();
            assert_eq!(hash, keyferry::sync::fingerprint::sha3_hex(name));
        }
        until(&format!("the event about {name}"), || async {
            let events = space.events(name).await;
            if events.iter().any(|(reason, _)| reason == "Created") {
                Ok(())
            } else {
                Err(format!("{events:?}"))
            }
        })
        .await;
        space.edit(name, json!({ "v": "edited" })).await;
        space.holds(name, &[("v", "one")]).await;
    }))
    .await;
}

/// Types that give their holder power over the cluster.
const PRIVILEGED: [&str; 2] = [
    "kubernetes.io/service-account-token",
    "bootstrap.kubernetes.io/token",
];

async fn privileged(space: &Space, name: &str, type_: &str, metadata: Value, manager: &str) -> Secret {
    let mut metadata = metadata;
    metadata["name"] = json!(name);
    metadata["annotations"]["kubernetes.io/service-account.name"] = json!("default");
    let secret = json!({ "metadata": metadata, "type": type_, "stringData": { "v": "one" } });
    let params = PostParams {
        field_manager: Some(manager.to_owned()),
        ..PostParams::default()
    };
    space
        .secrets()
        .create(&params, &serde_json::from_value(secret).unwrap())
        .await
        .unwrap()
}

/// Differs: docs/differences.md#privileged-types.
#[tokio::test(flavor = "multi_thread")]
async fn privileged_types_are_refused_whoever_asks_and_whatever_the_secret_says() {
    let space = &Space::new().await;
    space.store().await;
    space.put("v", "one").await;
    let policies = ["Owner", "Orphan", "Merge", "CreateOrMerge"];
    let cases = policies.iter().flat_map(|policy| {
        PRIVILEGED.iter().enumerate().flat_map(move |(n, type_)| {
            ["plain", "consent", "ours"].map(|marks| {
                (
                    *policy,
                    *type_,
                    marks,
                    format!("{policy}-{n}-{marks}").to_lowercase(),
                )
            })
        })
    });
    join_all(cases.map(async |(policy, type_, marks, name)| {
        let ours = keyferry::sync::fingerprint::field_manager(&name);
        let (metadata, manager) = match marks {
            "consent" => (
                json!({ "annotations": { "keyferry.dev/adopt": name } }),
                "somebody",
            ),
            "ours" => (
                json!({ "labels": {
                    "reconcile.external-secrets.io/managed": "true",
                    "reconcile.external-secrets.io/created-by":
                        keyferry::sync::fingerprint::created_by(&space.namespace, &name),
                } }),
                &*ours,
            ),
            _ => (json!({}), "somebody"),
        };
        let before = privileged(space, &name, type_, metadata, manager).await;
        space
            .apply(&name, one_value(space, &json!({ "creationPolicy": policy })))
            .await;
        let message = space.fails(&name, "TargetTypeRefused").await;
        assert!(message.contains(type_), "{name}: {message}");
        assert_eq!(space.secret(&name).await, before, "{name}");
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_was_replaced_by_a_privileged_secret_is_left_alone() {
    let space = Space::new().await;
    space.store().await;
    space.put("v", "one").await;
    space
        .apply(
            "replaced",
            one_value(&space, &json!({ "creationPolicy": "CreateOrMerge" })),
        )
        .await;
    space.ready("replaced", "True").await;
    // The name is taken before the repair can take it: renamed away, and back.
    let elsewhere = one_value(
        &space,
        &json!({ "name": "elsewhere", "creationPolicy": "CreateOrMerge" }),
    );
    space.apply("replaced", elsewhere).await;
    space.holds("elsewhere", &[("v", "one")]).await;
    space.delete_secret("replaced").await;
    let labels = json!({ "labels": { "reconcile.external-secrets.io/managed": "true" } });
    let before = privileged(&space, "replaced", PRIVILEGED[0], labels, "somebody").await;
    space
        .apply(
            "replaced",
            one_value(&space, &json!({ "creationPolicy": "CreateOrMerge" })),
        )
        .await;
    space.fails("replaced", "TargetTypeRefused").await;
    assert_eq!(space.secret("replaced").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_cannot_ask_for_a_privileged_type() {
    let space = Space::new().await;
    space.store().await;
    space.put("v", "one").await;
    for (name, type_) in [("account", PRIVILEGED[0]), ("bootstrap", PRIVILEGED[1])] {
        let annotations = json!({ "kubernetes.io/service-account.name": "default" });
        let template = json!({ "type": type_, "metadata": { "annotations": annotations } });
        match space
            .try_apply(
                name,
                one_value(&space, &json!({ "template": template })),
                json!({}),
            )
            .await
        {
            Ok(()) => {
                assert!(on_eso_crds(), "{name} should be refused by admission");
                space.fails(name, "TargetTypeRefused").await;
            }
            Err(error) => assert!(error.to_string().contains(type_), "{name}: {error}"),
        }
    }
    // Without the annotation admission has nothing against it.
    let template = json!({ "type": PRIVILEGED[0] });
    space
        .apply("bare", one_value(&space, &json!({ "template": template })))
        .await;
    space.fails("bare", "TargetTypeRefused").await;
    assert_eq!(space.data("bare").await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_object_keeps_foreign_owners_and_finalizers_of_its_secret() {
    let space = Space::new().await;
    space.store().await;
    space.put("v", "one").await;
    space.apply("f", one_value(&space, &json!({}))).await;
    space.ready("f", "True").await;
    let foreign = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "name": "other", "uid": "00000000-0000-0000-0000-000000000003",
    });
    let patch = json!([
        { "op": "add", "path": "/metadata/ownerReferences/-", "value": foreign },
        { "op": "add", "path": "/metadata/finalizers", "value": ["example.com/guard"] },
    ]);
    let patch = Patch::Json::<()>(serde_json::from_value(patch).unwrap());
    space
        .secrets()
        .patch("f", &PatchParams::default(), &patch)
        .await
        .unwrap();
    space.put("v", "two").await;
    space.annotate("f", "force-sync", "1").await;
    space.holds("f", &[("v", "two")]).await;
    let meta = space.secret("f").await.metadata;
    let kinds: Vec<_> = meta
        .owner_references
        .unwrap()
        .into_iter()
        .map(|owner| owner.kind)
        .collect();
    assert_eq!(kinds, ["ConfigMap", "ExternalSecret"]);
    assert_eq!(meta.finalizers, Some(vec!["example.com/guard".to_owned()]));
}
