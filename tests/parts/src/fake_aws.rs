//! A small fast AWS of our own, for what moto cannot do: Secrets Manager, Parameter Store, STS and logins to ECR as far as
//! reading goes.
//!
//! It tells callers apart (the credentials that it hands out belong to the role that was assumed), refuses what AWS
//! refuses, records every call and breaks calls on request. It does not verify signatures: whoever knows an access key may
//! use it. Accounts and regions are kept apart; a secret of another account is reached by its ARN.

mod credentials;
mod ecr;
mod pages;
mod parameter_store;
mod policy;
mod secrets_manager;
mod sts;
mod vault;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, StatusCode};

use crate::aws_call::{AwsCall, Protocol};
use crate::aws_error::{AwsError, REQUEST_ID};
use crate::certificate::Certificate;
use crate::fault::{Fault, Faults, InForce, When};
use crate::recorder::Recorder;
use crate::server::{Asked, Reply, Server};

pub use credentials::Caller;
pub use policy::Denied;
pub use sts::Trust;
pub use vault::{SecretValue, Vault};

use credentials::Credentials;
use policy::Policy;
use vault::Vaults;

/// The account of access keys that nobody has registered.
pub const ACCOUNT: &str = "123456789012";
/// The region of [`FakeAws::home`].
pub const REGION: &str = "us-east-1";

/// A running fake. Dropping it stops it.
#[derive(Debug)]
pub struct FakeAws {
    server: Server,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    recorder: Recorder,
    faults: Arc<Faults>,
    world: Mutex<World>,
}

/// Everything that answers depend on.
#[derive(Debug, Default)]
struct World {
    vaults: Vaults,
    credentials: Credentials,
    trust: sts::TrustPolicies,
    policy: Policy,
    /// Secrets that batches leave out without a word.
    omitted: BTreeSet<String>,
    page_size: Option<usize>,
}

impl State {
    fn world(&self) -> MutexGuard<'_, World> {
        // A panicking test leaves a world that is whole.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FakeAws {
    pub fn start() -> std::io::Result<Self> {
        Self::start_with(None)
    }

    /// One that speaks TLS; clients must trust [`authority_pem`](Self::authority_pem), as by `AWS_CA_BUNDLE`.
    pub fn start_tls() -> std::io::Result<Self> {
        Self::start_with(Some(Certificate::new()?))
    }

    fn start_with(certificate: Option<Certificate>) -> std::io::Result<Self> {
        let state = Arc::<State>::default();
        let shared = Arc::clone(&state);
        let server = Server::start("fake-aws", certificate, move |asked| {
            answer(Arc::clone(&shared), asked)
        })?;
        Ok(Self { server, state })
    }

    #[cfg(test)]
    fn world(&self) -> MutexGuard<'_, World> {
        self.state.world()
    }

    /// The certificate authority of a fake that speaks TLS.
    pub fn authority_pem(&self) -> Option<&str> {
        self.server.authority_pem()
    }

    /// `http://127.0.0.1:<port>` or `https://…`, for every service.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// What was asked, by whom, also where a fault answered.
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

    /// The secrets and parameters of [`ACCOUNT`] in [`REGION`].
    pub fn home(&self) -> Vault<'_> {
        self.vault(ACCOUNT, REGION)
    }

    /// The secrets and parameters of an account in a region.
    pub fn vault(&self, account: &str, region: &str) -> Vault<'_> {
        Vault::new(&self.state, account, region)
    }

    /// Makes `access_key_id` a user of `account`. Keys that were never named are users of [`ACCOUNT`], unless
    /// [`refuse_unknown_keys`](Self::refuse_unknown_keys) was called.
    pub fn add_access_key(&self, access_key_id: &str, account: &str, user: &str) {
        self.state
            .world()
            .credentials
            .add_user(access_key_id, account, user);
    }

    /// Answers `UnrecognizedClientException` to access keys that were neither added nor handed out.
    pub fn refuse_unknown_keys(&self) {
        self.state.world().credentials.strict = true;
    }

    /// Lets sessions and logins to registries end after `lifetime`, whatever their `DurationSeconds` say.
    pub fn limit_sessions(&self, lifetime: Duration) {
        self.state.world().credentials.lifetime = Some(lifetime);
    }

    /// Every session handed out so far has expired from now on.
    pub fn expire_sessions(&self) {
        self.state.world().credentials.expire_sessions();
    }

    /// Who may assume `role` (an ARN), and how. A role that was never named may be assumed by anybody.
    pub fn trust(&self, role: &str, trust: Trust) {
        self.state.world().trust.set(role, trust);
    }

    /// Denies a permission: single calls fail with `AccessDeniedException`, a batch carries it in `Errors`.
    pub fn deny(&self, denied: Denied) {
        self.state.world().policy.deny(denied);
    }

    /// Takes every denial back.
    pub fn allow_everything(&self) {
        self.state.world().policy = Policy::default();
    }

    /// Leaves `secret` out of batch answers without a word, neither value nor error.
    pub fn omit_from_batches(&self, secret: &str) {
        self.state.world().omitted.insert(secret.to_owned());
    }

    /// Splits batches and lists into pages of at most `size`, tied by `NextToken`.
    pub fn page_size(&self, size: usize) {
        self.state.world().page_size = Some(size);
    }
}

