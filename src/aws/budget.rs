//! How many calls a second an account's quota allows, learnt from throttles.
//!
//! A bucket per paying account, region and API. It starts at the API's default quota with one second of burst. A throttle
//! halves the rate, at most once a second, and remembers where it happened; the rate then grows again by 5 % a second up
//! to 95 % of that, and the memory is lifted a little every ten minutes. Urgent calls may use all of it, periodic ones 80 %.
//! Own code, because limiters of the field have a fixed rate.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use super::identity::Identity;

const GROWTH_PER_SECOND: f64 = 1.05;
const BELOW_CEILING: f64 = 0.95;
const PERIODIC_SHARE: f64 = 0.8;
const THROTTLE_PAUSE: Duration = Duration::from_secs(1);
/// After this long without a throttle, the remembered ceiling is lifted by [`LIFT`].
const LIFT_AFTER: Duration = Duration::from_mins(10);
const LIFT: f64 = 1.1;
/// A rate never falls below one call a second: waiting longer belongs to the queue.
const SLOWEST: f64 = 1.0;

/// Default quotas, in calls a second, of the APIs that are called here.
const QUOTAS: [(&str, f64); 6] = [
    ("GetSecretValue", 10_000.0),
    ("DescribeSecret", 40_000.0),
    ("BatchGetSecretValue", 100.0),
    ("ListSecrets", 100.0),
    ("GetParameter", 40.0),
    ("DescribeParameters", 10.0),
];
/// APIs whose calls count against another's quota, unless theirs was raised.
const SHARED: [(&str, &str); 2] = [
    ("GetParameters", "GetParameter"),
    ("GetParametersByPath", "GetParameter"),
];
/// Of an API that is not in the table.
const OTHER_QUOTA: f64 = 50.0;

/// Whose quota it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Payer {
    /// An AWS account.
    Account(String),
    /// An identity whose account is not known yet.
    Identity(Arc<Identity>),
}

/// All buckets.
#[derive(Debug)]
pub(super) struct Budgets {
    raised: Vec<(String, u32)>,
    buckets: Mutex<HashMap<(Payer, String, &'static str), Bucket>>,
}

impl Budgets {
    pub(super) fn new(raised: Vec<(String, u32)>) -> Self {
        Self {
            raised,
            buckets: Mutex::default(),
        }
    }

    /// Waits for leave to make one call.
    pub(super) async fn take(&self, payer: &Payer, region: &str, api: &'static str, urgent: bool) {
        while let Some(until) = self.with(payer, region, api, |bucket| bucket.take(urgent, Instant::now())) {
            tokio::time::sleep_until(until).await;
        }
    }

    /// AWS throttled a call.
    pub(super) fn throttled(&self, payer: &Payer, region: &str, api: &'static str) {
        self.with(payer, region, api, |bucket| bucket.throttled(Instant::now()));
    }

    fn with<T>(&self, payer: &Payer, region: &str, api: &'static str, f: impl FnOnce(&mut Bucket) -> T) -> T {
        let api = self.payed_by(api);
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets
            .entry((payer.clone(), region.to_owned(), api))
            .or_insert_with(|| Bucket::new(self.quota(api), Instant::now()));
        f(bucket)
    }

    /// The API against whose quota a call counts. Accounts with a higher throughput have one for each.
    fn payed_by(&self, api: &'static str) -> &'static str {
        let shared = SHARED.iter().find(|(name, _)| *name == api);
        shared
            .filter(|_| self.raised_to(api).is_none())
            .map_or(api, |(_, payer)| payer)
    }

    fn raised_to(&self, api: &str) -> Option<f64> {
        let raised = self.raised.iter().find(|(name, _)| name == api);
        raised.map(|(_, rate)| f64::from(*rate))
    }

    fn quota(&self, api: &str) -> f64 {
        let default = QUOTAS
            .iter()
            .find(|(name, _)| *name == api)
            .map_or(OTHER_QUOTA, |(_, rate)| *rate);
        self.raised_to(api).unwrap_or(default).max(SLOWEST)
    }
}

#[derive(Debug)]
struct Bucket {
    quota: f64,
    rate: f64,
    /// Calls that may be made now.
    tokens: f64,
    /// Of these, how many periodic ones.
    periodic: f64,
    updated_at: Instant,
    /// The rate at which AWS throttled.
    ceiling: Option<f64>,
    /// When it last throttled, or when the ceiling was last lifted.
    ceiling_at: Instant,
    throttled_at: Option<Instant>,
}

impl Bucket {
    fn new(quota: f64, now: Instant) -> Self {
        Self {
            quota,
            rate: quota,
            tokens: quota,
            periodic: quota * PERIODIC_SHARE,
            updated_at: now,
            ceiling: None,
            ceiling_at: now,
            throttled_at: None,
        }
    }

    /// Takes one call, or says when to ask again.
    fn take(&mut self, urgent: bool, now: Instant) -> Option<Instant> {
        self.advance(now);
        let (lacking, rate) = if urgent {
            (1.0 - self.tokens, self.rate)
        } else {
            let share = self.rate * PERIODIC_SHARE;
            let (all, own) = ((1.0 - self.tokens) / self.rate, (1.0 - self.periodic) / share);
            if own > all {
                (1.0 - self.periodic, share)
            } else {
                (1.0 - self.tokens, self.rate)
            }
        };
        if lacking > 0.0 {
            return Some(now + Duration::from_secs_f64((lacking / rate).max(0.001)));
        }
        self.tokens -= 1.0;
        if !urgent {
            self.periodic -= 1.0;
        }
        None
    }

