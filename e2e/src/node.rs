//! A cluster of one node on this machine, without Docker: the control plane of the tests, containerd, kubelet, kube-proxy.
//!
//! It lives in network, mount and process namespaces of its own ([`crate::namespaces`]) and has no way out of them. There is
//! no DNS: Pods are given addresses.

mod settings;

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use keyferry_parts::binaries::{self, Binary};
use keyferry_parts::control_plane::{Authorization, Options};
use keyferry_parts::{Child, ControlPlane, Lifeline};

use crate::tool::{self, Tool};
use crate::world::until;
use crate::{Failure, screen};

/// The node's, in its own network.
pub(crate) const ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

/// A running node. It ends with its namespaces.
#[derive(Debug)]
pub(crate) struct Node {
    plane: ControlPlane,
    programs: Vec<Child>,
}

/// Builds what is not built yet; gives the shim of containerd, which finds it by its folder in the path.
pub(crate) async fn build() -> Result<PathBuf, Failure> {
    keyferry_parts::moto::install().await?;
    for binary in Binary::ALL {
        binaries::locate(binary).await?;
    }
    Ok(binaries::locate(Binary::ContainerdShim).await?)
}

impl Node {
    /// Starts one whose state is in `folder`, with these images; the first is also the one that holds a Pod's network.
    pub(crate) async fn start(folder: &Path, images: &[&Path]) -> Result<Self, Failure> {
        network().await?;
        for part in ["logs", "kubelet", "containerd", "run", "net.d"] {
            std::fs::create_dir_all(folder.join(part))?;
        }
        let plane = ControlPlane::start(Options {
            authorization: Authorization::Rbac,
            for_a_node: Some(ADDRESS),
            ..Options::default()
        })
        .await?;
        screen::note(&format!("kube-apiserver: {}", plane.url()));
        let mut node = Self {
            plane,
            programs: vec![],
        };
        let kubeconfig = format!("--kubeconfig={}", node.kubeconfig().display());
        let key = format!(
            "--service-account-private-key-file={}",
            node.plane.service_account_key().display()
        );
        let ca = format!("--root-ca-file={}", node.plane.ca().display());
        let leading = "--leader-elect=false";
        node.run(
            folder,
            Binary::KubeControllerManager,
            &[
                &kubeconfig,
                leading,
                &key,
                &ca,
                "--use-service-account-credentials",
            ],
        )
        .await?;
        node.run(folder, Binary::KubeScheduler, &[&kubeconfig, leading])
            .await?;
        node.containerd(folder, images).await?;
        node.kubelet(folder, &kubeconfig).await?;
        let proxy = [
            &kubeconfig,
            "--hostname-override=node",
            "--proxy-mode=nftables",
            "--cluster-cidr=10.244.0.0/24",
            "--conntrack-max-per-core=0",
        ];
        node.run(folder, Binary::KubeProxy, &proxy).await?;
        node.wait_until_ready().await?;
        Ok(node)
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.plane.kubeconfig()
    }

    pub(crate) fn audit(&self) -> &keyferry_parts::AuditLog {
        self.plane.audit()
    }

    async fn run(&mut self, folder: &Path, binary: Binary, arguments: &[&str]) -> Result<(), Failure> {
        let program = binaries::locate(binary).await?;
        let log = folder.join("logs").join(format!("{}.log", binary.name()));
        let child = Child::start(&Lifeline::new()?, &program, arguments.iter().copied(), [], log)?;
        self.programs.push(child);
        Ok(())
    }

    async fn containerd(&mut self, folder: &Path, images: &[&Path]) -> Result<(), Failure> {
        let cni = binaries::locate(Binary::CniBridge).await?;
        std::fs::write(folder.join("net.d/10-pods.conflist"), settings::POD_NETWORK)?;
        let configuration = folder.join("containerd.toml");
        std::fs::write(
            &configuration,
            settings::containerd(folder, cni.parent().unwrap_or(&cni)),
        )?;
        self.run(
            folder,
            Binary::Containerd,
            &["--config", &configuration.display().to_string()],
        )
        .await?;
        let ctr = binaries::locate(Binary::Ctr).await?;
        let socket = folder.join("containerd.sock").display().to_string();
        until("containerd", || async {
            let answer = tool::run(&ctr, ["--address", &socket, "version"]).await;
            answer.map(drop).map_err(|error| error.to_string())
        })
        .await?;
        for image in images {
            let image = image.display().to_string();
            tool::run(
                &ctr,
                [
                    "--address",
                    &socket,
                    "--namespace",
                    "k8s.io",
                    "images",
                    "import",
                    &image,
                ],
            )
            .await?;
        }
        Ok(())
    }

    async fn kubelet(&mut self, folder: &Path, kubeconfig: &str) -> Result<(), Failure> {
        // A root of its own, so that the kubelet takes no container of this machine for its own and removes it.
        let group = folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        settings::make_control_group(&group)?;
        let configuration = folder.join("kubelet.json");
        std::fs::write(&configuration, settings::kubelet(folder, &group))?;
        let arguments = [
            kubeconfig.to_owned(),
            format!("--config={}", configuration.display()),
            format!("--root-dir={}", folder.join("kubelet").display()),
            "--hostname-override=node".to_owned(),
            format!("--node-ip={ADDRESS}"),
        ];
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.run(folder, Binary::Kubelet, &arguments).await
    }

    async fn wait_until_ready(&mut self) -> Result<(), Failure> {
        let kubectl = Tool {
            program: binaries::locate(Binary::Kubectl).await?,
            kubeconfig: self.kubeconfig(),
        };
        let ready = until("the node", || async {
            kubectl
                .run(&["wait", "node/node", "--for=condition=Ready", "--timeout=1s"])
                .await
                .map_err(|error| error.to_string())?;
            let account = kubectl
                .run(&["--namespace=default", "get", "serviceaccount", "default"])
                .await;
            account.map(drop).map_err(|error| error.to_string())
        });
        // Late or not, a program that ended says more than what was waited for.
        let outcome = ready.await;
        for child in &mut self.programs {
            child.check()?;
        }
        outcome
    }
}

/// An address for the node and a route that everything but Pods and services ends at.
async fn network() -> Result<(), Failure> {
    // Both ends stay here: not every kernel has a dummy device.
    let address = format!("{ADDRESS}/24");
    let gateway = ADDRESS.to_string();
    for arguments in [
        &["link", "add", "node0", "type", "veth", "peer", "name", "node1"] as &[&str],
        &["address", "add", &address, "dev", "node0"],
        &["link", "set", "node0", "up"],
        &["link", "set", "node1", "up"],
        &["route", "add", "default", "via", &gateway, "dev", "node0"],
    ] {
        tool::run("ip", arguments).await?;
    }
    std::fs::write("/proc/sys/net/ipv4/ip_forward", "1")?;
    Ok(())
}
