//! No value and no credential reaches a log, at any level.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    sync::{Arc, Mutex},
};

use keyferry_parts::{Fault, When, fake_aws::SecretValue};
use tracing_subscriber::{EnvFilter, fmt::MakeWriter};

use crate::{
    api::secret_store::AwsProvider,
    aws::testing::{World, in_own_process, with_account, with_keys},
};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut log = self.0.lock().map_err(|_| io::Error::other("poisoned"))?;
        log.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

const TARGET: &str = "arn:aws:iam::333333333333:role/target";
/// Values, keys, tokens: each must stay out.
const PLANTED: [&str; 5] = [
    "planted-value",
    "cGxhbnRlZC12YWx1ZQ",
    "planted-secret-key",
    "planted-signature",
    "session-token-",
];

async fn exercise() {
    let world = World::start().await;
    let vault = world.aws.vault("333333333333", "us-east-1");
    for number in 0..5 {
        vault.put_secret(&format!("app-{number}"), "planted-value");
    }
    vault.put_secret("binary", SecretValue::Binary(b"planted-value".to_vec()));
    world.keys("a", "AKIAONE");
    world
        .kube
        .account("a", "reader", &[("eks.amazonaws.com/role-arn", TARGET)]);
    let with_role = AwsProvider {
        role: Some(TARGET.to_owned()),
        ..with_keys()
    };
    for aws in [&with_role, &with_account("reader")] {
        let identity = world.identity(aws, "a").await.unwrap();
        let faults = [
            None,
            Some(Fault::Cut),
            Some(Fault::error(400, "ValidationException", "planted-value")),
            Some(Fault::error(400, "planted-value", "planted-value")),
            Some(Fault::error(
                400,
                "AccessDeniedException",
                "User: planted-value is not authorized",
            )),
            Some(Fault::error(500, "InternalServiceError", "planted-value")),
        ];
        for fault in faults {
            let _fault = fault.map(|fault| world.aws.inject(When::any(), fault));
            let reads = ["app-0", "app-1", "app-2", "binary", "absent"].map(|id| world.urgent(&identity, id));
            for result in futures::future::join_all(reads).await {
                let shown = format!("{result:?}");
                assert!(!shown.contains("planted"), "{shown}");
            }
        }
        world.aws.expire_sessions();
        drop(world.urgent(&identity, "app-3").await);
    }
}

/// Crates below that print requests at TRACE. The subscriber lets no library log below INFO, whatever level is asked for.
const QUIET_TARGETS: &[&str] = &["aws_smithy_runtime"];

/// The crate that a log line comes from.
fn origin(line: &str) -> String {
    let line: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
    let target = line
        .get("target")
        .and_then(serde_json::Value::as_str)
        .unwrap_or_default();
    target.split("::").next().unwrap_or_default().to_owned()
}

#[test]
#[ignore = "has a process of its own: see the test below"]
fn everything_is_logged_at_trace() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .json()
        .with_env_filter(EnvFilter::new("trace"))
        .with_writer(log.clone());
    tracing::subscriber::set_global_default(subscriber.finish()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(exercise());
    let bytes = log.0.lock().unwrap().clone();
    let log = String::from_utf8_lossy(&bytes);
    assert!(
        log.lines().any(|line| origin(line) == "keyferry"),
        "the test must see our own log lines"
    );
    let leaking = log
        .lines()
        .filter(|line| PLANTED.iter().any(|planted| line.contains(planted)));
    let origins: BTreeSet<_> = leaking.map(origin).collect();
    let known: BTreeSet<_> = QUIET_TARGETS.iter().map(|&target| target.to_owned()).collect();
    assert_eq!(
        origins, known,
        "these targets print values or credentials at TRACE"
    );
}

/// Interest in log lines is cached for the whole process, where other tests run with no log at all.
#[test]
fn values_and_credentials_are_logged_by_the_quiet_targets_only() {
    in_own_process("aws::broker::tests::leaks::everything_is_logged_at_trace", &[]);
}
