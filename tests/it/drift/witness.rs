//! A way to the API server that remembers what it answered.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use axum::{Router, body::Body, extract::State, http::Request, response::Response};
use http_body_util::BodyExt;
use keyferry_parts::ControlPlane;
use kube::Client;

use crate::stalling::serve;

/// A request and its answer, as far as it has come.
#[derive(Clone, Debug, Default)]
pub(super) struct Exchange {
    pub(super) method: String,
    /// With query.
    pub(super) path: String,
    pub(super) accept: String,
    pub(super) answer: Vec<u8>,
}

struct Shared {
    client: Client,
    exchanges: Mutex<Vec<Exchange>>,
}

/// The witness. Its server ends with the test's runtime.
pub(super) struct Witness {
    shared: Arc<Shared>,
    kubeconfig: PathBuf,
}

impl Witness {
    pub(super) async fn start(plane: &ControlPlane) -> Self {
        let shared = Arc::new(Shared {
            client: plane.client().await.unwrap(),
            exchanges: Mutex::default(),
        });
        let router = Router::new().fallback(forward).with_state(Arc::clone(&shared));
        let kubeconfig = serve(plane, router).await;
        Self { shared, kubeconfig }
    }

    /// A kubeconfig that leads here.
    pub(super) fn kubeconfig(&self) -> PathBuf {
        self.kubeconfig.clone()
    }

    /// Everything about Secrets.
    pub(super) fn on_secrets(&self) -> Vec<Exchange> {
        let exchanges = self.shared.exchanges.lock().unwrap();
        let about = |exchange: &&Exchange| {
            let path = exchange.path.split('?').next().unwrap_or_default();
            path.contains("/secrets/") || path.ends_with("/secrets")
        };
        exchanges.iter().filter(about).cloned().collect()
    }

    /// Everything that was answered.
    pub(super) fn all(&self) -> Vec<Exchange> {
        self.shared.exchanges.lock().unwrap().clone()
    }
}

async fn forward(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response<Body> {
    let (mut parts, body) = request.into_parts();
    for name in ["host", "accept-encoding"] {
        parts.headers.remove(name);
    }
    let accept = parts
        .headers
        .get("accept")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let exchange = Exchange {
        method: parts.method.to_string(),
        path: parts.uri.to_string(),
        accept: accept.to_owned(),
        answer: vec![],
    };
    let at = {
        let mut exchanges = shared.exchanges.lock().unwrap();
        exchanges.push(exchange);
        exchanges.len() - 1
    };
    let body = axum::body::to_bytes(body, 4 << 20).await.unwrap();
    let request = Request::from_parts(parts, kube::client::Body::from(body));
    let response = shared.client.send(request).await.unwrap();
    response.map(|body| {
        Body::new(body.map_frame(move |frame| {
            if let Some(data) = frame.data_ref() {
                shared.exchanges.lock().unwrap()[at]
                    .answer
                    .extend_from_slice(data);
            }
            frame
        }))
    })
}
