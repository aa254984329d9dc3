//! FETCH: each distinct read happens once, all at the same time, through the broker; generators make their values.

use std::{collections::BTreeMap, sync::Arc};

use futures::future;
use jiff::Timestamp;

use super::{
    cause::{Cause, Failure},
    object::Object,
    plan::{Reads, Request, StoreState, Why},
    spec::{Interval, Spec, StoreName},
};
use crate::{
    aws::{self, Answer, Broker, Class, Fault, Identity, Lane, OBJECT_LIMIT, Retry},
    generators::{Generated, Generators, Urgency},
    secret_bytes::SecretBytes,
};

/// What one request gave.
#[derive(Clone, Debug)]
pub enum Fetched {
    /// A secret.
    Value(Arc<Answer>),
    /// The secrets that match.
    Found(Vec<aws::Found>),
    /// What a generator made.
    Generated(Generated),
    /// There is no such secret.
    Missing,
}

impl Fetched {
    fn size(&self) -> usize {
        match self {
            Self::Value(answer) => answer.size(),
            Self::Found(found) => found.iter().map(|found| found.answer.size()).sum(),
            Self::Generated(made) => made.values.values().map(SecretBytes::len).sum(),
            Self::Missing => 0,
        }
    }
}

/// Why a request gave nothing.
enum Trouble {
    Aws(aws::Error),
    Other(Failure),
}

impl Trouble {
    fn not_ours(&self) -> Option<&Failure> {
        match self {
            Self::Other(failure) if failure.cause == Cause::GeneratorNotOurs => Some(failure),
            _ => None,
        }
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answers {
    /// By place in [`Reads::distinct`].
    pub fetched: Vec<Fetched>,
    /// For those that are missing, what AWS said.
    pub absent: BTreeMap<usize, aws::Error>,
    /// When the first of the values that were made expires. None where one of them lasts: to make that one anew is not
    /// wanted before its time.
    pub expires: Option<Timestamp>,
}

/// Reads everything an object needs. The first failure, in the order of the spec, is the object's.
pub async fn fetch(
    broker: &Broker,
    generators: &Generators,
    object: &Object,
    spec: &Spec,
    stores: &BTreeMap<StoreName, StoreState>,
    reads: &Reads,
    why: &Why,
) -> Result<Answers, Failure> {
    // A second look travels alone: it must be sure.
    let single = *why == Why::Confirm;
    let callers = identify(broker, object, stores, reads, *why == Why::Forced).await;
    let lane = lane(why, spec.interval, reads);
    let urgency = match why {
        Why::Forced => Urgency::Forced,
        Why::Due => Urgency::Periodic,
        _ => Urgency::Now,
    };
    let answers = future::join_all(reads.distinct.iter().map(|request| {
        let callers = &callers;
        async move {
            match request {
                Request::Value(store, read) => {
                    let (identity, retry) = caller(callers, store)?;
                    let answer = broker.read(identity, retry, read, lane, single).await;
                    answer.map(Fetched::Value).map_err(Trouble::Aws)
                }
                Request::Find(store, query) => {
                    let (identity, retry) = caller(callers, store)?;
                    // In a box, as what is made below: thousands of reads wait at once, and none has this size.
                    let found = Box::pin(broker.find(identity, retry, query, lane)).await;
                    found.map(Fetched::Found).map_err(Trouble::Aws)
                }
                Request::Generate(name) => {
                    let made = Box::pin(generators.generate(&object.namespace, name, urgency)).await;
                    made.map(Fetched::Generated).map_err(Trouble::Other)
                }
            }
        }
    }))
    .await;
    collect(spec, reads, answers)
}

fn lane(why: &Why, interval: Interval, reads: &Reads) -> Lane {
    match (why.is_periodic(), interval) {
        (true, Interval::Every(_)) => Lane::Periodic {
            patience: reads.patience,
        },
        _ => Lane::Urgent { waited: reads.waited },
    }
}

fn caller<'a>(
    callers: &'a BTreeMap<StoreName, Caller>,
    store: &StoreName,
) -> Result<(&'a Arc<Identity>, Option<&'a Retry>), Trouble> {
    match callers.get(store) {
        Some(Ok((identity, retry))) => Ok((identity, retry.as_ref())),
        Some(Err(error)) => Err(Trouble::Aws(error.clone())),
        None => Err(Trouble::Aws(aws::Error::new(
            Class::Config,
            "store",
            format!("{store} was not looked up"),
        ))),
    }
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
    for name in reads.distinct.iter().filter_map(Request::store) {
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

fn collect(spec: &Spec, reads: &Reads, answers: Vec<Result<Fetched, Trouble>>) -> Result<Answers, Failure> {
    let mut result = Answers {
        fetched: Vec::with_capacity(answers.len()),
        absent: BTreeMap::new(),
        expires: None,
    };
    let mut failures = BTreeMap::new();
    let mut size = 0;
    for (at, answer) in answers.into_iter().enumerate() {
        let fetched = match answer {
            Ok(fetched) => fetched,
            Err(Trouble::Aws(error)) if matches!(error.class, Class::Missing(_)) => {
                result.absent.insert(at, error);
                Fetched::Missing
            }
            Err(trouble) => {
                failures.insert(at, trouble);
                Fetched::Missing
            }
        };
        size += fetched.size();
        result.fetched.push(fetched);
    }
    // Another operator's object, whatever else there is to say of it.
    if let Some(failure) = failures.values().find_map(Trouble::not_ours) {
        return Err(failure.clone());
    }
    let failed = spec
        .sources
        .iter()
        .zip(&reads.by_source)
        .find_map(|(source, at)| Some((source, failures.remove(at)?)));
    if let Some((source, trouble)) = failed {
        let place = format!("error processing {}, err: ", source.place);
        return Err(match trouble {
            Trouble::Aws(error) => failure(&error, &place),
            Trouble::Other(mut failure) => {
                failure.text.insert_str(0, &place);
                failure
            }
        });
    }
    if size > OBJECT_LIMIT {
        return Err(Failure::new(
            Cause::TooLarge,
            format!(
                "its sources hold {size} bytes, and keyferry reads at most {OBJECT_LIMIT} for one object; split it"
            ),
        ));
    }
    result.expires = expires(&result.fetched);
    Ok(result)
}

fn expires(fetched: &[Fetched]) -> Option<Timestamp> {
    let made = fetched.iter().filter_map(|fetched| match fetched {
        Fetched::Generated(made) => Some(made.expires),
        Fetched::Value(_) | Fetched::Found(_) | Fetched::Missing => None,
    });
    // One that lasts counts as none for all.
    made.collect::<Option<Vec<_>>>()?.into_iter().min()
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_not_periodic_is_urgent_and_knows_how_long_it_waited() {
        let (patience, waited) = (Duration::from_secs(30), Duration::from_secs(3));
        let reads = Reads {
            waited,
            patience,
            ..Reads::default()
        };
        let every = Interval::Every(Duration::from_hours(1));
        assert_eq!(lane(&Why::Due, every, &reads), Lane::Periodic { patience });
        assert_eq!(lane(&Why::New, every, &reads), Lane::Urgent { waited });
        assert_eq!(lane(&Why::Due, Interval::Once, &reads), Lane::Urgent { waited });
    }
}
