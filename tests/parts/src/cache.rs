//! Where built parts live: `${XDG_CACHE_HOME:-$HOME/.cache}/keyferry/parts/<what>-<version>/`.
//!
//! A part is there or it is not: builders work beside it and rename at the end, one builder at a time per machine.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Why a part is not in the cache and could not be put there.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    #[error("neither XDG_CACHE_HOME nor HOME is set, so there is no place for built parts")]
    NoHome,
    #[error("cannot use {}", path.display())]
    Folder { path: PathBuf, source: io::Error },
    /// Already a whole sentence for the user.
    #[error("{0}")]
    Prerequisite(String),
    #[error("cannot run {program}")]
    Run { program: String, source: io::Error },
    #[error("{what} failed:\n{output}")]
    Failed { what: String, output: String },
    #[error("{file} does not name a version of {module}")]
    NoVersion {
        file: &'static str,
        module: &'static str,
    },
    #[error("the task that builds parts ended early")]
    Interrupted,
}

/// The folder of one part at one version; it is created if need be.
pub(crate) fn folder(what: &str, version: &str) -> Result<PathBuf, CacheError> {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let base = set("XDG_CACHE_HOME")
        .or_else(|| Some(set("HOME")?.join(".cache")))
        .ok_or(CacheError::NoHome)?;
    let path = base
        .join("keyferry")
        .join("parts")
        .join(format!("{what}-{version}"));
    match std::fs::create_dir_all(&path) {
        Ok(()) => Ok(path),
        Err(source) => Err(CacheError::Folder { path, source }),
    }
}

/// Held while a part is built into `folder`; the kernel lets go of it when the holder ends, however it ends.
pub(crate) struct BuildLock {
    _file: File,
}

impl BuildLock {
    /// Waits for another builder of the same part, and says so.
    pub(crate) fn take(folder: &Path) -> Result<Self, CacheError> {
        let path = folder.join(".lock");
        let open = || {
            let file = File::create(&path)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(std::fs::TryLockError::WouldBlock) => {
                    say(&format!("waiting for another build in {}", folder.display()));
                    file.lock()?;
                }
                Err(std::fs::TryLockError::Error(source)) => return Err(source),
            }
            Ok(file)
        };
        match open() {
            Ok(file) => Ok(Self { _file: file }),
            Err(source) => Err(CacheError::Folder { path, source }),
        }
    }
}

/// Progress for the person who waits. Written past the test harness, which would show it only after the wait.
pub(crate) fn say(line: &str) {
    // Progress is a courtesy: a closed stderr must not fail a build.
    drop(writeln!(io::stderr().lock(), "parts: {line}"));
}

/// This crate's own folder, where the Go modules and the list of Python packages are.
pub(crate) fn source_folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Fails with one line that names what the machine lacks and how to get it.
pub(crate) fn require(tool: &str) -> Result<(), CacheError> {
    let script = source_folder().join("prerequisites.sh");
    let output = Command::new("sh")
        .arg(&script)
        .arg(tool)
        .output()
        .map_err(|source| CacheError::Run {
            program: script.display().to_string(),
            source,
        })?;
    if output.status.success() {
        return Ok(());
    }
    Err(CacheError::Prerequisite(
        String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    ))
}
