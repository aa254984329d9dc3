//! `keyferry plan` and `keyferry migrate --check` on objects whose target is no Secret.

use serde_json::{Value, json};

use super::{config_map, config_maps, data, restart::served_by, target, widget};
use crate::{migration::commands::keyferry, world::Operator};

const FLAG: &str = "--unsafe-allow-generic-targets";

/// What stands before the name of each object, sorted by those names.
fn verdicts(out: &str, namespace: &str) -> Vec<(String, String)> {
    let words = out
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    words
        .filter_map(|words| {
            let name = words.iter().find_map(|word| word.strip_prefix(namespace))?;
            let name = name.strip_prefix('/')?;
            Some((name.to_owned(), words[0].to_owned()))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn plan_compares_other_kinds_without_a_write() {
    let (space, start) = served_by("generic-planned", &[]).await;
    let maps = config_maps(&space);
    space.put("v", "canary-one").await;
    space.put("w", "canary-one").await;
    let spec = |target: Value, source: &str, refresh: &str| json!({ "refreshPolicy": refresh, "target": target, "data": data(&space, &[("a", source)]) });
    let foreign = |name: &str| {
        json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name }, "data": { "a": "theirs", "b": "x" },
        })
    };
    let operator = Operator::start(&start, "generic-planned").await;
    for (name, target, source, refresh) in [
        ("equal", config_map(json!({})), "v", "Periodic"),
        ("stale", config_map(json!({})), "w", "Periodic"),
        ("rests", config_map(json!({})), "w", "OnChange"),
        (
            "kept",
            config_map(json!({ "creationPolicy": "CreateOrMerge" })),
            "v",
            "Periodic",
        ),
    ] {
        space.apply(name, spec(target, source, refresh)).await;
        maps.holds(name, "/data/a", &json!("canary-one")).await;
        space.ready(name, "True").await;
    }
    operator.kill().await;
    space.put("w", "canary-two").await;
    // A key of others is theirs.
    maps.edit("kept", json!({ "data": { "theirs": "x" } })).await;
    let more = [
        ("absent", config_map(json!({}))),
        ("foreign", config_map(json!({}))),
        ("merged", config_map(json!({ "creationPolicy": "Merge" }))),
        ("nowhere", config_map(json!({ "creationPolicy": "Merge" }))),
        ("unserved", target("absent.example/v1", "Widget", json!({}))),
        ("widget", widget(json!({}))),
    ];
    for (name, target) in more {
        space.apply(name, spec(target, "v", "Periodic")).await;
    }
    for name in ["foreign", "merged"] {
        maps.foreign(foreign(name)).await;
    }
    let mark = space.world.plane.audit().mark().unwrap();
    let namespace = format!("--namespace={}", space.namespace);
    let kubeconfig = space.world.plane.kubeconfig();
    let arguments = ["plan", "--controller-class=generic-planned", &namespace, FLAG];
    let (code, out, complaint) = keyferry(&kubeconfig, &arguments).await;
    let wanted = [
        ("absent", "missing"),
        ("equal", "equal"),
        ("foreign", "failed"),
        ("kept", "equal"),
        ("merged", "different"),
        ("nowhere", "equal"),
        ("rests", "settled"),
        ("stale", "different"),
        ("unserved", "failed"),
        ("widget", "missing"),
    ];
    let wanted = wanted.map(|(name, verdict)| (name.to_owned(), verdict.to_owned()));
    assert_eq!(verdicts(&out, &space.namespace), wanted, "{out}{complaint}");
    assert_eq!(code, 1);
    for cause in ["TargetNotAdopted: ", "TargetKindNotServed: "] {
        assert!(out.contains(cause), "{out}");
    }
    assert!(
        !format!("{out}{complaint}").contains("canary"),
        "{out}{complaint}"
    );
    assert_eq!(space.real_writes(mark), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn migrate_says_which_objects_need_the_flag() {
    let (space, _) = served_by("generic-moving", &[]).await;
    space.put("v", "1").await;
    let spec = |target: Value| json!({ "target": target, "data": data(&space, &[("a", "v")]) });
    space.apply("map", spec(config_map(json!({})))).await;
    space.apply("secret", spec(json!({}))).await;
    let namespace = format!("--namespace={}", space.namespace);
    let kubeconfig = space.world.plane.kubeconfig();
    let mut arguments = vec![
        "migrate",
        "--check",
        "--controller-class=generic-moving",
        &namespace,
    ];
    let said = async |arguments: &[&str]| {
        let (_, out, _) = keyferry(&kubeconfig, arguments).await;
        let said = verdicts(&out, &space.namespace);
        let of = |name: &str| said.iter().find(|(one, _)| one == name).unwrap().1.clone();
        ([of("map"), of("secret")], out)
    };
    let (without, out) = said(&arguments).await;
    assert_eq!(without, ["refused", "served"], "{out}");
    assert!(out.contains(FLAG), "{out}");
    arguments.push(FLAG);
    let (with, out) = said(&arguments).await;
    assert_eq!(with, ["served", "served"], "{out}");
}
