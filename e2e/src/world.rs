//! What cases act with: kubectl, helm, AWS, and waiting.

use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use keyferry_parts::binaries::{self, Binary};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::aws::{self, Aws, REGION};
use crate::cluster::Cluster;
use crate::node::Node;
use crate::tool::Tool;
use crate::{Arguments, Failure};

/// Where the chart is installed.
pub(crate) const HOME: &str = "keyferry";
/// Where most objects of the cases live.
pub(crate) const SHOP: &str = "shop";
/// A condition that does not come within this is a failure. kubelets take up to a minute and a half to change a file.
const WITHIN: Duration = Duration::from_mins(3);
const LOOK: Duration = Duration::from_millis(100);

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// The chart of this commit, in the repository.
pub(crate) const CHART: &str = "charts/keyferry";
/// As `make e2e` names them.
pub(crate) const IMAGE: &str = "keyferry-e2e.local/keyferry";
pub(crate) const TOOLS: &str = "keyferry-e2e.local/tools:1";

/// Waits for something, with a deadline; says what it waited for and what it saw last.
pub(crate) async fn until<T, F: Future<Output = Result<T, String>>>(
    what: &str,
    mut look: impl FnMut() -> F,
) -> Result<T, Failure> {
    let deadline = Instant::now() + WITHIN;
    loop {
        match look().await {
            Ok(found) => return Ok(found),
            Err(seen) if Instant::now() > deadline => {
                return Err(format!("waited {} s for {what}; last seen: {seen}", WITHIN.as_secs()).into());
            }
            Err(_) => sleep(LOOK).await,
        }
    }
}

/// What cases share.
pub(crate) struct World<'a> {
    pub(crate) kubectl: Tool,
    helm: Tool,
    pub(crate) client: Client,
    pub(crate) aws: &'a Aws,
    pub(crate) node: Option<&'a Node>,
    /// The archive that the image was loaded from.
    pub(crate) archive: PathBuf,
    /// Where results go.
    pub(crate) report: PathBuf,
}

impl<'a> World<'a> {
    pub(crate) async fn of(cluster: &'a Cluster, arguments: &Arguments) -> Result<Self, Failure> {
        let tool = async |binary| -> Result<Tool, Failure> {
            Ok(Tool {
                program: binaries::locate(binary).await?,
                kubeconfig: cluster.kubeconfig.clone(),
            })
        };
        let kubeconfig = Kubeconfig::read_from(&cluster.kubeconfig)?;
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        Ok(Self {
            kubectl: tool(Binary::Kubectl).await?,
            helm: tool(Binary::Helm).await?,
            client: Client::try_from(config)?,
            aws: &cluster.aws,
            node: cluster.node.as_ref(),
            archive: arguments.image.clone(),
            report: arguments.report.clone(),
        })
    }

    /// A file of the repository.
    pub(crate) fn file(path: &str) -> String {
        format!("{REPOSITORY}/{path}")
    }

    /// A namespace that refuses Pods which are not restricted.
    pub(crate) async fn restricted_namespace(&self, name: &str) -> Result<(), Failure> {
        self.apply(&json!({
            "apiVersion": "v1", "kind": "Namespace",
            "metadata": { "name": name, "labels": { "pod-security.kubernetes.io/enforce": "restricted" } },
        }))
        .await
    }

