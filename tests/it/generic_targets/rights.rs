//! An operator that may not do everything with the kind of a target.

use k8s_openapi::api::{core::v1::ConfigMap, rbac::v1::Role};
use keyferry_parts::{
    ControlPlane,
    control_plane::{Authorization, Options, User},
};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::{
    harness::{dynamic, namespace},
    namespaced::{grant, rules},
    world::{
        Operator, Start, apply_crds, crds_in, on_eso_crds, provider, put, secrets_manager, until, world,
    },
};

const VERBS: [&str; 6] = ["get", "list", "watch", "create", "patch", "delete"];

async fn apply(client: &Client, namespace: &str, kind: &str, name: &str, spec: &Value) {
    let object = json!({
        "apiVersion": "external-secrets.io/v1", "kind": kind, "metadata": { "name": name }, "spec": spec,
    });
    let params = PatchParams::apply("user").force();
    let api = dynamic(client, "v1", kind, Some(namespace));
    api.patch(name, &params, &Patch::Apply(object)).await.unwrap();
}

/// A namespace with a store, where the user `keyferry` may do everything but one verb with ConfigMaps.
async fn without(client: &Client, name: &str, lacking: &str) {
    namespace(client, name).await;
    let verbs: Vec<_> = VERBS.into_iter().filter(|verb| *verb != lacking).collect();
    let mut rules = rules(&VERBS);
    let of_the_kind = json!({ "apiGroups": [""], "resources": ["configmaps"], "verbs": verbs });
    rules.as_array_mut().unwrap().push(of_the_kind);
    grant(client, name, &rules).await;
    let store = json!({ "provider": { "aws": provider(json!({})) } });
    apply(client, name, "SecretStore", "aws", &store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_the_operator_lacks_is_named_with_its_verb_and_kind() {
    // Which CRDs there are changes nothing about rights.
    if on_eso_crds() {
        return;
    }
    let user = User {
        name: "keyferry".to_owned(),
        groups: vec![],
    };
    let plane = ControlPlane::start(Options {
        authorization: Authorization::Rbac,
        users: vec![user],
        ..Options::default()
    })
    .await
    .unwrap();
    let client = plane.client().await.unwrap();
    apply_crds(&client, &crds_in("crds")).await;
    let namespaces = VERBS.map(|verb| format!("lacks-{verb}"));
    for (name, verb) in namespaces.iter().zip(VERBS) {
        without(&client, name, verb).await;
    }
    // One whose ConfigMap becomes a Secret, and cannot be deleted.
    without(&client, "moves", "delete").await;
    let aws = secrets_manager(world().await.moto.url(), "AKIDTEST", None);
    put(&aws, "generic-rights/v", "1").await;
    let kubeconfig = plane.folder().join("generic-rights.kubeconfig");
    let token = plane.token("keyferry").unwrap();
    plane.write_kubeconfig(&kubeconfig, token).unwrap();
    let start = Start {
        kubeconfig: Some(kubeconfig),
        arguments: vec![
            "--unsafe-allow-generic-targets".to_owned(),
            format!("--namespace={},moves", namespaces.join(",")),
        ],
        ..Start::default()
    };
    let operator = Operator::start(&start, "generic-rights").await;
    let spec = |target: &str| {
        json!({
            "secretStoreRef": { "name": "aws" },
            "target": { "name": target, "manifest": { "apiVersion": "v1", "kind": "ConfigMap" } },
            "data": [{ "secretKey": "a", "remoteRef": { "key": "generic-rights/v" } }],
        })
    };
    for name in namespaces.iter().map(String::as_str).chain(["moves"]) {
        apply(&client, name, "ExternalSecret", "app", &spec("first")).await;
    }
    let says = async |namespace: &str, status: &str, text: &str| {
        until(&format!("{text:?} in {namespace}"), || async {
            let objects = dynamic(&client, "v1", "ExternalSecret", Some(namespace));
            let object = objects.get("app").await.map_err(|e| e.to_string())?;
            let ready = &object.data["status"]["conditions"][0];
            let message = ready["message"].as_str().unwrap_or_default();
            if ready["status"] == status && message.contains(text) {
                Ok(())
            } else {
                Err(ready.to_string())
            }
        })
        .await;
    };
    // What an earlier name left is deleted once the new one stands.
    says("lacks-delete", "True", "synced").await;
    apply(&client, "lacks-delete", "ExternalSecret", "app", &spec("second")).await;
    for verb in ["get", "create", "patch", "delete"] {
        let wanted = format!("grant keyferry `{verb}` on configmaps in namespace lacks-{verb}");
        says(&format!("lacks-{verb}"), "False", &wanted).await;
    }
    // A watch is nobody's in particular: the log says what it lacks, and objects are synced all the same.
    for verb in ["list", "watch"] {
        says(&format!("lacks-{verb}"), "True", "synced").await;
        let wanted = format!("cannot {verb} resource \"configmaps\"");
        until(&format!("{wanted} in the log"), || async {
            // Texts in JSON have their quotes escaped.
            let log = operator.log().replace('\\', "");
            if log.contains(&wanted) { Ok(()) } else { Err(log) }
        })
        .await;
    }
    // What could not be deleted is not forgotten, also over a restart.
    says("moves", "True", "synced").await;
    let mut secret = spec("second");
    secret["target"] = json!({ "name": "second" });
    apply(&client, "moves", "ExternalSecret", "app", &secret).await;
    let lacking = "grant keyferry `delete` on configmaps in namespace moves";
    says("moves", "False", lacking).await;
    operator.kill().await;
    let operator = Operator::start(&start, "generic-rights-2").await;
    let objects = dynamic(&client, "v1", "ExternalSecret", Some("moves"));
    let force = async |at: &str| {
        let annotation = json!({ "metadata": { "annotations": { "force-sync": at } } });
        let params = PatchParams::default();
        objects
            .patch("app", &params, &Patch::Merge(annotation))
            .await
            .unwrap();
    };
    let failures = || {
        let log = operator.log();
        log.lines()
            .filter(|line| line.contains("sync failed") && line.contains("\"moves\""))
            .count()
    };
    force("1").await;
    until("another try", || async {
        if failures() > 0 {
            Ok(())
        } else {
            Err(String::new())
        }
    })
    .await;
    let maps: Api<ConfigMap> = Api::namespaced(client.clone(), "moves");
    assert!(maps.get_opt("first").await.unwrap().is_some());
    let roles: Api<Role> = Api::namespaced(client.clone(), "moves");
    let every = json!([{ "apiGroups": [""], "resources": ["configmaps"], "verbs": VERBS }]);
    let mut all = rules(&VERBS);
    all.as_array_mut()
        .unwrap()
        .extend(every.as_array().unwrap().clone());
    let granted = Patch::Merge(json!({ "rules": all }));
    roles
        .patch("keyferry", &PatchParams::default(), &granted)
        .await
        .unwrap();
    let mut tries = 1;
    until("what an earlier kind left to be gone", || {
        tries += 1;
        let at = tries.to_string();
        let (maps, force) = (&maps, &force);
        async move {
            force(&at).await;
            match maps.get_opt("first").await.unwrap() {
                None => Ok(()),
                Some(_) => Err("still there".to_owned()),
            }
        }
    })
    .await;
    says("moves", "True", "synced").await;
    operator.stop().await;
}
