//! Everything that the demo starts and does.

use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_sdk_secretsmanager::config::{Credentials, Region};
use k8s_openapi::api::core::v1::Secret;
use keyferry_parts::binaries::{self, Binary};
use keyferry_parts::control_plane::Options;
use keyferry_parts::{Child, ControlPlane, Lifeline, Moto, free_ports};
use kube::Api;
use serde_json::json;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::screen;

pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

const SECRET_IN_AWS: &str = "quickstart/database";
/// As in `examples/quickstart.yaml`.
const REGION: &str = "eu-central-1";
/// A refresh comes every 10 s; a busy machine may be slow.
const WITHIN: Duration = Duration::from_mins(1);

pub(crate) struct Cluster {
    keyferry: Option<Child>,
    plane: ControlPlane,
    moto: Moto,
    kubectl: PathBuf,
    aws: aws_sdk_secretsmanager::Client,
    secrets: Api<Secret>,
}

impl Cluster {
    pub(crate) async fn start(lifeline: &Lifeline) -> Result<Self, Error> {
        let kubectl = binaries::locate(Binary::Kubectl).await?;
        let options = Options {
            lifeline: Some(lifeline.clone()),
            ..Options::default()
        };
        let (plane, moto) = tokio::join!(ControlPlane::start(options), Moto::start(Some(lifeline.clone())));
        let (plane, moto) = (plane?, moto?);
        screen::note(&format!("kube-apiserver: {}", plane.url()));
        screen::note(&format!("AWS:            {}", moto.url()));
        let config = aws_sdk_secretsmanager::Config::builder()
            .behavior_version_latest()
            .endpoint_url(moto.url())
            .region(Region::new(REGION))
            .credentials_provider(Credentials::new("demo", "demo", None, None, "demo"));
        let aws = aws_sdk_secretsmanager::Client::from_conf(config.build());
        let secrets = Api::namespaced(plane.client().await?, "default");
        Ok(Self {
            keyferry: None,
            plane,
            moto,
            kubectl,
            aws,
            secrets,
        })
    }

    /// Runs kubectl and shows command and output. Paths are those of the repository, where the demo is run.
    pub(crate) async fn kubectl(&self, arguments: &[&str]) -> Result<(), Error> {
        screen::command(arguments);
        let mut command = Command::new(&self.kubectl);
        command
            .arg("--kubeconfig")
            .arg(self.plane.kubeconfig())
            .args(arguments)
            .kill_on_drop(true);
        let output = command.output().await?;
        screen::output(&String::from_utf8_lossy(&output.stdout));
        screen::output(&String::from_utf8_lossy(&output.stderr));
        if output.status.success() {
            Ok(())
        } else {
            Err(format!("kubectl ended with {}", output.status).into())
        }
    }

    pub(crate) async fn create_in_aws(&self, password: &str) -> Result<(), Error> {
        self.aws
            .create_secret()
            .name(SECRET_IN_AWS)
            .secret_string(value(password))
            .send()
            .await?;
        Ok(())
    }

    pub(crate) async fn rotate_in_aws(&self, password: &str) -> Result<(), Error> {
        self.aws
            .put_secret_value()
            .secret_id(SECRET_IN_AWS)
            .secret_string(value(password))
            .send()
            .await?;
        Ok(())
    }

    pub(crate) fn start_keyferry(&mut self, lifeline: &Lifeline, program: &Path) -> Result<(), Error> {
        let [metrics, live] = free_ports()?;
        let arguments = [
            "run".to_owned(),
            format!("--kubeconfig={}", self.plane.kubeconfig().display()),
            format!("--metrics-addr=127.0.0.1:{metrics}"),
            format!("--live-addr=127.0.0.1:{live}"),
        ];
        let aws = ["SECRETSMANAGER", "STS", "SSM"]
            .map(|api| (format!("AWS_{api}_ENDPOINT"), self.moto.url().to_owned()));
        let credentials = [("AWS_ACCESS_KEY_ID", "demo"), ("AWS_SECRET_ACCESS_KEY", "demo")];
        let credentials = credentials.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let environment = aws.into_iter().chain(credentials);
        let log = self.plane.folder().join("keyferry.log");
        self.keyferry = Some(Child::start(lifeline, program, arguments, environment, log)?);
        screen::note(&format!("metrics: http://127.0.0.1:{metrics}/metrics"));
        Ok(())
    }

    /// Waits until the Secret `database` has this password, and says how long that took.
    pub(crate) async fn wait_for_password(&mut self, password: &str) -> Result<Duration, Error> {
        let started = Instant::now();
        while self.password().await?.as_deref() != Some(password.as_bytes()) {
            if let Some(keyferry) = &mut self.keyferry {
                keyferry.check()?;
            }
            if started.elapsed() > WITHIN {
                self.kubectl(&["get", "secretstore,externalsecret", "-o", "yaml"])
                    .await?;
                return Err(format!(
                    "the Secret did not get its password within {} s",
                    WITHIN.as_secs()
                )
                .into());
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(started.elapsed())
    }

    async fn password(&self) -> Result<Option<Vec<u8>>, Error> {
        let secret = self.secrets.get_opt("database").await?;
        Ok(secret.and_then(|secret| Some(secret.data?.remove("password")?.0)))
    }

    /// Leaves everything running and says how to use it.
    pub(crate) fn leave(self, lifeline: Lifeline) -> Result<(), Error> {
        let kubeconfig = self.plane.kubeconfig();
        let log = self.plane.folder().join("keyferry.log");
        let aws = self.moto.url().to_owned();
        if let Some(keyferry) = self.keyferry {
            keyferry.leave();
        }
        self.plane.leave();
        self.moto.leave();
        let process = lifeline.hand_over()?;
        screen::step("Everything stays up. Try:");
        screen::output(&format!(
            "export KUBECONFIG={}
{kubectl} get externalsecrets,secrets
{kubectl} get secret database -o jsonpath='{{.data.password}}' | base64 -d
# rotate:
curl -s {aws} -H 'Content-Type: application/x-amz-json-1.1' -H 'X-Amz-Target: secretsmanager.PutSecretValue' \\
  -H 'Authorization: AWS4-HMAC-SHA256 Credential=demo/20260101/{REGION}/secretsmanager/aws4_request' \\
  -d '{{\"SecretId\": \"{SECRET_IN_AWS}\", \"SecretString\": \"{{\\\"username\\\": \\\"app\\\", \\\"password\\\": \\\"third\\\"}}\"}}'
# what keyferry says:
tail -f {log}
# stop it all:
kill {process}",
            kubeconfig.display(),
            kubectl = self.kubectl.display(),
            log = log.display(),
        ));
        Ok(())
    }
}

fn value(password: &str) -> String {
    json!({"username": "app", "password": password}).to_string()
}
