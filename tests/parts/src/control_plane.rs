//! A real etcd and kube-apiserver on loopback, in a temporary folder, gone with the process that started them.
//!
//! No controller runs beside them: nothing is garbage-collected, namespaces stay, service accounts get no token Secrets.
//! The end-to-end tests add those and a node; they need [`Options::for_a_node`].

mod arguments;
mod credentials;

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kube::config::{KubeConfigOptions, Kubeconfig};
use tempfile::TempDir;
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};

use crate::audit::{self, AuditLog};
use crate::binaries::{self, Binary};
use crate::cache::CacheError;
use crate::child::{Child, ChildError, Lifeline};
use crate::loopback;
use credentials::Credentials;

/// A machine that is busy with other builds took 20 s once; a healthy start takes three.
const READY_WITHIN: Duration = Duration::from_mins(2);

/// How often new ports are tried when another process took one in the meantime.
const ATTEMPTS: usize = 3;

/// What a control plane is to be like. The default is what a tests wants: everything allowed, requests audited.
#[derive(Debug, Clone)]
pub struct Options {
    pub authorization: Authorization,
    pub fairness: Fairness,
    /// Whoever writes an owner reference that blocks a deletion needs `update` on the owner's `finalizers`, as `OpenShift` asks for.
    pub owners_are_checked: bool,
    /// Writes every request's metadata to [`ControlPlane::audit`]; costs the server a few per cent.
    pub audit: bool,
    /// Further users besides `admin`, who is in `system:masters`; see [`ControlPlane::token`].
    pub users: Vec<User>,
    /// One that several parts share, to be [handed over](Lifeline::hand_over); otherwise each part has its own.
    pub lifeline: Option<Lifeline>,
    /// An address of this machine that Pods of a node reach it by; without one it listens on loopback and serves no node.
    pub for_a_node: Option<Ipv4Addr>,
}

/// Who may do what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authorization {
    /// Anybody who has a token may do anything.
    AlwaysAllow,
    /// Roles and bindings, with the cluster roles that every cluster has.
    Rbac,
}

/// How the server treats more requests than it likes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fairness {
    /// As real clusters do: priority and fairness, at the default limits.
    On,
    /// No limit at all, for measuring.
    Off,
    /// So many requests at once and the rest is answered 429.
    Limit(u32),
    /// Priority and fairness with so few seats for all; members of `system:masters` are exempt.
    Seats(u32),
}

/// A user of the static token file.
#[derive(Debug, Clone)]
pub struct User {
    pub name: String,
    pub groups: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            authorization: Authorization::AlwaysAllow,
            fairness: Fairness::On,
            owners_are_checked: false,
            audit: true,
            users: Vec::new(),
            lifeline: None,
            for_a_node: None,
        }
    }
}

