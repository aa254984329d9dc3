//! Installing and uninstalling, with Helm and without.

use std::path::Path;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use serde_json::{Value, json};

use crate::world::{CHART, HOME, IMAGE, SHOP, World};
use crate::{Failure, screen, tool};

/// `kubectl apply -f crds/ -f examples/install.yaml`, with the image put in, as the README says.
pub(crate) async fn by_kubectl(world: &World<'_>) -> Result<(), Failure> {
    let kubectl = &world.kubectl;
    kubectl.run(&["apply", "-f", &World::file("crds")]).await?;
    let manifest = std::fs::read_to_string(World::file("examples/install.yaml"))?;
    let manifest = manifest.replace(
        concat!("REGISTRY/keyferry:", env!("CARGO_PKG_VERSION")),
        &format!("{IMAGE}:e2e"),
    );
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), manifest)?;
    let file = file.path().display().to_string();
    kubectl.run(&["apply", "-f", &file]).await?;
    kubectl
        .run(&[
            "-n",
            HOME,
            "rollout",
            "status",
            "deployment/keyferry",
            "--timeout=120s",
        ])
        .await?;
    // The CRDs stay for the next case, which takes them over.
    kubectl.run(&["delete", "-f", &file, "--wait"]).await.map(drop)
}

/// What the kubelet and the API server say of the Pod, not what the chart asked for.
pub(crate) async fn by_helm(world: &World<'_>) -> Result<(), Failure> {
    world.restricted_namespace(HOME).await?;
    world.restricted_namespace(SHOP).await?;
    let values = json!({ "networkPolicy": { "enabled": true, "egress": [{}] } });
    // CRDs that kubectl installed are Helm's from now on.
    world
        .helm(
            CHART,
            HOME,
            &values,
            &["--wait", "--timeout=3m", "--take-ownership"],
        )
        .await?;
    let pods: Api<Pod> = Api::namespaced(world.client.clone(), HOME);
    let pod = pods.get(&world.pod().await?).await?;
    let container = pod.spec.and_then(|spec| spec.containers.into_iter().next());
    let read_only = container
        .and_then(|container| container.security_context)
        .and_then(|context| context.read_only_root_filesystem);
    let status = pod.status.and_then(|status| status.container_statuses);
    let status = status.into_iter().flatten().next().unwrap_or_default();
    let built = Built::of(&world.archive).await?;
    screen::note(&format!(
        "image: {} {}, built of commit {}",
        status.image, status.image_id, built.commit
    ));
    if !built
        .digests
        .iter()
        .any(|digest| status.image_id.contains(digest))
    {
        return Err(format!(
            "{} holds another image: {:?}",
            world.archive.display(),
            built.digests
        )
        .into());
    }
    // The kubelet has it from the runtime.
    let user = status.user.and_then(|user| user.linux).map(|user| user.uid);
    screen::note(&format!(
        "it runs as {user:?} with a read-only root: {read_only:?}"
    ));
    if user != Some(65532) || read_only != Some(true) {
        return Err("it is not restricted".into());
    }
    world
        .kubectl
        .run(&["-n", HOME, "get", "networkpolicy", "keyferry"])
        .await?;
    world.store(SHOP, "aws", &json!({})).await
}

/// What `image/build.sh` wrote into an archive.
struct Built {
    /// Of the index, the manifest and the configuration: runtimes name an image by any of them.
    digests: Vec<String>,
    commit: String,
}

impl Built {
    async fn of(archive: &Path) -> Result<Self, Failure> {
        let archive = archive.display().to_string();
        let read = async |file: &str| -> Result<Value, Failure> {
            let text = tool::run("tar", ["--extract", "--to-stdout", "--file", &archive, file]).await?;
            Ok(serde_json::from_str(&text)?)
        };
        let text = |value: &Value, at: &str| {
            let found = value.pointer(at).and_then(Value::as_str);
            found
                .map(str::to_owned)
                .ok_or_else(|| format!("{archive} has no {at}"))
        };
        let mut value = read("index.json").await?;
        let mut digests = vec![];
        // From the index, or a second one in it, to the manifest and the configuration.
        while value.get("rootfs").is_none() {
            let next = if value.get("manifests").is_some() {
                "/manifests/0/digest"
            } else {
                "/config/digest"
            };
            let digest = text(&value, next)?;
            value = read(&format!("blobs/{}", digest.replace(':', "/"))).await?;
            digests.push(digest);
        }
        let commit = text(&value, "/config/Labels/org.opencontainers.image.revision")?;
        Ok(Self { digests, commit })
    }
}

pub(crate) async fn uninstall(world: &World<'_>) -> Result<(), Failure> {
    let before = world.password(SHOP, "database").await?;
    world.uninstall(HOME).await?;
    let after = world.password(SHOP, "database").await?;
    if before.is_none() || before != after {
        return Err(format!("the Secret was {before:?} and is {after:?}").into());
    }
    world
        .kubectl
        .run(&["-n", SHOP, "get", "externalsecret", "database"])
        .await?;
    world
        .kubectl
        .run(&["get", "crd", "externalsecrets.external-secrets.io"])
        .await?;
    let left = [
        "deployments,roles,rolebindings,serviceaccounts,networkpolicies",
        "-l",
        "app.kubernetes.io/instance=keyferry",
    ];
    let left = world
        .kubectl
        .run(&[&["-n", HOME, "get", "-o", "name"] as &[&str], &left].concat())
        .await?;
    if left.is_empty() {
        Ok(())
    } else {
        Err(format!("uninstalling left {left}").into())
    }
}
