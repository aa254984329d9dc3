//! A way to the API server that holds chosen requests, so that an operator can be killed between two of them.

use std::sync::{Arc, Mutex};

use axum::{Router, body::Body, extract::State, http::Request, response::Response};
use kube::Client;
use tokio::sync::Notify;

/// Where a request is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// The API server never sees it.
    Before,
    /// The API server acts, but its answer never arrives.
    After,
    /// It is answered with 503, and not held.
    Refuse,
}

/// Which requests are held, and where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stall {
    pub(crate) method: &'static str,
    pub(crate) path: &'static str,
    pub(crate) hold: Hold,
}

struct Shared {
    client: Client,
    stall: Mutex<Option<Stall>>,
    held: Notify,
}

/// The proxy.
pub(crate) struct Stalling {
    shared: Arc<Shared>,
    port: u16,
}

impl Stalling {
    pub(crate) async fn start(client: Client) -> Self {
        let shared = Arc::new(Shared {
            client,
            stall: Mutex::new(None),
            held: Notify::new(),
        });
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let router = Router::new().fallback(forward).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { shared, port }
    }

    /// A kubeconfig that leads here.
    pub(crate) fn kubeconfig(&self) -> String {
        format!(
            "apiVersion: v1\nkind: Config\nclusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:{}'}}}}]\n\
             users: [{{name: u, user: {{}}}}]\ncontexts: [{{name: x, context: {{cluster: c, user: u}}}}]\ncurrent-context: x\n",
            self.port
        )
    }

    pub(crate) fn stall(&self, stall: Stall) {
        *self.shared.stall.lock().unwrap() = Some(stall);
    }

    /// Later requests pass.
    pub(crate) fn release(&self) {
        *self.shared.stall.lock().unwrap() = None;
    }

    /// Until a request is held.
    pub(crate) async fn held(&self) {
        tokio::time::timeout(crate::world::DEADLINE, self.shared.held.notified())
            .await
            .expect("a held request");
    }
}

async fn forward(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response<Body> {
    let stall = shared.stall.lock().unwrap().filter(|stall| {
        request.method().as_str() == stall.method && request.uri().path().contains(stall.path)
    });
    if stall.is_some_and(|stall| stall.hold == Hold::Before) {
        shared.held.notify_one();
        std::future::pending::<()>().await;
    }
    if stall.is_some_and(|stall| stall.hold == Hold::Refuse) {
        shared.held.notify_one();
        return Response::builder().status(503).body(Body::empty()).unwrap();
    }
    let (mut parts, body) = request.into_parts();
    parts.headers.remove("host");
    let bytes = axum::body::to_bytes(body, 4 << 20).await.unwrap();
    let request = Request::from_parts(parts, kube::client::Body::from(bytes));
    let response = shared.client.send(request).await.unwrap();
    if stall.is_some() {
        shared.held.notify_one();
        std::future::pending::<()>().await;
    }
    response.map(Body::new)
}