/// Why there is no control plane.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Binary(#[from] CacheError),
    #[error(transparent)]
    Child(#[from] ChildError),
    #[error("cannot prepare the control plane's folder")]
    Folder(#[source] std::io::Error),
    #[error("cannot make a key for service account tokens")]
    Key,
    #[error("no client for the control plane")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A running control plane. Dropping it stops it.
#[derive(Debug)]
pub struct ControlPlane {
    // In the order in which they are dropped: the server, its store, then the folder.
    apiserver: Child,
    etcd: Child,
    janitor: Child,
    folder: TempDir,
    url: String,
    credentials: Credentials,
    audit: AuditLog,
}

impl ControlPlane {
    /// Starts one and returns when it answers `/readyz`. Binaries that are nowhere yet are built first.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let etcd = binaries::locate(Binary::Etcd).await?;
        let apiserver = binaries::locate(Binary::KubeApiserver).await?;
        let mut attempt = 1;
        loop {
            match Self::start_once(&etcd, &apiserver, &options).await {
                Err(StartError::Child(error)) if error.is_port_taken() && attempt < ATTEMPTS => attempt += 1,
                outcome => return outcome,
            }
        }
    }

    /// The one control plane that all tests of a test binary share. Each owns a namespace of it.
    pub async fn shared() -> Result<&'static Self, &'static StartError> {
        static SHARED: OnceCell<Result<ControlPlane, StartError>> = OnceCell::const_new();
        SHARED
            .get_or_init(|| Self::start(Options::default()))
            .await
            .as_ref()
    }

    async fn start_once(etcd: &Path, apiserver: &Path, options: &Options) -> Result<Self, StartError> {
        let folder = tempfile::Builder::new()
            .prefix("keyferry-parts-")
            .tempdir()
            .map_err(StartError::Folder)?;
        let at = folder.path();
        let lifeline = options.lifeline.clone().map_or_else(Lifeline::new, Ok)?;
        let janitor = lifeline.remove_at_the_end(at)?;
        let [client_port, peer_port, port] = loopback::free_ports().map_err(StartError::Folder)?;
        let address = options.for_a_node.unwrap_or(Ipv4Addr::LOCALHOST);
        let url = format!("https://{address}:{port}");
        let audit = at.join("audit.log");
        let mut credentials = Credentials::write(at, &options.users)?;
        std::fs::write(at.join("audit-policy.json"), audit::POLICY).map_err(StartError::Folder)?;
        std::fs::write(&audit, "").map_err(StartError::Folder)?;

        let none = || std::iter::empty();
        let etcd_arguments = arguments::etcd(at, client_port, peer_port);
        let etcd = Child::start(&lifeline, etcd, etcd_arguments, none(), at.join("etcd.log"))?;
        let server_arguments = arguments::apiserver(at, options, port, client_port);
        let apiserver = Child::start(
            &lifeline,
            apiserver,
            server_arguments,
            none(),
            at.join("kube-apiserver.log"),
        )?;
        // The server writes its certificate before it listens.
        credentials.ca = at.join("certs").join("apiserver.crt");
        let mut plane = Self {
            apiserver,
            etcd,
            janitor,
            folder,
            url,
            credentials,
            audit: AuditLog::at(audit),
        };
        plane.wait_until_ready().await?;
        Ok(plane)
    }

    async fn wait_until_ready(&mut self) -> Result<(), StartError> {
        let deadline = Instant::now() + READY_WITHIN;
        let mut client = None;
        loop {
            self.etcd.check()?;
            self.apiserver.check()?;
            if client.is_none() && self.credentials.ca.is_file() {
                // The certificate may be half written: then there is no client yet.
                client = self
                    .write_kubeconfig(&self.kubeconfig(), self.admin_token())
                    .is_ok()
                    .then_some(());
            }
            if client.is_some() && self.is_ready().await {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(self.apiserver.not_ready(READY_WITHIN.as_secs()).into());
            }
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn is_ready(&self) -> bool {
        let Ok(client) = self.client().await else {
            return false;
        };
        let Ok(request) = http::Request::get("/readyz").body(Vec::new()) else {
            return false;
        };
        client.request_text(request).await.is_ok_and(|text| text == "ok")
    }

    /// `https://127.0.0.1:<port>`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The PEM file that vouches for the server.
    pub fn ca(&self) -> &Path {
        &self.credentials.ca
    }

    /// The key that tokens of service accounts are signed with, which the controller manager needs too.
    pub fn service_account_key(&self) -> PathBuf {
        self.folder.path().join("service-account.key")
    }

    /// The token of a member of `system:masters`.
    pub fn admin_token(&self) -> &str {
        &self.credentials.admin
    }

    /// The token of one of [`Options::users`].
    pub fn token(&self, user: &str) -> Option<&str> {
        self.credentials.users.get(user).map(String::as_str)
    }

    /// A kubeconfig with the admin's token.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// Where logs, audit log and kubeconfig are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a kubeconfig with another `token`, such as one that `TokenRequest` gave.
    pub fn write_kubeconfig(&self, path: &Path, token: &str) -> Result<(), StartError> {
        let text = credentials::kubeconfig(&self.url, &self.credentials.ca, token);
        std::fs::write(path, text).map_err(StartError::Folder)
    }

    /// The requests that the server has seen, if [`Options::audit`] is on.
    pub fn audit(&self) -> &AuditLog {
        &self.audit
    }

    /// A client with the admin's token. It belongs to the runtime that calls, so each test makes its own.
    pub async fn client(&self) -> Result<kube::Client, StartError> {
        let failed = |error: Box<dyn std::error::Error + Send + Sync>| StartError::Client(error);
        let kubeconfig = Kubeconfig::read_from(self.kubeconfig()).map_err(|error| failed(error.into()))?;
        let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
            .await
            .map_err(|error| failed(error.into()))?;
        kube::Client::try_from(config).map_err(|error| failed(error.into()))
    }

    /// The process ids of kube-apiserver and etcd, to read their CPU time from.
    pub fn process_ids(&self) -> [u32; 2] {
        [self.apiserver.id(), self.etcd.id()]
    }

    /// Leaves it running until its lifeline is cut; then its folder goes too.
    pub fn leave(self) {
        self.apiserver.leave();
        self.etcd.leave();
        self.janitor.leave();
        // The janitor removes it.
        drop(self.folder.keep());
    }
}
