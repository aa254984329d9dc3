//! What the chart renders, as committed: a change of it is seen where it is reviewed. `UPDATE=1 make chart` writes it anew.

use std::fs;

use crate::render::{CHART, REPOSITORY, helm};

/// A file of the repository, what stands above the objects, and the values.
const GOLDENS: &[(&str, &str, &[&str])] = &[
    ("e2e/tests/chart/goldens/cluster.yaml", "", &[]),
    (
        "e2e/tests/chart/goldens/several-namespaces.yaml",
        "",
        &["watchNamespaces={mail,shop}"],
    ),
    (
        "e2e/tests/chart/goldens/one-namespace.yaml",
        "",
        &["scopedNamespace=shop", "scopedRBAC=true"],
    ),
    (
        "e2e/tests/chart/goldens/highly-available.yaml",
        "",
        &[
            "replicaCount=2",
            "leaderElect=true",
            "podDisruptionBudget.enabled=true",
            "networkPolicy.enabled=true",
            "metrics.service.enabled=true",
        ],
    ),
    (
        "examples/install.yaml",
        INSTALL,
        &["image.repository=REGISTRY/keyferry"],
    ),
];

/// The chart makes no namespace: Helm does.
const INSTALL: &str = "\
# keyferry for the whole cluster, without Helm: set the image, then kubectl apply -f crds/ -f examples/install.yaml
#
# This is what charts/keyferry renders with its default values; `UPDATE=1 make chart` writes it anew.
apiVersion: v1
kind: Namespace
metadata:
  name: keyferry
  labels:
    pod-security.kubernetes.io/enforce: restricted
";

/// Without CRDs, which are committed already, and without what says that Helm manages the objects.
async fn rendered(values: &[&str]) -> String {
    let mut arguments = vec!["template", "keyferry", CHART, "--namespace", "keyferry"];
    for value in values.iter().chain(&["installCRDs=false"]) {
        arguments.extend(["--set", value]);
    }
    let text = helm(&arguments).await.unwrap();
    let of_helm = |line: &&str| {
        let line = line.trim_start();
        ["helm.sh/chart:", "app.kubernetes.io/managed-by:", "# Source:"]
            .iter()
            .any(|start| line.starts_with(start))
    };
    let lines: Vec<_> = text.lines().filter(|line| !of_helm(line)).collect();
    lines.join("\n").replace("\n\n---", "\n---") + "\n"
}

#[tokio::test]
async fn what_is_rendered_is_what_is_committed() {
    let update = std::env::var_os("UPDATE").is_some_and(|value| value == "1");
    for (file, head, values) in GOLDENS {
        let wanted = format!("{head}{}", rendered(values).await);
        let path = format!("{REPOSITORY}/{file}");
        if update {
            fs::write(&path, &wanted).unwrap();
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == wanted,
            "{file} is not what the chart renders: look at the difference that UPDATE=1 make chart makes"
        );
    }
}
