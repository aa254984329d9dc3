//! `keyferry plan` with rights that do not suffice.

use k8s_openapi::api::{core::v1::ConfigMap, rbac::v1::ClusterRole};
use keyferry_parts::{
    ControlPlane,
    control_plane::{Authorization, Options},
};
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::json;

use super::{Right, Tenant, create, rules, without};
use crate::{
    migration::commands::keyferry,
    world::{Operator, apply_crds, crds_in, on_eso_crds, until},
};

#[tokio::test(flavor = "multi_thread")]
async fn plan_names_the_right_that_it_lacks_on_the_source_of_a_template() {
    // Which CRDs there are changes nothing about rights.
    if on_eso_crds() {
        return;
    }
    let plane = ControlPlane::start(Options {
        authorization: Authorization::Rbac,
        ..Options::default()
    })
    .await
    .unwrap();
    apply_crds(&plane.client().await.unwrap(), &crds_in("crds")).await;
    let (tenant, start) = Tenant::new(&plane, "rehearsal".to_owned(), &rules()).await;
    let config_maps: Api<ConfigMap> = Api::namespaced(tenant.client.clone(), &tenant.name);
    let texts = json!({ "metadata": { "name": "texts" }, "data": { "text": "{{ .v }}" } });
    create(&config_maps, texts).await;
    // Synced for good, unless the text has changed.
    let from = json!([{ "configMap": { "name": "texts", "items": [{ "key": "text" }] } }]);
    let spec = json!({ "refreshPolicy": "CreatedOnce", "target": { "template": { "templateFrom": from } } });
    let operator = Operator::start(&start, "rehearsal").await;
    tenant.synced(spec).await;
    tenant.is_reported("ExternalSecret", "app").await;
    operator.stop().await;

    let kubeconfig = start.kubeconfig.unwrap();
    let class = format!("--controller-class={}", tenant.name);
    let plan = async || keyferry(&kubeconfig, &["plan", &class, "rehearsal/app"]).await.1;
    let settled = plan().await;
    assert!(settled.starts_with("settled"), "{settled}");
    let right = Right {
        verb: "get".to_owned(),
        resource: "configmaps".to_owned(),
    };
    let roles: Api<ClusterRole> = Api::all(tenant.client.clone());
    let patch = Patch::Merge(json!({ "rules": without(&rules(), &right) }));
    roles
        .patch(&tenant.name, &PatchParams::default(), &patch)
        .await
        .unwrap();
    // The API server takes a moment to follow.
    let said = until("the right to be named", || async {
        let said = plan().await;
        if said.starts_with("settled") {
            Err(said)
        } else {
            Ok(said)
        }
    })
    .await;
    assert!(said.contains("Forbidden: ") && right.is_named_in(&said), "{said}");
}
