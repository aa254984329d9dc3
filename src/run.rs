//! From parsed arguments to a running operator, and the other commands.

use std::path::Path;

use kube::{
    Client,
    config::{KubeConfigOptions, Kubeconfig},
};
use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::{
    api_server,
    cli::Run,
    crds, operator,
    telemetry::{
        admin::{self, Listen, Ready},
        logging,
        metrics::Exposition,
    },
};

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Flags that contradict each other.
    #[error("these flags do not go together: {0}")]
    Flags(#[from] operator::lease::Invalid),
    /// Another crypto provider was installed first.
    #[error("the TLS provider could not be installed")]
    CryptoProvider,
    /// The runtime did not start.
    #[error("the runtime could not be started: {0}")]
    Runtime(#[source] std::io::Error),
    /// No way to the API server.
    #[error("no way to the API server: {0}; give --kubeconfig, or run in a cluster")]
    Kubeconfig(String),
    /// An address could not be served.
    #[error("{0} could not be served: {1}")]
    Address(Listen, #[source] std::io::Error),
    /// The operator could not run.
    #[error(transparent)]
    Operator(#[from] operator::Error),
    /// The CRDs could not be printed or written.
    #[error("the CRDs could not be written: {0}")]
    Crds(String),
}

/// Runs the operator until a signal asks it to stop.
pub fn run(run: &Run) -> Result<(), Error> {
    prepare()?;
    logging::start(run.log_format, run.loglevel);
    runtime()?.block_on(serve(run))
}

/// What the process needs before it speaks to anybody.
pub(crate) fn prepare() -> Result<(), Error> {
    rustls::crypto::aws_lc_rs::default_provider()
        .install_default()
        .map_err(|_| Error::CryptoProvider)?;
    forbid_core_dumps();
    Ok(())
}

pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(Error::Runtime)
}

/// A core dump would hold values.
fn forbid_core_dumps() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "core dumps could not be switched off");
    }
}

async fn serve(run: &Run) -> Result<(), Error> {
    let given = run.accepted_without_meaning();
    if !given.is_empty() {
        tracing::warn!(flags = ?given, "these flags of ESO mean nothing here and are ignored");
    }
    let config = run.config()?;
    let client = client(run).await?;
    let stop = CancellationToken::new();
    stop_on_signal(stop.clone()).map_err(Error::Runtime)?;
    let (exposition, ready) = (Exposition::default(), Ready::default());
    let health = served(
        run.live_addr,
        admin::serve_health(run.live_addr, ready.clone(), stop.clone()),
    );
    let metrics = served(
        run.metrics_addr,
        admin::serve_metrics(run.metrics_addr, exposition.clone(), stop.clone()),
    );
    let operator = operator::run(client, config, &exposition, ready, stop.clone());
    let servers = async { tokio::try_join!(health, metrics) };
    tokio::pin!(operator);
    tokio::select! {
        // A client that holds a connection open does not keep us from ending.
        ended = &mut operator => ended.map_err(Error::Operator),
        // An address that cannot be served stops everything: an operator that nobody can see is not run.
        served = servers => {
            stop.cancel();
            operator.await?;
            served.map(|_| ())
        }
    }
}

async fn served(addr: Listen, server: impl Future<Output = std::io::Result<()>>) -> Result<(), Error> {
    server.await.map_err(|error| Error::Address(addr, error))
}

pub(crate) async fn client(run: &Run) -> Result<Client, Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Kubeconfig(error.to_string());
    let config = match &run.kubeconfig {
        Some(path) => {
            let kubeconfig = Kubeconfig::read_from(path).map_err(|e| failed(&e))?;
            kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
                .await
                .map_err(|e| failed(&e))?
        }
        None => kube::Config::infer().await.map_err(|e| failed(&e))?,
    };
    api_server::client(config, &run.served()).map_err(|e| failed(&e))
}

fn stop_on_signal(stop: CancellationToken) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        stop.cancel();
    });
    Ok(())
}

/// Prints the CRDs, or writes them to a folder; and their reference to a file.
pub fn crds(dir: Option<&Path>, reference: Option<&Path>) -> Result<(), Error> {
    let failed = |error: &dyn std::fmt::Display| Error::Crds(error.to_string());
    if let Some(file) = reference {
        let text = crate::reference::markdown().map_err(|e| failed(&e))?;
        std::fs::write(file, text).map_err(|e| failed(&e))?;
    }
    match dir {
        None => {
            use std::io::Write;
            let yaml = crds::yaml().map_err(|e| failed(&e))?;
            std::io::stdout()
                .write_all(yaml.as_bytes())
                .map_err(|e| failed(&e))
        }
        Some(dir) => {
            std::fs::create_dir_all(dir).map_err(|e| failed(&e))?;
            for (name, yaml) in crds::files().map_err(|e| failed(&e))? {
                std::fs::write(dir.join(name), yaml).map_err(|e| failed(&e))?;
            }
            Ok(())
        }
    }
}
