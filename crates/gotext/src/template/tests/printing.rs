//! What values print as, alone and under verbs.

use super::*;

#[test]
fn nil_prints_no_value_on_its_own_and_nil_inside_others() {
    gives(
        "{{.nil}} {{print .nil}} {{list nil 1}}",
        "<no value> <nil> [<nil> 1]",
    );
}

#[test]
fn operands_are_parted_by_a_space_where_neither_is_a_string() {
    gives("{{print 1 2 \"a\" 3 4}}|{{println 1 \"a\"}}", "1 2a3 4|1 a\n");
}

#[test]
fn floats_print_in_their_shortest_form() {
    gives(
        "{{.n}} {{1e20}} {{1000000.0}} {{1e-7}} {{0.1}}",
        "3 1e+20 1e+06 1e-07 0.1",
    );
}

#[test]
fn verbs_lay_out_numbers() {
    gives(
        "{{printf \"%05d|%-5d|%+d|%x|%#o|%b|%c|%q|%U\" 42 42 42 255 8 5 65 65 65}}",
        "00042|42   |+42|ff|010|101|A|'A'|U+0041",
    );
    gives(
        "{{printf \"%8.3f|%-8.1e|%08.2f|%g|%#.3g\" 1.5 1.5 -1.5 1e21 1.0}}",
        "   1.500|1.5e+00 |-0001.50|1e+21|1.00",
    );
    gives("{{printf \"%5.3d|%.0d|%x\" 7 0 -255}}", "  007||-ff");
}

#[test]
fn verbs_lay_out_strings_by_characters() {
    gives(
        "{{printf \"%-6s|%6s|%.2s|%q|%x|% X\" \"é\" \"日本\" \"héllo\" \"a\\\"b\" \"hi\" \"hi\"}}",
        "é     |    日本|hé|\"a\\\"b\"|6869|68 69",
    );
}

#[test]
fn verbs_descend_into_lists_and_maps() {
    gives(
        "{{printf \"%q %d\" .l (list 1 nil \"x\")}}",
        "[\"a\" \"b\" \"c\"] [1 <nil> %!d(string=x)]",
    );
    gives(
        "{{printf \"%v %+v %#v\" .m .m .l}}",
        "map[deep:map[k:v] x:X] map[deep:map[k:v] x:X] []interface {}{\"a\", \"b\", \"c\"}",
    );
}

#[test]
fn a_verb_that_does_not_fit_is_reported_in_the_output() {
    gives(
        "{{printf \"%d %s %z\" \"a\" 3 1}}",
        "%!d(string=a) %!s(int=3) %!z(int=1)",
    );
    gives(
        "{{printf \"%d %d\" 1}} {{printf \"%d\" 1 \"x\"}} {{printf \"%\"}}",
        "1 %!d(MISSING) 1%!(EXTRA string=x) %!(NOVERB)",
    );
    gives(
        "{{printf \"%*d|%[2]d %[1]d|%[9]d\" 3 7 }}",
        "  7|7 3|%!d(BADINDEX)",
    );
}

#[test]
fn types_are_named_as_in_go() {
    gives(
        "{{printf \"%T %T %T %T %T\" 1 1.0 'a' .l nil}}",
        "int float64 int []interface {} <nil>",
    );
}
