//! keyferry as a process.

use std::path::Path;

use keyferry_parts::child::Signal;
use keyferry_parts::{Child, ControlPlane, FakeAws, Lifeline, free_ports};
use tokio::time::{Duration, Instant, sleep};

use crate::Error;
use crate::measure::Process;

pub(crate) struct Operator {
    child: Child,
}

impl Operator {
    pub(crate) fn start(plane: &ControlPlane, aws: &FakeAws, program: &Path) -> Result<Self, Error> {
        let [metrics, live] = free_ports()?;
        let arguments = [
            "run".to_owned(),
            format!("--kubeconfig={}", plane.kubeconfig().display()),
            format!("--metrics-addr=127.0.0.1:{metrics}"),
            format!("--live-addr=127.0.0.1:{live}"),
        ];
        let endpoints =
            ["SECRETSMANAGER", "STS", "SSM"].map(|api| (format!("AWS_{api}_ENDPOINT"), aws.url()));
        let authority = plane.folder().join("aws-authority.pem");
        std::fs::write(&authority, aws.authority_pem().unwrap_or_default())?;
        let settings = [
            ("AWS_ACCESS_KEY_ID", "bench".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "bench".to_owned()),
            ("AWS_CA_BUNDLE", authority.display().to_string()),
        ];
        let environment = endpoints
            .into_iter()
            .chain(settings.map(|(name, value)| (name.to_owned(), value)));
        let log = plane.folder().join("keyferry.log");
        let child = Child::start(&Lifeline::new()?, program, arguments, environment, log)?;
        Ok(Self { child })
    }

    pub(crate) fn check(&mut self) -> Result<(), Error> {
        Ok(self.child.check()?)
    }

    pub(crate) fn process(&self) -> Process {
        Process::new(self.child.id())
    }

    /// Asks it to end, so that what it still writes does not fall into the next measurement.
    pub(crate) async fn stop(mut self) -> Result<(), Error> {
        self.child.signal(Signal::TERM);
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.child.ended().is_none() {
            if Instant::now() > deadline {
                return Err("keyferry does not end after SIGTERM".into());
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}
