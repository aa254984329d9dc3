use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::{
    api::external_secret::StoreKind,
    aws::{Answer, Found, NamePattern, Query},
    sync::spec::StoreName,
};

fn spec(annotation: Option<&str>, fields: &Value) -> Spec {
    let mut full = json!({ "secretStoreRef": { "name": "aws" } });
    for (name, value) in fields.as_object().unwrap() {
        full[name] = value.clone();
    }
    let spec = Spec::parse(
        &serde_json::from_value(full).unwrap(),
        "app",
        &crate::sync::spec::Rules::default(),
    )
    .unwrap();
    let annotations = annotation.map(|value| (names::ON_MISSING_ANNOTATION.to_owned(), value.to_owned()));
    let on_missing = OnMissing::of(&annotations.into_iter().collect()).unwrap();
    Spec { on_missing, ..spec }
}

fn one() -> Value {
    json!({ "data": [{ "secretKey": "k", "remoteRef": { "key": "db" } }] })
}

fn record() -> Record {
    let object: crate::api::ExternalSecret = serde_json::from_value(json!({
        "apiVersion": names::API_VERSION, "kind": "ExternalSecret",
        "metadata": { "name": "app", "namespace": "team", "uid": "e-1" }, "spec": one(),
    }))
    .unwrap();
    Record::seed(&Object::new(
        crate::api::Stored(Ok(object)),
        &crate::sync::spec::Rules::default(),
    ))
}

fn find() -> Request {
    let store = StoreName {
        kind: StoreKind::SecretStore,
        name: "aws".into(),
    };
    let query = Query {
        service: crate::api::secret_store::AwsService::SecretsManager,
        prefix: None,
        path: None,
        name: Some(NamePattern::parse(".").unwrap()),
        tags: BTreeMap::new(),
    };
    Request::Find(store, query)
}

fn reads(request: Request) -> Reads {
    Reads {
        distinct: vec![request],
        by_source: vec![0],
        ..Reads::default()
    }
}

fn gives(found: &[&str]) -> Answers {
    let found = found.iter().map(|name| Found {
        name: (*name).to_owned(),
        answer: Arc::new(Answer::default()),
    });
    Answers {
        fetched: vec![Fetched::Found(found.collect())],
        absent: BTreeMap::new(),
        expires: None,
    }
}

/// One look at a find; what it gave is remembered where nothing is in doubt, as after a write.
fn look(record: &mut Record, single: bool, found: &[&str]) -> bool {
    let (spec, reads, answers) = (spec(None, &one()), reads(find()), gives(found));
    let sure = confirm(record, &spec, &reads, &answers, single, true);
    if sure {
        record.found = super::found(&reads, &answers);
    }
    sure
}

#[tokio::test(start_paused = true)]
async fn a_name_that_a_find_lacks_is_gone_after_a_second_look_ten_seconds_later() {
    let mut record = record();
    assert!(look(&mut record, false, &["a", "b", "c"]));
    assert!(
        look(&mut record, false, &["a", "b", "c", "d"]),
        "more is no doubt"
    );
    assert!(!look(&mut record, false, &["a"]));
    tokio::time::advance(CONFIRMATION / 2).await;
    assert!(!look(&mut record, true, &["a"]), "too early");
    tokio::time::advance(CONFIRMATION / 2).await;
    assert!(!look(&mut record, false, &["a"]), "a batch is no second look");
    assert!(look(&mut record, true, &["a", "b"]), "what came back is not gone");
    assert_eq!(record.confirm_at, None);
}

#[tokio::test(start_paused = true)]
async fn a_name_that_goes_between_two_looks_needs_a_second_one_of_its_own() {
    let mut record = record();
    assert!(look(&mut record, false, &["a", "b"]));
    assert!(!look(&mut record, false, &["a"]));
    tokio::time::advance(CONFIRMATION).await;
    assert!(!look(&mut record, true, &[]));
    tokio::time::advance(CONFIRMATION).await;
    assert!(look(&mut record, true, &[]));
}

#[tokio::test(start_paused = true)]
async fn what_keeps_its_key_needs_no_second_look_and_what_has_no_target_neither() {
    let request = || reads(find());
    let missing = Answers {
        fetched: vec![Fetched::Missing],
        absent: BTreeMap::new(),
        expires: None,
    };
    let kept = spec(Some("keep"), &one());
    assert!(confirm(&mut record(), &kept, &request(), &missing, false, true));
    let skipped = spec(Some("skip"), &one());
    assert!(!confirm(
        &mut record(),
        &skipped,
        &request(),
        &missing,
        false,
        true
    ));
    assert!(confirm(
        &mut record(),
        &skipped,
        &request(),
        &missing,
        false,
        false
    ));
}

#[test]
fn the_annotation_says_fail_keep_or_skip() {
    let of =
        |value: &str| OnMissing::of(&[(names::ON_MISSING_ANNOTATION.to_owned(), value.to_owned())].into());
    assert_eq!(OnMissing::of(&BTreeMap::new()), Ok(OnMissing::Fail));
    assert_eq!(of("fail"), Ok(OnMissing::Fail));
    assert_eq!(of("keep"), Ok(OnMissing::Keep));
    assert_eq!(of("skip"), Ok(OnMissing::Skip));
    for bad in ["", "Keep", "ignore"] {
        let failure = of(bad).unwrap_err();
        assert_eq!(failure.cause, Cause::InvalidSpec);
        assert_eq!(
            failure.text,
            format!("the annotation keyferry.dev/on-missing is {bad:?}; use fail, keep or skip")
        );
    }
}

#[test]
fn the_keys_of_missing_entries_are_kept_and_all_where_they_are_not_known() {
    let data = || Place::Data(0, "a".into());
    let keep = spec(Some("keep"), &one());
    assert_eq!(Kept::of(&keep, &[]), Kept::Nothing);
    assert_eq!(Kept::of(&keep, &[data()]), Kept::Keys(["a".into()].into()));
    assert_eq!(Kept::of(&keep, &[data(), Place::Extract(0)]), Kept::All);
    assert_eq!(Kept::of(&spec(Some("skip"), &one()), &[data()]), Kept::Nothing);
    let kept = Kept::of(&keep, &[data()]);
    assert!(kept.holds("a") && !kept.holds("b") && Kept::All.holds("b") && !Kept::Nothing.holds("a"));
}
