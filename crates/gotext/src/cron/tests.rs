use super::*;

fn times(expression: &str, from: &str, count: usize) -> Vec<String> {
    let schedule = Schedule::parse(expression).unwrap();
    let mut at: Timestamp = from.parse().unwrap();
    let mut times = Vec::new();
    while times.len() < count {
        match schedule.next(at) {
            Some(next) => at = next,
            None => break,
        }
        times.push(at.to_string());
    }
    times
}

#[test]
fn a_time_the_clock_skips_is_left_out_and_one_it_repeats_comes_twice() {
    let expression = "CRON_TZ=America/New_York 30 2 * * *";
    assert_eq!(
        times(expression, "2024-03-09T12:00:00Z", 2),
        ["2024-03-11T06:30:00Z", "2024-03-12T06:30:00Z"]
    );
    let expression = "CRON_TZ=America/New_York 30 1 * * *";
    assert_eq!(
        times(expression, "2024-11-03T04:00:00Z", 3),
        [
            "2024-11-03T05:30:00Z",
            "2024-11-03T06:30:00Z",
            "2024-11-04T06:30:00Z"
        ]
    );
}

#[test]
fn a_fraction_of_a_second_does_not_delay_the_next_time() {
    assert_eq!(
        times("@every 10s", "2024-01-01T00:00:00.9Z", 1),
        ["2024-01-01T00:00:10Z"]
    );
    assert_eq!(
        times("* * * * *", "2024-01-01T00:00:59.9Z", 1),
        ["2024-01-01T00:01:00Z"]
    );
    assert_eq!(
        times("@every 1ms", "2024-01-01T00:00:00Z", 1),
        ["2024-01-01T00:00:01Z"]
    );
}

#[test]
fn schedules_that_are_never_due_end_the_search() {
    for expression in [
        "0 0 30 2 *",
        "0 0 31 4,6,9,11 *",
        ", * * * *",
        "* , * * *",
        "* * , * *",
        "* * * , *",
    ] {
        assert_eq!(
            times(expression, "2024-01-01T00:00:00Z", 1),
            [""; 0],
            "{expression}"
        );
    }
    assert_eq!(
        times("0 0 29 2 *", "2096-03-01T00:00:00Z", 1),
        [""; 0],
        "2100 is no leap year"
    );
}

#[test]
fn texts_that_are_no_schedule_give_the_message_of_the_go_library() {
    for (text, wanted) in [
        ("TZ=UTC", "provided bad location UTC: unknown time zone UTC"),
        (
            "TZ=utc * * * * *",
            "provided bad location utc: unknown time zone utc",
        ),
        (
            "TZ=Mars/Base * * * * *",
            "provided bad location Mars/Base: unknown time zone Mars/Base",
        ),
        ("@never", "unrecognized descriptor: @never"),
        (
            "@every x",
            "failed to parse duration @every x: time: invalid duration \"x\"",
        ),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("1/2/3 * * * *", "too many slashes: 1/2/3"),
        (
            "-1 * * * *",
            "failed to parse int from : strconv.Atoi: parsing \"\": invalid syntax",
        ),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("*/-1 * * * *", "negative number (-1) not allowed: -1"),
    ] {
        assert_eq!(Schedule::parse(text).unwrap_err().to_string(), wanted, "{text}");
    }
}
