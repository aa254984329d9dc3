//! HTTP and SDK clients: one HTTP client for everything, one SDK client per service, region and kind of endpoint.
//!
//! No SDK client holds credentials: each call brings its own, and nothing is cached by identity here, so that tenants cannot
//! be confused. Retries are not the SDK's: see [`call`](super::call).

use std::{
    collections::HashMap,
    fmt,
    hash::Hash,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use aws_config::{
    BehaviorVersion, Region, provider_config::ProviderConfig, retry::RetryConfig, timeout::TimeoutConfig,
};
use aws_credential_types::Credentials;
use aws_sdk_ecr as ecr;
use aws_sdk_ecrpublic as ecr_public;
use aws_sdk_secretsmanager as secretsmanager;
use aws_sdk_ssm as ssm;
use aws_sdk_sts as sts;
use aws_smithy_http_client::{
    Connector,
    proxy::ProxyConfig,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    http::{
        HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
        http_client_fn,
    },
    orchestrator::HttpRequest,
    stalled_stream_protection::StalledStreamProtectionConfig,
};
use aws_smithy_types::body::SdkBody;
use http_body_util::Limited;
use rustls::pki_types::{CertificateDer, pem::PemObject};

use super::{
    error::{Class, Error},
    identity::Identity,
    settings::{Settings, Timeouts},
};

/// Connections that are kept open to one endpoint.
const IDLE_CONNECTIONS: usize = 64;
/// The credential endpoints of a node or task are near; they answer quickly or not at all.
const NEAR_TIMEOUT: Duration = Duration::from_secs(2);

/// Twenty values of 64 KiB, each byte written as six characters, and what comes with them.
const LARGEST_ANSWER: usize = 8 * 1024 * 1024;

/// Region and kind of endpoint.
type Place = (String, bool);

/// Makes and keeps clients.
pub(super) struct Clients {
    settings: Settings,
    http: SharedHttpClient,
    secrets_manager: Mutex<HashMap<Place, secretsmanager::Client>>,
    ssm: Mutex<HashMap<Place, ssm::Client>>,
    sts: Mutex<HashMap<Place, sts::Client>>,
    ecr: Mutex<HashMap<Place, ecr::Client>>,
    ecr_public: Mutex<HashMap<Place, ecr_public::Client>>,
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients").finish_non_exhaustive()
    }
}

/// Sets what all services' configurations have in common; their builders share no trait.
macro_rules! configured {
    ($service:ident, $self:ident, $identity:ident, $endpoint:expr) => {{
        let endpoint: Option<String> = $endpoint;
        let timeouts = &$self.settings.timeouts;
        let mut config = $service::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new($identity.region().to_owned()))
            // The SDK refuses FIPS together with an endpoint of our own; whoever names one decides what it is.
            .use_fips($identity.fips && endpoint.is_none())
            .http_client($self.http.clone())
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeout_config(timeouts))
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .identity_cache($service::config::IdentityCache::no_cache());
        config.set_endpoint_url(endpoint);
        $service::Client::from_conf(config.build())
    }};
}

impl Clients {
    pub(super) fn new(settings: &Settings) -> Result<Self, Error> {
        Ok(Self {
            settings: settings.clone(),
            http: http_client(settings)?,
            secrets_manager: Mutex::default(),
            ssm: Mutex::default(),
            sts: Mutex::default(),
            ecr: Mutex::default(),
            ecr_public: Mutex::default(),
        })
    }

    pub(super) fn secrets_manager(&self, identity: &Identity) -> secretsmanager::Client {
        kept(&self.secrets_manager, place(identity), || {
            configured!(
                secretsmanager,
                self,
                identity,
                self.settings.endpoints.secrets_manager.clone()
            )
        })
    }

    pub(super) fn ssm(&self, identity: &Identity) -> ssm::Client {
        kept(&self.ssm, place(identity), || {
            configured!(ssm, self, identity, self.settings.endpoints.ssm.clone())
        })
    }

    pub(super) fn sts(&self, identity: &Identity) -> sts::Client {
        kept(&self.sts, place(identity), || {
            configured!(sts, self, identity, self.settings.endpoints.sts.clone())
        })
    }

    pub(super) fn ecr(&self, identity: &Identity) -> ecr::Client {
        kept(&self.ecr, place(identity), || {
            configured!(ecr, self, identity, self.settings.endpoints.ecr.clone())
        })
    }

    pub(super) fn ecr_public(&self, identity: &Identity) -> ecr_public::Client {
        kept(&self.ecr_public, place(identity), || {
            configured!(
                ecr_public,
                self,
                identity,
                self.settings.endpoints.ecr_public.clone()
            )
        })
    }

    /// For the providers of the operator's own credentials. They reach addresses of the node: no proxy, and short
    /// timeouts.
    pub(super) fn near(region: &str) -> ProviderConfig {
        let connector = connector(
            NEAR_TIMEOUT,
            Duration::from_secs(5),
            None,
            ProxyConfig::disabled(),
        );
        ProviderConfig::without_region()
            .with_region(Some(Region::new(region.to_owned())))
            .with_http_client(always(connector))
    }
}

/// What one call to Secrets Manager brings along.
pub(super) fn secretsmanager_as(credentials: &Credentials) -> secretsmanager::config::Builder {
    secretsmanager::Config::builder()
        .credentials_provider(credentials.clone())
        .identity_cache(secretsmanager::config::IdentityCache::no_cache())
}

