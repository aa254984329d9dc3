//! `/healthz` and `/readyz` on one address, `/metrics` on another.

use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    Router,
    http::{StatusCode, header::CONTENT_TYPE},
    response::IntoResponse,
    routing::get,
};
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;

use super::metrics::Exposition;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 128;

/// Where something is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    /// Not at all.
    Nowhere,
    /// At every address of the Pod, IPv6 and IPv4 alike.
    Everywhere(u16),
    /// At one address.
    At(SocketAddr),
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere => f.write_str("0"),
            Self::Everywhere(port) => write!(f, ":{port}"),
            Self::At(addr) => write!(f, "{addr}"),
        }
    }
}

/// One socket for both protocols; on a node without IPv6, one for IPv4.
async fn bind_everywhere(port: u16) -> io::Result<TcpListener> {
    let both = || {
        let socket = TcpSocket::new_v6()?;
        // Whatever the node's default is.
        rustix::net::sockopt::set_ipv6_v6only(&socket, false)?;
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::from(([0_u16; 8], port)))?;
        socket.listen(BACKLOG)
    };
    match both() {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => {
            TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await
        }
        bound => bound,
    }
}

/// Whether the first lists are in.
#[derive(Clone, Debug, Default)]
pub struct Ready(Arc<AtomicBool>);

impl Ready {
    /// From now on we are ready.
    pub fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether we are.
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Serves health until stopped.
pub async fn serve_health(addr: Listen, ready: Ready, stop: CancellationToken) -> io::Result<()> {
    let router = Router::new().route("/healthz", get(|| async { "ok" })).route(
        "/readyz",
        get(move || async move {
            if ready.get() {
                (StatusCode::OK, "ok")
            } else {
                (StatusCode::SERVICE_UNAVAILABLE, "the first lists are not in")
            }
        }),
    );
    serve(addr, router, stop).await
}

/// Serves metrics until stopped.
pub async fn serve_metrics(addr: Listen, exposition: Exposition, stop: CancellationToken) -> io::Result<()> {
    let router = Router::new().route("/metrics", get(move || async move { scraped(&exposition) }));
    serve(addr, router, stop).await
}

fn scraped(exposition: &Exposition) -> axum::response::Response {
    match exposition.text() {
        Ok(text) => ([(CONTENT_TYPE, Exposition::MEDIA_TYPE)], text).into_response(),
        Err(_) => (StatusCode::INTERNAL_SERVER_ERROR, "metrics could not be written").into_response(),
    }
}

async fn serve(addr: Listen, router: Router, stop: CancellationToken) -> io::Result<()> {
    let listener = match addr {
        Listen::Nowhere => {
            stop.cancelled().await;
            return Ok(());
        }
        Listen::Everywhere(port) => bind_everywhere(port).await?,
        Listen::At(addr) => TcpListener::bind(addr).await?,
    };
    axum::serve(listener, router)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn a_port_alone_is_served_on_ipv6_and_ipv4() {
        let listener = bind_everywhere(0).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        TcpStream::connect((Ipv6Addr::LOCALHOST, port)).await.unwrap();
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.unwrap();
    }

    #[test]
    fn a_scrape_says_which_format_it_has() {
        let answer = scraped(&Exposition::default());
        assert_eq!(answer.headers()[CONTENT_TYPE], "text/plain; version=0.0.4");
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_an_error() {
        let listener = bind_everywhere(0).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let error = bind_everywhere(port).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    }

    #[tokio::test]
    async fn what_is_served_nowhere_ends_with_the_operator() {
        let stop = CancellationToken::new();
        stop.cancel();
        serve_health(Listen::Nowhere, Ready::default(), stop)
            .await
            .unwrap();
    }
}
