use proptest::prelude::*;

use super::*;

fn windows(kind: SyncWindowKind, windows: &[(&str, &str)]) -> Windows {
    let windows = windows.iter().map(|(schedule, duration)| SyncWindow {
        schedule: (*schedule).to_owned(),
        duration: (*duration).to_owned(),
    });
    let spec = SyncWindows {
        kind,
        windows: windows.collect(),
    };
    Windows::parse(&spec).unwrap()
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn until(text: &str) -> Gate {
    Gate::ClosedUntil(at(text))
}

#[test]
fn allow_opens_for_the_duration_from_each_start_and_both_ends_belong_to_it() {
    let nights = windows(SyncWindowKind::Allow, &[("0 22 * * *", "8h")]);
    let table = [
        ("2026-11-21T21:59:59Z", until("2026-11-21T22:00:00Z")),
        ("2026-11-21T22:00:00Z", Gate::Open),
        ("2026-11-22T03:00:00.5Z", Gate::Open),
        ("2026-11-22T06:00:00Z", Gate::Open),
        ("2026-11-22T06:00:00.000000001Z", until("2026-11-22T22:00:00Z")),
    ];
    for (now, expected) in table {
        assert_eq!(nights.gate(at(now)), expected, "{now}");
    }
}

#[test]
fn deny_closes_until_all_windows_that_touch_one_another_have_passed() {
    let closed = windows(SyncWindowKind::Deny, &[("0 8 * * *", "2h"), ("0 10 * * *", "1h")]);
    let table = [
        ("2026-11-21T07:59:59Z", Gate::Open),
        ("2026-11-21T08:00:00Z", until("2026-11-21T11:00:01Z")),
        ("2026-11-21T11:00:00Z", until("2026-11-21T11:00:01Z")),
        ("2026-11-21T11:00:01Z", Gate::Open),
    ];
    for (now, expected) in table {
        assert_eq!(closed.gate(at(now)), expected, "{now}");
    }
}

#[test]
fn any_of_several_windows_is_enough() {
    let open = windows(SyncWindowKind::Allow, &[("0 8 * * *", "1h"), ("@hourly", "5m")]);
    assert_eq!(open.gate(at("2026-11-21T08:30:00Z")), Gate::Open);
    assert_eq!(open.gate(at("2026-11-21T09:04:00Z")), Gate::Open);
    assert_eq!(
        open.gate(at("2026-11-21T09:30:00Z")),
        until("2026-11-21T10:00:00Z")
    );
}

#[test]
fn times_are_utc_unless_the_schedule_names_a_zone() {
    let local = windows(SyncWindowKind::Allow, &[("TZ=Europe/Berlin 0 12 * * *", "1h")]);
    assert_eq!(local.gate(at("2026-11-21T11:00:00Z")), Gate::Open);
    assert_eq!(
        local.gate(at("2026-11-21T12:30:00Z")),
        until("2026-11-22T11:00:00Z")
    );
}

#[test]
fn a_schedule_that_never_comes_never_opens() {
    let never = windows(SyncWindowKind::Allow, &[("0 0 30 2 *", "1h")]);
    assert_eq!(never.gate(at("2026-11-21T12:00:00Z")), Gate::Closed);
    let never = windows(SyncWindowKind::Deny, &[("0 0 30 2 *", "1h")]);
    assert_eq!(never.gate(at("2026-11-21T12:00:00Z")), Gate::Open);
}

#[test]
fn windows_that_never_end_are_followed_only_so_far() {
    let always = windows(SyncWindowKind::Deny, &[("* * * * *", "1h")]);
    let Gate::ClosedUntil(time) = always.gate(at("2026-11-21T12:00:00Z")) else {
        panic!("it is closed");
    };
    assert!(time > at("2026-11-21T13:00:00Z"), "{time}");
}

#[test]
fn no_windows_restrict_nothing() {
    for kind in [SyncWindowKind::Allow, SyncWindowKind::Deny] {
        assert_eq!(windows(kind, &[]).gate(at("2026-11-21T12:00:00Z")), Gate::Open);
    }
}

proptest! {
    #[test]
    fn a_closed_gate_is_open_when_it_says_so(
        second in 1_700_000_000_i64..1_900_000_000,
        hour in 0..24,
        minutes in 0..600,
        deny in any::<bool>(),
    ) {
        let kind = if deny { SyncWindowKind::Deny } else { SyncWindowKind::Allow };
        let windows = windows(kind, &[(&format!("7 {hour} * * *"), &format!("{minutes}m"))]);
        let now = Timestamp::from_second(second).unwrap();
        if let Gate::ClosedUntil(time) = windows.gate(now) {
            prop_assert!(time > now);
            prop_assert_eq!(windows.gate(time), Gate::Open);
        }
    }
}