/// What one call to Parameter Store brings along.
pub(super) fn ssm_as(credentials: &Credentials) -> ssm::config::Builder {
    ssm::Config::builder()
        .credentials_provider(credentials.clone())
        .identity_cache(ssm::config::IdentityCache::no_cache())
}

/// What one call to STS brings along.
pub(super) fn sts_as(credentials: &Credentials) -> sts::config::Builder {
    sts::Config::builder()
        .credentials_provider(credentials.clone())
        .identity_cache(sts::config::IdentityCache::no_cache())
}

/// What one call to ECR brings along.
pub(super) fn ecr_as(credentials: &Credentials) -> ecr::config::Builder {
    ecr::Config::builder()
        .credentials_provider(credentials.clone())
        .identity_cache(ecr::config::IdentityCache::no_cache())
}

/// What one call to ECR Public brings along.
pub(super) fn ecr_public_as(credentials: &Credentials) -> ecr_public::config::Builder {
    ecr_public::Config::builder()
        .credentials_provider(credentials.clone())
        .identity_cache(ecr_public::config::IdentityCache::no_cache())
}

fn place(identity: &Identity) -> Place {
    (identity.region().to_owned(), identity.fips)
}

fn kept<K: Eq + Hash, V: Clone>(map: &Mutex<HashMap<K, V>>, key: K, make: impl FnOnce() -> V) -> V {
    let mut map = map.lock().unwrap_or_else(PoisonError::into_inner);
    map.entry(key).or_insert_with(make).clone()
}

fn timeout_config(timeouts: &Timeouts) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(timeouts.connect)
        .read_timeout(timeouts.call)
        .operation_attempt_timeout(timeouts.call)
        .operation_timeout(timeouts.call)
        .build()
}

fn http_client(settings: &Settings) -> Result<SharedHttpClient, Error> {
    let authorities = match settings
        .ca_bundle
        .as_ref()
        .filter(|path| !path.as_os_str().is_empty())
    {
        None => None,
        Some(path) => {
            let refuse = |what: &str| {
                Error::new(
                    Class::Config,
                    "AWS_CA_BUNDLE",
                    format!("AWS_CA_BUNDLE {}: {what}", path.display()),
                )
            };
            let pem = std::fs::read(path).map_err(|error| refuse(&error.kind().to_string()))?;
            // The connector panics on what it cannot parse, so it is parsed here first.
            let mut roots = rustls::RootCertStore::empty();
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                let certificate = certificate.map_err(|_| refuse("it is no PEM file"))?;
                roots
                    .add(certificate)
                    .map_err(|_| refuse("it holds a certificate that cannot be used"))?;
            }
            if roots.is_empty() {
                return Err(refuse("it holds no certificate"));
            }
            let trusted = TrustStore::empty().with_pem_certificate(pem);
            Some(
                TlsContext::builder()
                    .with_trust_store(trusted)
                    .build()
                    .map_err(|_| refuse("it cannot be used"))?,
            )
        }
    };
    let timeouts = &settings.timeouts;
    Ok(always(connector(
        timeouts.connect,
        timeouts.call,
        authorities,
        ProxyConfig::from_env(),
    )))
}

fn connector(
    connect: Duration,
    read: Duration,
    authorities: Option<TlsContext>,
    proxy: ProxyConfig,
) -> SharedHttpConnector {
    let settings = HttpConnectorSettings::builder()
        .connect_timeout(connect)
        .read_timeout(read)
        .build();
    let mut builder = Connector::builder()
        .connector_settings(settings)
        .enable_tcp_nodelay(true)
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .proxy_config(proxy)
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc));
    if let Some(authorities) = authorities {
        builder.set_tls_context(authorities);
    }
    SharedHttpConnector::new(builder.build())
}

/// One connector for every request, so that all share its pool whatever timeouts they ask for.
fn always(connector: SharedHttpConnector) -> SharedHttpClient {
    let bounded = SharedHttpConnector::new(Bounded(connector));
    http_client_fn(move |_, _| bounded.clone())
}

/// Cuts answers that are larger than any that AWS gives: the SDK collects a whole body before it looks at it.
#[derive(Debug)]
struct Bounded(SharedHttpConnector);

impl HttpConnector for Bounded {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let answer = self.0.call(request);
        HttpConnectorFuture::new(async move {
            let bound = |body| SdkBody::from_body_1_x(Limited::new(body, LARGEST_ANSWER));
            answer.await.map(|response| response.map(bound))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(content: &str) -> Error {
        let file = std::env::temp_dir().join(format!(
            "keyferry-bundle-{}-{}",
            std::process::id(),
            content.len()
        ));
        std::fs::write(&file, content).unwrap();
        let result = Clients::new(&Settings {
            ca_bundle: Some(file.clone()),
            ..Settings::default()
        });
        std::fs::remove_file(file).unwrap();
        result.unwrap_err()
    }

    #[test]
    fn a_bundle_that_cannot_be_used_is_an_error_and_no_panic() {
        for content in [
            "",
            "no certificate",
            "-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----\n",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            let error = refusal(content);
            assert_eq!(
                (error.class, error.text.starts_with("AWS_CA_BUNDLE ")),
                (Class::Config, true),
                "{error}"
            );
        }
        let nowhere = Settings {
            ca_bundle: Some("/nowhere/ca.pem".into()),
            ..Settings::default()
        };
        assert_eq!(Clients::new(&nowhere).unwrap_err().class, Class::Config);
    }
}
