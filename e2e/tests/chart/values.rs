//! Values: those of ESO's chart, ours, and typos.

use serde_json::{Value, json};

use crate::render::{CHART, REPOSITORY, arguments, container, helm, of_kind, render, the, try_render};

#[tokio::test]
async fn helm_finds_nothing_to_complain_about() {
    helm(&["lint", "--strict", CHART]).await.unwrap();
}

#[tokio::test]
async fn typos_are_refused_with_their_path() {
    for (typo, named) in [
        ("replicaCoun=2", "replicaCoun"),
        ("serviceAccount.anotations.x=y", "anotations"),
        ("rbac.creat=true", "creat"),
        ("image.tags=1", "tags"),
        ("leaderElectionLeaseDuration=soon", "leaderElectionLeaseDuration"),
        ("adopt=sometimes", "adopt"),
        ("watchNamespaces={Shop}", "watchNamespaces"),
        ("installCRDs=ja", "installCRDs"),
    ] {
        let error = try_render(&[typo]).await.unwrap_err();
        assert!(error.contains(named), "{typo}: {error}");
    }
}

/// Helm shows notes only where it installs, or pretends to.
async fn notes(values: &[&str]) -> String {
    let mut arguments = vec![
        "install",
        "keyferry",
        CHART,
        "--dry-run=client",
        "--namespace",
        "keyferry",
    ];
    for value in values {
        arguments.extend(["--set", value]);
    }
    let text = helm(&arguments).await.unwrap();
    text.split_once("NOTES:").unwrap().1.to_owned()
}

#[tokio::test]
async fn values_of_eso_without_a_meaning_here_are_accepted_and_named() {
    let notes = notes(&[
        "webhook.create=false",
        "certController.create=false",
        "concurrent=5",
        "image.flavour=ubi",
        "log.timeEncoding=iso8601",
        "crds.createPushSecret=false",
        "bitwarden-sdk-server.enabled=false",
        "vault.enableTokenCache=true",
    ])
    .await;
    let named = "without a meaning here: concurrent, vault, webhook, certController, bitwarden-sdk-server, image.flavour, \
                 log.timeEncoding, crds.createPushSecret.";
    assert!(notes.contains(named), "{notes}");
}

#[tokio::test]
async fn the_notes_say_what_to_do_next() {
    let plain = notes(&[]).await;
    assert!(
        plain.contains("serves the whole cluster") && plain.contains("docs/eks.md"),
        "{plain}"
    );
    assert!(!plain.contains("without a meaning"), "{plain}");
    let role =
        r"serviceAccount.annotations.eks\.amazonaws\.com/role-arn=arn:aws:iam::111122223333:role/keyferry";
    let scoped = notes(&["watchNamespaces={shop}", role, "installCRDs=false"]).await;
    assert!(
        scoped.contains("serves shop.")
            && scoped.contains("takes the role arn:aws:iam::111122223333:role/keyferry")
    );
    assert!(
        scoped.contains("kubectl apply -f crds/") && !scoped.contains("every Secret of the cluster"),
        "{scoped}"
    );
}

#[tokio::test]
async fn values_that_eso_and_keyferry_share_reach_the_same_places() {
    let objects = render(&[
        "controllerClass=keyferry",
        "storeRequeueInterval=1m",
        "log.level=debug",
        "extraArgs.client-qps=100",
        "extraEnv[0].name=HTTPS_PROXY",
        "extraEnv[0].value=http://proxy:3128",
        "podLabels.team=platform",
        "priorityClassName=system-cluster-critical",
        "global.nodeSelector.pool=infra",
        "awsQuota.GetParameter=1000",
        "serviceAccount.name=reader",
    ])
    .await;
    let flags = arguments(&objects);
    for flag in [
        "--controller-class=keyferry",
        "--store-requeue-interval=1m",
        "--loglevel=debug",
        "--client-qps=100",
        "--aws-quota=GetParameter=1000",
    ] {
        assert!(flags.contains(&flag), "{flag} in {flags:?}");
    }
    assert_eq!(container(&objects)["env"][0]["name"], "HTTPS_PROXY");
    let pod = &the(&objects, "Deployment")["spec"]["template"];
    assert_eq!(pod["metadata"]["labels"]["team"], "platform");
    assert_eq!(pod["spec"]["priorityClassName"], "system-cluster-critical");
    assert_eq!(pod["spec"]["nodeSelector"]["pool"], "infra");
    assert_eq!(pod["spec"]["serviceAccountName"], "reader");
}

