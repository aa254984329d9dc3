//! How fast, how small, how sparing: `bench PATH-OF-KEYFERRY`, run by `make bench` in the repository's root.
//!
//! keyferry is a black box, given by its command line. It syncs objects that wait for it, from an AWS of ours, through a real
//! kube-apiserver on the same machine; right after and right before, a client that does nothing but the two writes that each
//! object needs does the same beside the same observer. That client is the floor: what the machine allows in this hour.
//! Every Secret's content is checked: a wrong value fails the run.

mod floor;
mod measure;
mod observer;
mod operator;
mod report;
mod round;
mod workload;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, Clone, Parser)]
pub(crate) struct Arguments {
    /// The program to measure; a release build, or the numbers mean nothing.
    pub(crate) keyferry: PathBuf,
    /// How many objects wait, one round for each number.
    #[arg(long, value_delimiter = ',', default_value = "500,1000")]
    pub(crate) objects: Vec<usize>,
    /// What every AWS call takes, in milliseconds.
    #[arg(long, default_value_t = 10)]
    pub(crate) latency: u64,
    /// How long the synced objects are watched at rest, in seconds.
    #[arg(long, default_value_t = 30)]
    pub(crate) rest: u64,
    /// How often each round is done; the table shows every one.
    #[arg(long, default_value_t = 1)]
    pub(crate) repeat: usize,
    /// Measures with priority and fairness on, as real clusters have it.
    #[arg(long)]
    pub(crate) fairness: bool,
    /// Where the figures are written as JSON.
    #[arg(long, default_value = "target/bench.json")]
    pub(crate) json: PathBuf,
}

impl Arguments {
    pub(crate) fn aws_latency(&self) -> Duration {
        Duration::from_millis(self.latency)
    }

    pub(crate) fn time_at_rest(&self) -> Duration {
        Duration::from_secs(self.rest)
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

async fn bench(arguments: &Arguments) -> Result<(), Error> {
    let mut rounds = Vec::new();
    for objects in arguments.objects.iter().copied() {
        for _ in 0..arguments.repeat {
            let round = round::run(arguments, objects).await?;
            report::print(&round);
            rounds.push(round);
        }
    }
    report::write(arguments, &rounds)
}
