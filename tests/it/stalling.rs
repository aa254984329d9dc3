//! A way to the API server that holds chosen requests, so that an operator can be killed between two of them.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{Router, body::Body, extract::State, http::Request, response::Response};
use keyferry_parts::ControlPlane;
use kube::Client;
use tokio::sync::{Notify, watch};

/// Where a request is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// The API server never sees it.
    Before,
    /// The API server acts, but its answer never arrives.
    After,
    /// The API server sees it once it is released.
    UntilReleased,
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
    stall: watch::Sender<Option<Stall>>,
    held: Notify,
    waiting: AtomicUsize,
}

/// The proxy.
pub(crate) struct Stalling {
    shared: Arc<Shared>,
    kubeconfig: PathBuf,
}

/// Serves a way to the API server until the test's runtime ends. Gives a kubeconfig that leads there.
pub(crate) async fn serve(plane: &ControlPlane, way: Router) -> PathBuf {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, way).await.unwrap() });
    let kubeconfig = plane.folder().join(format!("way-{port}.kubeconfig"));
    let text = format!(
        "apiVersion: v1\nkind: Config\nclusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:{port}'}}}}]\n\
         users: [{{name: u, user: {{}}}}]\ncontexts: [{{name: x, context: {{cluster: c, user: u}}}}]\ncurrent-context: x\n"
    );
    std::fs::write(&kubeconfig, text).unwrap();
    kubeconfig
}

impl Stalling {
    pub(crate) async fn start(plane: &ControlPlane) -> Self {
        let shared = Arc::new(Shared {
            client: plane.client().await.unwrap(),
            stall: watch::Sender::new(None),
            held: Notify::new(),
            waiting: AtomicUsize::new(0),
        });
        let router = Router::new().fallback(forward).with_state(Arc::clone(&shared));
        let kubeconfig = serve(plane, router).await;
        Self { shared, kubeconfig }
    }

    /// A kubeconfig that leads here.
    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.kubeconfig.clone()
    }

    pub(crate) fn stall(&self, stall: Stall) {
        self.shared.stall.send_replace(Some(stall));
    }

    /// Later requests pass, and those that are held until then.
    pub(crate) fn release(&self) {
        self.shared.stall.send_replace(None);
    }

    /// How many requests are held until they are released.
    pub(crate) fn waiting(&self) -> usize {
        self.shared.waiting.load(Ordering::SeqCst)
    }

    /// Until a request is held.
    pub(crate) async fn held(&self) {
        tokio::time::timeout(crate::world::DEADLINE, self.shared.held.notified())
            .await
            .expect("a held request");
    }
}

/// One of the requests that wait, until it goes on or its client gives up.
struct Waiting(Arc<Shared>);

impl Waiting {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.waiting.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(shared))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn forward(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response<Body> {
    let stall = shared.stall.borrow().filter(|stall| {
        request.method().as_str() == stall.method && request.uri().path().contains(stall.path)
    });
    if stall.is_some_and(|stall| stall.hold == Hold::Before) {
        shared.held.notify_one();
        std::future::pending::<()>().await;
    }
    if stall.is_some_and(|stall| stall.hold == Hold::UntilReleased) {
        let _waiting = Waiting::new(&shared);
        let mut stalls = shared.stall.subscribe();
        stalls.wait_for(Option::is_none).await.unwrap();
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
    if stall.is_some_and(|stall| stall.hold == Hold::After) {
        shared.held.notify_one();
        std::future::pending::<()>().await;
    }
    response.map(Body::new)
}
