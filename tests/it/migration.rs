//! Objects that External Secrets Operator synced: taken over as they are, without a read or a write, and continued.

mod back;
pub(crate) mod commands;

use std::collections::BTreeMap;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Secret;
use keyferry::sync::fingerprint;
use keyferry_parts::audit::Mark;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::{
    generators::{from, generator},
    policies::{entry, map},
    stalling::{Hold, Stall, Stalling},
    world::{Operator, Space, Start, provider, until},
};

const FINALIZER: &str = "externalsecrets.external-secrets.io/externalsecret-cleanup";
const DATA_HASH: &str = "reconcile.external-secrets.io/data-hash";

/// A space whose store names a class: nobody serves it until the test starts an operator.
async fn space(class: &str) -> Space {
    let space = Space::unserved().await;
    space.store_of(class).await;
    space
}

async fn operator(space: &Space, class: &str, name: &str) -> Operator {
    let start = Start {
        class: Some(class.to_owned()),
        arguments: vec![format!("--namespace={}", space.namespace)],
        ..Start::default()
    };
    Operator::start(&start, name).await
}

/// ESO's hash of a Secret's data: Go's print of a map of byte slices.
fn data_hash(data: &[(&str, &str)]) -> String {
    let entries: Vec<_> = map(data)
        .into_iter()
        .map(|(key, value)| {
            let bytes: Vec<_> = value.bytes().map(|byte| byte.to_string()).collect();
            format!("{key}:[{}]", bytes.join(" "))
        })
        .collect();
    fingerprint::sha3_hex(format!("map[{}]", entries.join(" ")))
}

#[test]
fn the_hash_of_these_tests_is_esos() {
    assert_eq!(
        data_hash(&[("foo", "value1"), ("bar", "value2")]),
        "1bed8bcbcb4547ffe19a19cd47d9078e84aa6598266d86b99f992d64"
    );
}

/// What ESO left of one object.
struct Left<'a> {
    name: &'a str,
    creation: &'a str,
    /// `refreshPolicy` and `refreshInterval`.
    refresh: (&'a str, &'a str),
    /// Keys that ESO wrote; the spec names the same.
    data: &'a [(&'a str, &'a str)],
    /// When ESO refreshed it last.
    age: SignedDuration,
}

