//! moto, where both Pods and this program reach it.

use std::net::{IpAddr, SocketAddr};

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::config::{Config, Credentials, Region};
use aws_sdk_secretsmanager::operation::create_secret::CreateSecretError;
use keyferry_parts::{Child, Lifeline, Moto, free_ports};

use crate::Failure;
use crate::node::ADDRESS;
use crate::tool::Tool;
use crate::world::until;

pub(crate) const REGION: &str = "eu-central-1";

/// In clusters that are not our own, moto is a Pod.
const MANIFEST: &str = include_str!("aws/moto.yaml");

/// The emulator.
#[derive(Debug)]
pub(crate) struct Aws {
    /// As Pods reach it.
    pub(crate) endpoint: String,
    /// As this program reaches it.
    url: String,
    _moto: Option<Moto>,
    /// With the folder of its log.
    _forward: Option<(Child, tempfile::TempDir)>,
}

impl Aws {
    /// A process beside the node, in its network.
    pub(crate) async fn beside_the_node() -> Result<Self, Failure> {
        let moto = Moto::start_at(ADDRESS, None).await?;
        Ok(Self {
            endpoint: moto.url().to_owned(),
            url: moto.url().to_owned(),
            _moto: Some(moto),
            _forward: None,
        })
    }

    /// A Pod, and a port of this machine that leads to it.
    pub(crate) async fn inside(kubectl: &Tool) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let manifest = folder.path().join("moto.yaml");
        std::fs::write(&manifest, MANIFEST)?;
        kubectl
            .run(&["apply", "-f", &manifest.display().to_string()])
            .await?;
        kubectl
            .run(&[
                "-n",
                "moto",
                "rollout",
                "status",
                "deployment/moto",
                "--timeout=180s",
            ])
            .await?;
        // Not its name: not every cluster has DNS.
        let address = [
            "-n",
            "moto",
            "get",
            "service",
            "moto",
            "-o",
            "jsonpath={.spec.clusterIP}",
        ];
        let address: IpAddr = kubectl.run(&address).await?.parse()?;
        let [port] = free_ports()?;
        let arguments = [
            "--kubeconfig".to_owned(),
            kubectl.kubeconfig.display().to_string(),
            "--namespace=moto".to_owned(),
            "port-forward".to_owned(),
            "service/moto".to_owned(),
            format!("{port}:5000"),
        ];
        let log = folder.path().join("forward.log");
        let forward = Child::start(&Lifeline::new()?, &kubectl.program, arguments, [], log)?;
        until("the way to moto", || async {
            let connected = tokio::net::TcpStream::connect(("127.0.0.1", port)).await;
            connected.map(drop).map_err(|error| error.to_string())
        })
        .await?;
        Ok(Self {
            endpoint: format!("http://{}", SocketAddr::new(address, 5000)),
            url: format!("http://127.0.0.1:{port}"),
            _moto: None,
            _forward: Some((forward, folder)),
        })
    }

    /// A client of Secrets Manager with these credentials; moto keeps accounts apart by the role that was assumed.
    fn client(&self, credentials: Credentials) -> Client {
        let config = Config::builder()
            .behavior_version_latest()
            .endpoint_url(&self.url)
            .region(Region::new(REGION))
            .credentials_provider(credentials);
        Client::from_conf(config.build())
    }

    /// Of the account that callers without a role have.
    pub(crate) fn own_account(&self) -> Client {
        self.client(Credentials::new("AKIAE2E", "e2e", None, None, "e2e"))
    }

    /// Of another account, by a role in it.
    pub(crate) async fn account_of(&self, role: &str) -> Result<Client, Failure> {
        let body = format!(
            "Action=AssumeRole&Version=2011-06-15&RoleSessionName=e2e&RoleArn={}",
            role.replace(':', "%3A").replace('/', "%2F")
        );
        let answer = http_post(&self.url, "sts", &body).await?;
        let field = |name: &str| {
            let (_, rest) = answer.split_once(&format!("<{name}>"))?;
            rest.split_once('<').map(|(value, _)| value.to_owned())
        };
        let missing = || format!("STS did not answer with credentials: {answer}");
        let id = field("AccessKeyId").ok_or_else(missing)?;
        let key = field("SecretAccessKey").ok_or_else(missing)?;
        Ok(self.client(Credentials::new(id, key, field("SessionToken"), None, "e2e")))
    }
}

/// STS speaks forms and XML, and one call of it is not worth an SDK here.
async fn http_post(url: &str, service: &str, body: &str) -> Result<String, Failure> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let address = url.trim_start_matches("http://");
    let mut stream = tokio::net::TcpStream::connect(address).await?;
    let request = format!(
        "POST / HTTP/1.0\r\nHost: {service}.{REGION}.amazonaws.com\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=AKIAE2E/20260101/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=0\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}

/// Creates a secret, or rotates it.
pub(crate) async fn put(client: &Client, name: &str, value: &str) -> Result<(), Failure> {
    let created = client
        .create_secret()
        .name(name)
        .secret_string(value)
        .send()
        .await;
    match created {
        Ok(_) => Ok(()),
        Err(error)
            if error
                .as_service_error()
                .is_some_and(CreateSecretError::is_resource_exists_exception) =>
        {
            client
                .put_secret_value()
                .secret_id(name)
                .secret_string(value)
                .send()
                .await?;
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}
