//! The connections to the API server: few, enough, and given up when they lead nowhere.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use keyferry_parts::ControlPlane;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::world::{Operator, Space, Start};

/// Carries bytes to the API server and back, until it is told to forget the connections that there are.
struct Relay {
    kubeconfig: PathBuf,
    forgotten: watch::Sender<usize>,
    opened: Arc<AtomicUsize>,
}

impl Relay {
    async fn start(plane: &ControlPlane) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let text = std::fs::read_to_string(plane.kubeconfig()).unwrap();
        let (before, rest) = text.split_once("https://127.0.0.1:").unwrap();
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap();
        let (server, after) = rest.split_at(end);
        let kubeconfig = plane.folder().join(format!("relay-{port}.kubeconfig"));
        std::fs::write(&kubeconfig, format!("{before}https://127.0.0.1:{port}{after}")).unwrap();
        let relay = Self {
            kubeconfig,
            forgotten: watch::Sender::new(0),
            opened: Arc::default(),
        };
        let (forgotten, opened) = (relay.forgotten.subscribe(), Arc::clone(&relay.opened));
        let server = format!("127.0.0.1:{server}");
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let number = opened.fetch_add(1, Ordering::SeqCst) + 1;
                let mut far = TcpStream::connect(&server).await.unwrap();
                let mut forgotten = forgotten.clone();
                tokio::spawn(async move {
                    let is_forgotten = async { forgotten.wait_for(|last| *last >= number).await.is_ok() };
                    let forgotten = tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => false,
                        forgotten = is_forgotten => forgotten,
                    };
                    // Held open, and silent.
                    if forgotten {
                        std::future::pending::<()>().await;
                    }
                });
            }
        });
        relay
    }

    /// How many connections were opened.
    fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }

    /// What stands leads nowhere from now on. New connections do.
    fn forget(&self) {
        self.forgotten.send_replace(self.opened());
    }
}

/// What an operator with these arguments serves goes on after all its connections lead nowhere.
async fn outlives_its_connections(class: &str, arguments: Vec<String>) {
    let space = Space::unserved().await;
    space.store_of(class).await;
    space.put("shared", "v").await;
    let relay = Relay::start(space.world.plane).await;
    let start = Start {
        class: Some(class.to_owned()),
        kubeconfig: Some(relay.kubeconfig.clone()),
        arguments,
        ..Start::default()
    };
    let operator = Operator::start(&start, class).await;
    space.apply("before", space.one("shared", "1h")).await;
    space.ready("before", "True").await;
    relay.forget();
    space.apply("after", space.one("shared", "1h")).await;
    space.ready("after", "True").await;
    space.holds("after", &[("v", "v")]).await;
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_lead_nowhere_are_given_up_and_the_watches_go_on() {
    outlives_its_connections("forgotten", vec![]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_whose_connection_leads_nowhere_renews_its_lease_on_another_one() {
    // An operator that loses its Lease ends, and nobody would serve what comes after.
    let arguments = [
        "--enable-leader-election",
        "--leader-election-id=forgotten-leader",
    ];
    outlives_its_connections("forgotten-leader", arguments.map(str::to_owned).to_vec()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_objects_take_few_connections() {
    let space = Space::unserved().await;
    space.store_of("few").await;
    space.put("shared", "v").await;
    let names: Vec<_> = (0..100).map(|n| format!("es{n}")).collect();
    for name in &names {
        space.apply(name, space.one("shared", "1h")).await;
    }
    let relay = Relay::start(space.world.plane).await;
    let start = Start {
        class: Some("few".to_owned()),
        kubeconfig: Some(relay.kubeconfig.clone()),
        ..Start::default()
    };
    let operator = Operator::start(&start, "few").await;
    for name in &names {
        space.ready(name, "True").await;
    }
    // One for each write under way would be 64, one for each list of the start ten.
    assert!(relay.opened() <= 2, "{}", relay.opened());
    operator.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watches_of_many_served_namespaces_do_not_wait_for_each_other() {
    let space = Space::unserved().await;
    space.store_of("many").await;
    space.put("shared", "v").await;
    // A server allows 250 streams on a connection at most. Most of these do not exist, which no watch minds.
    let mut namespaces: Vec<_> = (1..300).map(|n| format!("absent-{n}")).collect();
    namespaces.push(space.namespace.clone());
    let start = Start {
        class: Some("many".to_owned()),
        arguments: vec![format!("--namespace={}", namespaces.join(","))],
        ..Start::default()
    };
    let operator = Operator::start(&start, "many").await;
    space.apply("app", space.one("shared", "1h")).await;
    space.holds("app", &[("v", "v")]).await;
    space.ready("app", "True").await;
    operator.stop().await;
}
