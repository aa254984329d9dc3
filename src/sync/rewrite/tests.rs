use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::{
    api::external_secret::StoreKind,
    sync::spec::{Interval, Refresh, StoreName, TargetSpec},
};

fn source(place: Place) -> Source {
    Source {
        place,
        wanted: Wanted::Value(Remote {
            store: StoreName {
                kind: StoreKind::SecretStore,
                name: "aws".into(),
            },
            key: "prod/db".into(),
            property: None,
            version: None,
            metadata: false,
        }),
        rewrite: vec![],
        conversion: ConversionStrategy::Default,
        decoding: DecodingStrategy::None,
        null_bytes: NullBytePolicy::Ignore,
    }
}

/// The same entry, for a part of the secret.
fn part(property: &str, mut source: Source) -> Source {
    if let Wanted::Value(remote) = &mut source.wanted {
        remote.property = Some(property.into());
    }
    source
}

fn whole() -> Source {
    source(Place::Extract(0))
}

fn single(key: &str) -> Source {
    source(Place::Data(0, key.into()))
}

fn text(payload: &str) -> Answer {
    Answer {
        text: Some(payload.to_owned().into()),
        ..Answer::default()
    }
}

fn binary(payload: &[u8]) -> Answer {
    Answer {
        binary: Some(payload.into()),
        ..Answer::default()
    }
}

fn spec(sources: Vec<Source>) -> Spec {
    Spec {
        target: TargetSpec {
            kind: None,
            name: "app".into(),
            creation: crate::api::external_secret::CreationPolicy::Owner,
            deletion: crate::api::external_secret::DeletionPolicy::Retain,
            immutable: false,
            template: None,
        },
        refresh: Refresh::Periodic(Interval::Once),
        interval: Interval::Once,
        windows: None,
        on_missing: crate::sync::absence::OnMissing::Fail,
        sources,
    }
}

/// Each source with an answer of its own.
fn run(entries: Vec<(Source, Option<Answer>)>) -> Result<Map, Failure> {
    let (sources, answers): (Vec<_>, Vec<_>) = entries.into_iter().unzip();
    let reads = Reads {
        distinct: vec![],
        by_source: (0..sources.len()).collect(),
        ..Reads::default()
    };
    let spec = spec(sources);
    let fetched = answers.into_iter().map(|answer| match answer {
        Some(answer) => Fetched::Value(Arc::new(answer)),
        None => Fetched::Missing,
    });
    let fetched: Vec<_> = fetched.collect();
    rewrite(&spec, &reads, &fetched)
}

fn shown(map: &Map) -> Vec<(&str, String)> {
    map.iter()
        .map(|(key, value)| (key.as_str(), String::from_utf8_lossy(value.expose()).into_owned()))
        .collect()
}

