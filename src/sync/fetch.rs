//! FETCH: each distinct read happens once, all at the same time, through the broker.

use std::{collections::BTreeMap, sync::Arc};

use futures::future;

use super::{
    cause::{Cause, Failure},
    object::Object,
    plan::{Reads, StoreState, Why},
    rewrite::Fetched,
    spec::{Interval, Spec, StoreName},
};
use crate::aws::{self, Answer, Broker, Class, Fault, Identity, Lane, OBJECT_LIMIT, Retry};

/// What came back: for each distinct read its answer, or nothing where AWS said that it does not exist.
#[derive(Debug)]
pub struct Answers {
    /// By place in [`Reads::distinct`].
    pub fetched: Vec<Fetched>,
    /// For reads without answer, why.
    pub absent: BTreeMap<usize, aws::Error>,
}

/// Reads everything an object needs. The first failure, in the order of the spec, is the object's.
pub async fn fetch(
    broker: &Broker,
    object: &Object,
    spec: &Spec,
    stores: &BTreeMap<StoreName, StoreState>,
    reads: &Reads,
    why: &Why,
    single: bool,
) -> Result<Answers, Failure> {
    let callers = identify(broker, object, stores, reads, *why == Why::Forced).await;
    let lane = match (why.is_periodic(), spec.interval) {
        (true, Interval::Every(interval)) => Lane::Periodic { interval },
        _ => Lane::Urgent,
    };
    let answers = future::join_all(reads.distinct.iter().map(|(store, read)| {
        let callers = &callers;
        async move {
            let (identity, retry) = match callers.get(store) {
                Some(Ok((identity, retry))) => (identity, retry.as_ref()),
                Some(Err(error)) => return Err(error.clone()),
                None => {
                    return Err(aws::Error::new(
                        Class::Config,
                        "store",
                        format!("{store} was not looked up"),
                    ));
                }
            };
            broker.read(identity, retry, read, lane, single).await
        }
    }))
    .await;
    collect(spec, reads, answers)
}

type Caller = Result<(Arc<Identity>, Option<Retry>), aws::Error>;

async fn identify(
    broker: &Broker,
    object: &Object,
    stores: &BTreeMap<StoreName, StoreState>,
    reads: &Reads,
    forced: bool,
) -> BTreeMap<StoreName, Caller> {
    let mut callers = BTreeMap::new();
    for (name, _) in &reads.distinct {
        if let Some(StoreState::Usable(view, aws)) = stores.get(name)
            && !callers.contains_key(name)
        {
            // Who asks for a sync does not want to hear of a failure that is only remembered.
            if forced {
                broker.try_again(&view.name);
            }
            let scope = view.scope(aws, &object.namespace);
            let retry = scope.retry.map(Retry::parse).transpose();
            let caller = match retry {
                Ok(retry) => broker.identify(&scope).await.map(|identity| (identity, retry)),
                Err(error) => Err(error),
            };
            callers.insert(name.clone(), caller);
        }
    }
    callers
}

fn collect(
    spec: &Spec,
    reads: &Reads,
    answers: Vec<Result<Arc<Answer>, aws::Error>>,
) -> Result<Answers, Failure> {
    let mut result = Answers {
        fetched: Vec::with_capacity(answers.len()),
        absent: BTreeMap::new(),
    };
    let mut failures = BTreeMap::new();
    let mut size = 0;
    for (at, answer) in answers.into_iter().enumerate() {
        let answer = match answer {
            Ok(answer) => Some(answer),
            Err(error) => {
                if matches!(error.class, Class::Missing(_)) {
                    result.absent.insert(at, error);
                } else {
                    failures.insert(at, error);
                }
                None
            }
        };
        size += answer.as_ref().map_or(0, |answer| answer.size());
        result.fetched.push(answer);
    }
    let failed = spec
        .sources
        .iter()
        .zip(&reads.by_source)
        .find_map(|(source, at)| Some((source, failures.get(at)?)));
    if let Some((source, error)) = failed {
        return Err(failure(
            error,
            &format!("error processing {}, err: ", source.place),
        ));
    }
    if size > OBJECT_LIMIT {
        return Err(Failure::new(
            Cause::TooLarge,
            format!(
                "its sources hold {size} bytes, and keyferry reads at most {OBJECT_LIMIT} for one object; split it"
            ),
        ));
    }
    Ok(result)
}

/// A failure of AWS as an object's failure.
pub fn failure(error: &aws::Error, place: &str) -> Failure {
    let cause = match error.class {
        Class::Missing(aws::Absence::NotFound) => Cause::SecretNotFound,
        Class::Missing(aws::Absence::MarkedForDeletion) => Cause::SecretMarkedForDeletion,
        Class::Denied => Cause::AccessDenied,
        Class::Kms => Cause::KmsFailed,
        Class::Credentials(
            Fault::SecretMissing
            | Fault::KeyMissing
            | Fault::ServiceAccountMissing
            | Fault::NoRole
            | Fault::KubernetesDenied
            | Fault::RoleRefused
            | Fault::Rejected
            | Fault::NoneFound,
        ) => Cause::CredentialsFailed,
        Class::Throttled => Cause::Throttled,
        Class::Transient => Cause::AwsUnavailable,
        Class::Invalid => Cause::InvalidRequest,
        Class::Config => Cause::StoreNotReady,
        Class::TooLarge => Cause::TooLarge,
    };
    Failure::new(cause, format!("{place}{error}"))
}