impl Left<'_> {
    fn spec(&self, space: &Space, keys: &[&str]) -> Value {
        let entries: Vec<_> = keys.iter().map(|key| entry(space, key, key)).collect();
        json!({
            "refreshPolicy": self.refresh.0,
            "refreshInterval": self.refresh.1,
            "target": { "creationPolicy": self.creation },
            "data": entries,
        })
    }

    /// Applies the object, and does what ESO does: finalizer, Secret, status.
    async fn put(&self, space: &Space) {
        let keys: Vec<_> = self.data.iter().map(|(key, _)| *key).collect();
        self.put_with(space, self.spec(space, &keys)).await;
    }

    /// The same with another spec.
    async fn put_with(&self, space: &Space, spec: Value) {
        let metadata = json!({ "labels": { "a": "b" }, "annotations": { "team": "red" } });
        space.apply_with(self.name, spec, metadata).await;
        let finalizer = json!({ "metadata": { "finalizers": [FINALIZER] } });
        let by_eso = PatchParams {
            field_manager: Some("external-secrets".to_owned()),
            ..PatchParams::default()
        };
        let object = space
            .objects()
            .patch(self.name, &by_eso, &Patch::Merge(finalizer))
            .await
            .unwrap();
        self.put_secret(space, object.metadata.uid.as_ref().unwrap())
            .await;
        let meta = object.metadata;
        let form = fingerprint::synced_form(
            meta.generation.unwrap(),
            &meta.annotations.unwrap_or_default(),
            &meta.labels.unwrap_or_default(),
        );
        let refreshed = Timestamp::from_second((Timestamp::now() - self.age).as_second())
            .unwrap()
            .to_string();
        let status = json!({ "status": {
            "refreshTime": refreshed,
            "syncedResourceVersion": form,
            "binding": { "name": self.name },
            "conditions": [{
                "type": "Ready", "status": "True", "reason": "SecretSynced", "message": "secret synced",
                "lastTransitionTime": refreshed,
            }],
        }});
        space
            .objects()
            .patch_status(self.name, &by_eso, &Patch::Merge(status))
            .await
            .unwrap();
    }

    async fn put_secret(&self, space: &Space, uid: &str) {
        let mut labels = json!({ "a": "b", "reconcile.external-secrets.io/managed": "true" });
        let mut owners = json!([]);
        if self.creation == "Owner" {
            let created_by = fingerprint::created_by(&space.namespace, self.name);
            labels["reconcile.external-secrets.io/created-by"] = json!(created_by);
            owners = json!([{
                "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "name": self.name, "uid": uid,
                "controller": true, "blockOwnerDeletion": true,
            }]);
        }
        // ESO's hash is that of all data, keys of others included.
        let mut whole = self.data.to_vec();
        if self.creation == "Merge" {
            whole.push(("foreign", "kept"));
        }
        let secret = json!({
            "metadata": {
                "name": self.name, "labels": labels, "ownerReferences": owners,
                "annotations": { "team": "red", DATA_HASH: data_hash(&whole) },
            },
            "stringData": map(self.data),
        });
        let secret: Secret = serde_json::from_value(secret).unwrap();
        let manager = fingerprint::field_manager(self.name);
        if self.creation == "Merge" {
            space.foreign_secret(self.name, &[("foreign", "kept")]).await;
            let params = PatchParams {
                field_manager: Some(manager),
                ..PatchParams::default()
            };
            space
                .secrets()
                .patch(self.name, &params, &Patch::Merge(secret))
                .await
                .unwrap();
        } else {
            let params = PostParams {
                field_manager: Some(manager),
                ..PostParams::default()
            };
            space.secrets().create(&params, &secret).await.unwrap();
        }
    }
}

