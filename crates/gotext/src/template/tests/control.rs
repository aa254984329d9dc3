//! Control structures, variables, fields.

use super::*;

#[test]
fn else_if_and_else_with_form_chains_whose_variables_stay_visible() {
    gives("{{if $x := 0}}a{{else if eq $x 0}}b{{else}}c{{end}}", "b");
    gives("{{with \"\"}}a{{else with .s}}{{.}}{{else}}c{{end}}", "hello");
    fails(
        "{{if $x := 0}}{{end}}{{$x}}",
        "template: t:1: undefined variable \"$x\"",
    );
}

#[test]
fn range_goes_over_lists_maps_in_key_order_and_counts() {
    gives("{{range $i, $e := .l}}{{$i}}{{$e}} {{end}}", "0a 1b 2c ");
    gives("{{range $k, $v := .m}}{{$k}} {{end}}", "deep x ");
    gives(
        "{{range 3}}{{.}}{{end}}{{range 0}}{{else}}none{{end}}{{range .nil}}{{else}}nil{{end}}",
        "012nonenil",
    );
    fails(
        "{{range .s}}{{end}}",
        "template: t:1:8: executing \"t\" at <.s>: range can't iterate over hello",
    );
    fails(
        "{{range $i, $j := 2}}{{end}}",
        "template: t:1:18: executing \"t\" at <2>: can't use 2 to iterate over more than one variable",
    );
}

#[test]
fn break_and_continue_leave_the_blocks_between_them_and_their_loop() {
    gives(
        "{{range .l}}{{with .}}{{if eq . \"b\"}}{{continue}}{{end}}{{.}}{{end}}{{end}}",
        "ac",
    );
    gives(
        "{{range .l}}{{range $.l}}{{if eq . \"b\"}}{{break}}{{end}}{{.}}{{end}}|{{end}}",
        "a|a|a|",
    );
}

#[test]
fn an_assignment_reaches_the_variable_of_an_outer_block() {
    gives(
        "{{$s := \"\"}}{{range .l}}{{$s = print $s .}}{{end}}{{$s}}",
        "abc",
    );
    gives("{{$x := 1}}{{if true}}{{$x := 2}}{{$x = 3}}{{end}}{{$x}}", "1");
}

#[test]
fn a_defined_template_sees_its_argument_and_no_outer_variable() {
    gives(
        "{{define \"T\"}}[{{.}}{{$}}]{{end}}{{template \"T\" .s}}{{template \"T\"}}",
        "[hellohello][<no value><no value>]",
    );
    gives(
        "{{block \"B\" .s}}<{{.}}>{{end}}{{template \"B\" 1}}",
        "<hello><1>",
    );
    fails(
        "{{template \"nope\" .}}",
        "template: t:1:11: executing \"t\" at <{{template \"nope\" .}}>: template \"nope\" not defined",
    );
}

#[test]
fn a_missing_key_is_an_error_or_no_value_or_a_zero_value() {
    let any = data();
    let strings = Value::Map(Map::strings([("a", "1")]));
    let message = "template: t:1:3: executing \"t\" at <.zz>: map has no entry for key \"zz\"";
    for data in [&any, &strings] {
        assert_eq!(
            rendered("{{.zz}}", data, MissingKey::Error),
            Err(message.replace(":3:", ":2:"))
        );
        assert_eq!(
            rendered("{{.zz}}", data, MissingKey::Default).as_deref(),
            Ok("<no value>")
        );
    }
    assert_eq!(
        rendered("{{.zz}}", &any, MissingKey::Zero).as_deref(),
        Ok("<no value>")
    );
    assert_eq!(
        rendered("[{{.zz}}]", &strings, MissingKey::Zero).as_deref(),
        Ok("[]")
    );
    // `index` never fails for a missing key, whatever the option.
    assert_eq!(
        rendered("[{{index . \"zz\"}}]", &strings, MissingKey::Error).as_deref(),
        Ok("[]")
    );
}

#[test]
fn a_field_of_something_without_fields_is_an_error_that_names_the_static_type() {
    // Out of a map of interfaces, the type is the interface's; out of a variable, that of the value.
    fails(
        "{{.s.foo}}",
        "template: t:1:4: executing \"t\" at <.s.foo>: can't evaluate field foo in type interface {}",
    );
    fails(
        "{{$x := .s}}{{$x.foo}}",
        "template: t:1:16: executing \"t\" at <$x.foo>: can't evaluate field foo in type string",
    );
    fails(
        "{{.nil.foo}}",
        "template: t:1:6: executing \"t\" at <.nil.foo>: nil pointer evaluating interface {}.foo",
    );
}

#[test]
fn a_map_changed_through_one_name_is_changed_for_all() {
    gives(
        "{{$a := dict}}{{$b := $a}}{{$_ := set $b \"k\" 1}}{{$a}}",
        "map[k:1]",
    );
}

#[test]
fn a_map_that_contains_itself_is_freed_after_the_execution() {
    let limits = Limits::default();
    // Also where a list does not show the map that it keeps.
    for list in ["(list $a)", "(slice (list 1 $a) 0 1)"] {
        let secret = Map::any(Entries::new());
        let data = Value::Map(Map::any(Entries::from([(
            Text::from("secret"),
            Value::Map(secret.clone()),
        )])));
        let text = format!(
            "{{{{$a := dict}}}}{{{{$_ := set $a \"self\" {list}}}}}{{{{$_ := set $a \"secret\" .secret}}}}"
        );
        let template = parse_with(&text, &limits).expect("parses");
        assert_eq!(
            execute_with(&template, &data, MissingKey::Error, &limits).as_deref(),
            Ok("")
        );
        drop(data);
        assert_eq!(secret.holders(), 1, "{list}");
    }
}