    fn throttled(&mut self, now: Instant) {
        self.advance(now);
        if self
            .throttled_at
            .is_some_and(|at| now.duration_since(at) < THROTTLE_PAUSE)
        {
            return;
        }
        self.throttled_at = Some(now);
        self.ceiling = Some(self.rate);
        self.ceiling_at = now;
        self.rate = (self.rate / 2.0).max(SLOWEST);
        self.tokens = 0.0;
        self.periodic = 0.0;
    }

    fn advance(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.updated_at);
        self.updated_at = now;
        if let Some(ceiling) = self.ceiling
            && now.saturating_duration_since(self.ceiling_at) >= LIFT_AFTER
        {
            self.ceiling_at = now;
            self.ceiling = Some(ceiling * LIFT).filter(|lifted| *lifted * BELOW_CEILING < self.quota);
        }
        let most = self
            .ceiling
            .map_or(self.quota, |ceiling| (ceiling * BELOW_CEILING).min(self.quota))
            .max(SLOWEST);
        if self.rate < most {
            self.rate = (self.rate * GROWTH_PER_SECOND.powf(passed.as_secs_f64())).min(most);
        }
        let gained = self.rate * passed.as_secs_f64();
        self.tokens = (self.tokens + gained).min(self.rate.max(1.0));
        self.periodic = (self.periodic + gained * PERIODIC_SHARE).min((self.rate * PERIODIC_SHARE).max(1.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    /// Calls that go through in this time, asked for as often as allowed.
    fn calls(bucket: &mut Bucket, urgent: bool, from: Instant, time: Duration) -> u32 {
        let mut now = from;
        let mut count = 0;
        while now < from + time {
            match bucket.take(urgent, now) {
                None => count += 1,
                Some(until) => now = until,
            }
        }
        count
    }

    #[test]
    fn a_second_of_burst_and_then_the_quota() {
        let start = Instant::now();
        let mut bucket = Bucket::new(100.0, start);
        assert_eq!(calls(&mut bucket, true, start, seconds(0.001)), 100);
        let next = calls(&mut bucket, true, start + seconds(0.001), seconds(10.0));
        assert!((995..=1005).contains(&next), "{next}");
    }

    #[test]
    fn periodic_calls_leave_a_fifth_to_urgent_ones() {
        let start = Instant::now();
        let mut bucket = Bucket::new(100.0, start);
        let periodic = calls(&mut bucket, false, start, seconds(10.0));
        assert!((870..=890).contains(&periodic), "{periodic}");
        assert_eq!(bucket.take(true, start + seconds(10.0)), None);
    }

    #[test]
    fn a_throttle_halves_once_a_second_and_the_rate_comes_back_below_where_it_happened() {
        let start = Instant::now();
        let mut bucket = Bucket::new(100.0, start);
        for _ in 0..10 {
            bucket.throttled(start);
        }
        assert!((bucket.rate - 50.0).abs() < 0.001, "{}", bucket.rate);
        bucket.advance(start + seconds(1.0));
        assert!((bucket.rate - 52.5).abs() < 0.001, "{}", bucket.rate);
        bucket.advance(start + seconds(60.0));
        assert!((bucket.rate - 95.0).abs() < 0.001, "{}", bucket.rate);
        bucket.advance(start + LIFT_AFTER);
        bucket.advance(start + LIFT_AFTER + seconds(60.0));
        assert!(
            (bucket.rate - 100.0).abs() < 0.001,
            "never beyond the quota: {}",
            bucket.rate
        );
    }

    #[test]
    fn the_rate_never_falls_below_one_call_a_second() {
        let start = Instant::now();
        let mut bucket = Bucket::new(4.0, start);
        for second in 0..10 {
            bucket.throttled(start + seconds(f64::from(second) * 1.01));
        }
        let at = start + seconds(11.0);
        let until = bucket.take(true, at).unwrap_or(at);
        assert!(until <= at + seconds(1.0));
    }

    #[tokio::test(start_paused = true)]
    async fn single_and_joint_reads_of_parameters_count_against_one_quota_until_it_is_raised() {
        let payer = Payer::Account("1".to_owned());
        let burst = async |budgets: &Budgets| {
            let start = Instant::now();
            for api in ["GetParameter", "GetParameters", "GetParametersByPath"] {
                for _ in 0..20 {
                    budgets.take(&payer, "eu-west-1", api, true).await;
                }
            }
            Instant::now() - start
        };
        let waited = burst(&Budgets::new(Vec::new())).await;
        assert!((480..=520).contains(&waited.as_millis()), "{waited:?}");
        let raised = vec![("GetParameters".to_owned(), 1_000)];
        assert_eq!(burst(&Budgets::new(raised)).await, Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn one_accounts_throttle_does_not_slow_another() {
        let budgets = Budgets::new(vec![("GetSecretValue".to_owned(), 2)]);
        let (one, other) = (Payer::Account("1".to_owned()), Payer::Account("2".to_owned()));
        for _ in 0..2 {
            budgets.take(&one, "eu-west-1", "GetSecretValue", true).await;
        }
        budgets.throttled(&one, "eu-west-1", "GetSecretValue");
        let start = Instant::now();
        budgets.take(&other, "eu-west-1", "GetSecretValue", true).await;
        budgets.take(&one, "eu-west-1", "DescribeSecret", true).await;
        budgets.take(&one, "us-east-1", "GetSecretValue", true).await;
        assert_eq!(Instant::now(), start);
        budgets.take(&one, "eu-west-1", "GetSecretValue", true).await;
        assert!(Instant::now() > start);
    }
}
