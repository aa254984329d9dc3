//! This program again, in network, mount and process namespaces of its own.
//!
//! Whatever it starts there, containers included, ends when the first process of the namespaces ends, however it ends; mounts
//! and addresses go with them, and nothing outside can be reached. That first process is a shell: it reaps what is orphaned,
//! and removes afterwards what outlives namespaces, which is the folder and its control groups.

use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::Command;

use crate::Failure;

/// `$1` is the folder, `$2` one more for the path, the rest is the program. `kill -1` from the first process reaches every other of the namespace.
const FIRST: &str = r#"
folder=$1; PATH=$2:$PATH; shift 2
ip link set lo up
# What parts keep in temporary folders of their own goes with this one.
export TMPDIR=$folder
# Where kubelet, containerd and CNI leave things that no flag moves.
for place in /var/lib /var/log /run; do mount -t tmpfs none $place; done
"$@"
code=$?
trap '' TERM
kill -KILL -1 2>/dev/null; wait 2>/dev/null
for try in 1 2 3; do
    awk -v at="$folder/" 'index($2, at) == 1 { print $2 }' /proc/self/mounts | sort -r | xargs -r -n1 umount -l 2>/dev/null
    find /sys/fs/cgroup -depth -type d -path "*/${folder##*/}*" -exec rmdir {} + 2>/dev/null
    rm -rf "$folder" 2>/dev/null && break
    sleep 1
done
exit $code
"#;

/// Replaces this process by itself with `programs` in its path; returns only if that fails.
pub(crate) fn enter(programs: &Path) -> Failure {
    let folder = match tempfile::Builder::new().prefix("keyferry-e2e-").tempdir() {
        Ok(folder) => folder.keep(),
        Err(error) => return error.into(),
    };
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => return error.into(),
    };
    let mut command = Command::new("unshare");
    command
        .args([
            "--net",
            "--mount",
            "--pid",
            "--fork",
            "--mount-proc",
            "--kill-child=KILL",
            "sh",
            "-c",
            FIRST,
            "e2e",
        ])
        .arg(&folder)
        .arg(programs)
        .arg(program)
        .arg("--inside")
        .arg(&folder)
        .args(std::env::args_os().skip(1));
    let error = command.exec();
    format!("cannot run unshare, of the package util-linux: {error}").into()
}
