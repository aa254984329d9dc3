//! The way back: what ESO finds when it takes over again, judged by its own rules.

use super::{commands::keyferry, *};

/// What ESO would do with an object that it finds, by its rules: leave it alone, or fetch and write it for this reason.
async fn eso_writes(space: &Space, name: &str) -> Option<&'static str> {
    let object = space.objects().get(name).await.unwrap();
    let spec = serde_json::to_value(&object.spec).unwrap();
    let target = spec["target"]["name"].as_str().unwrap_or(name).to_owned();
    let secret = space.secrets().get_opt(&target).await.unwrap();
    let is_valid = secret.is_some_and(|secret| {
        let data: Vec<_> = secret.data.unwrap_or_default().into_iter().collect();
        let data: Vec<_> = data
            .into_iter()
            .map(|(key, value)| (key, String::from_utf8(value.0).unwrap()))
            .collect();
        let data: Vec<_> = data
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        let labels = secret.metadata.labels.unwrap_or_default();
        let annotations = secret.metadata.annotations.unwrap_or_default();
        labels
            .get("reconcile.external-secrets.io/managed")
            .is_some_and(|value| value == "true")
            && annotations.get(DATA_HASH) == Some(&data_hash(&data))
    });
    // An invalid target is fetched anew whatever the policy and interval.
    if spec["target"]["creationPolicy"] != "Orphan" && !is_valid {
        return Some("the Secret is not as its hash says");
    }
    let (meta, status) = (object.metadata, object.status.unwrap_or_default());
    let form = fingerprint::synced_form(
        meta.generation.unwrap(),
        &meta.annotations.unwrap_or_default(),
        &meta.labels.unwrap_or_default(),
    );
    let Some(refreshed) = status.refresh_time.map(|time| time.0) else {
        return Some("never refreshed");
    };
    let synced = status.synced_resource_version.unwrap_or_default();
    let interval = match spec["refreshInterval"].as_str() {
        Some("0") => SignedDuration::ZERO,
        _ => SignedDuration::from_hours(1),
    };
    match spec["refreshPolicy"].as_str().unwrap_or("Periodic") {
        "CreatedOnce" => synced.is_empty().then_some("never synced"),
        "OnChange" => (synced != form).then_some("changed"),
        _ if interval.is_zero() && !synced.is_empty() => None,
        _ if synced != form => Some("changed"),
        _ => (Timestamp::now() >= refreshed + interval).then_some("due"),
    }
}

/// That ESO can continue what is there: nothing of ours stands in its way, and its manager holds just these keys.
async fn is_esos_to_continue(space: &Space, name: &str, creation: &str, keys: &[&str]) {
    let object = space.objects().get(name).await.unwrap().metadata;
    let finalizers = object.finalizers.unwrap_or_default();
    assert!(
        finalizers.iter().all(|finalizer| finalizer == FINALIZER),
        "{finalizers:?}"
    );
    let meta = space.secret(name).await.metadata;
    assert_eq!(
        meta.finalizers.unwrap_or_default(),
        Vec::<String>::new(),
        "{name}"
    );
    let labels = meta.labels.unwrap();
    assert_eq!(labels["reconcile.external-secrets.io/managed"], "true", "{name}");
    let owners = meta.owner_references.unwrap_or_default();
    let created_by = labels.get("reconcile.external-secrets.io/created-by");
    if creation == "Owner" {
        assert_eq!(
            *created_by.unwrap(),
            fingerprint::created_by(&space.namespace, name)
        );
        let [owner] = &*owners else {
            panic!("{name}: {owners:?}")
        };
        assert_eq!(
            (&owner.uid, owner.controller),
            (object.uid.as_ref().unwrap(), Some(true))
        );
        assert_eq!(owner.block_owner_deletion, Some(true));
    } else {
        assert_eq!((created_by, owners.len()), (None, 0), "{name}");
    }
    let manager = fingerprint::field_manager(name);
    let entries = meta.managed_fields.unwrap().into_iter();
    let entries: Vec<_> = entries
        .filter(|entry| entry.manager.as_deref() == Some(&manager))
        .collect();
    let [entry] = &*entries else {
        panic!("{name}: {entries:?}")
    };
    assert_eq!(entry.operation.as_deref(), Some("Update"), "{name}");
    let held = keyferry::sync::target::data_keys(entry);
    assert_eq!(held, keys.iter().copied().collect(), "{name}");
}

