//! Builds or installs whatever of the parts is missing, so that tests and demo start at once: `build-parts [BINARY…]`.
//!
//! Without arguments: etcd, kube-apiserver, kubectl and moto.

use std::io::Write as _;
use std::process::ExitCode;

use keyferry_parts::binaries::{self, Binary};
use keyferry_parts::moto;

#[tokio::main]
async fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    match build(&wanted).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(std::io::stderr(), "{error}").ok();
            ExitCode::FAILURE
        }
    }
}

async fn build(wanted: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    if wanted.is_empty() {
        for binary in Binary::CONTROL_PLANE {
            binaries::locate(binary).await?;
        }
        moto::install().await?;
    }
    for name in wanted {
        let binary = Binary::named(name).ok_or_else(|| format!("no part is called {name}"))?;
        let path = binaries::locate(binary).await?;
        writeln!(std::io::stdout(), "{}", path.display())?;
    }
    Ok(())
}