/// Waits until the operator has had each of these in hand at least once.
async fn turned(operator: &Operator, space: &Space, names: &[String]) {
    until("each object to have had its turn", || async {
        let metrics = operator.metrics().await;
        let missing: Vec<_> = names
            .iter()
            .filter(|name| {
                let labels = format!(r#"name="{name}",namespace="{}""#, space.namespace);
                !metrics.contains(&format!("externalsecret_sync_calls_total{{{labels}}}"))
            })
            .collect();
        if missing.is_empty() {
            Ok(())
        } else {
            Err(format!("{missing:?}"))
        }
    })
    .await;
}

/// What keyferry asked the API server about ExternalSecrets and Secrets of this space.
fn requests(space: &Space, since: Mark) -> Vec<String> {
    let requests = space.world.plane.audit().since(since).unwrap();
    let ours = requests
        .iter()
        .filter(|r| r.is_in(&space.namespace) && r.user_agent.starts_with("keyferry/"));
    let about = ours.filter(|r| r.resource().starts_with("externalsecrets") || r.resource() == "secrets");
    // Lists and watches are how it knows.
    let asked = about.filter(|r| !matches!(r.verb.as_str(), "list" | "watch"));
    asked
        .map(|r| {
            format!(
                "{} {} {}",
                r.verb,
                r.resource(),
                r.object.as_ref().map_or("", |o| &o.name)
            )
        })
        .collect()
}

async fn versions(space: &Space) -> BTreeMap<String, (Option<String>, Option<BTreeMap<String, String>>)> {
    let mut versions = BTreeMap::new();
    for secret in space.secrets().list(&ListParams::default()).await.unwrap().items {
        let name = secret.metadata.name.unwrap();
        let data = space.data(&name).await;
        versions.insert(name, (secret.metadata.resource_version, data));
    }
    versions
}

const EQUAL: [(&str, &str); 2] = [("v", "one"), ("w", "two")];
const STALE: [(&str, &str); 2] = [("v", "old"), ("w", "two")];

const POLICIES: [&str; 4] = ["Owner", "Orphan", "Merge", "CreateOrMerge"];

/// All but the last can be refreshed within the hour by a change alone.
const REFRESHES: [(&str, &str); 4] = [
    ("Periodic", "1h"),
    ("Periodic", "0"),
    ("OnChange", "1h"),
    ("CreatedOnce", "1h"),
];

/// Each policy with each refresh, and a name for it; beyond 27 characters ESO hashes the name in its field manager.
fn each_policy(end: &str) -> Vec<(&'static str, (&'static str, &'static str), String)> {
    let named = |policy, (refresh, every)| {
        let name = format!("{policy}-{refresh}-{every}-{end}").to_lowercase();
        (policy, (refresh, every), name)
    };
    POLICIES
        .into_iter()
        .flat_map(|policy| REFRESHES.map(|refresh| named(policy, refresh)))
        .collect()
}

/// Differs: docs/differences.md#data-hash.
#[tokio::test(flavor = "multi_thread")]
async fn what_eso_synced_is_fresh_and_its_data_never_changes() {
    let space = &space("taken-over").await;
    space.put("v", "one").await;
    space.put("w", "two").await;
    let names = each_policy("taken-over");
    join_all(names.iter().map(async |(creation, refresh, name)| {
        let age = SignedDuration::from_mins(10);
        Left {
            name,
            creation,
            refresh: *refresh,
            data: &EQUAL,
            age,
        }
        .put(space)
        .await;
    }))
    .await;
    let before = versions(space).await;
    let mark = space.world.plane.audit().mark().unwrap();
    let operator = operator(space, "taken-over", "taken-over").await;
    let all: Vec<_> = names.iter().map(|(.., name)| name.clone()).collect();
    turned(&operator, space, &all).await;
    // Which is when something new is synced, too.
    space
        .apply("new", json!({ "data": [entry(space, "v", "v")] }))
        .await;
    space.holds("new", &[("v", "one")]).await;
    space.ready("new", "True").await;
    let asked: Vec<_> = requests(space, mark)
        .into_iter()
        .filter(|r| !r.ends_with(" new"))
        .collect();
    assert_eq!(asked, Vec::<String>::new());
    assert_eq!(
        (space.reads("v"), space.reads("w")),
        (1, 0),
        "AWS is asked for what is new alone"
    );
    let mut after = versions(space).await;
    after.remove("new");
    assert_eq!(after, before);

    // The first refresh takes the unsalted hash away. The data is the same, so nothing else changes.
    join_all(all.iter().map(async |name| {
        space.annotate(name, "force-sync", "1").await;
        until(&format!("the hash on {name} to go"), || async {
            let secret = space.secrets().get(name).await.map_err(|e| e.to_string())?;
            let annotations = secret.metadata.annotations.unwrap_or_default();
            if annotations.contains_key(DATA_HASH) {
                Err(format!("{annotations:?}"))
            } else {
                Ok(())
            }
        })
        .await;
        space.ready(name, "True").await;
    }))
    .await;
    let mut after = versions(space).await;
    after.remove("new");
    let data = |versions: BTreeMap<String, (_, Option<BTreeMap<String, String>>)>| {
        versions
            .into_iter()
            .map(|(name, (_, data))| (name, data))
            .collect::<BTreeMap<_, _>>()
    };
    assert_eq!(data(after), data(before));
    for (creation, _, name) in &names {
        let meta = space.secret(name).await.metadata;
        let ours: Vec<_> = meta
            .managed_fields
            .unwrap()
            .into_iter()
            .filter(|entry| entry.manager.as_deref() == Some(&fingerprint::field_manager(name)))
            .map(|entry| entry.operation)
            .collect();
        assert_eq!(
            ours,
            [Some("Update".to_owned())],
            "{name}: ESO's entry is continued"
        );
        assert_eq!(meta.owner_references.is_some(), *creation == "Owner", "{name}");
        assert_eq!(meta.labels.unwrap()["a"], "b", "{name}");
    }
    operator.stop().await;
}

/// A generator of passwords, and a spec that takes its values from there.
async fn password(space: &Space, (policy, interval): (&str, &str)) -> Value {
    generator(space, "Password", "p", json!({ "length": 20 })).await;
    json!({ "refreshPolicy": policy, "refreshInterval": interval, "dataFrom": [from("Password", "p")] })
}

/// A spec whose template draws something new each time.
fn drawing(space: &Space, (policy, interval): (&str, &str)) -> Value {
    json!({
        "refreshPolicy": policy, "refreshInterval": interval, "data": [entry(space, "v", "v")],
        "target": { "template": { "data": { "password": "{{ .v }}-{{ randAlphaNum 20 }}" } } },
    })
}

const GENERATED: [(&str, &str); 1] = [("password", "made-by-eso-and-in-use")];

#[tokio::test(flavor = "multi_thread")]
async fn what_eso_generated_or_drew_survives_the_takeover_and_a_restart() {
    let space = &space("generated").await;
    space.put("v", "one").await;
    let days = SignedDuration::from_hours(50);
    let mut names = vec![];
    // However long ago it was made, only a refresh that is due makes another.
    for (refresh, age) in [
        (("Periodic", "1h"), SignedDuration::from_mins(10)),
        (("Periodic", "0"), days),
        (("OnChange", "1h"), days),
        (("CreatedOnce", "1h"), days),
    ] {
        for (kind, spec) in [
            ("generator", password(space, refresh).await),
            ("template", drawing(space, refresh)),
        ] {
            let name = format!("{kind}-{}-{}", refresh.0, refresh.1).to_lowercase();
            let left = Left {
                name: &name,
                creation: "Owner",
                refresh,
                data: &GENERATED,
                age,
            };
            left.put_with(space, spec).await;
            names.push(name);
        }
    }
    let before = versions(space).await;
    assert_eq!(before.len(), names.len());
    let mark = space.world.plane.audit().mark().unwrap();
    for process in ["generated-1", "generated-2"] {
        let operator = operator(space, "generated", process).await;
        turned(&operator, space, &names).await;
        operator.stop().await;
    }
    assert_eq!(requests(space, mark), Vec::<String>::new());
    assert_eq!(versions(space).await, before);

    // And a change of the object alone makes nothing anew where it was made once.
    let operator = operator(space, "generated", "generated-3").await;
    space.annotate("generator-periodic-0", "team", "blue").await;
    space.annotate("template-createdonce-1h", "team", "blue").await;
    space
        .apply("new", json!({ "data": [entry(space, "v", "v")] }))
        .await;
    space.holds("new", &[("v", "one")]).await;
    for name in ["generator-periodic-0", "template-createdonce-1h"] {
        assert_eq!(space.data(name).await, Some(map(&GENERATED)), "{name}");
    }
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_labels_that_eso_wrote_are_pruned_when_the_object_drops_them() {
    let space = &space("pruned").await;
    for key in ["v", "w", "z"] {
        space.put(key, "one").await;
    }
    let data = [("v", "one"), ("w", "one"), ("z", "one")];
    let left = |creation: &'static str, name: &'static str| Left {
        name,
        creation,
        refresh: ("Periodic", "1h"),
        data: &data,
        age: SignedDuration::from_mins(5),
    };
    let names = ["owner", "orphan", "merge", "createormerge"];
    let all = || {
        POLICIES
            .into_iter()
            .zip(names)
            .map(|(creation, name)| left(creation, name))
    };
    join_all(all().map(async |left| left.put(space).await)).await;
    let operator = operator(space, "pruned", "pruned").await;
    turned(&operator, space, &names.map(str::to_owned)).await;
    join_all(all().map(async |left| {
        // Without its label and annotation, and with one key less.
        let spec = left.spec(space, &["v", "w"]);
        space
            .apply_with(left.name, spec, json!({ "annotations": { "team": "blue" } }))
            .await;
        let mut wanted = vec![("v", "one"), ("w", "one")];
        if left.creation == "Merge" {
            wanted.push(("foreign", "kept"));
        }
        space.holds(left.name, &wanted).await;
        let meta = space.secret(left.name).await.metadata;
        assert!(!meta.labels.unwrap().contains_key("a"), "{}", left.name);
        assert_eq!(meta.annotations.unwrap()["team"], "blue", "{}", left.name);
    }))
    .await;
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_eso_left_undone_is_done_after_the_takeover() {
    let space = &space("undone").await;
    space.put("v", "one").await;
    space.put("w", "two").await;
    let left = |name: &'static str, data: &'static [(&'static str, &'static str)], age| Left {
        name,
        creation: "Owner",
        refresh: ("Periodic", "1h"),
        data,
        age,
    };
    let (fresh, due, ahead) = (
        SignedDuration::from_mins(5),
        SignedDuration::from_hours(2),
        SignedDuration::from_hours(-1),
    );
    left("due", &STALE, due).put(space).await;
    left("ahead", &STALE, ahead).put(space).await;
    for name in ["changed", "failed", "edited", "deleted"] {
        let data = if matches!(name, "changed" | "failed") {
            &STALE
        } else {
            &EQUAL
        };
        left(name, data, fresh).put(space).await;
    }
    // Changed after ESO's last sync.
    space.annotate("changed", "team", "blue").await;
    // Never synced: ESO could not read it.
    let failed = json!({ "status": {
        "refreshTime": null, "syncedResourceVersion": null,
        "conditions": [{
            "type": "Ready", "status": "False", "reason": "SecretSyncedError",
            "message": "could not get secret data from provider", "lastTransitionTime": "2026-01-01T00:00:00Z",
        }],
    }});
    let by_eso = PatchParams {
        field_manager: Some("external-secrets".to_owned()),
        ..PatchParams::default()
    };
    space
        .objects()
        .patch_status("failed", &by_eso, &Patch::Merge(failed))
        .await
        .unwrap();
    space.edit("edited", json!({ "v": "edited" })).await;
    space.delete_secret("deleted").await;
    let operator = operator(space, "undone", "undone").await;
    join_all(
        ["due", "ahead", "changed", "failed", "edited", "deleted"].map(async |name| {
            space.holds(name, &EQUAL).await;
            space.ready(name, "True").await;
        }),
    )
    .await;
    operator.stop().await;
}

/// Differs: docs/differences.md#no-finalizers.
#[tokio::test(flavor = "multi_thread")]
async fn esos_finalizer_goes_with_an_object_that_is_deleted_and_stays_on_all_others() {
    let space = &space("finalizers").await;
    space.put("v", "one").await;
    for name in ["deleted-before", "deleted-after", "guarded", "kept", "storeless"] {
        Left {
            name,
            creation: "Owner",
            refresh: ("Periodic", "1h"),
            data: &[("v", "one")],
            age: SignedDuration::from_mins(5),
        }
        .put(space)
        .await;
    }
    // A store of another class: its objects are another operator's.
    let store = json!({ "controller": "eso", "provider": { "aws": provider(json!({})) } });
    space.store_spec("of-eso", store).await;
    let spec = json!({ "secretStoreRef": { "name": "of-eso" }, "data": [entry(space, "v", "v")] });
    space
        .apply_with("of-eso", spec, json!({ "finalizers": [FINALIZER] }))
        .await;
    // Its store went first, as when a folder of manifests is deleted.
    let spec = json!({ "secretStoreRef": { "name": "gone" }, "data": [entry(space, "v", "v")] });
    space
        .apply_with("storeless", spec, json!({ "finalizers": [FINALIZER] }))
        .await;
    let guards = json!({ "metadata": { "finalizers": [FINALIZER, "example.com/guard"] } });
    space
        .objects()
        .patch("guarded", &PatchParams::default(), &Patch::Merge(guards))
        .await
        .unwrap();
    let delete = async |name: &str| {
        space
            .objects()
            .delete(name, &DeleteParams::default())
            .await
            .unwrap();
    };
    let gone = async |name: &str| {
        until(&format!("{name} to be gone"), || async {
            let object = space.objects().get_opt(name).await.map_err(|e| e.to_string())?;
            object.map_or(Ok(()), |object| Err(format!("{:?}", object.metadata.finalizers)))
        })
        .await;
    };
    delete("deleted-before").await;
    delete("of-eso").await;
    delete("storeless").await;
    let operator = operator(space, "finalizers", "finalizers").await;
    gone("deleted-before").await;
    gone("storeless").await;
    delete("guarded").await;
    delete("deleted-after").await;
    gone("deleted-after").await;
    until("ESO's finalizer to leave the guarded one", || async {
        let object = space.objects().get("guarded").await.map_err(|e| e.to_string())?;
        let finalizers = object.metadata.finalizers.unwrap_or_default();
        if finalizers == ["example.com/guard"] {
            Ok(())
        } else {
            Err(format!("{finalizers:?}"))
        }
    })
    .await;
    for name in ["kept", "of-eso"] {
        let finalizers = space.objects().get(name).await.unwrap().metadata.finalizers;
        assert_eq!(finalizers, Some(vec![FINALIZER.to_owned()]), "{name}");
    }
    // Secrets are left to garbage collection.
    for name in ["deleted-before", "deleted-after", "guarded", "kept"] {
        assert_eq!(space.data(name).await, Some(map(&[("v", "one")])), "{name}");
    }
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn esos_finalizer_goes_also_where_the_api_server_does_not_take_the_first_write() {
    let space = &space("refused-release").await;
    let stalling = Stalling::start(space.world.plane).await;
    let start = Start {
        class: Some("refused-release".to_owned()),
        kubeconfig: Some(stalling.kubeconfig()),
        arguments: vec![format!("--namespace={}", space.namespace)],
        ..Start::default()
    };
    let operator = Operator::start(&start, "refused-release").await;
    space.put("v", "one").await;
    let spec = json!({ "data": [entry(space, "v", "v")] });
    space
        .apply_with("app", spec, json!({ "finalizers": [FINALIZER] }))
        .await;
    space.ready("app", "True").await;
    stalling.stall(Stall {
        method: "PATCH",
        path: "/externalsecrets/",
        hold: Hold::Refuse,
    });
    space
        .objects()
        .delete("app", &DeleteParams::default())
        .await
        .unwrap();
    stalling.held().await;
    stalling.release();
    until("the object to be gone", || async {
        let object = space.objects().get_opt("app").await.map_err(|e| e.to_string())?;
        object.map_or(Ok(()), |object| Err(format!("{:?}", object.metadata.finalizers)))
    })
    .await;
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_another_operator_still_writes_is_left_to_it() {
    let space = &space("shared").await;
    space.put("v", "one").await;
    let spec = |key: &str| json!({ "refreshInterval": "1h", "data": [entry(space, key, "v")] });
    let operator = operator(space, "shared", "shared").await;
    space.apply("shared", spec("v")).await;
    space.ready("shared", "True").await;
    // Whole seconds: the other one's write must be of a later one than ours.
    let by_eso = PatchParams {
        field_manager: Some("external-secrets".to_owned()),
        ..PatchParams::default()
    };
    let ours = Timestamp::now().as_second();
    until("the next second", || {
        std::future::ready(if Timestamp::now().as_second() > ours {
            Ok(())
        } else {
            Err(String::new())
        })
    })
    .await;
    let status = json!({ "status": { "syncedResourceVersion": "1-of-another" } });
    space
        .objects()
        .patch_status("shared", &by_eso, &Patch::Merge(status))
        .await
        .unwrap();
    until("it to be counted", || async {
        let metrics = operator.metrics().await;
        let counted = metrics
            .lines()
            .find(|line| line.starts_with("keyferry_foreign_controllers"))
            .map(str::to_owned);
        if counted.as_ref().is_some_and(|line| line.ends_with(" 1")) {
            Ok(())
        } else {
            Err(format!("{counted:?}"))
        }
    })
    .await;
    space.apply("shared", spec("w")).await;
    space.apply("fence", spec("w")).await;
    space.holds("fence", &[("w", "one")]).await;
    assert_eq!(space.data("shared").await, Some(map(&[("v", "one")])));
    assert_eq!(
        space.status("shared").await.synced_resource_version.as_deref(),
        Some("1-of-another")
    );
    operator.stop().await;
}
