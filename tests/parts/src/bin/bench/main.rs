//! How fast, how small, how sparing: `bench PROGRAM [ARGUMENT…]`, run by `make bench` in the repository's root.
//!
//! The operator is a black box, given by its command line. It syncs objects from an AWS of ours, through a real
//! kube-apiserver on the same machine. What a client needs that does only the necessary, beside the same observer and in the
//! same run, is the floor: what the machine allows in this hour. Every Secret's content is checked: a wrong value fails the
//! run.

mod floor;
mod measure;
mod observer;
mod operator;
mod picture;
mod report;
mod rig;
mod row;
mod scenario;
mod workload;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, ValueEnum as _};

use scenario::Scenario;

pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, Clone, Parser)]
pub(crate) struct Arguments {
    /// What is measured; without it, everything but `soak`.
    #[arg(long, value_delimiter = ',')]
    pub(crate) scenario: Vec<Scenario>,
    /// How many objects wait in `cold`, one round for each number.
    #[arg(long, value_delimiter = ',', default_value = "500,2000,10000")]
    pub(crate) objects: Vec<usize>,
    /// What every AWS call takes, in milliseconds.
    #[arg(long, default_value_t = 10)]
    pub(crate) latency: u64,
    /// How many Secrets of others there are in `foreign`.
    #[arg(long, default_value_t = 20_000)]
    pub(crate) foreign: usize,
    /// How long `soak` lasts, and how long `roles` looks on; by default 10 and 3.
    #[arg(long)]
    pub(crate) minutes: Option<u64>,
    /// Measures with priority and fairness on, as real clusters have it.
    #[arg(long)]
    pub(crate) fairness: bool,
    /// Folder for figures and pictures.
    #[arg(long, default_value = "target/bench")]
    pub(crate) results: PathBuf,
    /// The program to measure and its arguments, in which `{kubeconfig}`, `{metrics}` and `{health}` are filled in; the
    /// program alone is keyferry. A release build, or the figures mean nothing.
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) operator: Vec<String>,
}

impl Arguments {
    pub(crate) fn aws_latency(&self) -> Duration {
        Duration::from_millis(self.latency)
    }

    fn scenarios(&self) -> Vec<Scenario> {
        if self.scenario.is_empty() {
            let all = Scenario::value_variants().iter().copied();
            return all.filter(|scenario| *scenario != Scenario::Soak).collect();
        }
        self.scenario.clone()
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match bench(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::say(&format!("bench: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// What one scenario could not do does not take the others' figures away.
async fn bench(arguments: &Arguments) -> Result<(), Error> {
    let mut rows = Vec::new();
    let mut failed = Vec::new();
    for scenario in arguments.scenarios() {
        report::say(&format!("{scenario:?}"));
        match scenario.run(arguments).await {
            Ok(measured) => {
                report::print(&measured);
                rows.extend(measured);
            }
            Err(error) => {
                report::say(&format!("{scenario:?} failed: {error}"));
                failed.push(format!("{scenario:?}"));
            }
        }
    }
    report::write(arguments, &rows)?;
    if failed.is_empty() {
        return Ok(());
    }
    Err(format!("failed: {}", failed.join(", ")).into())
}
