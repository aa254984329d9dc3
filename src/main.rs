//! The `keyferry` binary: arguments, crypto provider, allocator, logging, runtime, exit code.

use std::process::ExitCode;

use clap::Parser;
use keyferry::cli::{Cli, Command};

/// Freed memory is wiped, so that buffers of the SDK, JSON and TLS that held values are too.
#[global_allocator]
static ALLOCATOR: zeroizing_alloc::ZeroAlloc<std::alloc::System> =
    zeroizing_alloc::ZeroAlloc(std::alloc::System);

fn main() -> ExitCode {
    let done = match Cli::parse().command() {
        Command::Run(run) => keyferry::run::run(&run),
        Command::Crds { dir } => keyferry::run::crds(dir.as_deref()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            #[expect(clippy::print_stderr, reason = "the last word of a command-line program")]
            {
                eprintln!("keyferry: {error}");
            }
            ExitCode::FAILURE
        }
    }
}