async fn answer(state: Arc<State>, asked: Asked) -> Reply {
    let mut call = AwsCall::read(&asked);
    let caller = state.world().credentials.caller(&call);
    if let Ok(caller) = &caller {
        call.identity.clone_from(&caller.arn);
    }
    state.recorder.record(call.clone());
    let verdict = state.faults.judge(&call);
    if verdict.silent {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(verdict.wait).await;
    let outcome = match (verdict.error, caller) {
        (Some(error), _) | (None, Err(error)) => Err(error),
        (None, Ok(caller)) => perform(&mut state.world(), &caller, &call),
    };
    let mut reply = match outcome {
        Ok(body) => success(call.protocol, body),
        Err(error) => error.reply(call.protocol),
    };
    reply.delivery = verdict.delivery;
    reply
}

fn success(protocol: Protocol, body: impl Into<Bytes>) -> Reply {
    let content_type = match protocol {
        Protocol::Json => "application/x-amz-json-1.1",
        Protocol::Query => "text/xml",
    };
    let mut reply = Reply::new(StatusCode::OK, content_type, body);
    reply
        .headers
        .insert("x-amzn-requestid", HeaderValue::from_static(REQUEST_ID));
    reply
}

fn perform(world: &mut World, caller: &Caller, call: &AwsCall) -> Result<String, AwsError> {
    match (call.service.as_str(), call.operation.as_str()) {
        ("secretsmanager", "GetSecretValue") => secrets_manager::get_secret_value(world, caller, call),
        ("secretsmanager", "BatchGetSecretValue") => {
            secrets_manager::batch_get_secret_value(world, caller, call)
        }
        ("secretsmanager", "DescribeSecret") => secrets_manager::describe_secret(world, caller, call),
        ("secretsmanager", "ListSecrets") => secrets_manager::list_secrets(world, caller, call),
        ("ssm", "GetParameter") => parameter_store::get_parameter(world, caller, call),
        ("ssm", "GetParameters") => parameter_store::get_parameters(world, caller, call),
        ("ssm", "GetParametersByPath") => parameter_store::get_parameters_by_path(world, caller, call),
        ("ssm", "DescribeParameters") => parameter_store::describe_parameters(world, caller, call),
        ("ssm", "ListTagsForResource") => parameter_store::list_tags_for_resource(world, caller, call),
        ("sts", "AssumeRole") => sts::assume_role(world, caller, call),
        ("sts", "AssumeRoleWithWebIdentity") => sts::assume_role_with_web_identity(world, call),
        ("sts", "GetSessionToken") => sts::get_session_token(world, caller, call),
        ("AmazonEC2ContainerRegistry_V20150921", "GetAuthorizationToken") => {
            Ok(ecr::get_authorization_token(world, caller))
        }
        ("SpencerFrontendService", "GetAuthorizationToken") => Ok(ecr::get_public_authorization_token(world)),
        ("sts", "GetCallerIdentity") => Ok(sts::get_caller_identity(caller)),
        _ => Err(AwsError::bad("UnknownOperationException", "")),
    }
}
