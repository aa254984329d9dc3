//! Lexing and parsing.

use super::*;

#[test]
fn text_outside_of_actions_is_kept_as_it_is() {
    gives("a }} { b\n", "a }} { b\n");
    gives("", "");
}

#[test]
fn trim_markers_take_spaces_tabs_and_newlines_but_no_other_white_space() {
    gives("a \n\t{{- .s -}} \n b", "ahellob");
    gives("a\u{a0}{{- .s}}", "a\u{a0}hello");
    gives("a {{-1}}", "a -1");
}

#[test]
fn comments_must_touch_the_delimiters_or_their_trim_markers() {
    gives("a{{/* x */}}b", "ab");
    gives("a {{- /* x */ -}} b", "ab");
    fails("{{ /* x */}}", "template: t:1: unexpected \"/\" in command");
    fails(
        "{{/* x */ }}",
        "template: t:1: comment ends before closing delimiter",
    );
}

#[test]
fn numbers_are_read_in_all_of_go_s_forms() {
    gives(
        "{{0x10}} {{0o17}} {{0b101}} {{1_000}} {{1e3}} {{.5}} {{'a'}} {{1+2i}}",
        "16 15 5 1000 1000 0.5 97 (1+2i)",
    );
    fails("{{1__0}}", "template: t:1: illegal number syntax: \"1__0\"");
    gives("{{0x1p2+1.5e-1i}}", "(4+0.15i)");
    fails("{{1a}}", "template: t:1: bad number syntax: \"1a\"");
    let limits = Limits::default();
    let functions = Functions::default();
    let options = ParseOptions {
        left_delim: b"",
        right_delim: b"",
        functions: &functions,
        limits: &limits,
    };
    let error = Template::parse("t", &b"{{'a\xff'}}"[..], &options).expect_err("no character");
    assert_eq!(
        error.full().as_bytes(),
        b"template: t:1: malformed character constant: 'a\xff'"
    );
    fails(
        "{{99999999999999999999}}",
        "template: t:1: integer overflow: \"99999999999999999999\"",
    );
}

#[test]
fn strings_are_go_literals_that_may_hold_any_byte() {
    let limits = Limits::default();
    let template = parse_with(r#"{{"\xff\u00e9\101"}}{{`\n`}}"#, &limits).expect("parses");
    let clock = SystemClock;
    let options = ExecOptions {
        missing_key: MissingKey::Error,
        limits: &limits,
        clock: &clock,
        random: &NoRandom,
    };
    assert_eq!(
        *template.execute(&Value::Nil, &options).expect("executes"),
        b"\xff\xc3\xa9A\\n"
    );
}

#[test]
fn delimiters_can_be_chosen() {
    let (functions, limits) = (Functions::new(), Limits::default());
    let options = ParseOptions {
        left_delim: b"<%",
        right_delim: b"%>",
        functions: &functions,
        limits: &limits,
    };
    let template = Template::parse("t", "<%.s%> {{.s}} <%- /* c */ -%>", &options).expect("parses");
    assert_eq!(
        execute_with(&template, &data(), MissingKey::Error, &limits).as_deref(),
        Ok("hello {{.s}}")
    );
}

#[test]
fn parse_errors_name_the_line_and_what_stands_there() {
    fails("l1\n{{foo}}", "template: t:2: function \"foo\" not defined");
    fails("{{if .s}}x", "template: t:1: unexpected EOF");
    fails("l1\nl2 {{ .s\n", "template: t:3: unclosed action started at t:2");
    fails("{{.s\n@ #", "template: t:2: unexpected \"@\" in operand");
    fails(
        "{{print \"0123456789abc\" ;}}",
        "template: t:1: unexpected \";\" in operand",
    );
    fails(
        "{{if 1}}{{define \"x\"}}{{end}}{{end}}",
        "template: t:1: unexpected <define> in command",
    );
    fails(
        "{{template 0123456789012}}",
        "template: t:1: unexpected \"0123456789\"... in template clause",
    );
}

#[test]
fn an_undeclared_variable_is_an_error_where_it_is_read_and_another_where_it_is_set() {
    fails("{{$x}}", "template: t:1: undefined variable \"$x\"");
    fails(
        "{{$x = 1}}",
        "template: t:1:7: executing \"t\" at <1>: undefined variable: $x",
    );
}

#[test]
fn of_two_definitions_the_one_that_is_not_blank_counts() {
    gives(
        "{{define \"a\"}} {{end}}{{define \"a\"}}x{{end}}{{template \"a\"}}",
        "x",
    );
    gives(
        "{{define \"a\"}}x{{end}}{{define \"a\"}} {{end}}{{template \"a\"}}",
        "x",
    );
    fails(
        "{{define \"a\"}}x{{end}}\n{{define \"a\"}}y{{end}}",
        "template: t:2: template: multiple definition of template \"a\"",
    );
}
