//! Each kind of edit, under each policy. Intervals are long: what is put right within a test is put right because of the
//! edit.

use std::collections::BTreeMap;

use futures::future::{join, join_all};
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::{
    policies::{entry, map},
    world::{Operator, Space, Start, until},
};

const MANAGED: &str = "reconcile.external-secrets.io/managed";
const CREATED_BY: &str = "reconcile.external-secrets.io/created-by";

/// What somebody does to a Secret that holds `v` and `w`, both `one`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Edit {
    Value,
    KeyAdded,
    KeyRemoved,
    AllKeysRemoved,
    ManagedLabelRemoved,
    ManagedLabelChanged,
    CreatedByRemoved,
    OwnerRemoved,
    /// Another manager takes the same value as its own.
    SameValue,
    /// Nobody owns a field any more.
    FieldsCleared,
    /// A value, by a client that calls itself us.
    InOurName,
    /// Old data, and then the managedFields that were there before.
    Restored,
    Deleted,
    /// Another Secret of the same name, with our labels and owner.
    Replaced,
}

/// Edits that metadata shows.
const SHOWN: [Edit; 12] = [
    Edit::Value,
    Edit::KeyAdded,
    Edit::KeyRemoved,
    Edit::AllKeysRemoved,
    Edit::ManagedLabelRemoved,
    Edit::ManagedLabelChanged,
    Edit::CreatedByRemoved,
    Edit::OwnerRemoved,
    Edit::SameValue,
    Edit::FieldsCleared,
    Edit::Deleted,
    Edit::Replaced,
];

/// Edits that leave metadata as we would have left it.
const HIDDEN: [Edit; 2] = [Edit::InOurName, Edit::Restored];

fn json_patch(operations: Value) -> Patch<Value> {
    Patch::Json(serde_json::from_value(operations).unwrap())
}

impl Edit {
    /// Done by a client named `manager`.
    async fn make(self, space: &Space, name: &str, manager: &str) {
        let params = PatchParams {
            field_manager: Some(manager.to_owned()),
            ..PatchParams::default()
        };
        let patch = async |patch: Value| {
            space
                .secrets()
                .patch(name, &params, &Patch::Merge(patch))
                .await
                .unwrap();
        };
        let fields = async |fields: Value| {
            let operations = json!([{ "op": "replace", "path": "/metadata/managedFields", "value": fields }]);
            space
                .secrets()
                .patch(name, &PatchParams::default(), &json_patch(operations))
                .await
                .unwrap();
        };
        match self {
            Self::Value => patch(json!({ "stringData": { "v": "edited" } })).await,
            Self::KeyAdded => patch(json!({ "stringData": { "extra": "added" } })).await,
            Self::KeyRemoved => patch(json!({ "data": { "v": null } })).await,
            Self::AllKeysRemoved => patch(json!({ "data": null })).await,
            Self::ManagedLabelRemoved => patch(json!({ "metadata": { "labels": { MANAGED: null } } })).await,
            Self::ManagedLabelChanged => {
                patch(json!({ "metadata": { "labels": { MANAGED: "false" } } })).await;
            }
            Self::CreatedByRemoved => patch(json!({ "metadata": { "labels": { CREATED_BY: null } } })).await,
            Self::OwnerRemoved => patch(json!({ "metadata": { "ownerReferences": null } })).await,
            Self::SameValue => {
                let same = json!({
                    "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name }, "data": { "v": "b25l" },
                });
                let params = PatchParams::apply(manager).force();
                space
                    .secrets()
                    .patch(name, &params, &Patch::Apply(same))
                    .await
                    .unwrap();
            }
            Self::FieldsCleared => fields(json!([{}])).await,
            Self::InOurName => {
                let forged = PatchParams {
                    field_manager: Some(keyferry::sync::fingerprint::field_manager(name)),
                    ..PatchParams::default()
                };
                let edit = Patch::Merge(json!({ "stringData": { "v": "edited" } }));
                space.secrets().patch(name, &forged, &edit).await.unwrap();
            }
            Self::Restored => {
                let before = space.secret(name).await.metadata.managed_fields;
                patch(json!({ "stringData": { "v": "old" } })).await;
                fields(json!(before)).await;
            }
            Self::Deleted => space.delete_secret(name).await,
            Self::Replaced => {
                let mut secret = space.secret(name).await;
                secret.metadata.uid = None;
                secret.metadata.resource_version = None;
                secret.metadata.managed_fields = None;
                secret.string_data = Some(map(&[("v", "replaced")]));
                space.delete_secret(name).await;
                let params = PostParams {
                    field_manager: Some(manager.to_owned()),
                    ..PostParams::default()
                };
                // Where the repair of the deletion came first, this is one more edit.
                if space.secrets().create(&params, &secret).await.is_err() {
                    patch(json!({ "stringData": { "v": "replaced" } })).await;
                }
            }
        }
    }

