//! The way to the API server: one connection for nearly all requests.
//!
//! kube's own client speaks HTTP/1.1 alone, where each request that is under way takes a connection, with a handshake, and
//! a watch whose connection leads nowhere is given up after five minutes. This is the same client over HTTP/2, with pings.

use std::{collections::BTreeSet, iter::repeat_n, sync::Arc, time::Duration};

use http::{HeaderValue, Request, Uri, header::USER_AGENT};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder};
use hyper_timeout::TimeoutConnector;
use hyper_util::{
    client::legacy::{Client as Connections, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use kube::{
    Client, Config,
    client::{Body, ConfigExt as _, retry::RetryPolicy},
};
use rustls::pki_types::ServerName;
use tower::{BoxError, ServiceBuilder, retry::RetryLayer, steer::Steer};

/// Until a connection is there, its handshake with it.
const CONNECT: Duration = Duration::from_secs(10);
/// Longer than a watch lasts, so that a connection which carries only watches is not thought idle, and shorter than load
/// balancers remember one.
const IDLE: Duration = Duration::from_secs(330);

/// How a dead connection is found: after so long without a sign of life it is asked for one, and given up after as long again.
/// What was under way on it fails, and is tried again on a new one.
const PING: Duration = Duration::from_secs(10);
/// A dead connection must leave time to renew the Lease on another one: by default there are ten seconds.
const LEASE_PING: Duration = Duration::from_secs(2);

/// How many served namespaces share a connection for their watches. Each watch holds a stream for minutes, and servers allow
/// 100 on a connection: one more would wait until another ends. A namespace has six, and one for each kind of generic target.
const NAMESPACES: usize = 4;

/// Which connection a request takes.
#[derive(Debug, PartialEq, Eq)]
enum Way {
    /// One for all that is not named below: what comes together is read together, which costs a tenth less than two.
    Common,
    /// That of the Lease, with its own pings.
    Lease,
    /// Those of watches where only some namespaces are served. No request waits for a stream there.
    Watches(usize),
}

impl Way {
    fn of(uri: &Uri, served: &BTreeSet<String>) -> Self {
        if uri.path().contains("/apis/coordination.k8s.io/") {
            return Self::Lease;
        }
        let mut parameters = uri.query().unwrap_or_default().split('&');
        if !parameters.any(|parameter| parameter == "watch=true") {
            return Self::Common;
        }
        let namespace = uri
            .path()
            .rsplit_once("/namespaces/")
            .and_then(|(_, rest)| rest.split('/').next());
        let position = namespace.and_then(|namespace| served.iter().position(|one| one == namespace));
        position.map_or(Self::Common, |position| Self::Watches(position / NAMESPACES))
    }

    /// Its place among the connections.
    fn place(&self) -> usize {
        match self {
            Self::Common => 0,
            Self::Lease => 1,
            Self::Watches(nth) => 2 + nth,
        }
    }
}

/// A client of the API server that `config` names, where only these namespaces are `served`, or all.
pub(crate) fn client(mut config: Config, served: &BTreeSet<String>) -> Result<Client, BoxError> {
    let agent = HeaderValue::from_static(concat!("keyferry/", env!("CARGO_PKG_VERSION")));
    config.headers.push((USER_AGENT, agent));
    config.connect_timeout = Some(CONNECT);
    if config.proxy_url.is_some() {
        // Its error says that proxies are not supported.
        return Ok(Client::try_from(config)?);
    }
    let connector = connector(&config)?;
    let watches = repeat_n(PING, served.len().div_ceil(NAMESPACES));
    let pings = [PING, LEASE_PING].into_iter().chain(watches);
    let ways = pings.map(|ping| connections(connector.clone(), ping));
    let served = Arc::new(served.clone());
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .layer(RetryLayer::new(RetryPolicy::server_retry()))
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(Steer::new(ways, move |request: &Request<Body>, _: &[_]| {
            Way::of(request.uri(), &served).place()
        }));
    Ok(Client::new(service, config.default_namespace))
}

type Connector = TimeoutConnector<HttpsConnector<HttpConnector>>;

fn connector(config: &Config) -> Result<Connector, BoxError> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    let mut https = HttpsConnectorBuilder::new()
        .with_tls_config(config.rustls_client_config()?)
        .https_or_http();
    if let Some(name) = config.tls_server_name.clone() {
        https = https.with_server_name_resolver(FixedServerNameResolver::new(ServerName::try_from(name)?));
    }
    let mut connector = TimeoutConnector::new(https.enable_all_versions().wrap_connector(tcp));
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    Ok(connector)
}

/// One connection at a time where the server speaks HTTP/2, and as many as there are requests where something before it
/// speaks HTTP/1.1 alone.
fn connections(connector: Connector, ping: Duration) -> Connections<Connector, Body> {
    Connections::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .http2_keep_alive_interval(ping)
        .http2_keep_alive_timeout(ping)
        .http2_keep_alive_while_idle(true)
        .build(connector)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_never_share_a_connection_with_the_watches_of_served_namespaces() {
        let served: BTreeSet<String> = (10..30).map(|n| format!("team-{n}")).collect();
        let way = |served: &_, path: &str| {
            let uri = format!("https://server/namespaces/c{path}");
            Way::of(&uri.parse().unwrap(), served)
        };
        let secrets = "/api/v1/namespaces/team-29/secrets";
        assert_eq!(way(&served, secrets), Way::Common);
        assert_eq!(way(&served, &format!("{secrets}?limit=500")), Way::Common);
        let watch = |namespace: &str| {
            let path = format!("/api/v1/namespaces/{namespace}/secrets?&watch=true&timeoutSeconds=290");
            way(&served, &path)
        };
        let wanted = [0, 1, 4].map(Way::Watches);
        assert_eq!(["team-13", "team-14", "team-29"].map(watch), wanted);
        let everywhere = BTreeSet::new();
        assert_eq!(way(&everywhere, &format!("{secrets}?watch=true")), Way::Common);
        assert_eq!(way(&everywhere, "/api/v1/secrets?watch=true"), Way::Common);
        let lease = "/apis/coordination.k8s.io/v1/namespaces/keyferry/leases/keyferry";
        assert_eq!(way(&everywhere, lease), Way::Lease);
    }
}
