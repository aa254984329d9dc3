//! What the chart renders, as committed: a change of it is seen where it is reviewed. `UPDATE=1 make chart` writes it anew.

use std::fs;
use std::process::{Command, Output};

use keyferry_parts::ControlPlane;
use keyferry_parts::binaries::{self, Binary};
use tempfile::NamedTempFile;

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

/// Strict validation against the real server's own schema and rules; a namespace that warns says what Pod Security would refuse.
#[tokio::test]
async fn a_real_api_server_accepts_every_mode_without_a_warning() {
    let plane = ControlPlane::shared().await.unwrap();
    let kubectl = binaries::locate(Binary::Kubectl).await.unwrap();
    let kubeconfig = format!("--kubeconfig={}", plane.kubeconfig().display());
    let apply = |file: &str, flags: &[&str]| -> Output {
        let mut command = Command::new(&kubectl);
        command.args([kubeconfig.as_str(), "apply", "--filename", file]);
        command.args(flags).output().unwrap()
    };
    let mut namespaces = String::new();
    for name in ["keyferry", "mail", "shop"] {
        namespaces.push_str(&format!(
            "---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n  labels:\n    \
             pod-security.kubernetes.io/warn: restricted\n"
        ));
    }
    let file = NamedTempFile::new().unwrap();
    fs::write(file.path(), namespaces).unwrap();
    let made = apply(&file.path().display().to_string(), &[]);
    assert!(made.status.success(), "{made:?}");
    let try_out = |text: &str| {
        let file = NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        let flags = ["--dry-run=server", "--validate=strict"];
        apply(&file.path().display().to_string(), &flags)
    };
    for (file, _, _) in GOLDENS {
        let text = fs::read_to_string(format!("{REPOSITORY}/{file}")).unwrap();
        // A dry run makes no namespace, so it is there already, and the labels of that one stay.
        let text = text.replace(
            "pod-security.kubernetes.io/enforce",
            "pod-security.kubernetes.io/warn",
        );
        let tried = try_out(&text);
        let said = String::from_utf8_lossy(&tried.stderr);
        assert!(tried.status.success() && said.is_empty(), "{file}: {said}");
    }
    // The judge must judge.
    let (cluster, _, _) = GOLDENS[0];
    let text = fs::read_to_string(format!("{REPOSITORY}/{cluster}")).unwrap();
    let typo = try_out(&text.replace("readOnlyRootFilesystem", "readOnlyRoot"));
    assert!(!typo.status.success(), "{typo:?}");
    let privileged = try_out(&text.replace(
        "allowPrivilegeEscalation: false",
        "allowPrivilegeEscalation: true",
    ));
    let said = String::from_utf8_lossy(&privileged.stderr);
    assert!(said.contains("would violate PodSecurity"), "{said}");
}
