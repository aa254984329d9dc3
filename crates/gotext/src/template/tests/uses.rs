//! What a template is known to read besides its data, before it is executed.

use super::*;

fn uses(text: &str) -> (bool, bool) {
    let template = of_users(text);
    (template.uses_random(), template.uses_clock())
}

#[test]
fn a_template_of_data_alone_uses_neither_randomness_nor_the_clock() {
    for text in [
        "",
        "{{ .a | upper }}",
        "{{ range . }}{{ toDate \"2006\" . | unixEpoch }}{{ end }}",
        "{{ derivePassword 1 \"long\" .a .b .c }}",
    ] {
        assert_eq!(uses(text), (false, false), "{text}");
    }
}

#[test]
fn functions_count_wherever_they_stand() {
    for text in [
        "{{ randAlphaNum 8 }}",
        "{{ $x := list (randInt 1 2) }}",
        "{{ if .a }}{{ else }}{{ uuidv4 }}{{ end }}",
        "{{ if .a }}{{ else if shuffle .b }}{{ end }}",
        "{{ range . }}{{ else }}{{ bcrypt . }}{{ end }}",
        "{{ with .a }}{{ template \"t\" (encryptAES .a .b) }}{{ end }}",
        "{{ (genPrivateKey \"ecdsa\").Nope }}",
    ] {
        assert_eq!(uses(text), (true, false), "{text}");
    }
    assert_eq!(uses("{{ now | date \"2006\" }}"), (false, true));
    assert_eq!(uses("{{ (genCA \"a\" 1).Cert }}"), (true, true));
}

#[test]
fn a_template_uses_what_those_it_calls_use() {
    let defined = "{{ define \"a\" }}{{ template \"b\" . }}{{ end }}{{ define \"b\" }}{{ now }}{{ template \"a\" . }}{{ end }}";
    assert_eq!(
        uses(&format!("{defined}{{{{ template \"a\" . }}}}")),
        (false, true)
    );
    assert_eq!(uses(&format!("{defined}{{{{ .x }}}}")), (false, false));
    assert_eq!(
        uses("{{ block \"c\" . }}{{ randAlpha 2 }}{{ end }}"),
        (true, false)
    );
    assert_eq!(uses("{{ template \"missing\" . }}"), (false, false));
}
