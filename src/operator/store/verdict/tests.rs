use super::*;

fn error(class: Class) -> aws::Error {
    aws::Error::new(class, "store", "unable to create session: the text")
}

fn verdict(class: Class) -> Verdict {
    Verdict::of_credentials(Err(error(class)))
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn status(
    verdict: &Verdict,
    last: Option<&SecretStoreStatus>,
    generation: i64,
    second: i64,
) -> SecretStoreStatus {
    verdict.status(last, false, generation, at(second)).unwrap()
}

fn ready(status: &SecretStoreStatus) -> &StatusCondition {
    status
        .conditions
        .as_ref()
        .unwrap()
        .iter()
        .find(|c| c.type_ == "Ready")
        .unwrap()
}

#[test]
fn a_valid_store_is_ready_and_can_be_read_and_written() {
    let status = status(&Verdict::Valid, None, 3, 100);
    let condition = ready(&status);
    assert_eq!(condition.status, "True");
    assert_eq!(condition.reason.as_deref(), Some("Valid"));
    assert_eq!(condition.message.as_deref(), Some("store validated"));
    assert_eq!(status.capabilities.as_deref(), Some("ReadWrite"));
    assert_eq!(status.observed_generation, Some(3));
    assert_eq!(status.cause, None);
}

#[test]
fn a_failure_that_will_not_pass_says_cause_what_and_what_to_do() {
    let cases = [
        (Class::Credentials(Fault::SecretMissing), "CredentialsMissing"),
        (Class::Credentials(Fault::KeyMissing), "CredentialsMissing"),
        (
            Class::Credentials(Fault::ServiceAccountMissing),
            "CredentialsMissing",
        ),
        (Class::Credentials(Fault::NoRole), "CredentialsMissing"),
        (Class::Credentials(Fault::NoneFound), "CredentialsMissing"),
        (Class::Credentials(Fault::RoleRefused), "CredentialsRefused"),
        (Class::Credentials(Fault::Rejected), "CredentialsRefused"),
        (Class::Credentials(Fault::KubernetesDenied), "CredentialsRefused"),
        (Class::Denied, "CredentialsRefused"),
        (Class::Config, "InvalidSpec"),
    ];
    for (class, cause) in cases {
        let status = status(&verdict(class), None, 1, 0);
        let condition = ready(&status);
        assert_eq!(condition.status, "False", "{class:?}");
        assert_eq!(condition.reason.as_deref(), Some("InvalidProviderConfig"));
        let message = condition.message.as_deref().unwrap();
        assert!(
            message.starts_with(&format!("{cause}: unable to create session: the text; ")),
            "{message}"
        );
        assert_eq!(status.cause.as_deref(), Some(cause));
    }
}

#[test]
fn a_check_that_could_not_be_made_leaves_a_store_ready() {
    for class in [Class::Transient, Class::Throttled] {
        for last in [None, Some(status(&Verdict::Valid, None, 1, 5))] {
            let status = status(&verdict(class), last.as_ref(), 1, 9);
            let condition = ready(&status);
            assert_eq!(condition.status, "True");
            assert_eq!(condition.reason.as_deref(), Some("ValidationUnknown"));
            assert_eq!(
                condition.message.as_deref(),
                Some("could not determine validation status")
            );
            let since = if last.is_some() { 5 } else { 9 };
            assert_eq!(condition.last_transition_time, Some(Time::from(at(since))));
        }
    }
}

#[test]
fn a_check_that_could_not_be_made_does_not_make_a_broken_store_ready() {
    let broken = status(&verdict(Class::Denied), None, 1, 5);
    assert_eq!(
        verdict(Class::Transient).status(Some(&broken), true, 1, at(9)),
        None
    );
    let changed = status(&verdict(Class::Transient), Some(&broken), 2, 9);
    assert_eq!(
        ready(&changed).status,
        "True",
        "nothing is known against a new spec"
    );
}

#[test]
fn the_transition_time_moves_only_when_the_status_flips() {
    let first = status(&verdict(Class::Denied), None, 1, 5);
    let second = status(&verdict(Class::Config), Some(&first), 2, 9);
    assert_eq!(ready(&second).last_transition_time, Some(Time::from(at(5))));
    let third = status(&Verdict::Valid, Some(&second), 2, 13);
    assert_eq!(ready(&third).last_transition_time, Some(Time::from(at(13))));
    assert_eq!(status(&Verdict::Valid, Some(&third), 2, 20), third);
}

#[test]
fn conditions_of_others_are_kept() {
    let theirs = StatusCondition {
        type_: "Audited".to_owned(),
        status: "True".to_owned(),
        ..Default::default()
    };
    let last = SecretStoreStatus {
        conditions: Some(vec![theirs.clone()]),
        ..Default::default()
    };
    let status = status(&Verdict::Valid, Some(&last), 1, 0);
    assert!(status.conditions.unwrap().contains(&theirs));
}

#[test]
fn errors_of_the_spec_wait_for_a_new_spec_and_others_double_to_five_minutes() {
    let interval = Duration::from_mins(5);
    assert_eq!(Verdict::Valid.next(Some(interval), 0, 0), Some(interval));
    assert_eq!(Verdict::Valid.next(None, 0, 0), None);
    assert_eq!(verdict(Class::Config).next(Some(interval), 1, 0), None);
    let wait = |failures, spread| {
        verdict(Class::Denied)
            .next(Some(interval), failures, spread)
            .unwrap()
            .as_millis()
    };
    assert_eq!(
        [1, 2, 3, 9, 10, 40].map(|n| wait(n, 0)),
        [1_000, 2_000, 4_000, 256_000, 300_000, 300_000]
    );
    assert_eq!(wait(40, 19), 243_000);
    assert_eq!(wait(40, 20), 300_000);
}

#[test]
fn a_store_whose_role_lacks_an_action_that_saves_calls_is_ready_and_says_which() {
    let verdict = Verdict::ValidWithout(vec!["secretsmanager:BatchGetSecretValue"]);
    let status = status(&verdict, None, 1, 1);
    let condition = ready(&status);
    assert_eq!(condition.status, "True");
    assert_eq!(condition.reason.as_deref(), Some("Valid"));
    let message = condition.message.as_deref().unwrap();
    assert!(message.starts_with("store validated; "), "{message}");
    assert!(
        message.contains("secretsmanager:BatchGetSecretValue"),
        "{message}"
    );
    assert_eq!(status.cause, None);
    let minute = Duration::from_mins(1);
    assert_eq!(verdict.next(Some(minute), 0, 0), Some(minute));
}
