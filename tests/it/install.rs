//! The CRDs install as a user would install them.

use keyferry_parts::{Binary, ControlPlane, binaries};

#[tokio::test(flavor = "multi_thread")]
async fn plain_kubectl_apply_installs_the_crds_twice() {
    let plane = ControlPlane::start(keyferry_parts::control_plane::Options::default())
        .await
        .unwrap();
    let kubectl = binaries::locate(Binary::Kubectl).await.unwrap();
    for _ in 0..2 {
        let applied = tokio::process::Command::new(&kubectl)
            .arg(format!("--kubeconfig={}", plane.kubeconfig().display()))
            .args(["apply", "-f", concat!(env!("CARGO_MANIFEST_DIR"), "/crds")])
            .output()
            .await
            .unwrap();
        assert!(
            applied.status.success(),
            "{}",
            String::from_utf8_lossy(&applied.stderr)
        );
    }
}
