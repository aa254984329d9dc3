//! An HTTP/1.1 server on loopback with a thread and a runtime of its own.
//!
//! Each `#[tokio::test]` has its own runtime; what the tests of a binary share must not end with the first of them.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread::JoinHandle;

use bytes::Bytes;
use futures::StreamExt as _;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Either, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;

use crate::certificate::Certificate;

/// A request with its whole body.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) head: http::request::Parts,
    pub(crate) body: Bytes,
}

/// What is sent back, and how much of it.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) delivery: Delivery,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    Whole,
    /// The headers promise the whole body, half of it comes, then the connection is closed.
    Cut,
    /// The connection is closed without an answer.
    HangUp,
}

impl Reply {
    pub(crate) fn new(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(content_type))]);
        Self {
            status,
            headers,
            body: body.into(),
            delivery: Delivery::Whole,
        }
    }
}

/// Dropping it stops the server and closes its connections.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    authority_pem: Option<String>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves `answer` on a free port until dropped: over TLS if there is a certificate.
    pub(crate) fn start<A, F>(name: &str, certificate: Option<Certificate>, answer: A) -> io::Result<Self>
    where
        A: Fn(Asked) -> F + Clone + Send + 'static,
        F: Future<Output = Reply> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let (authority_pem, acceptor) = certificate
            .map(|certificate| (certificate.authority_pem, certificate.acceptor))
            .unzip();
        let serve = move || {
            runtime.block_on(async {
                tokio::select! {
                    () = accept(listener, acceptor, answer) => {}
                    _ = stopped => {}
                }
            });
            runtime.shutdown_background();
        };
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(serve)?;
        Ok(Self {
            address,
            authority_pem,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// `http://127.0.0.1:<port>` or `https://…`.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.authority_pem.is_some() {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", self.address)
    }

    /// What a client must trust, if this is TLS.
    pub(crate) fn authority_pem(&self) -> Option<&str> {
        self.authority_pem.as_deref()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there has been printed by its thread.
            drop(thread.join());
        }
    }
}

async fn accept<A, F>(listener: TcpListener, acceptor: Option<TlsAcceptor>, answer: A)
where
    A: Fn(Asked) -> F + Clone + Send + 'static,
    F: Future<Output = Reply> + Send + 'static,
{
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    loop {
        // Out of descriptors, or a client that went away: neither ends the server.
        let Ok((stream, _)) = listener.accept().await else {
            tokio::task::yield_now().await;
            continue;
        };
        // Small answers must not wait for acknowledgements; without it they only come later.
        drop(stream.set_nodelay(true));
        let answer = answer.clone();
        // The failures of a connection are the client's, or asked for by a fault.
        match acceptor.clone() {
            None => drop(tokio::spawn(serve(stream, answer))),
            Some(acceptor) => drop(tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve(stream, answer).await;
                }
            })),
        }
    }
}

async fn serve<S, A, F>(stream: S, answer: A)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    A: Fn(Asked) -> F + Clone + Send + 'static,
    F: Future<Output = Reply> + Send + 'static,
{
    let service = service_fn(move |request| respond(answer.clone(), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    drop(connection.await);
}

type Body = Either<Full<Bytes>, StreamBody<futures::stream::BoxStream<'static, io::Result<Frame<Bytes>>>>>;

async fn respond<A, F>(answer: A, request: Request<Incoming>) -> io::Result<Response<Body>>
where
    A: Fn(Asked) -> F,
    F: Future<Output = Reply>,
{
    let (head, body) = request.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let mut reply = answer(Asked { head, body }).await;
    reply
        .headers
        .insert(header::CONTENT_LENGTH, reply.body.len().into());
    let body = match reply.delivery {
        Delivery::Whole => Either::Left(Full::new(reply.body)),
        Delivery::Cut => Either::Right(StreamBody::new(half(&reply.body).boxed())),
        Delivery::HangUp => return Err(closed()),
    };
    let mut response = Response::new(body);
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    Ok(response)
}

/// The first half of `body`, a pause in which it is sent, and then an error, which closes the connection.
fn half(body: &Bytes) -> impl futures::Stream<Item = io::Result<Frame<Bytes>>> + Send + use<> {
    let first = Frame::data(body.slice(..body.len() / 2));
    futures::stream::iter([Ok(first)]).chain(futures::stream::once(async {
        tokio::task::yield_now().await;
        Err(closed())
    }))
}

fn closed() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "closed on purpose")
}
