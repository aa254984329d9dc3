//! What goes wrong on request: for which calls, how, and how often.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::aws_call::AwsCall;
use crate::aws_error::AwsError;
use crate::server::Delivery;

/// Which calls. Each condition that is given must hold; [`When::any`] is about every call.
#[derive(Debug, Clone, Default)]
pub struct When {
    operation: Option<String>,
    identity: Option<String>,
    resource: Option<String>,
}

impl When {
    /// Every call.
    pub fn any() -> Self {
        Self::default()
    }

    /// Calls of one operation, such as `GetSecretValue`.
    pub fn operation(name: impl Into<String>) -> Self {
        Self {
            operation: Some(name.into()),
            ..Self::default()
        }
    }

    /// … by the access key, the role's ARN or the assumed role's ARN that contains `part`.
    #[must_use]
    pub fn by(self, part: impl Into<String>) -> Self {
        Self {
            identity: Some(part.into()),
            ..self
        }
    }

    /// … that name a secret, parameter or role whose id contains `part`.
    #[must_use]
    pub fn on(self, part: impl Into<String>) -> Self {
        Self {
            resource: Some(part.into()),
            ..self
        }
    }

    /// Whether all conditions hold for `call`.
    pub fn is_about(&self, call: &AwsCall) -> bool {
        let by = |part: &String| {
            call.identity.contains(part) || call.access_key_id.as_ref().is_some_and(|key| key.contains(part))
        };
        self.operation.as_ref().is_none_or(|name| call.operation == *name)
            && self.identity.as_ref().is_none_or(by)
            && self
                .resource
                .as_ref()
                .is_none_or(|part| call.resources().iter().any(|id| id.contains(part)))
    }
}

/// What happens to such a call.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The answer comes so much later; other faults still apply.
    Latency(Duration),
    /// This error instead of an answer.
    Error(AwsError),
    /// Calls beyond so many a second, with one second of burst, are answered `ThrottlingException`.
    Throttle { per_second: u32 },
    /// The answer breaks off in the middle of its body.
    Cut,
    /// The connection is closed without an answer.
    HangUp,
    /// No answer, ever; the connection stays open.
    Silence,
}

impl Fault {
    /// An error by status, code and message.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        Self::Error(AwsError::new(status, code, message))
    }

    /// `AccessDeniedException` as Secrets Manager and SSM word it, for a caller that a test need not know.
    pub fn access_denied(action: &str) -> Self {
        let message = format!(
            "User: arn:aws:sts::123456789012:assumed-role/tester/session is not authorized to perform: {action} because no identity-based policy allows the {action} action"
        );
        Self::error(400, "AccessDeniedException", &message)
    }

    /// A 500 of the service itself.
    pub fn internal() -> Self {
        Self::error(
            500,
            "InternalServiceError",
            "An error occurred on the server side.",
        )
    }
}

/// A fault that is in force until this is dropped.
#[derive(Debug)]
#[must_use = "the fault ends when this is dropped"]
pub struct InForce {
    faults: Weak<Faults>,
    id: u64,
}

impl InForce {
    /// How many calls it has broken, or only delayed, so far.
    pub fn calls_met(&self) -> u64 {
        let met = |faults: Arc<Faults>| {
            let rules = faults.rules();
            rules
                .list
                .iter()
                .find(|rule| rule.id == self.id)
                .map(|rule| rule.met)
        };
        self.faults.upgrade().and_then(met).unwrap_or(0)
    }
}

impl Drop for InForce {
    fn drop(&mut self) {
        if let Some(faults) = self.faults.upgrade() {
            faults.rules().list.retain(|rule| rule.id != self.id);
        }
    }
}

/// The faults of one fake or proxy.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    rules: Mutex<Rules>,
}

#[derive(Debug, Default)]
struct Rules {
    last_id: u64,
    list: Vec<Rule>,
}

#[derive(Debug)]
struct Rule {
    id: u64,
    when: When,
    fault: Fault,
    /// `None` is for ever.
    left: Option<u32>,
    /// How many calls it was applied to.
    met: u64,
    /// Of a throttle.
    bucket: Option<Bucket>,
}

/// Leave for calls: grows with time, up to one second's worth.
#[derive(Debug)]
struct Bucket {
    leaves: f64,
    at: Instant,
}

/// What the faults in force make of one call.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) wait: Duration,
    pub(crate) error: Option<AwsError>,
    pub(crate) delivery: Delivery,
    pub(crate) silent: bool,
}

impl Faults {
    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// `times: None` is until the returned value is dropped.
    pub(crate) fn put_in_force(self: &Arc<Self>, when: When, fault: Fault, times: Option<u32>) -> InForce {
        let mut rules = self.rules();
        rules.last_id += 1;
        let id = rules.last_id;
        rules.list.push(Rule {
            id,
            when,
            fault,
            left: times,
            met: 0,
            bucket: None,
        });
        InForce {
            faults: Arc::downgrade(self),
            id,
        }
    }

    pub(crate) fn judge(&self, call: &AwsCall) -> Verdict {
        let mut verdict = Verdict {
            wait: Duration::ZERO,
            error: None,
            delivery: Delivery::Whole,
            silent: false,
        };
        for rule in &mut self.rules().list {
            if rule.left == Some(0) || !rule.when.is_about(call) {
                continue;
            }
            if let Some(left) = &mut rule.left {
                *left -= 1;
            }
            if let Fault::Throttle { per_second } = &rule.fault
                && is_within(&mut rule.bucket, f64::from(*per_second))
            {
                continue;
            }
            rule.met += 1;
            match &rule.fault {
                Fault::Latency(wait) => verdict.wait += *wait,
                Fault::Error(error) => verdict.error = Some(error.clone()),
                Fault::Throttle { .. } => {
                    verdict.error = Some(AwsError::new(400, "ThrottlingException", "Rate exceeded"));
                }
                Fault::Cut => verdict.delivery = Delivery::Cut,
                Fault::HangUp => verdict.delivery = Delivery::HangUp,
                Fault::Silence => verdict.silent = true,
            }
        }
        verdict
    }
}

fn is_within(bucket: &mut Option<Bucket>, per_second: f64) -> bool {
    let now = Instant::now();
    let bucket = bucket.get_or_insert(Bucket {
        leaves: per_second,
        at: now,
    });
    let grown = now.duration_since(bucket.at).as_secs_f64() * per_second;
    bucket.leaves = (bucket.leaves + grown).min(per_second);
    bucket.at = now;
    let within = bucket.leaves >= 1.0;
    if within {
        bucket.leaves -= 1.0;
    }
    within
}
