//! What waits and what leaves.

use proptest::prelude::*;

use super::*;
use crate::{api::secret_store::AwsService, aws::read::Version};

fn read(id: &str) -> Read {
    Read {
        service: AwsService::SecretsManager,
        id: id.to_owned(),
        version: Version::of_secret(None),
        aspect: Aspect::Value,
    }
}

fn caller() -> (Caller, oneshot::Receiver<Result<Arc<Answer>, Error>>) {
    oneshot::channel()
}

const MOST_PATIENCE: Duration = Duration::from_secs(30);
const HOURLY: Lane = Lane::Periodic {
    patience: MOST_PATIENCE,
};

struct Desk {
    waiting: Waiting,
    now: Instant,
    answers: Vec<oneshot::Receiver<Result<Arc<Answer>, Error>>>,
}

impl Desk {
    fn new() -> Self {
        Self {
            waiting: Waiting::new(Service::SecretsManager),
            now: Instant::now(),
            answers: Vec::new(),
        }
    }

    fn join(&mut self, read: &Read, lane: Lane, single: bool) -> bool {
        let (caller, answer) = caller();
        self.answers.push(answer);
        self.waiting.join(read, lane, single, self.now, caller)
    }

    fn plan(&mut self, sharing: bool) -> Plan {
        let sharing = if sharing { Sharing::Free } else { Sharing::Never };
        self.waiting.plan(sharing, self.now)
    }

    fn depart(&mut self, together: bool) -> Vec<String> {
        self.waiting
            .depart(together)
            .into_iter()
            .map(|traveller| traveller.read.id.clone())
            .collect()
    }
}

fn trip(urgent: bool, together: bool) -> Plan {
    Plan::Go(Trip {
        urgent,
        together,
        aspect: Aspect::Value,
    })
}

#[test]
fn equal_reads_become_one_and_different_ones_do_not() {
    let mut desk = Desk::new();
    assert!(!desk.join(&read("a"), Lane::NOW, false));
    assert!(desk.join(&read("a"), Lane::NOW, false));
    let pinned = Read {
        version: Version::of_secret(Some("uuid/1")),
        ..read("a")
    };
    let tags = Read {
        aspect: Aspect::Tags,
        ..read("a")
    };
    assert!(!desk.join(&pinned, Lane::NOW, false));
    assert!(!desk.join(&tags, Lane::NOW, false));
    let gone = desk.waiting.depart(false);
    assert_eq!((gone[0].read.as_ref(), gone[0].callers.len()), (&read("a"), 2));
    assert!(
        !desk.join(&read("a"), Lane::NOW, false),
        "what has left cannot be joined"
    );
}

#[test]
fn periodic_reads_wait_for_company_and_leave_when_due() {
    let mut desk = Desk::new();
    desk.join(&read("a"), HOURLY, false);
    desk.join(&read("b"), HOURLY, false);
    assert_eq!(desk.plan(true), Plan::Until(desk.now + MOST_PATIENCE));
    assert_eq!(
        desk.plan(false),
        trip(false, false),
        "nobody waits for company that may not come"
    );
    desk.now += MOST_PATIENCE;
    assert_eq!(desk.plan(true), trip(false, true));
    assert_eq!(desk.depart(true), ["a", "b"]);
    assert_eq!(desk.plan(true), Plan::Idle);
}

#[test]
fn a_full_batch_leaves_when_nobody_joins_any_more_before_it_is_due() {
    let mut desk = Desk::new();
    let limit = Service::SecretsManager.batching().limit;
    for number in 0..limit + 3 {
        desk.join(&read(&number.to_string()), HOURLY, false);
    }
    desk.now += LULL / 2;
    assert!(
        desk.join(&read("0"), HOURLY, false),
        "it shares the read that waits"
    );
    assert_eq!(desk.plan(true), Plan::Until(desk.now + LULL));
    desk.now += LULL;
    assert_eq!(desk.plan(true), trip(false, true));
    assert_eq!(desk.depart(true).len(), limit);
    assert!(matches!(desk.plan(true), Plan::Until(_)));
}

#[test]
fn a_full_batch_that_others_keep_joining_leaves_after_the_longest_lull() {
    let mut desk = Desk::new();
    let limit = Service::SecretsManager.batching().limit;
    for number in 0..limit {
        desk.join(&read(&number.to_string()), HOURLY, false);
    }
    let full = desk.now;
    let mut joined = limit;
    while desk.now < full + LONGEST_LULL {
        let until = (desk.now + LULL).min(full + LONGEST_LULL);
        assert_eq!(desk.plan(true), Plan::Until(until));
        // Somebody joins each time before the lull is over.
        desk.now += LULL.mul_f64(0.8).min(full + LONGEST_LULL - desk.now);
        desk.join(&read(&joined.to_string()), HOURLY, false);
        joined += 1;
    }
    assert_eq!(desk.plan(true), trip(false, true));
    assert_eq!(desk.depart(true).len(), limit);
}