#[tokio::test(flavor = "multi_thread")]
async fn eso_finds_what_keyferry_only_served_as_it_left_it() {
    let space = &space("visited").await;
    space.put("v", "one").await;
    space.put("w", "two").await;
    let names = each_policy("visited");
    join_all(names.iter().map(async |(creation, refresh, name)| {
        let left = Left {
            name,
            creation,
            refresh: *refresh,
            data: &EQUAL,
            age: SignedDuration::from_mins(10),
        };
        left.put(space).await;
    }))
    .await;
    let before = versions(space).await;
    let operator = operator(space, "visited", "visited").await;
    let all: Vec<_> = names.iter().map(|(.., name)| name.clone()).collect();
    turned(&operator, space, &all).await;
    operator.stop().await;
    for (creation, _, name) in &names {
        assert_eq!(eso_writes(space, name).await, None, "{name}");
        is_esos_to_continue(space, name, creation, &["v", "w"]).await;
    }
    assert_eq!(versions(space).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn eso_leaves_what_keyferry_wrote_as_it_is_once_its_hash_is_restored() {
    let space = &space("back").await;
    space.put("v", "canary-one").await;
    let left = |name: &'static str, refresh| Left {
        name,
        creation: "Owner",
        refresh,
        data: &[("v", "canary-one")],
        age: SignedDuration::from_mins(10),
    };
    left("rewritten", ("Periodic", "1h")).put(space).await;
    left("untouched", ("Periodic", "1h")).put(space).await;
    let operator = operator(space, "back", "back").await;
    space.annotate("rewritten", "force-sync", "1").await;
    space
        .foreign_secret("made-merge", &[("theirs", "canary-theirs")])
        .await;
    let mut names = vec![("rewritten", "Owner", "v"), ("generated", "Owner", "password")];
    for (name, creation, policy) in [
        ("made-owner", "Owner", "Periodic"),
        ("made-merge", "Merge", "Periodic"),
        ("made-createormerge", "CreateOrMerge", "OnChange"),
        ("made-once", "Owner", "CreatedOnce"),
        ("made-under-a-name-that-eso-hashes", "Owner", "Periodic"),
        ("made-orphan", "Orphan", "Periodic"),
    ] {
        let spec = json!({
            "refreshPolicy": policy, "refreshInterval": "1h",
            "target": { "creationPolicy": creation }, "data": [entry(space, "v", "v")],
        });
        space.apply(name, spec).await;
        names.push((name, creation, "v"));
    }
    generator(space, "Password", "p", json!({})).await;
    let generated = json!({ "refreshInterval": "0", "dataFrom": [from("Password", "p")] });
    space.apply("generated", generated).await;
    for (name, ..) in &names {
        space.ready(name, "True").await;
    }
    // A Secret that two objects write is one Secret.
    let second = json!({
        "refreshInterval": "1h", "target": { "name": "made-merge", "creationPolicy": "Merge" },
        "data": [entry(space, "second", "v")],
    });
    space.apply("second-writer", second).await;
    space.ready("second-writer", "True").await;
    until("the hash to go with the first write", || async {
        let annotations = space
            .secret("rewritten")
            .await
            .metadata
            .annotations
            .unwrap_or_default();
        if annotations.contains_key(DATA_HASH) {
            Err(String::new())
        } else {
            Ok(())
        }
    })
    .await;
    space.ready("rewritten", "True").await;
    operator.stop().await;

    // As it is, ESO would read everything again, and make another password.
    for (name, creation, key) in &names {
        let wanted = (*creation != "Orphan").then_some("the Secret is not as its hash says");
        assert_eq!(eso_writes(space, name).await, wanted, "{name}");
        is_esos_to_continue(space, name, creation, &[key]).await;
    }
    let before = versions(space).await;
    let kubeconfig = space.world.plane.kubeconfig();
    let within = format!("--namespace={}", space.namespace);
    let restore = async |more: &[&str]| {
        let mut arguments = vec!["migrate", "--restore-hashes", "--controller-class=back", &*within];
        arguments.extend(more);
        let (code, out, complaint) = keyferry(&kubeconfig, &arguments).await;
        assert_eq!(code, 0, "{complaint}");
        assert!(
            !format!("{out}{complaint}").contains("canary"),
            "{out}{complaint}"
        );
        out
    };
    let shown = restore(&[]).await;
    let mut wanted: Vec<_> = names
        .iter()
        .map(|(name, ..)| format!("Secret {}/{name}", space.namespace))
        .collect();
    wanted.sort();
    let mut secrets: Vec<_> = shown.lines().filter(|line| line.starts_with("Secret ")).collect();
    secrets.sort_unstable();
    assert_eq!(secrets, wanted);
    assert_eq!(
        versions(space).await,
        before,
        "nothing is written unless asked for"
    );
    restore(&["--yes"]).await;
    let data = |versions: BTreeMap<String, (_, Option<BTreeMap<String, String>>)>| {
        let data = versions.into_iter().map(|(name, (_, data))| (name, data));
        data.collect::<BTreeMap<_, _>>()
    };
    let restored = versions(space).await;
    assert_eq!(data(restored.clone()), data(before));
    for (name, creation, key) in &names {
        assert_eq!(eso_writes(space, name).await, None, "{name}");
        is_esos_to_continue(space, name, creation, &[key]).await;
    }
    let nothing = restore(&["--yes"]).await;
    assert_eq!(nothing.trim(), "restored ESO's hash on 0 Secrets");

    // And there again: nothing is read or written anew.
    let operator = self::operator(space, "back", "back-again").await;
    let all: Vec<_> = names.iter().map(|(name, ..)| (*name).to_owned()).collect();
    turned(&operator, space, &all).await;
    assert_eq!(versions(space).await, restored);
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_a_restored_hash_would_keep_is_named_with_its_editor() {
    let space = &space("edited-back").await;
    space.put("v", "canary-one").await;
    let operator = operator(space, "edited-back", "edited-back").await;
    space
        .foreign_secret("merged", &[("theirs", "canary-theirs")])
        .await;
    let objects = [
        ("due", "Owner", "Periodic"),
        ("merged", "Merge", "Periodic"),
        ("once", "Owner", "CreatedOnce"),
        ("on-change", "Owner", "OnChange"),
        ("untouched", "Owner", "Periodic"),
    ];
    for (name, creation, policy) in objects {
        let spec = json!({
            "refreshPolicy": policy, "refreshInterval": "1h",
            "target": { "creationPolicy": creation }, "data": [entry(space, "v", "v")],
        });
        space.apply(name, spec).await;
        space.ready(name, "True").await;
    }
    operator.stop().await;
    for name in ["due", "merged", "once", "on-change"] {
        space.edit(name, json!({ "v": "canary-edit" })).await;
    }
    let kubeconfig = space.world.plane.kubeconfig();
    let within = format!("--namespace={}", space.namespace);
    let mut restore = vec![
        "migrate",
        "--restore-hashes",
        "--controller-class=edited-back",
        &*within,
    ];
    let (code, shown, complaint) = keyferry(&kubeconfig, &restore).await;
    assert_eq!(code, 0, "{complaint}");
    let line = |name: &str, until: &str| {
        format!(
            "Secret {}/{name}  edited by editor since keyferry wrote it: with the hash, ESO keeps the edit until {until}; let \
             keyferry sync it once more to undo the edit",
            space.namespace
        )
    };
    let wanted = [
        line("due", "its next refresh"),
        line("merged", "its next refresh"),
        line("on-change", "the ExternalSecret is changed"),
        line("once", "somebody changes the Secret again"),
        format!("Secret {}/untouched", space.namespace),
        "5 Secrets have no hash of ESO's; add --yes to restore it".to_owned(),
    ];
    assert_eq!(shown.lines().collect::<Vec<_>>(), wanted);
    restore.push("--yes");
    let (code, _, complaint) = keyferry(&kubeconfig, &restore).await;
    assert_eq!(code, 0, "{complaint}");
    for (name, ..) in objects {
        assert_eq!(eso_writes(space, name).await, None, "{name}");
    }
    assert_eq!(space.data("due").await.unwrap()["v"], "canary-edit");
}
