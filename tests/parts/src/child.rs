//! Processes that end with the process that started them, however that one ends.
//!
//! A child is started by a small `sh` which first leaves a watcher behind and then becomes the child, in a process group of
//! its own. The watcher waits for the end of a pipe, the [`Lifeline`], whose other end only the starting process holds: when
//! that process ends, by return, panic, signal or `kill -9`, the kernel closes the pipe and the watcher kills the child.
//! Dropping a [`Child`] kills both at once. (`PR_SET_PDEATHSIG` would need unsafe code, and follows the thread that forked.)

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, PipeReader, PipeWriter};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;

use rustix::process::{Pid, kill_process, kill_process_group};

pub use rustix::process::Signal;

/// `$@` is the child; `$$` is its process id and its group's, before and after `exec`, also in the watcher. While the watcher lives, the
/// kernel gives that id to nobody else, since it names the group. Descriptor 3 is the lifeline.
const START: &str = r#"
exec 3<&0 </dev/null
{ read -r _ <&3; kill -s KILL -- -$$; } >/dev/null 2>&1 &
exec "$@" 3<&-
"#;

/// `$1` is a folder to remove once the lifeline is cut. The second try is for files that a dying child still wrote.
const JANITOR: &str = r#"read -r _; rm -rf "$1"; sleep 1; rm -rf "$1""#;

/// What went wrong with a child process.
#[derive(Debug, thiserror::Error)]
pub enum ChildError {
    #[error("cannot start {name}")]
    Start { name: String, source: io::Error },
    #[error("{name} ended early ({status}); the end of its log, {}:\n{tail}", log.display())]
    Ended {
        name: String,
        status: ExitStatus,
        log: PathBuf,
        tail: String,
    },
    #[error("{name} was not ready after {seconds} s; the end of its log, {}:\n{tail}", log.display())]
    NotReady {
        name: String,
        seconds: u64,
        log: PathBuf,
        tail: String,
    },
}

impl ChildError {
    /// Whether another process took the port in the meantime, so that a new start with new ports may help.
    pub(crate) fn is_port_taken(&self) -> bool {
        matches!(self, Self::Ended { tail, .. } if tail.to_lowercase().contains("address already in use"))
    }
}

/// The end of a pipe that keeps children alive. Clones are the same lifeline; it is cut when the last one is gone.
#[derive(Debug, Clone)]
pub struct Lifeline {
    ours: Arc<PipeWriter>,
    theirs: Arc<PipeReader>,
}

impl Lifeline {
    /// Starts a pipe; both ends close on exec, so children get only what they are given.
    pub fn new() -> Result<Self, ChildError> {
        let (theirs, ours) = io::pipe().map_err(|source| ChildError::Start {
            name: "a pipe".to_owned(),
            source,
        })?;
        Ok(Self {
            ours: Arc::new(ours),
            theirs: Arc::new(theirs),
        })
    }

    fn watched_end(&self) -> io::Result<Stdio> {
        Ok(Stdio::from(self.theirs.try_clone()?))
    }

    /// Removes `folder` when the lifeline is cut: a temporary folder outlives a process that is killed.
    pub(crate) fn remove_at_the_end(&self, folder: &Path) -> Result<Child, ChildError> {
        let start = || {
            Command::new("sh")
                .args(["-c", JANITOR, "janitor"])
                .arg(folder)
                .stdin(self.watched_end()?)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .process_group(0)
                .spawn()
        };
        let process = start().map_err(|source| ChildError::Start {
            name: "janitor".to_owned(),
            source,
        })?;
        Ok(Child {
            name: "janitor".to_owned(),
            process,
            log: PathBuf::new(),
            lifeline: self.clone(),
            left: false,
        })
    }

    /// Hands the lifeline to a process that goes on when this one ends, and returns its id: children that were
    /// [left](Child::leave) live until it is killed.
    pub fn hand_over(self) -> Result<u32, ChildError> {
        let start = || {
            let held = Stdio::from(self.ours.try_clone()?);
            // Any program that does nothing for ever, everywhere.
            Command::new("tail")
                .args(["-f", "/dev/null"])
                .stdin(held)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .process_group(0)
                .spawn()
        };
        let process = start().map_err(|source| ChildError::Start {
            name: "tail".to_owned(),
            source,
        })?;
        Ok(process.id())
    }
}

/// A process that ends with this one. Dropping it kills it.
#[derive(Debug)]
pub struct Child {
    name: String,
    process: std::process::Child,
    log: PathBuf,
    #[expect(dead_code, reason = "held, not read: the child lives as long as it does")]
    lifeline: Lifeline,
    left: bool,
}

