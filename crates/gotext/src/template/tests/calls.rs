//! Arguments, built-in functions, methods.

use super::*;

#[test]
fn arguments_must_have_the_parameter_s_type() {
    gives(
        "{{wantInt 3}} {{wantInt 'a'}} {{wantInt 1e3}} {{wantString .s}}",
        "3 97 1000 hello",
    );
    fails(
        "{{wantInt 1.5}}",
        "template: t:1:10: executing \"t\" at <1.5>: expected integer; found 1.5",
    );
    fails(
        "{{wantInt .n}}",
        "template: t:1:10: executing \"t\" at <.n>: wrong type for value; expected int; got float64",
    );
    fails(
        "{{wantInt (int64 1)}}",
        "template: t:1:17: executing \"t\" at <1>: wrong type for value; expected int; got int64",
    );
    fails(
        "{{wantString nil}}",
        "template: t:1:13: executing \"t\" at <nil>: cannot assign nil to string",
    );
    fails(
        "{{.nil | wantString}}",
        "template: t:1:9: executing \"t\" at <wantString>: invalid value; expected string",
    );
    gives("{{wantMap nil}}", "map[]");
    fails(
        "{{wantMap \"a\"}}",
        "template: t:1:10: executing \"t\" at <\"a\">: can't handle \"a\" for arg of type map[string]interface {}",
    );
}

#[test]
fn the_number_of_arguments_is_checked_with_the_value_from_the_pipeline() {
    gives("{{3 | wantInt}}", "3");
    fails(
        "{{wantInt}}",
        "template: t:1:2: executing \"t\" at <wantInt>: wrong number of args for wantInt: want 1 got 0",
    );
    fails(
        "{{1 | wantInt 2}}",
        "template: t:1:6: executing \"t\" at <wantInt>: wrong number of args for wantInt: want 1 got 2",
    );
    fails(
        "{{printf}}",
        "template: t:1:2: executing \"t\" at <printf>: wrong number of args for printf: want at least 1 got 0",
    );
    fails(
        "{{.s 1}}",
        "template: t:1:2: executing \"t\" at <.s>: s is not a method but has arguments",
    );
    fails(
        "{{3 4}}",
        "template: t:1:2: executing \"t\" at <3>: can't give argument to non-function 3",
    );
}

#[test]
fn and_and_or_evaluate_no_more_than_they_need() {
    gives(
        "{{and false (index .l 99)}} {{or true (index .l 99)}} {{or \"\" nil \"x\"}}",
        "false true x",
    );
    fails(
        "{{and true (index .l 99)}}",
        "template: t:1:12: executing \"t\" at <index .l 99>: error calling index: index out of range: 99",
    );
}

#[test]
fn comparisons_need_values_of_one_kind() {
    gives(
        "{{eq 1 2 1}} {{lt \"a\" \"b\"}} {{ge .n 3.0}} {{eq .nil nil}}",
        "true true true true",
    );
    fails(
        "{{eq .n 3}}",
        "template: t:1:2: executing \"t\" at <eq .n 3>: error calling eq: incompatible types for comparison: float64 and int",
    );
    fails(
        "{{eq .l .l}}",
        "template: t:1:2: executing \"t\" at <eq .l .l>: error calling eq: non-comparable type [a b c]: []interface {}",
    );
    fails(
        "{{lt true false}}",
        "template: t:1:2: executing \"t\" at <lt true false>: error calling lt: invalid type for comparison",
    );
}

#[test]
fn index_and_slice_work_on_bytes_and_lists() {
    gives(
        "{{index .s 1}} {{slice .s 1 3}} {{index .l 1}} {{slice .l 1}} {{index .m \"deep\" \"k\"}}",
        "101 el b [b c] v",
    );
    fails(
        "{{index .l 3}}",
        "template: t:1:2: executing \"t\" at <index .l 3>: error calling index: reflect: slice index out of range",
    );
    fails(
        "{{slice .s 2 1}}",
        "template: t:1:2: executing \"t\" at <slice .s 2 1>: error calling slice: invalid slice index: 2 > 1",
    );
}

#[test]
fn escaping_functions_take_any_arguments() {
    gives(
        "{{html \"<a href='x'>\" 1}} {{js \"it's\\n\"}} {{urlquery \"a b/é\"}}",
        "&lt;a href=&#39;x&#39;&gt;1 it\\'s\\u000A a+b%2F%C3%A9",
    );
    gives("{{html .nil}}", "&lt;no value&gt;");
}

#[test]
fn durations_have_methods() {
    gives(
        "{{minute}} {{minute.Seconds}} {{minute.Round minute}} {{printf \"%d %T\" minute minute}}",
        "1m0s 60 1m0s 60000000000 time.Duration",
    );
    fails(
        "{{minute.Foo}}",
        "template: t:1:2: executing \"t\" at <minute>: can't evaluate field Foo in type time.Duration",
    );
}

#[test]
fn an_object_s_methods_and_exported_fields_can_be_used() {
    let data = Value::object(Point);
    let give = |text| rendered(text, &data, MissingKey::Error);
    assert_eq!(
        give("{{.X}} {{.Scaled 3}} {{.}}").as_deref(),
        Ok("7 21 {7 hidden}")
    );
    assert_eq!(
        give("{{printf \"%+v %#v %T\" . . .}}").as_deref(),
        Ok("{X:7 y:hidden} geo.Point{X:7, y:\"hidden\"} geo.Point")
    );
    let at = |node: &str, text: &str| Err(format!("template: t:1:2: executing \"t\" at <{node}>: {text}"));
    assert_eq!(
        give("{{.y}}"),
        at(".y", "y is an unexported field of struct type geo.Point")
    );
    assert_eq!(
        give("{{.Z}}"),
        at(".Z", "can't evaluate field Z in type geo.Point")
    );
    assert_eq!(
        give("{{.X 1}}"),
        at(".X", "X has arguments but cannot be invoked as function")
    );
    assert_eq!(
        give("{{.Both}}"),
        at(".Both", "function Both has 3 return values; should be 1 or 2")
    );
}

struct Point;

impl Object for Point {
    fn type_name(&self) -> &'static str {
        "geo.Point"
    }

    fn fields(&self) -> Vec<(&'static str, Value)> {
        vec![("X", Value::int(7)), ("y", Value::from("hidden"))]
    }

    fn methods(&self) -> &'static [Method] {
        static METHODS: [Method; 2] = [
            Method {
                name: "Scaled",
                signature: Signature::fixed(&[Type::INT], Type::INT),
                results: 0,
                call: |_, _, args| Ok(Value::int(7 * args.int(0))),
            },
            Method {
                name: "Both",
                signature: Signature::fixed(&[], Type::INT),
                results: 3,
                call: |_, _, _| Ok(Value::Nil),
            },
        ];
        &METHODS
    }

    fn equals(&self, other: &dyn Object) -> bool {
        other.as_any().is::<Self>()
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}
