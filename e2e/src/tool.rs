//! Programs that a person would type: kubectl, helm, ip, ctr.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::Failure;

/// Runs a program; gives what it printed, or fails with what it complained about.
pub(crate) async fn run<A: AsRef<OsStr>>(
    program: impl AsRef<OsStr>,
    arguments: impl IntoIterator<Item = A>,
) -> Result<String, Failure> {
    let mut command = Command::new(&program);
    command.args(arguments).kill_on_drop(true);
    let name = Path::new(&program)
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let output = command
        .output()
        .await
        .map_err(|error| format!("cannot run {name}: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    let shown: Vec<_> = command.as_std().get_args().map(OsStr::to_string_lossy).collect();
    let said = format!("{}\n{}", text(&output.stderr), text(&output.stdout));
    Err(format!(
        "{name} {} ended with {}: {}",
        shown.join(" "),
        output.status,
        said.trim()
    )
    .into())
}

/// A program that works on the cluster.
#[derive(Debug)]
pub(crate) struct Tool {
    pub(crate) program: PathBuf,
    pub(crate) kubeconfig: PathBuf,
}

impl Tool {
    pub(crate) async fn run(&self, arguments: &[&str]) -> Result<String, Failure> {
        let kubeconfig = ["--kubeconfig".into(), self.kubeconfig.clone().into_os_string()];
        let arguments = arguments.iter().map(Into::into);
        run(&self.program, kubeconfig.into_iter().chain(arguments)).await
    }
}
