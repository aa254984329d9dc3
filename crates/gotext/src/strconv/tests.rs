use super::*;

fn shortest(value: f64) -> String {
    format_float(value, FloatForm::General, None, FloatSize::Bits64)
}

fn unquoted(literal: &str) -> Option<Vec<u8>> {
    unquote(literal.as_bytes()).ok()
}

#[test]
fn floats_take_an_exponent_where_go_gives_one() {
    let printed: Vec<String> = [1e6, 123_456.0, 0.0001, 0.00001, 1e21, -0.0, 0.1, 1.5]
        .into_iter()
        .map(shortest)
        .collect();
    assert_eq!(
        printed,
        ["1e+06", "123456", "0.0001", "1e-05", "1e+21", "-0", "0.1", "1.5"]
    );
}

#[test]
fn of_two_equally_near_texts_the_even_one_is_taken() {
    assert_eq!(shortest(8_160_185_447_708_557.0 / 4.0), "2.0400463619271392e+15");
}

#[test]
fn floats_of_thirty_two_bits_have_their_own_shortest_digits() {
    assert_eq!(
        format_float(f64::from(0.1_f32), FloatForm::General, None, FloatSize::Bits32),
        "0.1"
    );
    assert_eq!(shortest(f64::from(0.1_f32)), "0.10000000149011612");
}

#[test]
fn a_precision_rounds_half_to_even_and_may_be_huge() {
    let fixed = |value, precision| format_float(value, FloatForm::Fixed, Some(precision), FloatSize::Bits64);
    assert_eq!(fixed(0.5, 0), "0");
    assert_eq!(fixed(1.5, 0), "2");
    assert_eq!(fixed(2.5, 0), "2");
    assert_eq!(fixed(1.0, 100_000).len(), 100_002);
    assert_eq!(
        format_float(100.0, FloatForm::General, Some(3), FloatSize::Bits64),
        "100"
    );
    assert_eq!(
        format_float(1234.0, FloatForm::Exponent, Some(2), FloatSize::Bits64),
        "1.23e+03"
    );
}

#[test]
fn hexadecimal_floats_print_and_read_back() {
    assert_eq!(
        format_float(1.0, FloatForm::Hex, None, FloatSize::Bits64),
        "0x1p+00"
    );
    assert_eq!(
        format_float(0.1, FloatForm::UpperHex, Some(3), FloatSize::Bits64),
        "0X1.99AP-04"
    );
    assert_eq!(parse_float(b"0x1p4").ok(), Some(16.0));
    assert_eq!(parse_float(b"-0x1.8p-1074").ok(), Some(-2.0 * 5e-324));
    assert!(parse_float(b"0x1").is_err(), "the exponent is mandatory");
}

#[test]
fn numbers_that_are_none_give_the_text_of_go() {
    let text = |result: Result<i64, NumError>| result.map_err(|error| error.to_string());
    assert_eq!(
        text(atoi(b"x\xff")),
        Err("strconv.Atoi: parsing \"x\\xff\": invalid syntax".to_owned())
    );
    assert_eq!(
        text(parse_int(b"9223372036854775808", 0, 64)),
        Err("strconv.ParseInt: parsing \"9223372036854775808\": value out of range".to_owned())
    );
    assert_eq!(text(parse_int(b"-0x8000000000000000", 0, 64)), Ok(i64::MIN));
    assert_eq!(text(parse_int(b"0_7", 0, 64)), Ok(7));
    assert!(parse_int(b"1__0", 0, 64).is_err());
    assert!(parse_float(b"1e400").is_err());
    assert!(parse_float_lossy(b"-1e400").is_infinite());
}

#[test]
fn quoting_escapes_what_does_not_print_and_every_invalid_byte() {
    assert_eq!(quote(b"a\"\\\n\x01\xff\xc3\xa9"), r#""a\"\\\n\x01\xffé""#);
    assert_eq!(quote("\u{feff}\u{1F600}".as_bytes()), "\"\\ufeff\u{1F600}\"");
    assert_eq!(quote_to_ascii("é\u{1F600}".as_bytes()), r#""\u00e9\U0001f600""#);
    assert_eq!(quote_rune(0x27), r"'\''");
    assert_eq!(quote_rune(0xD800), "'\u{FFFD}'");
}

#[test]
fn unquoting_takes_the_three_literal_forms_of_go() {
    assert_eq!(unquoted(r#""a\x80\101\u00e9""#), Some(b"a\x80A\xc3\xa9".to_vec()));
    assert_eq!(unquoted("`a\r\n`"), Some(b"a\n".to_vec()));
    assert_eq!(unquoted("'é'"), Some("é".into()));
    for literal in [
        "\"a\nb\"", "'ab'", "\"a", "\"", r#""\q""#, r#""\'""#, r"'\777'", "\"a\"b\"", "",
    ] {
        assert_eq!(unquoted(literal), None, "{literal}");
    }
}
