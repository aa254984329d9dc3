//! moto's server in a Python environment of its own: an AWS emulator that is not ours.
//!
//! It keeps accounts apart by the role that was assumed, checks no permission and no signature, and never throttles; what
//! it does otherwise than AWS must not be what a test relies on. For faults see [`CountingProxy`](crate::CountingProxy).

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use tempfile::TempDir;
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};

use crate::cache::{self, BuildLock, CacheError, say};
use crate::child::{Child, ChildError, Lifeline};
use crate::loopback;

const REQUIREMENTS: &str = include_str!("../requirements.txt");
const READY_WITHIN: Duration = Duration::from_mins(2);
const ATTEMPTS: usize = 3;

/// The account of a caller that assumed no role.
pub const ACCOUNT: &str = "123456789012";

/// Why there is no emulator.
#[derive(Debug, thiserror::Error)]
pub enum MotoError {
    #[error(transparent)]
    Install(#[from] CacheError),
    #[error(transparent)]
    Child(#[from] ChildError),
    #[error("cannot prepare moto's folder")]
    Folder(#[source] std::io::Error),
    #[error("moto does not answer {path}: {reason}")]
    Request { path: &'static str, reason: String },
}

/// A running emulator. Dropping it stops it.
#[derive(Debug)]
pub struct Moto {
    child: Child,
    janitor: Child,
    folder: TempDir,
    url: String,
}

impl Moto {
    /// Installs it if need be, starts it, and returns when it answers.
    pub async fn start(lifeline: Option<Lifeline>) -> Result<Self, MotoError> {
        Self::start_at(Ipv4Addr::LOCALHOST, lifeline).await
    }

    /// As [`start`](Self::start), on an address of this machine that others than its own processes reach.
    pub async fn start_at(address: Ipv4Addr, lifeline: Option<Lifeline>) -> Result<Self, MotoError> {
        let python = install().await?;
        let mut attempt = 1;
        loop {
            match Self::start_once(&python, address, lifeline.clone()).await {
                Err(MotoError::Child(error)) if error.is_port_taken() && attempt < ATTEMPTS => attempt += 1,
                outcome => return outcome,
            }
        }
    }

    /// The one emulator that all tests of a test binary share. Each owns a prefix of names in it.
    pub async fn shared() -> Result<&'static Self, &'static MotoError> {
        static SHARED: OnceCell<Result<Moto, MotoError>> = OnceCell::const_new();
        SHARED.get_or_init(|| Self::start(None)).await.as_ref()
    }

    async fn start_once(
        python: &Path,
        address: Ipv4Addr,
        lifeline: Option<Lifeline>,
    ) -> Result<Self, MotoError> {
        let folder = tempfile::Builder::new()
            .prefix("keyferry-moto-")
            .tempdir()
            .map_err(MotoError::Folder)?;
        let lifeline = lifeline.map_or_else(Lifeline::new, Ok)?;
        let janitor = lifeline.remove_at_the_end(folder.path())?;
        let [port] = loopback::free_ports().map_err(MotoError::Folder)?;
        let arguments = [
            "-m",
            "moto.server",
            "-H",
            &address.to_string(),
            "-p",
            &port.to_string(),
        ]
        .map(str::to_owned);
        let log = folder.path().join("moto.log");
        let mut child = Child::start(&lifeline, python, arguments, std::iter::empty(), log)?;
        let url = format!("http://{address}:{port}");
        let deadline = Instant::now() + READY_WITHIN;
        while request(&url, "GET", "/moto-api/").await.is_err() {
            child.check()?;
            if Instant::now() > deadline {
                return Err(child.not_ready(READY_WITHIN.as_secs()).into());
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(Self {
            child,
            janitor,
            folder,
            url,
        })
    }

    /// `http://127.0.0.1:<port>`, for every service.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Forgets everything: for an emulator that is nobody else's.
    pub async fn reset(&self) -> Result<(), MotoError> {
        request(&self.url, "POST", "/moto-api/reset").await
    }

    /// Leaves it running until its lifeline is cut; then its folder goes too.
    pub fn leave(self) {
        self.child.leave();
        self.janitor.leave();
        drop(self.folder.keep());
    }
}

async fn request(url: &str, method: &str, path: &'static str) -> Result<(), MotoError> {
    let failed = |reason: String| MotoError::Request { path, reason };
    let request = Request::builder()
        .method(method)
        .uri(format!("{url}{path}"))
        .body(Full::<Bytes>::default());
    let request = request.map_err(|error| failed(error.to_string()))?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = client
        .request(request)
        .await
        .map_err(|error| failed(error.to_string()))?;
    let status = response.status();
    // Read to its end, so that the server is done with it.
    response
        .into_body()
        .collect()
        .await
        .map_err(|error| failed(error.to_string()))?;
    if status == StatusCode::OK {
        Ok(())
    } else {
        Err(failed(status.to_string()))
    }
}

/// The Python of an environment that holds exactly what `requirements.txt` names; it is made first if need be.
pub async fn install() -> Result<PathBuf, CacheError> {
    tokio::task::spawn_blocking(find_or_install)
        .await
        .map_err(|_| CacheError::Interrupted)?
}

fn find_or_install() -> Result<PathBuf, CacheError> {
    let version = REQUIREMENTS.lines().find_map(|line| line.strip_prefix("moto=="));
    let version = version.ok_or(CacheError::NoVersion {
        file: "requirements.txt",
        module: "moto",
    })?;
    let folder = cache::folder("moto", version)?;
    let environment = folder.join("venv");
    let python = environment.join("bin").join("python");
    // Written last, so an interrupted installation is done again; so is one of other requirements.
    let stamp = folder.join("installed-requirements.txt");
    let installed =
        || std::fs::read_to_string(&stamp).is_ok_and(|text| text == REQUIREMENTS) && python.is_file();
    if installed() {
        return Ok(python);
    }
    let lock = BuildLock::take(&folder)?;
    if !installed() {
        cache::require("python")?;
        say(&format!(
            "installing moto {version} once, into {}",
            environment.display()
        ));
        run(
            Command::new("python3")
                .args(["-m", "venv", "--clear"])
                .arg(&environment),
            "making a Python environment",
        )?;
        let pip = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--requirement",
        ];
        let list = cache::source_folder().join("requirements.txt");
        run(Command::new(&python).args(pip).arg(list), "installing moto")?;
        std::fs::write(&stamp, REQUIREMENTS).map_err(|source| CacheError::Folder {
            path: stamp.clone(),
            source,
        })?;
        say("moto is installed");
    }
    drop(lock);
    Ok(python)
}

fn run(command: &mut Command, what: &str) -> Result<(), CacheError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(|source| CacheError::Run { program, source })?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    Err(CacheError::Failed {
        what: what.to_owned(),
        output: String::from_utf8_lossy(&said).trim().to_owned(),
    })
}
