use super::*;
use crate::json;

fn written(value: &str) -> String {
    String::from_utf8(to_vec(&json::parse(value.as_bytes()).unwrap()).unwrap()).unwrap()
}

fn read(text: &str) -> String {
    match parse(text.as_bytes()) {
        Ok(value) => String::from_utf8(json::to_vec(&value, json::Html::Plain)).unwrap(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn binary_ends_with_its_padding_as_for_go() {
    assert_eq!(read("!!binary aGk="), "\"hi\"");
    for text in ["!!binary aGk=0o10", "!!binary aGk=aGk=", "!!binary aGk"] {
        assert!(read(text).contains("invalid base64 data"), "{text}");
    }
}

#[test]
fn later_merges_replace_earlier_keys_and_earlier_maps_of_a_list_count_more() {
    assert_eq!(
        read("a: &x {k: 1, l: 1}\nb:\n  k: 0\n  <<: *x"),
        r#"{"a":{"k":1,"l":1},"b":{"k":1,"l":1}}"#
    );
    assert_eq!(read("<<: [{k: 1}, {k: 2, m: 3}]"), r#"{"k":1,"m":3}"#);
    assert_eq!(
        read("<<: 1"),
        "error converting YAML to JSON: yaml: map merge requires map or sequence of maps as the value"
    );
}

#[test]
fn keys_become_text_as_json_needs_it() {
    assert_eq!(
        read("1: a\n1.5: b\nyes: c\n0x10: d\n.inf: e"),
        r#"{".inf":"e","1":"a","1.5":"b","16":"d","true":"c"}"#
    );
    assert!(read("~: a").contains("unsupported map key"));
    assert!(read("[1]: a").contains("invalid map key"));
}

#[test]
fn a_string_map_takes_scalars_as_text() {
    let map = parse_string_map(b"a: 1\nb: yes\nc: 1.50\nd: ~\ne: 0x10\nf: 123456789.5").unwrap();
    let texts: Vec<(&str, &[u8])> = map
        .iter()
        .map(|(key, text)| (key.as_str(), text.as_slice()))
        .collect();
    assert_eq!(
        texts,
        [
            ("a", &b"1"[..]),
            ("b", b"true"),
            ("c", b"1.5"),
            ("d", b""),
            ("e", b"16"),
            ("f", b"1.2345679e+08")
        ]
    );
    assert_eq!(parse_string_map(b"").unwrap().len(), 0);
    assert!(parse_string_map(b"a: [1]").is_err());
    assert!(parse_string_map(b"- a").is_err());
}

#[test]
fn long_lines_fold_and_long_keys_stand_alone() {
    let words = "word ".repeat(30);
    let text = written(&format!("{{\"k\":\"{}\"}}", words.trim_end()));
    assert!(text.lines().all(|line| line.len() <= 90), "{text}");
    assert_eq!(read(&text), format!("{{\"k\":\"{}\"}}", words.trim_end()));
    let key = "k".repeat(129);
    assert_eq!(written(&format!("{{\"{key}\":1}}")), format!("? {key}\n: 1\n"));
}

#[test]
fn hostile_texts_end() {
    assert!(parse("[".repeat(100_000).as_bytes()).is_err());
    assert!(parse("- ".repeat(100_000).as_bytes()).is_err());
    assert!(parse("{a: ".repeat(100_000).as_bytes()).is_err());
    let mut bomb = String::from("a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for level in 1..10 {
        let previous = format!("*a{},", level - 1).repeat(10);
        let line = format!("a{level}: &a{level} [{previous}]\n");
        bomb.push_str(&line);
    }
    assert_eq!(
        read(&bomb),
        "error converting YAML to JSON: yaml: document contains excessive aliasing"
    );
    assert!(read("a: &a [*a]").contains("yaml: "));
}

#[test]
fn texts_with_characters_yaml_does_not_take_are_not_written() {
    assert_eq!(to_vec(&Value::string("a\x7fb")), Err(EmitError::ControlCharacter));
    let key = Value::Object(vec![(vec![b'k'; 2000], Value::Null)]);
    assert_eq!(to_vec(&key), Err(EmitError::LongKey));
}