impl Child {
    /// Starts `program`; stdout and stderr go to `log`, the environment is inherited with `environment` on top.
    pub fn start(
        lifeline: &Lifeline,
        program: &Path,
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
        environment: impl IntoIterator<Item = (String, String)>,
        log: PathBuf,
    ) -> Result<Self, ChildError> {
        let name = program
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let start = || {
            let out = File::create(&log)?;
            Command::new("sh")
                .args(["-c", START, "sh"])
                .arg(program)
                .args(arguments.into_iter().map(Into::into))
                .envs(environment)
                .stdin(lifeline.watched_end()?)
                .stdout(out.try_clone()?)
                .stderr(out)
                .process_group(0)
                .spawn()
        };
        match start() {
            Ok(process) => Ok(Self {
                name,
                process,
                log,
                lifeline: lifeline.clone(),
                left: false,
            }),
            Err(source) => Err(ChildError::Start { name, source }),
        }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Where stdout and stderr go.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Fails when the child has ended, with the end of its log.
    pub fn check(&mut self) -> Result<(), ChildError> {
        match self.process.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(ChildError::Ended {
                name: self.name.clone(),
                status,
                log: self.log.clone(),
                tail: self.tail(),
            }),
            Err(source) => Err(ChildError::Start {
                name: self.name.clone(),
                source,
            }),
        }
    }

    /// For a caller whose deadline has passed.
    pub(crate) fn not_ready(&self, seconds: u64) -> ChildError {
        ChildError::NotReady {
            name: self.name.clone(),
            seconds,
            log: self.log.clone(),
            tail: self.tail(),
        }
    }

    fn tail(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        lines
            .iter()
            .skip(lines.len().saturating_sub(15))
            .copied()
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Sends a signal to the child alone; `Signal::TERM` asks it to end.
    pub fn signal(&self, signal: Signal) {
        if let Some(process) = self.pid() {
            // It may have ended by itself.
            kill_process(process, signal).ok();
        }
    }

    /// Whether the child has ended, and how.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.try_wait().ok().flatten()
    }

    fn pid(&self) -> Option<Pid> {
        i32::try_from(self.process.id()).ok().and_then(Pid::from_raw)
    }

    /// Leaves the child running; it then ends with its lifeline only.
    pub fn leave(mut self) {
        self.left = true;
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.left {
            if let Some(group) = self.pid() {
                kill_process_group(group, Signal::KILL).ok();
            }
            // It is gone when this returns, milliseconds later, and with it its hold on ports and files.
            drop(self.process.wait());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    fn shell(lifeline: &Lifeline, script: &str, log: PathBuf) -> Child {
        Child::start(lifeline, Path::new("sh"), ["-c", script], [], log).unwrap()
    }

    /// Ends when the last process that holds its write end has ended: no clock and no polling.
    fn witness() -> (PipeReader, PipeWriter) {
        io::pipe().unwrap()
    }

    #[test]
    fn a_child_ends_when_its_lifeline_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let (mut end, held) = witness();
        let lifeline = Lifeline::new().unwrap();
        let end_to_watch = lifeline.watched_end().unwrap();
        let mut watcher = Command::new("sh")
            .args(["-c", START, "sh", "sleep", "600"])
            .stdin(end_to_watch)
            .stdout(held)
            .process_group(0)
            .current_dir(folder.path())
            .spawn()
            .unwrap();
        drop(lifeline);
        end.read_to_end(&mut Vec::new()).unwrap();
        assert!(!watcher.wait().unwrap().success());
    }

    #[test]
    fn a_child_that_ends_early_is_reported_with_the_end_of_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let lifeline = Lifeline::new().unwrap();
        let mut child = shell(&lifeline, "echo the reason; exit 3", folder.path().join("log"));
        child.process.wait().unwrap();
        let error = child.check().unwrap_err().to_string();
        assert!(
            error.contains("exit status: 3") && error.contains("the reason"),
            "{error}"
        );
    }

    #[test]
    fn dropping_a_child_kills_it() {
        let folder = tempfile::tempdir().unwrap();
        let lifeline = Lifeline::new().unwrap();
        let fifo = folder.path().join("fifo");
        assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let script = format!("exec 9>'{}'; echo up >&9; exec sleep 600", fifo.display());
        let child = shell(&lifeline, &script, folder.path().join("log"));
        let mut end = File::open(&fifo).unwrap();
        let mut up = [0; 3];
        end.read_exact(&mut up).unwrap();
        drop(child);
        assert_eq!(end.read_to_end(&mut Vec::new()).unwrap(), 0);
    }
}
