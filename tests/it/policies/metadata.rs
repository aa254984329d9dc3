//! Labels and annotations of targets, whatever the creationPolicy.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use serde_json::{Value, json};

use super::{entry, map};
use crate::world::{Space, until};

const MANAGED: &str = "reconcile.external-secrets.io/managed";
const CREATED_BY: &str = "reconcile.external-secrets.io/created-by";
const KEYS: &str = "keyferry.dev/keys";

/// What tools note on an ExternalSecret about itself: copied, it would make them adopt or prune the Secret.
const OF_TOOLS: [&str; 8] = [
    "kubectl.kubernetes.io/restartedAt",
    "argocd.argoproj.io/tracking-id",
    "meta.helm.sh/release-name",
    "helm.sh/hook",
    "kustomize.toolkit.fluxcd.io/checksum",
    "config.kubernetes.io/origin",
    "keyferry.dev/note",
    "force-sync",
];

/// Waits until a Secret carries exactly this.
async fn carries(
    space: &Space,
    name: &str,
    labels: &BTreeMap<String, String>,
    annotations: &BTreeMap<String, String>,
) {
    until(&format!("labels and annotations of {name}"), || async {
        let meta = space.secret(name).await.metadata;
        let (have_labels, mut have) = (
            meta.labels.unwrap_or_default(),
            meta.annotations.unwrap_or_default(),
        );
        have.remove(KEYS);
        let right = have_labels == *labels && have == *annotations;
        if right {
            Ok(())
        } else {
            Err(format!("{have_labels:?} {have:?}"))
        }
    })
    .await;
}

/// Differs: docs/differences.md#not-copied.
#[tokio::test(flavor = "multi_thread")]
async fn labels_and_annotations_follow_the_object_foreign_ones_stay_and_those_of_tools_are_not_copied() {
    let space = &Space::new().await;
    space.store().await;
    space.put("v", "one").await;
    // Names beyond 27 characters have a hashed field manager, which must clean up as well.
    let policies = ["Owner", "Orphan", "Merge", "CreateOrMerge"];
    let cases = policies
        .iter()
        .flat_map(|policy| ["", "-with-a-name-beyond-27-characters"].map(|tail| (policy, tail)));
    join_all(cases.map(async |(policy, tail)| {
        let name = &format!("{}{tail}", policy.to_lowercase());
        if *policy == "Merge" {
            space.foreign_secret(name, &[("foreign", "kept")]).await;
        }
        let spec = json!({ "target": { "creationPolicy": policy }, "data": [entry(space, "v", "v")] });
        let of_tools = |mut map: Value| {
            for tool in OF_TOOLS {
                map[tool] = json!("x");
            }
            map
        };
        let metadata = json!({
            "labels": { "app.kubernetes.io/name": "shop", "tier": "one", "outdated": "x", "argocd.argoproj.io/instance": "x" },
            "annotations": of_tools(json!({ "team": "red", "outdated": "x" })),
        });
        space.apply_with(name, spec.clone(), metadata).await;
        let mut marks = vec![(MANAGED, "true".to_owned())];
        if *policy == "Owner" {
            marks.push((CREATED_BY, keyferry::sync::fingerprint::created_by(&space.namespace, name)));
        }
        let with_marks = |pairs: &[(&str, &str)]| {
            let mut labels = map(pairs);
            labels.extend(marks.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
            labels
        };
        let labels = with_marks(&[("app.kubernetes.io/name", "shop"), ("tier", "one"), ("outdated", "x")]);
        until(&format!("the first sync of {name}"), || async {
            space.status(name).await.refresh_time.map(drop).ok_or_else(String::new)
        })
        .await;
        carries(space, name, &labels, &map(&[("team", "red"), ("outdated", "x")])).await;
        let keys = space.secret(name).await.metadata.annotations.is_some_and(|all| all.contains_key(KEYS));
        assert_eq!(keys, matches!(*policy, "Owner" | "Orphan"), "{name}");

        // A foreign label also stays where the object names one of its own later; then the object's value holds.
        let foreign = json!({
            "labels": { "foreign": "kept", "later": "theirs" }, "annotations": { "foreign": "kept" },
        });
        space.patch_secret(name, json!({ "metadata": foreign })).await;
        let metadata = json!({
            "labels": { "app.kubernetes.io/name": "shop", "tier": "two", "later": "ours" },
            "annotations": { "team": "blue" },
        });
        space.apply_with(name, spec, metadata).await;
        let labels =
            with_marks(&[("app.kubernetes.io/name", "shop"), ("tier", "two"), ("foreign", "kept"), ("later", "ours")]);
        carries(space, name, &labels, &map(&[("team", "blue"), ("foreign", "kept")])).await;
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn merging_into_a_foreign_secret_takes_no_more_than_its_own_key_and_the_managed_label() {
    let space = Space::new().await;
    space.store().await;
    space.put("v", "one").await;
    space
        .foreign_secret("m", &[("theirs", "kept"), ("v", "overwritten")])
        .await;
    space
        .apply(
            "m",
            json!({ "target": { "creationPolicy": "Merge" }, "data": [entry(&space, "v", "v")] }),
        )
        .await;
    space.holds("m", &[("theirs", "kept"), ("v", "one")]).await;
    let meta = space.secret("m").await.metadata;
    assert_eq!(meta.owner_references, None);
    let entries = meta.managed_fields.unwrap();
    assert_eq!(entries.len(), 2);
    let ours = entries
        .iter()
        .find(|e| e.manager.as_deref() == Some("externalsecrets.external-secrets.io/m"))
        .unwrap();
    assert_eq!(ours.operation.as_deref(), Some("Update"));
    let fields = &ours.fields_v1.as_ref().unwrap().0;
    let wanted = json!({
        "f:data": { "f:v": {} },
        "f:metadata": { "f:labels": { ".": {}, "f:reconcile.external-secrets.io/managed": {} } },
    });
    assert_eq!(*fields, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_objects_may_merge_into_one_secret_and_each_has_its_keys() {
    let space = Space::new().await;
    space.store().await;
    space.put("a", "one").await;
    space.put("b", "one").await;
    space.foreign_secret("shared", &[("theirs", "kept")]).await;
    for secret in ["a", "b"] {
        let target = json!({ "name": "shared", "creationPolicy": "Merge" });
        let spec =
            json!({ "refreshInterval": "1s", "target": target, "data": [entry(&space, secret, secret)] });
        space.apply(&format!("merge-{secret}"), spec).await;
    }
    space
        .holds("shared", &[("a", "one"), ("b", "one"), ("theirs", "kept")])
        .await;
    space.put("a", "two").await;
    space
        .holds("shared", &[("a", "two"), ("b", "one"), ("theirs", "kept")])
        .await;
    space.edit("shared", json!({ "b": "edited" })).await;
    space
        .holds("shared", &[("a", "two"), ("b", "one"), ("theirs", "kept")])
        .await;
    // Neither takes the other's writes for edits.
    let version = space.secret("shared").await.metadata.resource_version;
    let reads = ["a", "b"].map(|secret| space.reads(secret));
    until("three more polls of both", || {
        let polled = ["a", "b"]
            .iter()
            .zip(reads)
            .all(|(secret, before)| space.reads(secret) >= before + 3);
        std::future::ready(if polled { Ok(()) } else { Err(String::new()) })
    })
    .await;
    assert_eq!(space.secret("shared").await.metadata.resource_version, version);
    let reasons = BTreeSet::from([
        space.ready("merge-a", "True").await.0,
        space.ready("merge-b", "True").await.0,
    ]);
    assert_eq!(reasons, BTreeSet::from(["SecretSynced".to_owned()]));
}
