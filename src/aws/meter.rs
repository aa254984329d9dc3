//! Counts of what is asked of AWS and what is spared.

use prometheus::{IntCounter, IntCounterVec, Opts, Registry};

use super::error::{Class, Error};

/// The counters, registered once.
#[derive(Clone, Debug)]
pub(super) struct Meter {
    contract: IntCounterVec,
    calls: IntCounterVec,
    saved_by_coalescing: IntCounter,
    saved_by_batching: IntCounter,
    renewals: IntCounterVec,
    throttles: IntCounterVec,
}

impl Meter {
    pub(super) fn new(registry: &Registry) -> Result<Self, Error> {
        let counters = |name: &str, help: &str, labels: &[&str]| {
            let counters = IntCounterVec::new(Opts::new(name, help), labels).map_err(refuse)?;
            registry.register(Box::new(counters.clone())).map_err(refuse)?;
            Ok::<_, Error>(counters)
        };
        let saved = counters(
            "keyferry_aws_calls_saved_total",
            "Calls that were not needed because reads shared one.",
            &["by"],
        )?;
        Ok(Self {
            contract: counters(
                "externalsecret_provider_api_calls_count",
                "Number of API calls towards the secret provider.",
                &["provider", "call", "status"],
            )?,
            calls: counters(
                "keyferry_aws_calls_total",
                "Calls to AWS, each attempt counted, by API and outcome.",
                &["api", "outcome"],
            )?,
            saved_by_coalescing: saved.with_label_values(&["coalescing"]),
            saved_by_batching: saved.with_label_values(&["batching"]),
            renewals: counters(
                "keyferry_credential_renewals_total",
                "Sessions that were got or renewed, by outcome.",
                &["outcome"],
            )?,
            throttles: counters(
                "keyferry_aws_throttles_total",
                "Calls that AWS throttled, by API.",
                &["api"],
            )?,
        })
    }

    /// One attempt of one call.
    pub(super) fn attempt<T>(&self, api: &'static str, result: &Result<T, Error>) {
        let outcome = match result {
            Ok(_) => "success",
            Err(error) => {
                if error.class == Class::Throttled {
                    self.throttles.with_label_values(&[api]).inc();
                }
                error.class.outcome()
            }
        };
        self.calls.with_label_values(&[api, outcome]).inc();
    }

    /// One call, whatever its attempts, as dashboards of the contract count it: without some, and not always by the API's
    /// name.
    pub(super) fn call<T>(&self, provider: &'static str, api: &'static str, result: &Result<T, Error>) {
        let call = match api {
            "DescribeSecret" => return,
            "DescribeParameters" => "DescribeParameter",
            api => api,
        };
        let status = if result.is_ok() { "success" } else { "error" };
        self.contract.with_label_values(&[provider, call, status]).inc();
    }

    /// A read joined one that was waiting.
    pub(super) fn coalesced(&self) {
        self.saved_by_coalescing.inc();
    }

    /// One call brought this many answers.
    pub(super) fn batched(&self, answers: usize) {
        self.saved_by_batching
            .inc_by(u64::try_from(answers.saturating_sub(1)).unwrap_or_default());
    }

    /// A session was got, or not.
    pub(super) fn renewed<T>(&self, result: &Result<T, Error>) {
        let outcome = match result {
            Ok(_) => "success",
            Err(error) => error.class.outcome(),
        };
        self.renewals.with_label_values(&[outcome]).inc();
    }
}

#[expect(clippy::needless_pass_by_value, reason = "used as a function of map_err")]
fn refuse(error: prometheus::Error) -> Error {
    Error::new(
        Class::Config,
        "metrics",
        format!("a metric cannot be registered: {error}"),
    )
}
