//! The cluster that a run uses, and how images get into it.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use keyferry_parts::binaries::{self, Binary};

use crate::aws::Aws;
use crate::node::Node;
use crate::tool::{self, Tool};
use crate::{Arguments, Failure, screen};

/// Where Pods run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Somebody's; it has the images.
    Given,
    /// kind, on a Docker engine.
    Kind,
    /// One node of our own.
    Node,
}

/// A running cluster.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) kubeconfig: PathBuf,
    pub(crate) aws: Aws,
    /// Of our own only: its audit log, and processes on this machine.
    pub(crate) node: Option<Node>,
}

pub(crate) fn choose(arguments: &Arguments) -> Place {
    if arguments.kubeconfig.is_some() {
        return Place::Given;
    }
    // A client without an engine is common.
    let answers = |program: &str, argument: &str| {
        let quiet = Command::new(program)
            .arg(argument)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        quiet.is_ok_and(|status| status.success())
    };
    if arguments.inside.is_none() && answers("docker", "info") && answers("kind", "version") {
        Place::Kind
    } else {
        Place::Node
    }
}

pub(crate) async fn start(place: Place, arguments: &Arguments) -> Result<Cluster, Failure> {
    match place {
        Place::Given => {
            screen::step("Using the cluster of E2E_KUBECONFIG");
            let kubeconfig = arguments.kubeconfig.clone().unwrap_or_default();
            in_cluster_aws(kubeconfig).await
        }
        Place::Kind => {
            screen::step("Starting a cluster with kind");
            let kubeconfig = arguments.report.join("kubeconfig");
            // One that an interrupted run left.
            tool::run("kind", ["delete", "cluster", "--name", "keyferry-e2e"]).await?;
            let kubeconfig_path = kubeconfig.display().to_string();
            let create = ["create", "cluster", "--name", "keyferry-e2e", "--wait", "120s"];
            tool::run(
                "kind",
                create.into_iter().chain(["--kubeconfig", &kubeconfig_path]),
            )
            .await?;
            for archive in [&arguments.image, &arguments.tools] {
                let archive = archive.display().to_string();
                tool::run(
                    "kind",
                    ["load", "image-archive", "--name", "keyferry-e2e", &archive],
                )
                .await?;
            }
            in_cluster_aws(kubeconfig).await
        }
        Place::Node => {
            screen::step("Starting a node of our own");
            let folder = arguments
                .inside
                .clone()
                .ok_or("a node needs namespaces of its own")?;
            let node = Node::start(&folder, &[&arguments.tools, &arguments.image]).await?;
            Ok(Cluster {
                kubeconfig: node.kubeconfig(),
                aws: Aws::beside_the_node().await?,
                node: Some(node),
            })
        }
    }
}

async fn in_cluster_aws(kubeconfig: PathBuf) -> Result<Cluster, Failure> {
    let kubectl = Tool {
        program: binaries::locate(Binary::Kubectl).await?,
        kubeconfig: kubeconfig.clone(),
    };
    Ok(Cluster {
        kubeconfig,
        aws: Aws::inside(&kubectl).await?,
        node: None,
    })
}
