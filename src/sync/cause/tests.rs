use std::collections::BTreeSet;

use super::*;

#[test]
fn every_cause_has_a_name_of_its_own_that_is_one_word() {
    let names: BTreeSet<_> = Cause::ALL.iter().map(|cause| cause.name()).collect();
    assert_eq!(names.len(), Cause::ALL.len());
    for cause in Cause::ALL {
        assert!(cause.name().bytes().all(|b| b.is_ascii_alphabetic()), "{cause}");
        assert_eq!(cause.to_string(), cause.name());
    }
}

#[test]
fn only_what_follows_from_the_spec_alone_waits_for_a_new_one() {
    let spec: Vec<_> = Cause::ALL
        .iter()
        .filter(|cause| cause.class() == Class::Spec)
        .collect();
    assert_eq!(
        spec,
        [
            &Cause::InvalidSpec,
            &Cause::NotSupported,
            &Cause::TargetKindRefused,
            &Cause::Malformed,
            &Cause::TemplateInvalid,
        ]
    );
}

#[test]
fn what_depends_on_data_is_looked_at_again_at_the_interval() {
    for cause in [
        Cause::SecretNotFound,
        Cause::SecretMarkedForDeletion,
        Cause::PropertyNotFound,
        Cause::NotJson,
        Cause::DecodingFailed,
        Cause::NullByte,
        Cause::InvalidKey,
        Cause::KeyCollision,
        Cause::TooLarge,
    ] {
        assert_eq!(cause.class(), Class::Data, "{cause}");
    }
}

#[test]
fn what_passes_by_itself_is_transient_and_a_refusal_is_not() {
    for cause in [
        Cause::Throttled,
        Cause::AwsUnavailable,
        Cause::ApiServerUnavailable,
    ] {
        assert_eq!(cause.class(), Class::Transient, "{cause}");
    }
    for cause in [
        Cause::AccessDenied,
        Cause::KmsFailed,
        Cause::CredentialsFailed,
        Cause::Forbidden,
    ] {
        assert_eq!(cause.class(), Class::Denied, "{cause}");
    }
}

#[test]
fn a_failure_reads_as_its_cause_and_what_to_do() {
    let failure = Failure::new(Cause::NullByte, "the value of key k holds a null byte");
    assert_eq!(
        failure.to_string(),
        "NullByte: the value of key k holds a null byte"
    );
    assert_eq!(failure.headline, "could not get secret data from provider");
    assert_eq!(
        failure.headline("could not update secret").headline,
        "could not update secret"
    );
}