#[test]
fn an_urgent_read_takes_those_who_wait_along_and_goes_first() {
    let mut desk = Desk::new();
    desk.join(&read("a"), HOURLY, false);
    desk.join(&read("b"), HOURLY, false);
    desk.join(&read("c"), Lane::NOW, false);
    assert_eq!(desk.plan(true), trip(true, true));
    assert_eq!(desk.depart(true), ["c", "a", "b"]);
}

#[test]
fn a_periodic_read_that_is_asked_for_urgently_is_promoted_and_not_doubled() {
    let mut desk = Desk::new();
    desk.join(&read("a"), HOURLY, false);
    desk.join(&read("b"), HOURLY, false);
    assert!(desk.join(&read("b"), Lane::NOW, false));
    assert_eq!(desk.plan(true), trip(true, true));
    assert_eq!(desk.depart(true), ["b", "a"]);
    assert_eq!(desk.plan(true), Plan::Idle);
}

#[test]
fn a_read_that_must_be_sure_travels_alone_with_all_who_wait_for_it() {
    let mut desk = Desk::new();
    desk.join(&read("a"), HOURLY, false);
    desk.join(&read("b"), HOURLY, false);
    desk.join(&read("a"), HOURLY, true);
    assert_eq!(desk.plan(true), trip(false, false));
    assert_eq!(desk.depart(false), ["a"]);
    assert!(matches!(desk.plan(true), Plan::Until(_)));
}

#[test]
fn while_a_probe_is_under_way_urgent_reads_go_singly_and_periodic_ones_wait() {
    let mut desk = Desk::new();
    desk.join(&read("a"), HOURLY, false);
    desk.now += MOST_PATIENCE;
    assert!(matches!(
        desk.waiting.plan(Sharing::Probing, desk.now),
        Plan::Until(_)
    ));
    for id in ["b", "c"] {
        desk.join(&read(id), Lane::NOW, false);
    }
    assert_eq!(desk.waiting.plan(Sharing::Probing, desk.now), trip(true, false));
}

#[test]
fn while_a_probe_is_under_way_urgent_reads_of_a_scarce_quota_wait_for_it() {
    let mut waiting = Waiting::new(Service::ParameterStore);
    let now = Instant::now();
    let read = Read {
        service: AwsService::ParameterStore,
        version: Version::Selector(None),
        ..read("a")
    };
    let (first, _answer) = caller();
    waiting.join(&read, Lane::NOW, false, now, first);
    let soon = Plan::Until(now + PROBE_PATIENCE);
    assert_eq!(waiting.plan(Sharing::Probing, now), soon);
    assert_eq!(waiting.plan(Sharing::Never, now), trip(true, false));
    let (second, _other) = caller();
    waiting.join(&read, Lane::NOW, true, now, second);
    assert_eq!(
        waiting.plan(Sharing::Probing, now),
        trip(true, false),
        "a sure one does not"
    );
}

#[test]
fn abandoned_reads_are_dropped() {
    let mut desk = Desk::new();
    desk.join(&read("a"), Lane::NOW, false);
    desk.answers.clear();
    desk.join(&read("b"), Lane::NOW, false);
    assert_eq!(desk.plan(false), trip(true, false));
    assert_eq!(desk.depart(false), ["b"]);
}

