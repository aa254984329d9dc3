use super::*;

type Name = (&'static str, u32);

impl Key for Name {
    fn group(&self) -> &str {
        self.0
    }
}

fn queue() -> Queue<Name> {
    Queue::new(Limits {
        urgent: 512,
        periodic: 512,
    })
}

#[tokio::test(start_paused = true)]
async fn a_new_object_has_its_turn_though_twenty_thousand_periodic_ones_are_due_and_none_of_them_ends() {
    let mut queue = queue();
    for n in 0..20_000 {
        queue.push(("a", n), Lane::Periodic);
    }
    assert_eq!(pops(&mut queue).len(), 512, "no more hold anything");
    assert!(!queue.has_due());
    queue.push(("a", 20_000), Lane::Urgent);
    assert!(queue.has_due());
    assert_eq!(pops(&mut queue), [("a", 20_000)]);
    queue.done(("a", 20_000), None);
    assert_eq!(queue.pop(), None, "its end makes no room for others");
    queue.done(("a", 0), None);
    assert_eq!(pops(&mut queue), [("a", 512)]);
}

/// Lets ("a", 1) have a turn and be due again later.
fn later(queue: &mut Queue<Name>, delay: Duration) {
    queue.push(("a", 1), Lane::Urgent);
    assert_eq!(pops(queue), [("a", 1)]);
    queue.done(("a", 1), Some(delay));
}

fn pops(queue: &mut Queue<Name>) -> Vec<Name> {
    std::iter::from_fn(|| queue.pop().map(|due| due.key)).collect()
}

#[tokio::test(start_paused = true)]
async fn urgent_work_passes_a_backlog_of_periodic_work() {
    let mut queue = queue();
    for n in 0..10_000 {
        queue.push(("a", n), Lane::Periodic);
    }
    queue.push(("b", 1), Lane::Urgent);
    assert_eq!(queue.pop().unwrap().key, ("b", 1));
}

#[tokio::test(start_paused = true)]
async fn periodic_work_gets_one_turn_in_five() {
    let mut queue = queue();
    for n in 0..10 {
        queue.push(("a", n), Lane::Urgent);
        queue.push(("a", 100 + n), Lane::Periodic);
    }
    let lanes: Vec<_> = (0..10).map(|_| queue.pop().unwrap().lane).collect();
    assert_eq!(lanes.iter().filter(|lane| **lane == Lane::Periodic).count(), 2);
    assert_eq!(lanes[4], Lane::Periodic);
}

#[tokio::test(start_paused = true)]
async fn namespaces_take_turns() {
    let mut queue = queue();
    for n in 0..3 {
        queue.push(("a", n), Lane::Urgent);
    }
    queue.push(("b", 0), Lane::Urgent);
    assert_eq!(pops(&mut queue), [("a", 0), ("b", 0), ("a", 1), ("a", 2)]);
}

#[tokio::test(start_paused = true)]
async fn a_queued_periodic_object_is_promoted_and_not_doubled() {
    let mut queue = queue();
    queue.push(("a", 1), Lane::Periodic);
    queue.push(("a", 2), Lane::Periodic);
    queue.push(("a", 2), Lane::Urgent);
    assert_eq!(pops(&mut queue), [("a", 2), ("a", 1)]);
    assert!(!queue.has_due());
}

#[tokio::test(start_paused = true)]
async fn an_object_that_changes_while_it_runs_runs_once_more() {
    let mut queue = queue();
    queue.push(("a", 1), Lane::Urgent);
    assert!(queue.pop().is_some());
    queue.push(("a", 1), Lane::Urgent);
    queue.push(("a", 1), Lane::Urgent);
    assert_eq!(queue.pop(), None, "it never runs twice at once");
    queue.done(("a", 1), None);
    assert_eq!(pops(&mut queue), [("a", 1)]);
    queue.done(("a", 1), None);
    assert!(!queue.has_due());
}

#[tokio::test(start_paused = true)]
async fn an_object_with_more_than_six_urgent_syncs_a_minute_is_demoted() {
    let mut queue = queue();
    let mut lanes = vec![];
    for _ in 0..8 {
        queue.push(("a", 1), Lane::Urgent);
        lanes.push(queue.pop().unwrap().lane);
        queue.done(("a", 1), Some(Duration::from_hours(1)));
    }
    assert_eq!(lanes.iter().filter(|lane| **lane == Lane::Urgent).count(), 6);
    tokio::time::advance(Duration::from_secs(61)).await;
    queue.push(("a", 1), Lane::Urgent);
    assert_eq!(queue.pop().unwrap().lane, Lane::Urgent);
}

#[tokio::test(start_paused = true)]
async fn delayed_work_comes_due_as_periodic() {
    let mut queue = queue();
    later(&mut queue, Duration::from_secs(5));
    assert!(!queue.has_due());
    std::future::poll_fn(|cx| {
        assert!(queue.poll_delays(cx).is_pending());
        if queue.has_due() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    assert_eq!(queue.pop().unwrap().lane, Lane::Periodic);
}

#[tokio::test(start_paused = true)]
async fn an_urgent_push_does_not_wait_for_the_delay() {
    let mut queue = queue();
    later(&mut queue, Duration::from_hours(1));
    queue.push(("a", 1), Lane::Urgent);
    assert_eq!(pops(&mut queue), [("a", 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_delay_of_centuries_harms_nobody() {
    let mut queue = queue();
    queue.push(("a", 1), Lane::Urgent);
    assert!(queue.pop().is_some());
    queue.done(("a", 1), Some(Duration::MAX));
    queue.push(("a", 1), Lane::Urgent);
    assert_eq!(pops(&mut queue), [("a", 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_removed_object_is_not_handed_out() {
    let mut queue = queue();
    queue.push(("a", 1), Lane::Urgent);
    queue.remove(&("a", 1));
    assert_eq!(queue.pop(), None);
    assert!(!queue.has_due());
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_counted_once_whatever_becomes_of_it() {
    let mut queue = queue();
    queue.push(("a", 1), Lane::Periodic);
    queue.push(("a", 1), Lane::Urgent);
    queue.push(("a", 2), Lane::Periodic);
    queue.push(("a", 3), Lane::Periodic);
    assert_eq!(queue.depth_of(""), 3);
    queue.remove(&("a", 3));
    assert_eq!(queue.depth_of(""), 2);
    assert_eq!(pops(&mut queue), [("a", 1), ("a", 2)]);
    assert_eq!((queue.depth_of(""), queue.depth_of("other")), (0, 0));
}
