//! The operator as a process that is known by its command line alone.

use std::path::{Path, PathBuf};

use http::StatusCode;
use http_body_util::Empty;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use keyferry_parts::child::Signal;
use keyferry_parts::{Child, ControlPlane, FakeAws, Lifeline, free_ports};
use tokio::time::{Duration, Instant, sleep};

use crate::Error;
use crate::measure::Process;

/// keyferry's own arguments, where only its program is named.
const KEYFERRY: [&str; 4] = [
    "run",
    "--kubeconfig={kubeconfig}",
    "--metrics-addr=127.0.0.1:{metrics}",
    "--live-addr=127.0.0.1:{health}",
];

pub(crate) struct Operator {
    child: Child,
    health: u16,
    started: Instant,
}

impl Operator {
    /// `command` is a program and its arguments, in which `{kubeconfig}`, `{metrics}` and `{health}` (ports) are filled in.
    pub(crate) fn start(
        plane: &ControlPlane,
        aws: &FakeAws,
        kubeconfig: &Path,
        command: &[String],
    ) -> Result<Self, Error> {
        let [metrics, health] = free_ports()?;
        let (program, given) = command.split_first().ok_or("no operator is named")?;
        let filled = |argument: &str| {
            argument
                .replace("{kubeconfig}", &kubeconfig.display().to_string())
                .replace("{metrics}", &metrics.to_string())
                .replace("{health}", &health.to_string())
        };
        let arguments: Vec<String> = if given.is_empty() {
            KEYFERRY.iter().map(|argument| filled(argument)).collect()
        } else {
            given.iter().map(|argument| filled(argument)).collect()
        };
        let endpoints =
            ["SECRETSMANAGER", "STS", "SSM"].map(|api| (format!("AWS_{api}_ENDPOINT"), aws.url()));
        let authority = plane.folder().join("aws-authority.pem");
        std::fs::write(&authority, aws.authority_pem().unwrap_or_default())?;
        let authority = authority.display().to_string();
        let settings = [
            ("AWS_ACCESS_KEY_ID", "bench".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "bench".to_owned()),
            ("AWS_REGION", keyferry_parts::fake_aws::REGION.to_owned()),
            ("AWS_CA_BUNDLE", authority.clone()),
            // Where Go programs look.
            ("SSL_CERT_FILE", authority),
        ];
        let environment = endpoints
            .into_iter()
            .chain(settings.map(|(name, value)| (name.to_owned(), value)));
        let log = plane.folder().join("operator.log");
        let program = PathBuf::from(program);
        let child = Child::start(&Lifeline::new()?, &program, arguments, environment, log)?;
        Ok(Self {
            child,
            health,
            started: Instant::now(),
        })
    }

    pub(crate) fn check(&mut self) -> Result<(), Error> {
        Ok(self.child.check()?)
    }

    pub(crate) fn process(&self) -> Process {
        Process::new(self.child.id())
    }

    /// How long it took until `/readyz` said so.
    pub(crate) async fn ready(&mut self) -> Result<Duration, Error> {
        let client = Client::builder(TokioExecutor::new()).build_http::<Empty<bytes::Bytes>>();
        let uri: http::Uri = format!("http://127.0.0.1:{}/readyz", self.health).parse()?;
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            self.check()?;
            if let Ok(answer) = client.get(uri.clone()).await
                && answer.status() == StatusCode::OK
            {
                return Ok(self.started.elapsed());
            }
            if Instant::now() > deadline {
                return Err("the operator is not ready after a minute".into());
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Asks it to end, so that what it still writes does not fall into the next measurement.
    pub(crate) async fn stop(mut self) -> Result<(), Error> {
        self.child.signal(Signal::TERM);
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.child.ended().is_none() {
            if Instant::now() > deadline {
                return Err("the operator does not end after SIGTERM".into());
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}
