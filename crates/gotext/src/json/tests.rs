use super::*;

fn rewritten(text: &str) -> String {
    match parse(text.as_bytes()) {
        Ok(value) => String::from_utf8(to_vec(&value, Html::Escaped)).unwrap(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn values_are_written_compactly_with_sorted_keys_and_the_last_of_two_equal_ones() {
    assert_eq!(
        rewritten(r#" { "b" : [ 1 , {} , [] ] , "a" : null , "b" : true } "#),
        r#"{"a":null,"b":true}"#
    );
    assert_eq!(
        rewritten(r#"["\u00e9\ud83d\ude00\ud83d<\/\n"]"#),
        "[\"é\u{1F600}\u{FFFD}\\u003c/\\n\"]"
    );
}

#[test]
fn indented_output_has_a_line_per_member() {
    let value = parse(br#"{"a":[1,2],"b":{},"c":[]}"#).unwrap();
    let text = String::from_utf8(to_vec_indented(&value, b"  ", Html::Plain)).unwrap();
    assert_eq!(
        text,
        "{\n  \"a\": [\n    1,\n    2\n  ],\n  \"b\": {},\n  \"c\": []\n}"
    );
}

#[test]
fn bytes_that_are_not_utf8_become_the_replacement_character() {
    assert_eq!(parse(b"\"a\xff\"").unwrap(), Value::string("a\u{FFFD}"));
}

#[test]
fn texts_that_are_no_json_give_the_message_of_go() {
    for (text, wanted) in [
        ("", "unexpected end of JSON input"),
        ("{", "unexpected end of JSON input"),
        ("\"a", "unexpected end of JSON input"),
        ("tru", "invalid character ' ' in literal true (expecting 'e')"),
        ("-", "invalid character ' ' in numeric literal"),
        ("[1,]", "invalid character ']' looking for beginning of value"),
        (
            "{\"a\":1,}",
            "invalid character '}' looking for beginning of object key string",
        ),
        ("{\"a\" 1}", "invalid character '1' after object key"),
        ("{\"a\":1 2}", "invalid character '2' after object key:value pair"),
        ("[1 2]", "invalid character '2' after array element"),
        ("1 x", "invalid character 'x' after top-level value"),
        ("01", "invalid character '1' after top-level value"),
        ("'a'", "invalid character '\\'' looking for beginning of value"),
        ("é", "invalid character 'Ã' looking for beginning of value"),
        ("\"\\x\"", "invalid character 'x' in string escape code"),
        ("\"\n\"", "invalid character '\\n' in string literal"),
        (
            "[1e400]",
            "json: cannot unmarshal number 1e400 into Go value of type float64",
        ),
        ("[1e400", "unexpected end of JSON input"),
    ] {
        assert_eq!(rewritten(text), wanted, "{text}");
    }
}

#[test]
fn deep_nesting_is_refused() {
    assert_eq!(parse("[".repeat(1_000_000).as_bytes()), Err(Error::TooDeep));
    let deepest = format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    assert!(parse(deepest.as_bytes()).is_ok());
}

#[test]
fn floats_have_the_form_go_gives_them() {
    let text = |value| Number::from_f64(value).unwrap().as_str().to_owned();
    assert_eq!(
        [1e20, 1e21, 1e-6, 1e-7, 1.5, -0.0, 123_456_789.0].map(text),
        [
            "100000000000000000000",
            "1e+21",
            "0.000001",
            "1e-7",
            "1.5",
            "-0",
            "123456789"
        ]
    );
    assert_eq!(
        Number::from_f64(f64::NAN).unwrap_err().to_string(),
        "json: unsupported value: NaN"
    );
    assert_eq!(Number::from_f32(0.1).unwrap().as_str(), "0.1");
}

#[test]
fn debug_output_shows_kinds_only() {
    let value = parse(br#"{"password":"hunter2","pin":1234}"#).unwrap();
    assert_eq!(format!("{value:?}"), "object of 2");
}
