use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

struct Counter(AtomicU32);

impl Counter {
    fn next(&self) -> u32 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }
}

fn place() -> (Arc<Remembered<u32>>, Arc<Counter>, Arc<AtomicU32>) {
    let recoveries = Arc::new(AtomicU32::new(0));
    let told = Arc::clone(&recoveries);
    let place = Remembered::new(Grace::UntilExpiry, move || {
        told.fetch_add(1, Ordering::SeqCst);
    });
    (Arc::new(place), Arc::new(Counter(AtomicU32::new(0))), recoveries)
}

fn lease(value: u32, renew: Option<u64>, expire: Option<u64>) -> Lease<u32> {
    let at = |seconds: Option<u64>| seconds.map(|s| Instant::now() + Duration::from_secs(s));
    Lease {
        value,
        renew_at: at(renew),
        expires_at: at(expire),
    }
}

fn error() -> Error {
    Error::new(Class::Transient, "test", "no luck")
}

#[tokio::test(start_paused = true)]
async fn a_hundred_callers_make_one_flight() {
    let (place, counter, _) = place();
    let call = || async {
        let counter = Arc::clone(&counter);
        place
            .get(|| async move {
                tokio::task::yield_now().await;
                Ok(lease(counter.next(), None, None))
            })
            .await
    };
    let values = futures::future::join_all((0..100).map(|_| call())).await;
    assert!(values.iter().all(|value| *value == Ok(1)));
}

#[tokio::test(start_paused = true)]
async fn a_failure_answers_everybody_at_once_and_one_caller_tries_again() {
    let (place, counter, recoveries) = place();
    let fail = || async { place.get(|| async { Err(error()) }).await };
    assert_eq!(fail().await, Err(error()));
    let untouched = place.get(|| async { Ok(lease(9, None, None)) }).await;
    assert_eq!(untouched, Err(error()));

    tokio::time::advance(Duration::from_secs(2)).await;
    let (go, gate) = tokio::sync::oneshot::channel::<()>();
    let trying = {
        let (place, counter) = (Arc::clone(&place), Arc::clone(&counter));
        tokio::spawn(async move {
            place
                .get(|| async move {
                    gate.await.unwrap();
                    Ok(lease(counter.next(), None, None))
                })
                .await
        })
    };
    tokio::task::yield_now().await;
    assert_eq!(fail().await, Err(error()), "nobody else waits for the second try");
    go.send(()).unwrap();
    assert_eq!(trying.await.unwrap(), Ok(1));
    assert_eq!(recoveries.load(Ordering::SeqCst), 1);
    assert_eq!(fail().await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn a_value_is_renewed_while_it_is_still_used() {
    let (place, counter, _) = place();
    let get = || async {
        let counter = Arc::clone(&counter);
        place
            .get(|| async move { Ok(lease(counter.next(), Some(60), Some(120))) })
            .await
    };
    assert_eq!(get().await, Ok(1));
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(
        get().await,
        Ok(1),
        "the old one serves while the new one is fetched"
    );
    tokio::task::yield_now().await;
    assert_eq!(get().await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_leaves_the_value_in_use_until_it_ends() {
    let (place, counter, _) = place();
    let value = counter.next();
    assert_eq!(
        place
            .get(|| async move { Ok(lease(value, Some(60), Some(120))) })
            .await,
        Ok(1)
    );
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(place.get(|| async { Err(error()) }).await, Ok(1));
    tokio::task::yield_now().await;
    assert_eq!(place.get(|| async { Err(error()) }).await, Ok(1));
    tokio::time::advance(Duration::from_mins(1)).await;
    assert_eq!(place.get(|| async { Err(error()) }).await, Err(error()));
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_does_not_stop_the_flight() {
    let (place, _, _) = place();
    let (go, gate) = tokio::sync::oneshot::channel::<()>();
    let first = {
        let place = Arc::clone(&place);
        tokio::spawn(async move {
            place
                .get(|| async move {
                    gate.await.unwrap();
                    Ok(lease(7, None, None))
                })
                .await
        })
    };
    tokio::task::yield_now().await;
    first.abort();
    let second = place.get(|| async { Err(error()) });
    go.send(()).unwrap();
    assert_eq!(second.await, Ok(7));
}

#[tokio::test(start_paused = true)]
async fn a_rejected_value_is_replaced_once_a_minute_at_most() {
    let (place, counter, _) = place();
    let get = || async {
        let counter = Arc::clone(&counter);
        place
            .get(|| async move { Ok(lease(counter.next(), None, None)) })
            .await
    };
    assert_eq!(get().await, Ok(1));
    assert!(place.suspect(|value| *value == 1));
    assert_eq!(get().await, Ok(2));
    assert!(
        place.suspect(|value| *value == 1),
        "somebody else replaced it already"
    );
    assert!(!place.suspect(|value| *value == 2));
    tokio::time::advance(SUSPICION_PAUSE).await;
    assert!(place.suspect(|value| *value == 2));
}

#[tokio::test(start_paused = true)]
async fn what_was_forgotten_is_not_brought_back_by_an_older_flight() {
    let (place, _, _) = place();
    let (go, gate) = tokio::sync::oneshot::channel::<()>();
    let old = {
        let place = Arc::clone(&place);
        tokio::spawn(async move {
            place
                .get(|| async move {
                    gate.await.unwrap();
                    Ok(lease(1, None, None))
                })
                .await
        })
    };
    tokio::task::yield_now().await;
    place.forget();
    assert_eq!(place.get(|| async { Ok(lease(2, None, None)) }).await, Ok(2));
    go.send(()).unwrap();
    assert_eq!(old.await.unwrap(), Ok(1));
    assert_eq!(place.get(|| async { Ok(lease(3, None, None)) }).await, Ok(2));
}

#[tokio::test(start_paused = true)]
async fn a_flight_that_panics_frees_the_place() {
    let (place, _, _) = place();
    let broken = place.get(|| async { panic!("on purpose") }).await;
    assert_eq!(broken.unwrap_err().class, Class::Transient);
    assert_eq!(place.get(|| async { Ok(lease(4, None, None)) }).await, Ok(4));
}

#[test]
fn the_wait_doubles_up_to_five_minutes() {
    for (count, most) in [(1, 1), (2, 2), (5, 16), (9, 256), (10, 300), (60, 300)] {
        let wait = backoff(count);
        assert!(
            wait <= Duration::from_secs(most) && wait >= Duration::from_secs(most).mul_f64(0.74),
            "{wait:?}"
        );
    }
}