/// Every number as a float: Helm writes `8192.0` as `8192`.
fn with_floats(value: &Value) -> Value {
    match value {
        Value::Number(number) => number.as_f64().into(),
        Value::Array(values) => values.iter().map(with_floats).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, member)| (name.clone(), with_floats(member)))
            .collect(),
        other => other.clone(),
    }
}

#[tokio::test]
async fn the_crds_are_those_of_the_repository_and_stay_when_the_chart_goes() {
    let objects = render(&["crds.annotations.team=platform"]).await;
    let rendered = of_kind(&objects, "CustomResourceDefinition");
    let folder = std::fs::read_dir(format!("{REPOSITORY}/crds")).unwrap();
    assert_eq!(rendered.len(), folder.count());
    for crd in rendered {
        assert_eq!(crd["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
        assert_eq!(crd["metadata"]["annotations"]["team"], "platform");
        let name = crd["metadata"]["name"].as_str().unwrap();
        let (plural, group) = name.split_once('.').unwrap();
        let text = std::fs::read_to_string(format!("{REPOSITORY}/crds/{group}_{plural}.yaml")).unwrap();
        let shipped: Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(with_floats(&crd["spec"]), with_floats(&shipped["spec"]), "{name}");
    }
    assert!(of_kind(&render(&["installCRDs=false"]).await, "CustomResourceDefinition").is_empty());
    let fewer = render(&["crds.createClusterSecretStore=false"]).await;
    let names: Vec<_> = of_kind(&fewer, "CustomResourceDefinition")
        .iter()
        .map(|crd| crd["metadata"]["name"].clone())
        .collect();
    assert!(
        !names.contains(&json!("clustersecretstores.external-secrets.io")),
        "{names:?}"
    );
}

#[tokio::test]
async fn kinds_of_prometheus_operator_are_rendered_where_they_can_be_or_must_be() {
    let skipped = render(&["serviceMonitor.enabled=true", "prometheusRule.enabled=true"]).await;
    assert!(of_kind(&skipped, "ServiceMonitor").is_empty() && of_kind(&skipped, "PrometheusRule").is_empty());
    let error = try_render(&[
        "serviceMonitor.enabled=true",
        "serviceMonitor.renderMode=failIfMissing",
    ])
    .await
    .unwrap_err();
    assert!(error.contains("ServiceMonitor"), "{error}");
    let rendered = render(&[
        "serviceMonitor.enabled=true",
        "serviceMonitor.renderMode=alwaysRender",
        "prometheusRule.enabled=true",
        "prometheusRule.renderMode=alwaysRender",
        "prometheusRule.disabled={KeyferryDown}",
    ])
    .await;
    assert_eq!(
        the(&rendered, "Service")["spec"]["selector"],
        the(&rendered, "ServiceMonitor")["spec"]["selector"]["matchLabels"]
    );
    let rules = the(&rendered, "PrometheusRule")["spec"]["groups"][0]["rules"].to_string();
    assert!(
        rules.contains("ExternalSecretNotReady") && !rules.contains("\"KeyferryDown\""),
        "{rules}"
    );
}

#[tokio::test]
async fn what_is_off_by_default_is_rendered_when_asked_for() {
    let kinds = ["PodDisruptionBudget", "NetworkPolicy", "ConfigMap", "Service"];
    let off = render(&[]).await;
    let on = render(&[
        "podDisruptionBudget.enabled=true",
        "networkPolicy.enabled=true",
        "grafanaDashboard.enabled=true",
        "metrics.service.enabled=true",
    ])
    .await;
    for kind in kinds {
        assert!(of_kind(&off, kind).is_empty(), "{kind}");
        the(&on, kind);
    }
    let dashboard = the(&on, "ConfigMap")["data"]["keyferry.json"].as_str().unwrap();
    assert!(serde_json::from_str::<Value>(dashboard).is_ok());
    assert_eq!(
        the(&on, "NetworkPolicy")["spec"]["policyTypes"],
        json!(["Ingress", "Egress"])
    );
}

#[test]
fn every_value_is_documented_and_in_the_schema() {
    let read = |path: &str| std::fs::read_to_string(format!("{REPOSITORY}/{path}")).unwrap();
    let values: Value = serde_saphyr::from_str(&read("charts/keyferry/values.yaml")).unwrap();
    let schema: Value = serde_json::from_str(&read("charts/keyferry/values.schema.json")).unwrap();
    let page = read("docs/chart.md");
    for name in values.as_object().unwrap().keys() {
        assert!(
            page.contains(&format!("`{name}`")) || page.contains(&format!("`{name}.")),
            "{name}"
        );
        assert!(!schema["properties"][name].is_null(), "{name}");
    }
}
