//! What a restart costs, what an operator finds that starts later, and what one does without the watch.

use keyferry_parts::{CountingProxy, When};
use serde_json::{Value, json};

use super::{Objects, config_map, config_maps, data, failure, widget, widgets};
use crate::world::{Operator, Space, Start, apply_crds, on_eso_crds};

/// A space whose store names a class, and how an operator of that class is started.
pub(super) async fn served_by(class: &str, arguments: &[&str]) -> (Space, Start) {
    let space = Space::unserved().await;
    apply_crds(&space.client, &[widgets("test.example")]).await;
    space.store_of(class).await;
    let mut arguments: Vec<_> = arguments.iter().map(|&argument| argument.to_owned()).collect();
    arguments.push("--unsafe-allow-generic-targets".to_owned());
    arguments.push(format!("--namespace={}", space.namespace));
    let start = Start {
        class: Some(class.to_owned()),
        arguments,
        ..Start::default()
    };
    (space, start)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_with_fresh_targets_asks_aws_for_nothing_and_writes_nothing() {
    let (space, mut start) = served_by("generic-fresh", &[]).await;
    let proxy = CountingProxy::start(space.world.moto.url()).unwrap();
    start.endpoint = Some(proxy.url());
    space.put("v", "1").await;
    let policies = ["Owner", "Orphan", "Merge", "CreateOrMerge"];
    let operator = Operator::start(&start, "generic-fresh-1").await;
    let maps = config_maps(&space);
    for policy in policies {
        let name = policy.to_lowercase();
        if policy == "Merge" {
            let theirs = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name } });
            maps.foreign(theirs).await;
        }
        let target = config_map(json!({ "creationPolicy": policy }));
        let spec = json!({ "refreshInterval": "1h", "target": target, "data": data(&space, &[("a", "v")]) });
        space.apply(&name, spec).await;
        maps.holds(&name, "/data/a", &json!("1")).await;
        space.ready(&name, "True").await;
    }
    operator.kill().await;
    let reads = || proxy.calls().count(&When::any().on(space.id("v")));
    let before = reads();
    assert!(before > 0);
    let mark = space.world.plane.audit().mark().unwrap();
    let operator = Operator::start(&start, "generic-fresh-2").await;
    operator.has_turned(&space, policies.len()).await;
    assert_eq!(reads(), before, "AWS was asked");
    // By the time that an edit is seen, everything else has been looked at too.
    maps.edit("owner", json!({ "data": { "a": "edited" } })).await;
    maps.holds("owner", "/data/a", &json!("1")).await;
    assert_eq!(reads(), before + 1, "only the edit is a reason to read");
    let writes = space.writes(mark);
    let written: Vec<_> = writes
        .iter()
        .filter_map(|r| r.object.as_ref())
        .filter(|object| object.resource == "configmaps")
        .map(|object| object.name.as_str())
        .collect();
    assert_eq!(written, ["owner"]);
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_name_or_kind_left_goes_after_a_restart_too() {
    // ESO's CRDs drop the field of the status that tells what was written.
    if on_eso_crds() {
        return;
    }
    let (space, start) = served_by("generic-moved", &[]).await;
    space.put("v", "1").await;
    let maps = config_maps(&space);
    let apply = async |name: &str, target: Value| {
        let spec = json!({ "target": target, "data": data(&space, &[("a", "v")]) });
        space.apply(name, spec).await;
    };
    let operator = Operator::start(&start, "generic-moved-1").await;
    // A ConfigMap that becomes a Secret, one that becomes another kind, one under another name, and a Secret that becomes
    // a ConfigMap.
    for name in ["to-secret", "to-widget", "to-name"] {
        apply(name, config_map(json!({}))).await;
        maps.holds(name, "/data/a", &json!("1")).await;
        space.ready(name, "True").await;
    }
    apply("to-map", json!({})).await;
    space.holds("to-map", &[("a", "1")]).await;
    space.ready("to-map", "True").await;
    let target = space.status("to-widget").await.target.unwrap();
    assert_eq!(
        [target.api_version, target.kind, target.name],
        ["v1", "ConfigMap", "to-widget"]
    );
    operator.kill().await;

    apply("to-secret", json!({})).await;
    apply("to-widget", widget(json!({}))).await;
    apply("to-name", widget(json!({ "name": "other" }))).await;
    apply("to-map", config_map(json!({}))).await;
    let operator = Operator::start(&start, "generic-moved-2").await;
    space.holds("to-secret", &[("a", "1")]).await;
    maps.is_gone("to-secret").await;
    let widgets = Objects::new(&space, "test.example/v1", "Widget");
    widgets.holds("to-widget", "/spec/data/a", &json!("1")).await;
    maps.is_gone("to-widget").await;
    widgets.holds("other", "/spec/data/a", &json!("1")).await;
    maps.is_gone("to-name").await;
    maps.holds("to-map", "/data/a", &json!("1")).await;
    space.is_gone("to-map").await;
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_without_the_flag_leaves_what_was_written_with_it_as_it_is() {
    let (space, mut start) = served_by("generic-off", &[]).await;
    space.put("v", "1").await;
    let maps = config_maps(&space);
    let spec = |target: Value| json!({ "refreshInterval": "1s", "target": target, "data": data(&space, &[("a", "v")]) });
    let operator = Operator::start(&start, "generic-off-1").await;
    for name in ["stays", "edited", "lost", "renamed", "to-secret", "deleted"] {
        space
            .apply(name, spec(config_map(json!({ "deletionPolicy": "Delete" }))))
            .await;
        maps.holds(name, "/data/a", &json!("1")).await;
        space.ready(name, "True").await;
    }
    operator.stop().await;

    start
        .arguments
        .retain(|argument| argument != "--unsafe-allow-generic-targets");
    maps.edit("edited", json!({ "data": { "a": "edited" } })).await;
    let renamed = json!({ "deletionPolicy": "Delete", "name": "other" });
    space.remove("v").await;
    space.put("w", "2").await;
    space.apply("renamed", spec(config_map(renamed))).await;
    let secret = json!({ "data": data(&space, &[("a", "w")]) });
    space.apply("to-secret", secret).await;
    let versions = async || {
        let mut versions = vec![];
        for name in ["stays", "edited", "lost", "renamed", "to-secret", "deleted"] {
            versions.push(maps.get(name).await.unwrap().metadata.resource_version);
        }
        versions
    };
    let before = versions().await;
    let mark = space.world.plane.audit().mark().unwrap();
    let operator = Operator::start(&start, "generic-off-2").await;
    for name in ["stays", "edited", "lost", "renamed"] {
        failure(&space, name, "TargetKindRefused").await;
    }
    space.holds("to-secret", &[("a", "2")]).await;
    space.ready("to-secret", "True").await;
    // Nothing deletes it but the API server's garbage collection, which follows its owner reference.
    let objects = space.objects();
    objects
        .delete("deleted", &kube::api::DeleteParams::default())
        .await
        .unwrap();
    space.annotate("stays", "force-sync", "1").await;
    failure(&space, "stays", "TargetKindRefused").await;
    assert_eq!(versions().await, before);
    assert!(maps.get("other").await.is_none());
    let writes = space.real_writes(mark);
    assert!(
        !writes.iter().any(|write| write.contains("/configmaps")),
        "{writes:?}"
    );
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_drift_watch_no_kind_is_watched_and_refreshes_still_arrive() {
    let (space, start) = served_by("generic-blind", &["--drift-watch=false"]).await;
    space.put("v", "1").await;
    let mark = space.world.plane.audit().mark().unwrap();
    let operator = Operator::start(&start, "generic-blind").await;
    let maps = config_maps(&space);
    let spec = json!({
        "refreshInterval": "1s", "target": config_map(json!({})), "data": data(&space, &[("a", "v")]),
    });
    space.apply("app", spec).await;
    maps.holds("app", "/data/a", &json!("1")).await;
    space.put("v", "2").await;
    maps.holds("app", "/data/a", &json!("2")).await;
    // Nobody watches: an edit stays until there is a new value, or a sync is asked for.
    maps.edit("app", json!({ "data": { "a": "edited" } })).await;
    space.annotate("app", "force-sync", "1").await;
    maps.holds("app", "/data/a", &json!("2")).await;
    let requests = space.world.plane.audit().since(mark).unwrap();
    let ours = requests.iter().filter(|r| r.user_agent.starts_with("keyferry/"));
    let watched = ours
        .filter(|r| r.is_in(&space.namespace))
        .filter(|r| r.resource() == "configmaps" && matches!(r.verb.as_str(), "list" | "watch"))
        .map(|r| r.uri.clone());
    assert_eq!(watched.collect::<Vec<_>>(), Vec::<String>::new());
    operator.stop().await;
}
