use super::*;

const DOCUMENT: &str = r#"{"a":{"b":[1,2,{"c":"x\ny"}]},"a.b":"dotted","n":1.50,"big":12345678901234567890,
"list":[{"k":"one","v":1},{"k":"two","v":2}],"nul":null}"#;

fn text(path: &str) -> String {
    String::from_utf8(get(DOCUMENT.as_bytes(), path).unwrap().to_bytes().to_vec()).unwrap()
}

#[test]
fn paths_reach_into_objects_and_arrays() {
    assert_eq!(text("a.b.2.c"), "x\ny");
    assert_eq!(text("a.b.#"), "3");
    assert_eq!(text("list.#.v"), "[1,2]");
    assert_eq!(text("list.#(k==two).v"), "2");
    assert_eq!(text("list.#(v>0)#.k"), r#"["one","two"]"#);
    assert_eq!(text("{n,\"x\":list.0.k}"), r#"{"n":1.50,"x":"one"}"#);
    assert_eq!(text("list|@reverse|0.k"), "two");
}

#[test]
fn numbers_print_as_integers_or_plain_decimals() {
    assert_eq!(text("n"), "1.5");
    assert_eq!(text("big"), "12345678901234567890");
}

#[test]
fn a_property_with_dots_is_a_literal_key_first() {
    let found = |property| get_property(DOCUMENT.as_bytes(), property).unwrap();
    assert_eq!(*found("a.b").to_bytes(), b"dotted");
    assert_eq!(*found("a.b.0").to_bytes(), b"1");
    assert!(found("nul").exists());
    assert!(!found("nope.x").exists());
}

#[test]
fn a_selector_that_doubles_the_document_runs_into_the_limit() {
    let path = ["[@this,@this]"; 60].join("|");
    assert_eq!(get(DOCUMENT.as_bytes(), &path).unwrap_err(), LimitExceeded);
}

#[test]
fn hostile_documents_and_paths_end() {
    let nested = "[".repeat(200_000);
    let path = "0.".repeat(100_000);
    assert!(get(nested.as_bytes(), &path).is_err());
    assert!(!valid(nested.as_bytes()));
    assert!(get(nested.as_bytes(), "@dig:x").is_err());
    assert!(get(nested.as_bytes(), "@pretty").is_err());
    assert!(get(nested.as_bytes(), "@flatten:{\"deep\":true}").is_err());
    let long = format!("{{\"{}\":1}}", "a".repeat(100_000));
    let limits = Limits {
        work: 1 << 21,
        ..Limits::default()
    };
    assert!(get_within(long.as_bytes(), &format!("*{}b", "a".repeat(50_000)), limits).is_err());
}

#[test]
fn a_match_does_not_show_its_value_in_debug_output() {
    let found = get(DOCUMENT.as_bytes(), "a.b.2.c").unwrap();
    assert!(!format!("{found:?}").contains('x'), "{found:?}");
}