#[test]
fn reads_whose_call_was_in_vain_go_again_by_themselves() {
    let mut desk = Desk::new();
    for id in ["a", "b"] {
        desk.join(&read(id), Lane::NOW, false);
    }
    for traveller in desk.waiting.depart(true) {
        desk.waiting.rejoin(traveller, desk.now);
    }
    assert_eq!(desk.plan(true), trip(true, false));
    assert_eq!(
        (desk.depart(false), desk.depart(false)),
        (vec!["a".to_owned()], vec!["b".to_owned()])
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_read_that_waits_leaves_exactly_once(
        steps in prop::collection::vec((0u8..12, any::<bool>(), any::<bool>(), 0u8..4), 1..200),
        sharing in any::<bool>(),
    ) {
        let mut desk = Desk::new();
        let mut inside = HashMap::new();
        let mut departed = 0usize;
        let mut joined = 0usize;
        for (id, urgent, single, then) in steps {
            let id = format!("app-{id}");
            let lane = if urgent { Lane::NOW } else { HOURLY };
            let known = desk.join(&read(&id), lane, single);
            joined += 1;
            prop_assert_eq!(known, inside.contains_key(&id));
            *inside.entry(id).or_insert(0usize) += 1;
            if then == 0 {
                departed += leave(&mut desk, sharing, &mut inside)?;
            }
        }
        desk.now += MOST_PATIENCE;
        while desk.plan(sharing) != Plan::Idle {
            departed += leave(&mut desk, sharing, &mut inside)?;
        }
        prop_assert!(inside.is_empty());
        prop_assert_eq!(departed, joined);
    }
}

/// Lets the next reads leave and checks that each was inside, with all its callers.
fn leave(
    desk: &mut Desk,
    sharing: bool,
    inside: &mut HashMap<String, usize>,
) -> Result<usize, TestCaseError> {
    let Plan::Go(trip) = desk.plan(sharing) else {
        return Ok(0);
    };
    let travellers = desk.waiting.depart(trip.together);
    prop_assert!(!travellers.is_empty());
    let most = if trip.together {
        Service::SecretsManager.batching().limit
    } else {
        1
    };
    prop_assert!(travellers.len() <= most);
    let mut callers = 0;
    for traveller in travellers {
        prop_assert_eq!(inside.remove(&traveller.read.id), Some(traveller.callers.len()));
        callers += traveller.callers.len();
    }
    Ok(callers)
}

#[test]
fn urgent_reads_gather_behind_a_call_under_way_and_a_lone_one_does_not_wait() {
    let mut desk = Desk::new();
    desk.join(&read("first"), Lane::NOW, false);
    assert_eq!(desk.plan(true), trip(true, false), "a lone one leaves at once");
    desk.depart(false);
    desk.waiting.set_out();

    desk.join(&read("a"), Lane::NOW, false);
    desk.join(&read("b"), Lane::NOW, false);
    let arrived = desk.now;
    assert_eq!(desk.plan(true), Plan::Until(arrived + URGENT_PATIENCE));
    assert_eq!(
        desk.plan(false),
        trip(true, false),
        "nobody comes along where reads travel singly"
    );
    desk.join(&read("sure"), Lane::NOW, true);
    assert_eq!(
        desk.plan(true),
        trip(true, true),
        "one that travels alone holds nobody up"
    );
    assert_eq!(desk.depart(true), ["a", "b"]);
    assert_eq!(desk.depart(false), ["sure"]);

    desk.join(&read("c"), Lane::NOW, false);
    desk.now += URGENT_PATIENCE;
    assert_eq!(
        desk.plan(true),
        trip(true, false),
        "a slow call is not waited for"
    );
    desk.now -= URGENT_PATIENCE;
    desk.waiting.came_back();
    assert_eq!(desk.plan(true), trip(true, false), "the call is back");
}

#[test]
fn reads_of_objects_that_stood_in_a_queue_wait_for_company_a_part_of_that_time() {
    let mut desk = Desk::new();
    let queued = |seconds| Lane::Urgent {
        waited: Duration::from_secs(seconds),
    };
    desk.join(&read("a"), queued(1), false);
    let (joined, part) = (desk.now, Duration::from_secs(1) / QUEUED_PART);
    assert_eq!(
        desk.plan(true),
        Plan::Until(joined + part),
        "no call is under way"
    );
    desk.join(&read("b"), queued(3600), false);
    assert_eq!(
        desk.plan(true),
        Plan::Until(joined + part),
        "whoever waited least decides"
    );
    desk.now += part;
    assert_eq!(desk.plan(true), trip(true, true));
    assert_eq!(desk.depart(true), ["a", "b"]);

    desk.join(&read("c"), queued(3600), false);
    assert_eq!(desk.plan(true), Plan::Until(desk.now + QUEUED_PATIENCE));
    desk.join(&read("new"), Lane::NOW, false);
    assert_eq!(desk.plan(true), trip(true, true), "a new object waits for nobody");
}

#[test]
fn a_full_batch_of_urgent_reads_does_not_wait_for_a_call_under_way() {
    let mut desk = Desk::new();
    desk.waiting.set_out();
    for number in 0..Service::SecretsManager.batching().limit {
        desk.join(&read(&number.to_string()), Lane::NOW, false);
    }
    assert_eq!(desk.plan(true), trip(true, true));
    assert!(!desk.waiting.is_deserted(), "a call is under way");
}