    /// What the Secret holds when all is right again.
    fn repaired(self, policy: &str) -> Option<BTreeMap<String, String>> {
        let mut data = map(&[("v", "one"), ("w", "one")]);
        if policy == "Merge" {
            if self == Self::Deleted {
                return None;
            }
            if self != Self::AllKeysRemoved {
                data.insert("foreign".to_owned(), "kept".to_owned());
            }
        }
        if self == Self::KeyAdded && policy != "Owner" {
            data.insert("extra".to_owned(), "added".to_owned());
        }
        Some(data)
    }

    /// What the Secret holds when nobody puts it right.
    fn left(self) -> Option<BTreeMap<String, String>> {
        Some(match self {
            Self::Value | Self::InOurName => map(&[("v", "edited"), ("w", "one")]),
            Self::KeyAdded => map(&[("v", "one"), ("w", "one"), ("extra", "added")]),
            Self::KeyRemoved => map(&[("w", "one")]),
            Self::AllKeysRemoved => map(&[]),
            Self::Restored => map(&[("v", "old"), ("w", "one")]),
            Self::Replaced => map(&[("v", "replaced"), ("w", "one")]),
            Self::Deleted => return None,
            Self::ManagedLabelRemoved
            | Self::ManagedLabelChanged
            | Self::CreatedByRemoved
            | Self::OwnerRemoved
            | Self::SameValue
            | Self::FieldsCleared => map(&[("v", "one"), ("w", "one")]),
        })
    }
}

fn name(policy: &str, edit: Edit) -> String {
    format!("{policy}-{edit:?}").to_lowercase()
}

fn spec(space: &Space, policy: &str, interval: &str) -> Value {
    json!({
        "refreshInterval": interval,
        "target": { "creationPolicy": policy },
        "data": [entry(space, "v", "v"), entry(space, "w", "v")],
    })
}

/// Makes an object and waits until it is synced.
async fn synced(space: &Space, name: &str, policy: &str, interval: &str) {
    if policy == "Merge" {
        space.foreign_secret(name, &[("foreign", "kept")]).await;
    }
    space.apply(name, spec(space, policy, interval)).await;
    space.ready(name, "True").await;
}

