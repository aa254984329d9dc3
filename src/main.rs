//! The `keyferry` binary: arguments, crypto provider, allocator, logging, runtime, exit code.

use std::process::ExitCode;

use clap::Parser;
use keyferry::cli::{Cli, Command};

/// Freed memory is wiped, so that buffers of the SDK, JSON and TLS that held values are too. Under that mimalloc: musl's own
/// allocator, which the image would have, takes four times as long as glibc's (docs/benchmarks/profile.md).
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<mimalloc::MiMalloc> =
    zeroizing_alloc::ZeroAlloc(mimalloc::MiMalloc);

fn main() -> ExitCode {
    match command(Cli::parse().command()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the last word of a command-line program")]
            {
                eprintln!("keyferry: {error}");
            }
            ExitCode::FAILURE
        }
    }
}

/// Whether all is as it should be.
fn command(command: Command) -> Result<bool, Box<dyn std::error::Error>> {
    match command {
        Command::Run(run) => keyferry::run::run(&run)?,
        Command::Plan(plan) => return Ok(keyferry::commands::plan(&plan)?),
        Command::Migrate(migrate) => return Ok(keyferry::commands::migrate(&migrate)?),
        Command::Crds { dir, reference } => keyferry::run::crds(dir.as_deref(), reference.as_deref())?,
    }
    Ok(true)
}
