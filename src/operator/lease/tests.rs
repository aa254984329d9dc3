use super::*;

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn lease(holder: &str, duration: Option<i32>, renewed: i64) -> Lease {
    Lease {
        spec: Some(LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            lease_duration_seconds: duration,
            renew_time: Some(MicroTime(Timestamp::from_second(renewed).unwrap())),
            ..LeaseSpec::default()
        }),
        ..Lease::default()
    }
}

fn candidate() -> Candidate {
    let config = kube::Config::new("http://127.0.0.1:1".parse().unwrap());
    let settings = Settings::new("l", seconds(15), seconds(10), seconds(2)).unwrap();
    let client = Client::try_from(config).unwrap();
    Candidate::new(client, settings, "pod", &Registry::new()).unwrap()
}

#[test]
fn settings_that_could_give_the_lease_to_two_are_refused() {
    let settings = |duration, deadline, retry| {
        Settings::new("l", duration, deadline, retry).map(|settings| settings.duration)
    };
    assert_eq!(settings(seconds(15), seconds(10), seconds(2)), Ok(seconds(15)));
    assert_eq!(
        settings(seconds(15), seconds(15), seconds(2)),
        Err(Invalid::RenewDeadline)
    );
    let half = Duration::from_millis(500);
    assert_eq!(settings(half, half / 2, half / 4), Err(Invalid::Duration));
    assert_eq!(
        settings(seconds(2) + half, seconds(2), seconds(1)),
        Err(Invalid::RenewDeadline),
        "the others read two whole seconds"
    );
    assert_eq!(
        settings(seconds(15), seconds(10), seconds(9)),
        Err(Invalid::RetryPeriod),
        "with its jitter it reaches the deadline"
    );
    assert_eq!(
        Settings::new("", seconds(15), seconds(10), seconds(2)),
        Err(Invalid::NoName)
    );
}

#[tokio::test(start_paused = true)]
async fn a_lease_runs_out_by_our_clock_from_when_we_saw_it_whatever_time_stands_in_it() {
    let since = Instant::now();
    // Renewed long ago by its holder's clock, which may be wrong.
    let seen = Seen {
        lease: lease("other", Some(15), 0),
        since,
    };
    assert!(!seen.is_free(seconds(1), since + seconds(14)));
    assert!(seen.is_free(seconds(1), since + seconds(15)));
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_was_given_back_is_free_at_once() {
    let since = Instant::now();
    let seen = Seen {
        lease: lease("", Some(15), 0),
        since,
    };
    assert!(seen.is_free(seconds(15), since));
}

#[tokio::test(start_paused = true)]
async fn only_a_renewal_lets_the_time_of_a_lease_start_anew() {
    let mut candidate = candidate();
    candidate.see(lease("other", Some(15), 1));
    let first = candidate.seen.as_ref().unwrap().since;
    tokio::time::advance(seconds(5)).await;
    let mut labelled = lease("other", Some(15), 1);
    labelled.metadata.resource_version = Some("2".to_owned());
    candidate.see(labelled);
    assert_eq!(candidate.seen.as_ref().unwrap().since, first);
    candidate.see(lease("other", Some(15), 2));
    assert_eq!(candidate.seen.as_ref().unwrap().since, first + seconds(5));
}

#[tokio::test(start_paused = true)]
async fn a_holder_that_cannot_reach_the_api_server_loses_before_another_may_take_over() {
    let mut candidate = candidate();
    let won = Instant::now();
    let lost = candidate.keep(won).await;
    assert!(matches!(lost, Lost::NotRenewed(_)), "{lost}");
    assert!(
        won.elapsed() >= seconds(10) && won.elapsed() < seconds(15),
        "by the paused clock"
    );
}
