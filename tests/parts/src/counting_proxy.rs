//! A reverse proxy before moto that records every call and breaks those it is told to break.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::aws_call::AwsCall;
use crate::fault::{Fault, Faults, InForce, When};
use crate::recorder::Recorder;
use crate::server::{Asked, Reply, Server};

/// A running proxy. Dropping it stops it.
#[derive(Debug)]
pub struct CountingProxy {
    server: Server,
    state: Arc<State>,
}

#[derive(Debug)]
struct State {
    backend: String,
    client: Client<HttpConnector, Full<Bytes>>,
    recorder: Recorder,
    faults: Arc<Faults>,
    /// Access key → role ARN, learned from the answers of STS.
    roles: Mutex<HashMap<String, String>>,
}

impl CountingProxy {
    /// Passes everything on to `backend`, such as [`Moto::url`](crate::Moto::url).
    pub fn start(backend: &str) -> std::io::Result<Self> {
        let state = Arc::new(State {
            backend: backend.to_owned(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            recorder: Recorder::default(),
            faults: Arc::default(),
            roles: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        let server = Server::start("counting-proxy", None, move |asked| {
            answer(Arc::clone(&shared), asked)
        })?;
        Ok(Self { server, state })
    }

    /// `http://127.0.0.1:<port>`, for every service.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// What was asked, also where a fault answered.
    pub fn calls(&self) -> &Recorder {
        &self.state.recorder
    }

    /// Puts `fault` in force until the returned value is dropped.
    pub fn inject(&self, when: When, fault: Fault) -> InForce {
        self.state.faults.put_in_force(when, fault, None)
    }

    /// Puts `fault` in force for the next `times` such calls.
    pub fn inject_times(&self, times: u32, when: When, fault: Fault) -> InForce {
        self.state.faults.put_in_force(when, fault, Some(times))
    }
}

async fn answer(state: Arc<State>, asked: Asked) -> Reply {
    let mut call = AwsCall::read(&asked);
    if let Some(role) = state
        .roles
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get(&call.identity)
    {
        call.identity.clone_from(role);
    }
    state.recorder.record(call.clone());
    let verdict = state.faults.judge(&call);
    if verdict.silent {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(verdict.wait).await;
    if let Some(error) = verdict.error {
        return error.reply(call.protocol);
    }
    let mut reply = match pass_on(&state, asked).await {
        Ok(reply) => reply,
        Err(error) => Reply::new(StatusCode::BAD_GATEWAY, "text/plain", error),
    };
    if let Some(role) = call.text("RoleArn")
        && let Some(key) = issued_key(&reply.body)
    {
        state
            .roles
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, role.to_owned());
    }
    reply.delivery = verdict.delivery;
    reply
}

/// The access key in the XML answer of an `AssumeRole…`.
fn issued_key(body: &Bytes) -> Option<String> {
    let text = std::str::from_utf8(body).ok()?;
    Some(text.split_once("<AccessKeyId>")?.1.split_once('<')?.0.to_owned())
}

async fn pass_on(state: &State, asked: Asked) -> Result<Reply, String> {
    let path = asked.head.uri.path_and_query().map_or("/", |path| path.as_str());
    let uri: Uri = format!("{}{path}", state.backend)
        .parse()
        .map_err(|error: http::uri::InvalidUri| error.to_string())?;
    let mut request = Request::new(Full::new(asked.body));
    *request.method_mut() = asked.head.method;
    *request.uri_mut() = uri;
    // `Host` stays the client's: it is signed, and moto puts it into the URLs that it gives out.
    *request.headers_mut() = end_to_end(asked.head.headers);
    let response = state
        .client
        .request(request)
        .await
        .map_err(|error| error.to_string())?;
    let (head, body) = response.into_parts();
    let body = body
        .collect()
        .await
        .map_err(|error| error.to_string())?
        .to_bytes();
    let mut reply = Reply::new(head.status, "", body);
    reply.headers = end_to_end(head.headers);
    Ok(reply)
}

/// Without the headers that belong to one connection.
fn end_to_end(mut headers: HeaderMap) -> HeaderMap {
    for name in [
        header::CONNECTION,
        header::TRANSFER_ENCODING,
        header::CONTENT_LENGTH,
    ] {
        headers.remove(name);
    }
    headers
}