/// Waits until data, labels and owner are as we wrote them.
async fn is_right(space: &Space, name: &str, policy: &str, wanted: Option<BTreeMap<String, String>>) {
    until(&format!("{name} to be put right"), || async {
        let secret = space.secrets().get_opt(name).await.map_err(|e| e.to_string())?;
        let Some(secret) = secret else {
            return if wanted.is_none() {
                Ok(())
            } else {
                Err("it is gone".to_owned())
            };
        };
        let data = space.data(name).await;
        let labels = secret.metadata.labels.unwrap_or_default();
        let owner = policy == "Owner";
        let marked = labels.get(MANAGED).is_some_and(|value| value == "true")
            && labels.contains_key(CREATED_BY) == owner
            && secret
                .metadata
                .owner_references
                .is_some_and(|owners| !owners.is_empty())
                == owner;
        if data == wanted && marked {
            Ok(())
        } else {
            Err(format!("{data:?} {labels:?}"))
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_edit_is_put_right_at_once_where_we_own_or_merge_and_waits_under_orphan() {
    let space = &Space::new().await;
    space.store().await;
    space.put("v", "one").await;
    let cases = || {
        let policies = ["Owner", "CreateOrMerge", "Merge", "Orphan"];
        policies
            .into_iter()
            .flat_map(|policy| SHOWN.map(|edit| (policy, edit, name(policy, edit))))
    };
    join_all(cases().map(async |(policy, _, name)| synced(space, &name, policy, "1h").await)).await;
    join_all(cases().map(async |(_, edit, name)| edit.make(space, &name, "editor").await)).await;
    let repaired = cases().filter(|(policy, ..)| *policy != "Orphan");
    join_all(repaired.map(async |(policy, edit, name)| {
        is_right(space, &name, policy, edit.repaired(policy)).await;
        let reason = if policy == "Merge" && edit == Edit::Deleted {
            "SecretMissing"
        } else {
            "SecretSynced"
        };
        space
            .ready_where(&name, |status, now, _| status == "True" && now == reason)
            .await;
    }))
    .await;
    // All the others were put right meanwhile; these were not.
    let orphans = || cases().filter(|(policy, ..)| *policy == "Orphan");
    for (_, edit, name) in orphans() {
        assert_eq!(space.data(&name).await, edit.left(), "{name}");
    }
    join_all(orphans().map(async |(_, edit, name)| {
        space.annotate(&name, "force-sync", "1").await;
        if edit == Edit::Replaced {
            // Nothing but copied labels says that this one is ours.
            space.fails(&name, "TargetNotAdopted").await;
        } else {
            is_right(space, &name, "Orphan", Some(map(&[("v", "one"), ("w", "one")]))).await;
        }
    }))
    .await;
    // No way of editing blinds us to the next edit.
    let lasting = cases().filter(|(policy, edit, _)| *policy == "Owner" && *edit != Edit::Value);
    join_all(lasting.map(async |(policy, edit, name)| {
        Edit::Value.make(space, &name, "editor").await;
        is_right(space, &name, policy, edit.repaired(policy)).await;
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_metadata_hides_is_put_right_at_the_next_refresh() {
    let space = &Space::new().await;
    space.store().await;
    space.put("v", "one").await;
    let policies = ["Owner", "CreateOrMerge", "Merge"];
    let cases = policies
        .into_iter()
        .flat_map(|policy| HIDDEN.map(|edit| (policy, edit)));
    join_all(cases.map(async |(policy, edit)| {
        let name = &name(policy, edit);
        synced(space, name, policy, "2s").await;
        edit.make(space, name, "editor").await;
        is_right(space, name, policy, edit.repaired(policy)).await;
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happened_while_no_operator_ran_is_found_after_the_start() {
    let space = &Space::unserved().await;
    space.store_of("away").await;
    space.put("v", "one").await;
    let start = Start {
        class: Some("away".to_owned()),
        arguments: vec![format!("--namespace={}", space.namespace)],
        ..Start::default()
    };
    let operator = Operator::start(&start, "away-1").await;
    // What metadata hides is the next refresh's business.
    let cases = || {
        let shown = SHOWN.map(|edit| ("Owner", edit, "1h")).into_iter();
        let refreshed = ["Owner", "CreateOrMerge", "Merge"].map(|policy| (policy, Edit::Restored, "2s"));
        let merged = ["CreateOrMerge", "Merge"].into_iter().flat_map(|policy| {
            let edits = [
                Edit::Value,
                Edit::KeyRemoved,
                Edit::AllKeysRemoved,
                Edit::ManagedLabelRemoved,
                Edit::FieldsCleared,
                Edit::Deleted,
            ];
            edits.map(|edit| (policy, edit, "1h"))
        });
        shown
            .chain(refreshed)
            .chain(merged)
            .map(|(policy, edit, every)| (policy, edit, every, name(policy, edit)))
    };
    join_all(cases().map(async |(policy, _, every, name)| synced(space, &name, policy, every).await)).await;
    operator.kill().await;
    join_all(cases().map(async |(_, edit, _, name)| edit.make(space, &name, "editor").await)).await;
    let operator = Operator::start(&start, "away-2").await;
    join_all(cases().map(async |(policy, edit, _, name)| {
        is_right(space, &name, policy, edit.repaired(policy)).await;
        space.ready(&name, "True").await;
    }))
    .await;
    // Once looked at, they rest.
    assert!(!operator.log().contains("Contested"));
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_ours_in_a_secret_may_change_without_a_sync() {
    let space = &Space::new().await;
    space.store().await;
    space.put("v", "one").await;
    let names = ["owner", "createormerge", "merge"];
    join(
        join_all(names.map(async |name| {
            let policy = match name {
                "owner" => "Owner",
                "merge" => "Merge",
                _ => "CreateOrMerge",
            };
            synced(space, name, policy, "1h").await;
        })),
        synced(space, "fence", "Owner", "1h"),
    )
    .await;
    let reads = space.reads("v");
    let mark = space.world.plane.audit().mark().unwrap();
    for name in names {
        let metadata = json!({ "labels": { "foreign": "x" }, "annotations": { "foreign": "x" } });
        space.patch_secret(name, json!({ "metadata": metadata })).await;
    }
    for name in ["createormerge", "merge"] {
        space.edit(name, json!({ "foreign": "changed" })).await;
    }
    Edit::Value.make(space, "fence", "editor").await;
    is_right(space, "fence", "Owner", Edit::Value.repaired("Owner")).await;
    assert_eq!(
        space.reads("v"),
        reads + 1,
        "only the edit of a value of ours is a reason to read"
    );
    let requests = space.world.plane.audit().since(mark).unwrap();
    let written: Vec<_> = requests
        .iter()
        .filter(|r| r.is_in(&space.namespace) && r.is_write() && r.user_agent.starts_with("keyferry/"))
        .filter_map(|r| r.object.as_ref().filter(|object| object.resource == "secrets"))
        .map(|object| object.name.as_str())
        .collect();
    assert_eq!(written, ["fence"]);
    assert_eq!(
        space.data("merge").await,
        Some(map(&[("v", "one"), ("w", "one"), ("foreign", "changed")]))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_deleted_while_its_object_fails_is_made_again_at_once_where_the_source_is_back() {
    let space = &Space::new().await;
    space.store().await;
    space.put("v", "one").await;
    synced(space, "back", "Owner", "1h").await;
    space.remove("v").await;
    space.annotate("back", "force-sync", "1").await;
    space.fails("back", "SecretNotFound").await;
    space.put("v", "two").await;
    space.delete_secret("back").await;
    space.holds("back", &[("v", "two"), ("w", "two")]).await;
    space.ready("back", "True").await;
}
