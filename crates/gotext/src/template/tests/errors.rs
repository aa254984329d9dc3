//! The two forms of errors.

use super::*;

const SECRET: &str = "hunter2";

fn secret_data() -> Value {
    Value::Map(Map::strings([("password", SECRET)]))
}

fn failure(text: &str) -> ExecError {
    let limits = Limits::default();
    let template = parse_with(text, &limits).expect("parses");
    execute_with(&template, &secret_data(), MissingKey::Error, &limits).expect_err("fails")
}

#[test]
fn the_full_form_quotes_data_and_the_redacted_forms_do_not() {
    for text in [
        "{{range .password}}{{end}}",
        "{{fails .password}}",
        "{{eq (list 1) (list .password)}}",
        "{{eq . .}}",
    ] {
        let error = failure(text);
        assert!(error.full().to_lossy().contains(SECRET), "{text}");
        for shown in [
            error.redacted(TemplateOrigin::Manifest),
            error.redacted(TemplateOrigin::Secret),
            error.to_string(),
            format!("{error:?}"),
        ] {
            assert!(!shown.contains(SECRET), "{text}: {shown}");
        }
    }
}

#[test]
fn the_redacted_form_of_a_manifest_names_template_line_column_and_node() {
    let error = failure("line\n {{range .password}}{{end}}");
    assert_eq!(
        error.redacted(TemplateOrigin::Manifest),
        "template: t:2:9: executing \"t\" at <.password>: range can't iterate over the value",
    );
    assert_eq!((error.line(), error.column()), (2, 9));
}

#[test]
fn the_redacted_form_of_a_secret_shows_nothing_of_the_template_s_text() {
    let error = failure("{{define \"hidden\"}}{{.hidden}}{{end}}{{template \"hidden\" .}}");
    assert_eq!(
        error.redacted(TemplateOrigin::Secret),
        "template: line 1, column 21: map has no entry for the key"
    );
    let error = parse_with("{{hidden}}", &Limits::default()).expect_err("fails");
    assert_eq!(
        error.redacted(TemplateOrigin::Secret),
        "template: line 1: syntax error"
    );
    assert_eq!(
        error.redacted(TemplateOrigin::Manifest),
        "template: t:1: function \"hidden\" not defined"
    );
}

#[test]
fn types_are_no_data_and_shown_in_every_form() {
    let error = failure("{{wantInt .password}}");
    assert_eq!(
        error.redacted(TemplateOrigin::Secret),
        "template: line 1, column 10: wrong type for value; expected int; got string",
    );
}

#[test]
fn an_error_in_a_defined_template_names_it() {
    fails(
        "{{define \"T\"}}\n {{.x.y}}{{end}}{{template \"T\" .m}}",
        "template: t:2:5: executing \"T\" at <.x.y>: can't evaluate field y in type interface {}",
    );
}

#[test]
fn an_error_of_a_function_names_the_whole_command() {
    fails(
        "{{ print 1 | fails }}",
        "template: t:1:13: executing \"t\" at <fails>: error calling fails: no luck with 1",
    );
    fails(
        "{{ print (fails `x`) }}",
        "template: t:1:10: executing \"t\" at <fails `x`>: error calling fails: no luck with x",
    );
}
