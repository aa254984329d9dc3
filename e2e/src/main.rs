//! keyferry's image and chart on a real kubelet: `e2e --image ARCHIVE [CASE…]`, run by `make e2e`.
//!
//! The cluster is `E2E_KUBECONFIG`'s, kind where a Docker engine answers, or a node of our own in namespaces of its own
//! ([`namespaces`]), which end with this process and take everything with them. AWS is moto. Cases run in order, each on
//! what the ones before left; the first that fails ends the run with what the cluster says about it.

mod aws;
mod cases;
mod cluster;
mod namespaces;
mod node;
mod screen;
mod tool;
mod world;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// What stops a run.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, Parser)]
pub(crate) struct Arguments {
    /// The image as an archive that `image/build.sh` wrote.
    #[arg(long)]
    image: PathBuf,
    /// An image with a static busybox, for Pods that use Secrets.
    #[arg(long)]
    tools: PathBuf,
    /// The kubeconfig of a cluster to use, into which both images were loaded.
    #[arg(long, env = "E2E_KUBECONFIG")]
    kubeconfig: Option<PathBuf>,
    /// Where the run leaves what it measured, the scraped metrics and logs.
    #[arg(long, default_value = "target/e2e-report")]
    report: PathBuf,
    /// Leave the node of our own up, also after a failure, until Ctrl-C; other clusters stay anyway.
    #[arg(long)]
    keep: bool,
    /// The folder of a node that was started for this process; set by the process itself.
    #[arg(long, hide = true)]
    inside: Option<PathBuf>,
    /// Cases to run, by the beginning of their names; installing always runs.
    #[arg(value_parser = cases::beginning)]
    cases: Vec<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            screen::fail(&*error);
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<(), Failure> {
    let place = cluster::choose(&arguments);
    if place == cluster::Place::Node && arguments.inside.is_none() {
        // Built out here: a build lasts, and an interrupted one is to be found again.
        let shim = node::build().await?;
        return Err(namespaces::enter(shim.parent().unwrap_or(&shim)));
    }
    std::fs::create_dir_all(&arguments.report)?;
    let cluster = cluster::start(place, &arguments).await?;
    let outcome = cases::run(&cluster, &arguments).await;
    if let (Some(folder), true) = (&arguments.inside, arguments.keep) {
        if let Err(error) = &outcome {
            screen::fail(&**error);
        }
        screen::step("The node stays until Ctrl-C. Into its network and back out of it:");
        let (folder, kubeconfig) = (folder.display(), cluster.kubeconfig.display());
        screen::note(&format!(
            "nsenter --target $(pgrep -nf -- '--inside {folder}') --net --mount --pid env KUBECONFIG={kubeconfig} sh"
        ));
        tokio::signal::ctrl_c().await?;
    }
    outcome
}