    /// `kubectl apply -f`, as users do.
    pub(crate) async fn apply(&self, object: &Value) -> Result<(), Failure> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), object.to_string())?;
        self.kubectl
            .run(&["apply", "-f", &file.path().display().to_string()])
            .await
            .map(drop)
    }

    /// Environment that leads the operator to moto, and in it what the operator is known by.
    pub(crate) fn environment(&self, identity: &[(&str, &str)]) -> Value {
        let endpoint = self.aws.endpoint.as_str();
        let variables = [
            ("AWS_SECRETSMANAGER_ENDPOINT", endpoint),
            ("AWS_SSM_ENDPOINT", endpoint),
            ("AWS_STS_ENDPOINT", endpoint),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        let variables = variables.iter().chain(identity);
        variables
            .map(|(name, value)| json!({ "name": name, "value": value }))
            .collect()
    }

    /// `helm upgrade --install` of a release with these values on top of what every case needs; waits until it is ready.
    pub(crate) async fn install(&self, release: &str, values: &Value) -> Result<(), Failure> {
        self.helm(CHART, release, values, &["--wait", "--timeout=3m"])
            .await
            .map(drop)
    }

    /// As [`install`](Self::install), from a chart of the repository and with other flags; gives the notes.
    pub(crate) async fn helm(
        &self,
        chart: &str,
        release: &str,
        values: &Value,
        flags: &[&str],
    ) -> Result<String, Failure> {
        let mut all = json!({
            "image": { "repository": IMAGE, "tag": "e2e" },
            "extraEnv": self.environment(&[("AWS_ACCESS_KEY_ID", "AKIAE2E"), ("AWS_SECRET_ACCESS_KEY", "e2e")]),
            "log": { "level": "debug" },
        });
        merge(&mut all, values);
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), all.to_string())?;
        let file = file.path().display().to_string();
        let chart = Self::file(chart);
        let arguments = [
            "upgrade",
            "--install",
            release,
            &chart,
            "--namespace",
            HOME,
            "--values",
            &file,
        ];
        self.helm.run(&[&arguments as &[&str], flags].concat()).await
    }

    /// `helm upgrade` to the chart of this commit, with the values that the release has.
    pub(crate) async fn upgrade(&self, release: &str) -> Result<(), Failure> {
        let chart = Self::file(CHART);
        let flags = ["--reset-then-reuse-values", "--wait", "--timeout=3m"];
        let upgrade = ["upgrade", release, &chart, "--namespace", HOME];
        self.helm
            .run(&[&upgrade as &[&str], &flags].concat())
            .await
            .map(drop)
    }

    /// `helm rollback` to the chart and values of before.
    pub(crate) async fn roll_back(&self, release: &str) -> Result<(), Failure> {
        self.helm
            .run(&["rollback", release, "--namespace", HOME, "--wait", "--timeout=3m"])
            .await
            .map(drop)
    }

    pub(crate) async fn uninstall(&self, release: &str) -> Result<(), Failure> {
        self.helm
            .run(&["uninstall", release, "--namespace", HOME, "--wait"])
            .await
            .map(drop)
    }

    /// A store that reads with the operator's own identity, or with what `auth` says.
    pub(crate) async fn store(&self, namespace: &str, name: &str, auth: &Value) -> Result<(), Failure> {
        let mut aws = json!({ "service": "SecretsManager", "region": REGION });
        merge(&mut aws, auth);
        self.apply(&json!({
            "apiVersion": "external-secrets.io/v1", "kind": "SecretStore",
            "metadata": { "name": name, "namespace": namespace },
            "spec": { "provider": { "aws": aws } },
        }))
        .await
    }

    /// An ExternalSecret that takes everything of a secret of its own name, every few seconds.
    pub(crate) fn object(namespace: &str, store: &str, name: &str) -> Value {
        json!({
            "apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret",
            "metadata": { "name": name, "namespace": namespace },
            "spec": {
                "refreshInterval": "5s",
                "secretStoreRef": { "name": store },
                "dataFrom": [{ "extract": { "key": name } }],
            },
        })
    }

    /// Creates or rotates a secret in the operator's own account.
    pub(crate) async fn put(&self, name: &str, password: &str) -> Result<(), Failure> {
        aws::put(&self.aws.own_account(), name, &Self::value(password)).await
    }

    pub(crate) fn value(password: &str) -> String {
        json!({ "username": "app", "password": password }).to_string()
    }

    /// The key `password` of a Secret.
    pub(crate) async fn password(&self, namespace: &str, name: &str) -> Result<Option<String>, Failure> {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), namespace);
        let secret = secrets.get_opt(name).await?;
        let password = secret.and_then(|secret| secret.data?.remove("password"));
        Ok(password.map(|bytes| String::from_utf8_lossy(&bytes.0).into_owned()))
    }

    pub(crate) async fn wait_for_password(
        &self,
        namespace: &str,
        name: &str,
        wanted: &str,
    ) -> Result<(), Failure> {
        until(
            &format!("the password {wanted} in the Secret {namespace}/{name}"),
            || async {
                match self.password(namespace, name).await {
                    Ok(Some(password)) if password == wanted => Ok(()),
                    other => Err(format!("{other:?}")),
                }
            },
        )
        .await
    }

    /// Name of the one Pod that runs the operator.
    pub(crate) async fn pod(&self) -> Result<String, Failure> {
        let names = self
            .kubectl
            .run(&[
                "-n",
                HOME,
                "get",
                "pods",
                "-l",
                "app.kubernetes.io/name=keyferry",
                "--field-selector=status.phase=Running",
                "-o",
                "jsonpath={.items[*].metadata.name}",
            ])
            .await?;
        names
            .split_whitespace()
            .next()
            .map(str::to_owned)
            .ok_or_else(|| "no Pod runs".into())
    }

    /// What the cluster says, for a case that failed.
    pub(crate) async fn describe(&self) -> String {
        let mut text = String::new();
        for arguments in [
            &["get", "pods,externalsecrets,secretstores", "-A", "-o", "wide"] as &[&str],
            &["get", "events", "-A", "--sort-by=.lastTimestamp"],
            &[
                "-n",
                HOME,
                "logs",
                "-l",
                "app.kubernetes.io/name=keyferry",
                "--tail=40",
                "--prefix",
            ],
        ] {
            let said = self
                .kubectl
                .run(arguments)
                .await
                .unwrap_or_else(|error| error.to_string());
            text = format!("{text}\n$ kubectl {}\n{said}\n", arguments.join(" "));
        }
        text
    }
}

/// Objects are merged, all else is replaced.
fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}