fn extracted(source: Source, payload: &str) -> Vec<(String, String)> {
    let map = run(vec![(source, Some(text(payload)))]).unwrap();
    shown(&map)
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

fn refused(source: Source, answer: Answer) -> Failure {
    run(vec![(source, Some(answer))]).unwrap_err()
}

fn decoded(decoding: DecodingStrategy, value: &str) -> Result<Vec<u8>, Failure> {
    let source = Source {
        decoding,
        ..single("k")
    };
    let map = run(vec![(source, Some(text(value)))])?;
    Ok(map["k"].expose().to_vec())
}

#[test]
fn data_overwrites_data_from_and_later_entries_overwrite_earlier_ones() {
    let map = run(vec![
        (whole(), Some(text(r#"{"a":"1","b":"1","c":"1"}"#))),
        (source(Place::Extract(1)), Some(text(r#"{"b":"2","c":"2"}"#))),
        (single("c"), Some(text("3"))),
        (single("c"), Some(text("4"))),
    ])
    .unwrap();
    let expected = [("a", "1"), ("b", "2"), ("c", "4")].map(|(k, v)| (k, v.to_owned()));
    assert_eq!(shown(&map), expected);
}

#[test]
fn a_source_without_an_answer_is_passed_over() {
    let map = run(vec![(single("gone"), None), (single("here"), Some(text("v")))]).unwrap();
    assert_eq!(shown(&map), [("here", "v".to_owned())]);
}

#[test]
fn sources_that_share_a_read_use_the_same_answer() {
    let sources = vec![part("user", single("u")), part("pass", single("p"))];
    let spec = Spec {
        sources,
        ..Spec::parse(
            &serde_json::from_str(
                r#"{"secretStoreRef":{"name":"aws"},"data":[{"secretKey":"k","remoteRef":{"key":"prod/db"}}]}"#,
            )
            .unwrap(),
            "app",
            &crate::sync::spec::Rules::default(),
        )
        .unwrap()
    };
    let reads = Reads {
        distinct: vec![],
        by_source: vec![0, 0],
        ..Reads::default()
    };
    let fetched = [Fetched::Value(Arc::new(text(r#"{"user":"u","pass":"p"}"#)))];
    let map = rewrite(&spec, &reads, &fetched).unwrap();
    assert_eq!(shown(&map), [("p", "p".to_owned()), ("u", "u".to_owned())]);
}

#[test]
fn members_become_text_as_go_makes_it() {
    let table = [
        (
            "strings are decoded",
            r#"{"k":"a\"\\\/\b\f\n\r\té"}"#,
            "a\"\\/\u{8}\u{c}\n\r\té",
        ),
        ("null is empty", r#"{"k":null}"#, ""),
        ("numbers stand as written", r#"{"k":1.50e+2}"#, "1.50e+2"),
        (
            "large numbers lose no digit",
            r#"{"k":123456789012345678901234567890}"#,
            "123456789012345678901234567890",
        ),
        ("booleans stand as written", r#"{"k":true}"#, "true"),
        (
            "objects stand as written, spaces included",
            r#"{"k": { "x" : [1, 2] } }"#,
            r#"{ "x" : [1, 2] }"#,
        ),
        (
            "arrays stand as written, escapes included",
            r#"{"k":["\u0041"]}"#,
            r#"["\u0041"]"#,
        ),
        ("of duplicates the last one counts", r#"{"k":"1","k":"2"}"#, "2"),
        (
            "a pair of surrogates is one character",
            r#"{"k":"\ud83d\ude00"}"#,
            "😀",
        ),
        (
            "a lone high surrogate is replaced",
            r#"{"k":"x\ud800y"}"#,
            "x\u{fffd}y",
        ),
        (
            "a lone low surrogate is replaced",
            r#"{"k":"\udc00"}"#,
            "\u{fffd}",
        ),
        (
            "an escape after a lone surrogate stands for itself",
            r#"{"k":"\ud800\u0041"}"#,
            "\u{fffd}A",
        ),
        (
            "two high surrogates are two replacements",
            r#"{"k":"\ud800\ud800"}"#,
            "\u{fffd}\u{fffd}",
        ),
        (
            "a pair after a lone surrogate is kept",
            r#"{"k":"\ud800\ud83d\ude00"}"#,
            "\u{fffd}😀",
        ),
        (
            "space around the object is nothing",
            " \r\n\t{\"k\":\"v\"}\n ",
            "v",
        ),
    ];
    for (what, payload, expected) in table {
        assert_eq!(
            extracted(whole(), payload),
            [("k".to_owned(), expected.to_owned())],
            "{what}"
        );
    }
}

#[test]
fn names_of_members_are_decoded_as_go_does() {
    assert_eq!(
        extracted(whole(), r#"{"\u0061":"1"}"#),
        [("a".to_owned(), "1".to_owned())]
    );
    // U+FFFD is neither letter nor number.
    assert_eq!(
        extracted(whole(), r#"{"a\ud800":"1"}"#),
        [("a_".to_owned(), "1".to_owned())]
    );
    assert_eq!(
        extracted(whole(), r#"{"a":"1","\u0061":"2"}"#),
        [("a".to_owned(), "2".to_owned())],
        "the same name however it is spelled"
    );
}

#[test]
fn an_object_of_nothing_and_null_give_no_keys() {
    assert!(extracted(whole(), "{}").is_empty());
    assert!(extracted(whole(), "null").is_empty());
}

#[test]
fn what_is_not_a_json_object_cannot_be_extracted_and_is_not_quoted() {
    for payload in [
        "hunter2",
        "[\"hunter2\"]",
        "\"hunter2\"",
        "42",
        "",
        "{\"k\":\"hunter2\"",
        "{\"k\":\"hunter2\"}x",
        "\u{feff}{}",
    ] {
        let failure = refused(whole(), text(payload));
        assert_eq!(failure.cause, Cause::NotJson, "{payload}");
        assert!(
            failure.text.starts_with(
                "error processing spec.dataFrom[0].extract, err: unable to unmarshal secret prod/db"
            ),
            "{}",
            failure.text
        );
        assert!(!failure.text.contains("hunter2"), "{}", failure.text);
    }
}

#[test]
fn a_plain_value_is_taken_as_it_is() {
    let bytes = [0xff, 0, b'\n'];
    let map = run(vec![(single("k"), Some(binary(&bytes)))]).unwrap();
    assert_eq!(map["k"].expose(), bytes);
    let map = run(vec![(single("k"), Some(text("")))]).unwrap();
    assert!(map["k"].is_empty());
}

#[test]
fn text_comes_before_binary_but_a_property_is_looked_up_in_the_binary_one() {
    let both = || Answer {
        text: Some(r#"{"k":"text"}"#.to_owned().into()),
        binary: Some(br#"{"k":"binary"}"#[..].into()),
        ..Answer::default()
    };
    let map = run(vec![(single("k"), Some(both()))]).unwrap();
    assert_eq!(map["k"].expose(), br#"{"k":"text"}"#);
    let property = part("k", single("k"));
    let map = run(vec![(property, Some(both()))]).unwrap();
    assert_eq!(map["k"].expose(), b"binary");
}

#[test]
fn a_secret_with_neither_text_nor_binary_is_an_error() {
    let failure = refused(single("k"), Answer::default());
    assert_eq!(failure.cause, Cause::NotJson);
    assert!(
        failure
            .text
            .contains("no secret string nor binary for key: prod/db"),
        "{}",
        failure.text
    );
}

#[test]
fn a_property_is_a_path_or_a_name_with_dots() {
    let payload =
        r#"{"a.b":"literal","a":{"b":"nested"},"list":[{"n":1},{"n":"two"}],"x":{"y":{"z":1}},"nil":null}"#;
    let table = [
        ("a.b", "literal"),
        (r"a\.b", "literal"),
        ("list.1.n", "two"),
        ("list.0.n", "1"),
        ("list.#", "2"),
        ("x.y", r#"{"z":1}"#),
        ("x.y.z", "1"),
        ("nil", ""),
    ];
    for (property, expected) in table {
        let source = part(property, single("k"));
        assert_eq!(
            extracted(source, payload),
            [("k".to_owned(), expected.to_owned())],
            "{property}"
        );
    }
    let nested = extracted(part("a.b", single("k")), r#"{"a":{"b":"nested"}}"#);
    assert_eq!(nested, [("k".to_owned(), "nested".to_owned())]);
}

#[test]
fn a_property_of_extract_is_the_object_that_is_extracted() {
    let source = part("db", whole());
    assert_eq!(
        extracted(source, r#"{"db":{"port":5432}}"#),
        [("port".to_owned(), "5432".to_owned())]
    );
}

#[test]
fn a_missing_property_says_whether_the_secret_is_json_at_all() {
    let source = || part("nope", single("k"));
    let in_json = refused(source(), text(r#"{"a":1}"#));
    assert_eq!(in_json.cause, Cause::PropertyNotFound);
    assert_eq!(
        in_json.text,
        "error processing spec.data[0] (key: k), err: key nope does not exist in secret prod/db; correct the property"
    );
    let in_text = refused(source(), text("plain"));
    assert_eq!(in_text.cause, Cause::PropertyNotFound);
    assert!(
        in_text.text.contains("the secret is not JSON"),
        "{}",
        in_text.text
    );
}

#[test]
fn characters_that_a_key_cannot_hold_are_replaced() {
    let table = [
        (ConversionStrategy::Default, "a/b c", "a_b_c"),
        (ConversionStrategy::Default, "a-b.c_d", "a-b.c_d"),
        (ConversionStrategy::Default, "€", "_"),
        (ConversionStrategy::Default, "😀", "_"),
        // Letters in Unicode's wider sense, but not to Go: a circled letter, a combining iota.
        (ConversionStrategy::Default, "\u{24b6}", "_"),
        (ConversionStrategy::Default, "a\u{345}", "a_"),
        (ConversionStrategy::Unicode, "a/b", "a_U002f_b"),
        (ConversionStrategy::Unicode, "€", "_U20ac_"),
        (ConversionStrategy::Unicode, "😀", "_U1f600_"),
        (ConversionStrategy::Unicode, "a-b.c_d", "a-b.c_d"),
    ];
    for (conversion, name, expected) in table {
        let source = Source {
            conversion,
            ..whole()
        };
        let payload = serde_json::json!({ name: "v" }).to_string();
        assert_eq!(
            extracted(source, &payload),
            [(expected.to_owned(), "v".to_owned())],
            "{name}"
        );
    }
}

#[test]
fn keys_that_become_the_same_are_an_error_and_unicode_keeps_them_apart() {
    let payload = r#"{"a/b":"1","a_b":"2"}"#;
    let failure = refused(whole(), text(payload));
    assert_eq!(failure.cause, Cause::KeyCollision);
    assert!(
        failure
            .text
            .contains("secret name collision during conversion: a_b"),
        "{}",
        failure.text
    );
    let unicode = Source {
        conversion: ConversionStrategy::Unicode,
        ..whole()
    };
    let keys: Vec<_> = extracted(unicode, payload)
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    assert_eq!(keys, ["a_U002f_b", "a_b"]);
}

#[test]
fn letters_outside_ascii_are_no_keys_of_a_secret_and_conversion_does_not_replace_them() {
    let failure = refused(whole(), text(r#"{"ключ":"v"}"#));
    assert_eq!(failure.cause, Cause::InvalidKey);
    assert!(
        failure
            .text
            .contains("invalid secret keys (TIP: use rewrite or conversionStrategy to change keys)"),
        "{}",
        failure.text
    );
}

#[test]
fn an_empty_key_is_dropped() {
    assert_eq!(
        extracted(whole(), r#"{"":"dropped","a":"1"}"#),
        [("a".to_owned(), "1".to_owned())]
    );
}

#[test]
fn a_key_has_at_most_253_characters() {
    let payload = |length| serde_json::json!({ "k".repeat(length): "v" }).to_string();
    assert_eq!(extracted(whole(), &payload(253)).len(), 1);
    let failure = refused(whole(), text(&payload(254)));
    assert_eq!(failure.cause, Cause::InvalidKey);
    assert!(
        failure.text.contains("is longer than 253 characters"),
        "{}",
        failure.text
    );
    assert!(
        failure.text.len() < 300,
        "the key is not repeated in full: {}",
        failure.text
    );
}

#[test]
fn base64_is_decoded_as_go_decodes_it() {
    let standard = DecodingStrategy::Base64;
    let url = DecodingStrategy::Base64Url;
    let table: [(_, &str, Option<&[u8]>); 14] = [
        (standard, "aGVsbG8=", Some(b"hello")),
        (standard, "aGVs\r\nbG8=\n", Some(b"hello")),
        (standard, "aGVsbG8\n=", Some(b"hello")),
        (standard, "YR==", Some(b"a")),
        (standard, "", Some(b"")),
        (standard, "+/+/", Some(&[0xfb, 0xff, 0xbf])),
        (standard, "-_-_", None),
        (standard, "aGVsbG8", None),
        (standard, "aGVs bG8=", None),
        (standard, "YQ==YQ==", None),
        (standard, "====", None),
        (url, "-_-_", Some(&[0xfb, 0xff, 0xbf])),
        (url, "+/+/", None),
        (url, "aGVsbG8", None),
    ];
    for (strategy, value, expected) in table {
        assert_eq!(
            decoded(strategy, value).ok().as_deref(),
            expected,
            "{strategy:?} {value:?}"
        );
    }
}

#[test]
fn auto_is_base64_else_base64url_else_the_value_itself() {
    let auto = |value| decoded(DecodingStrategy::Auto, value).unwrap();
    assert_eq!(auto("+/+/"), [0xfb, 0xff, 0xbf]);
    assert_eq!(auto("-_-_"), [0xfb, 0xff, 0xbf]);
    assert_eq!(auto("plain text"), b"plain text");
    assert_eq!(auto("YQ"), b"YQ");
    // What looks like base64 is taken for it.
    assert_eq!(auto("test"), [0xb5, 0xeb, 0x2d]);
}

#[test]
fn a_value_that_cannot_be_decoded_names_its_key_and_stays_unsaid() {
    let source = Source {
        decoding: DecodingStrategy::Base64,
        ..whole()
    };
    let failure = refused(source, text(r#"{"good":"YQ==","bad":"hunter2!"}"#));
    assert_eq!(failure.cause, Cause::DecodingFailed);
    assert!(
        failure
            .text
            .contains("error applying decoding strategy Base64 to data: the value of key bad is not Base64"),
        "{}",
        failure.text
    );
    assert!(!failure.text.contains("hunter2"), "{}", failure.text);
    let url = decoded(DecodingStrategy::Base64Url, "?").unwrap_err();
    assert!(
        url.text.contains("error applying decoding strategy Base64URL"),
        "{}",
        url.text
    );
}

#[test]
fn decoding_applies_to_every_member_of_an_extract() {
    let source = Source {
        decoding: DecodingStrategy::Base64,
        ..whole()
    };
    assert_eq!(
        extracted(source, r#"{"a":"YQ==","b":"Yg=="}"#),
        [("a".to_owned(), "a".to_owned()), ("b".to_owned(), "b".to_owned())]
    );
}

#[test]
fn null_bytes_pass_unless_they_are_refused_by_the_first_key_in_order() {
    let payload = r#"{"c":"\u0000","b":"x\u0000y","a":"fine"}"#;
    assert_eq!(extracted(whole(), payload).len(), 3);
    let source = Source {
        null_bytes: NullBytePolicy::Fail,
        ..whole()
    };
    let failure = refused(source, text(payload));
    assert_eq!(failure.cause, Cause::NullByte);
    assert!(
        failure.text.contains("the value of key b holds a null byte"),
        "{}",
        failure.text
    );
}

#[test]
fn null_bytes_are_looked_for_after_decoding() {
    let source = Source {
        decoding: DecodingStrategy::Base64,
        null_bytes: NullBytePolicy::Fail,
        ..single("k")
    };
    assert_eq!(refused(source, text("AA==")).cause, Cause::NullByte);
}

#[test]
fn an_error_says_which_entry_of_the_manifest_it_is_about() {
    let data = source(Place::Data(3, "k".into()));
    let failure = refused(part("p", data), text("{}"));
    assert!(
        failure
            .text
            .starts_with("error processing spec.data[3] (key: k), err: "),
        "{}",
        failure.text
    );
}

/// What a find gave.
fn found(find: &Source, entries: &[(&str, &str)]) -> Result<Map, Failure> {
    let found = entries.iter().map(|(name, value)| Found {
        name: (*name).to_owned(),
        answer: Arc::new(text(value)),
    });
    let mut map = Map::new();
    map.extend(several(find, &found.collect::<Vec<_>>())?);
    Ok(map)
}

/// An entry with operations, parsed as a manifest has them.
fn rewritten(operations: &serde_json::Value) -> Source {
    let spec = serde_json::json!({
        "secretStoreRef": { "name": "aws" },
        "dataFrom": [{ "find": { "name": { "regexp": "." } }, "rewrite": operations }],
    });
    let spec = Spec::parse(
        &serde_json::from_value(spec).unwrap(),
        "app",
        &crate::sync::spec::Rules::default(),
    )
    .unwrap();
    spec.sources[0].clone()
}

#[test]
fn what_is_found_has_its_whole_name_converted_as_key() {
    let entries = [("/prod/db", "1"), ("prod.mq", "2")];
    let default = found(&rewritten(&serde_json::json!([])), &entries).unwrap();
    assert_eq!(
        shown(&default),
        [("_prod_db", "1".to_owned()), ("prod.mq", "2".to_owned())]
    );
    let unicode = Source {
        conversion: ConversionStrategy::Unicode,
        ..rewritten(&serde_json::json!([]))
    };
    let unicode = found(&unicode, &entries[..1]).unwrap();
    assert_eq!(shown(&unicode), [("_U002f_prod_U002f_db", "1".to_owned())]);
    let failure = found(&rewritten(&serde_json::json!([])), &[("a/b", "1"), ("a:b", "2")]).unwrap_err();
    assert_eq!(failure.cause, Cause::KeyCollision);
}

#[test]
fn with_a_rewrite_keys_are_not_converted_so_that_a_bad_one_is_an_error() {
    let rewrite = serde_json::json!([{ "regexp": { "source": "^/prod", "target": "" } }]);
    let failure = found(&rewritten(&rewrite), &[("/prod/db", "1")]).unwrap_err();
    assert_eq!(failure.cause, Cause::InvalidKey);
    assert!(
        failure.text.starts_with("invalid secret keys (TIP: "),
        "{}",
        failure.text
    );
}

#[test]
fn values_are_decoded_after_keys_were_rewritten_and_merged() {
    let source = Source {
        decoding: DecodingStrategy::Base64,
        null_bytes: NullBytePolicy::Fail,
        ..rewritten(&serde_json::json!([{ "merge": {} }]))
    };
    let map = found(&source, &[("a", r#"{"user":"dQ=="}"#)]).unwrap();
    assert_eq!(shown(&map), [("user", "u".to_owned())]);
    let failure = found(&source, &[("a", r#"{"user":"AA=="}"#)]).unwrap_err();
    assert_eq!(failure.cause, Cause::NullByte);
}

#[test]
fn an_empty_key_is_dropped_after_a_rewrite_too() {
    let rewrite = serde_json::json!([{ "regexp": { "source": "^a$", "target": "" } }]);
    let map = found(&rewritten(&rewrite), &[("a", "1"), ("b", "2")]).unwrap();
    assert_eq!(shown(&map), [("b", "2".to_owned())]);
}

#[test]
fn a_secret_that_is_found_without_a_value_is_named() {
    let empty = [Found {
        name: "prod/empty".to_owned(),
        answer: Arc::new(Answer::default()),
    }];
    let failure = several(&rewritten(&serde_json::json!([])), &empty).unwrap_err();
    assert!(failure.text.contains("prod/empty"), "{}", failure.text);
}

proptest! {
    #[test]
    fn no_payload_makes_it_panic_and_no_error_quotes_it(
        payload in ".{0,60}",
        extract in any::<bool>(),
        property in proptest::option::of("[a-z.#@|*]{1,8}"),
        auto in any::<bool>(),
    ) {
        let marked = format!("{payload}hunter2");
        let source = Source {
            decoding: if auto { DecodingStrategy::Auto } else { DecodingStrategy::Base64 },
            null_bytes: NullBytePolicy::Fail,
            ..if extract { whole() } else { single("k") }
        };
        let source = match &property {
            Some(property) => part(property, source),
            None => source,
        };
        if let Err(failure) = run(vec![(source, Some(text(&marked)))]) {
            prop_assert!(!failure.text.contains("hunter2"), "{}", failure.text);
        }
    }

    #[test]
    fn every_string_comes_through_an_extract_unchanged(value in any::<String>()) {
        let payload = serde_json::json!({ "k": value }).to_string();
        prop_assert_eq!(extracted(whole(), &payload), [("k".to_owned(), value)]);
    }
}

#[test]
fn values_that_no_secret_could_hold_stop_the_sync_before_all_of_them_are_copied() {
    let payload = format!(r#"{{"member":"{}"}}"#, "x".repeat(60_000));
    let payload = SecretBytes::from(payload);
    let answer = || Answer {
        text: Some(payload.clone()),
        ..Answer::default()
    };
    let entries = (0..8_000)
        .map(|n| (part("member", single(&format!("key-{n}"))), Some(answer())))
        .collect();
    let failure = run(entries).unwrap_err();
    assert_eq!(failure.cause, Cause::TooLarge);
    // The first entry past the bound says so; those behind it were not looked at.
    assert!(
        failure.text.contains(
            "error processing spec.data[0] (key: key-139), err: the values up to here are more than"
        ),
        "{}",
        failure.text
    );
}

#[test]
fn what_looks_through_much_is_told_from_what_does_not() {
    let payload = format!(r#"{{"member":"{}"}}"#, "x".repeat(60_000));
    let long = |source: &Source, times: usize| {
        let fetched = [Fetched::Value(Arc::new(text(&payload)))];
        let reads = Reads {
            distinct: vec![],
            by_source: vec![0; times],
            ..Reads::default()
        };
        is_long(&spec(vec![source.clone(); times]), &reads, &fetched)
    };
    assert!(!long(&single("k"), 8_000));
    assert!(!long(&whole(), 4));
    assert!(long(&whole(), 5));
    assert!(long(&part("member", single("k")), 5));
}
