//! The main job on real parts, in front of your eyes: `demo [--keep] PATH-OF-KEYFERRY`, run by `make demo`
//! in the repository's root.
//!
//! It shows what it does as commands that a person could type. keyferry is a black box to it.

mod cluster;
mod screen;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use keyferry_parts::Lifeline;

use cluster::{Cluster, Error};

#[derive(Parser)]
struct Arguments {
    /// Leave everything up at the end and say how to use it.
    #[arg(long)]
    keep: bool,
    /// The program to show.
    keyferry: PathBuf,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match show(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            screen::fail(&*error);
            ExitCode::FAILURE
        }
    }
}

async fn show(arguments: Arguments) -> Result<(), Error> {
    let lifeline = Lifeline::new()?;

    screen::step("Starting etcd and kube-apiserver, and moto as AWS, on loopback");
    let mut cluster = Cluster::start(&lifeline).await?;

    screen::step("Installing the CRDs");
    cluster.kubectl(&["apply", "-f", "crds/"]).await?;
    cluster
        .kubectl(&[
            "wait",
            "--for=condition=Established",
            "--timeout=60s",
            "-f",
            "crds/",
        ])
        .await?;

    screen::step("Creating the secret quickstart/database in AWS");
    cluster.create_in_aws("first").await?;

    screen::step("Applying a SecretStore and an ExternalSecret");
    cluster
        .kubectl(&["apply", "-f", "examples/quickstart.yaml"])
        .await?;

    screen::step("Starting keyferry");
    cluster.start_keyferry(&lifeline, &arguments.keyferry)?;
    cluster.wait_for_password("first").await?;
    cluster
        .kubectl(&[
            "wait",
            "--for=condition=Ready",
            "--timeout=60s",
            "externalsecret/database",
        ])
        .await?;
    cluster.kubectl(&["get", "secretstore,externalsecret"]).await?;
    cluster.kubectl(&["describe", "secret", "database"]).await?;

    screen::step("Rotating the secret in AWS: the Secret follows at its next refresh, one every 10 s");
    cluster.rotate_in_aws("second").await?;
    let took = cluster.wait_for_password("second").await?;
    screen::note(&format!(
        "the Secret has the new password after {:.1} s",
        took.as_secs_f64()
    ));

    screen::step("Deleting the Secret by hand: it comes back");
    cluster.kubectl(&["delete", "secret", "database"]).await?;
    let took = cluster.wait_for_password("second").await?;
    screen::note(&format!("the Secret is back after {:.1} s", took.as_secs_f64()));
    cluster.kubectl(&["get", "secret", "database"]).await?;

    if arguments.keep {
        cluster.leave(lifeline)
    } else {
        drop(cluster);
        screen::step("Done; everything is stopped. KEEP=1 leaves it up to try things");
        Ok(())
    }
}
