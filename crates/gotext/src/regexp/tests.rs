use super::*;

fn compiled(pattern: &str) -> Regexp {
    Regexp::new(pattern).unwrap()
}

fn refused(pattern: &str) -> String {
    Regexp::new(pattern).unwrap_err().to_string()
}

#[test]
fn invalid_bytes_match_as_one_replacement_character_each_and_stay_as_they_are() {
    let text = b"a\xff\xfeb\xc3\xa9";
    assert_eq!(compiled(".").find_all(text, None), [0..1, 1..2, 2..3, 3..4, 4..6]);
    assert_eq!(compiled("b").replace_all(text, b"<$0>"), b"a\xff\xfe<b>\xc3\xa9");
    assert_eq!(
        compiled("\\x{FFFD}+").replace_all(text, b"<$0>"),
        b"a<\xff\xfe>b\xc3\xa9"
    );
    assert_eq!(compiled("b").split(text, None), [&b"a\xff\xfe"[..], b"\xc3\xa9"]);
}

#[test]
fn groups_with_one_name_expand_to_the_first_that_took_part() {
    let expression = compiled("(?P<n>a)|(?P<n>b)");
    assert_eq!(expression.replace_all(b"ab", b"<$n>"), b"<a><b>");
    assert_eq!(
        expression.find_submatch(b"b"),
        Some(vec![Some(0..1), None, Some(0..1)])
    );
}

#[test]
fn expressions_too_large_or_too_deep_are_refused() {
    let limits = Limits {
        automaton: 1 << 16,
        ..Limits::default()
    };
    let error = Regexp::with_limits("\\pL{10}", limits).unwrap_err();
    assert_eq!(
        error.to_string(),
        "error parsing regexp: expression too large: `\\pL{10}`"
    );
    let deep = format!("{}a{}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(refused(&deep).starts_with("error parsing regexp: expression nests too deeply: "));
    assert!(refused(&"(?:a".repeat(100_000)).starts_with("error parsing regexp: missing closing ): "));
    assert_eq!(
        refused("((a{100}){10}){2}"),
        "error parsing regexp: invalid repeat count: `{2}`"
    );
}

#[test]
fn patterns_that_backtrack_elsewhere_end_here() {
    let text = "a".repeat(50_000);
    assert!(!compiled("(a*)*b").is_match(text.as_bytes()));
    assert!(!compiled("(a|aa)+$b").is_match(text.as_bytes()));
}

#[test]
fn the_panic_text_of_go_quotes_the_pattern() {
    let error = Regexp::new("a`(").unwrap_err();
    assert_eq!(
        String::from_utf8_lossy(&error.panic_text(b"a`(")),
        "regexp: Compile(\"a`(\"): error parsing regexp: missing closing ): `a`(`"
    );
}

#[test]
fn a_limit_cuts_matches_and_parts() {
    let expression = compiled(",");
    assert_eq!(expression.split(b"a,b,c", Some(2)), [&b"a"[..], b"b,c"]);
    assert_eq!(expression.split(b"a,b,c", Some(0)), [] as [&[u8]; 0]);
    assert_eq!(expression.find_all(b"a,b,c", Some(1)).len(), 1);
}

#[test]
fn classes_are_those_of_unicode_15() {
    assert!(
        compiled("^\\p{Zl}$").is_match("\u{2028}".as_bytes()),
        "a class of one character"
    );
    assert!(
        compiled("^\\p{greek}$").is_match("α".as_bytes()),
        "names in any letter case"
    );
    assert!(
        !compiled("^\\pL$").is_match("\u{1C89}".as_bytes()),
        "a letter of Unicode 16"
    );
    assert!(compiled("^\\p{Cn}$").is_match("\u{1C89}".as_bytes()));
    assert_eq!(
        refused("\\p{Old_Italic}"),
        "error parsing regexp: invalid character class range: `\\p{Old_Italic}`",
        "Go 1.26 finds scripts of one word only"
    );
}

#[test]
fn a_replacement_stops_where_the_result_becomes_too_long() {
    let within = |source: &str, text: &[u8], replacement: &[u8], limit| {
        let made = compiled(source).replace_all_within(text, replacement, limit);
        made.map(|made| String::from_utf8(made).unwrap())
    };
    assert_eq!(within("b", b"abc", b"xx", 4).as_deref(), Some("axxc"));
    assert_eq!(within("b", b"abc", b"xx", 3), None);
    assert_eq!(within("b", b"abcd", b"", 2), None);
    assert_eq!(within("nothing", b"abc", b"x", 2), None);
    // Unbounded, each of these would be gigabytes.
    let many = vec![b'a'; 1 << 16];
    assert_eq!(within("a", &many, &many, 1 << 20), None);
    assert_eq!(within("a+", &many, &b"$0".repeat(1 << 16), 1 << 20), None);
}
