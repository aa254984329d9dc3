//! Which entries of its data a template is known to need, before it is executed.

use super::*;

/// Whether a template may read the entry `a`.
fn reads_a(text: &str) -> bool {
    of_users(text).may_read(|key| key == b"a")
}

#[test]
fn an_entry_is_read_wherever_its_name_stands() {
    for text in [
        "{{ .a }}",
        "{{ .a.b | upper }}",
        "{{ $.a }}",
        "{{ index . \"a\" | default \"x\" }}",
        "{{ index $ \"a\" }}",
        "{{ if .b }}{{ else if (eq .a \"x\") }}{{ end }}",
        "{{ with .b }}{{ $.a }}{{ end }}",
        "{{ with .b }}{{ else }}{{ .a }}{{ end }}",
        "{{ range .b }}{{ else }}{{ .a }}{{ end }}",
        "{{ $x := .a }}{{ $x }}",
        "{{ define \"d\" }}{{ .a }}{{ end }}{{ template \"d\" . }}",
        "{{ define \"d\" }}{{ $.a }}{{ end }}{{ template \"d\" $ }}",
        "{{ define \"d\" }}{{ template \"e\" . }}{{ end }}{{ define \"e\" }}{{ .a }}{{ end }}{{ template \"d\" . }}",
        "{{ block \"d\" . }}{{ .a }}{{ end }}",
        "{{ template \"d\" .a }}",
    ] {
        assert!(reads_a(text), "{text}");
    }
}

#[test]
fn whatever_takes_the_data_as_a_whole_reads_every_entry() {
    for text in [
        "{{ . }}",
        "{{ toJson . }}",
        "{{ range $key, $value := . }}{{ end }}",
        "{{ with . }}{{ .b }}{{ end }}",
        "{{ with $ }}{{ .b }}{{ end }}",
        "{{ $x := . }}",
        "{{ get . \"b\" }}",
        "{{ index . .b }}",
        "{{ template \"d\" (dict \"x\" .) }}",
    ] {
        assert!(reads_a(text), "{text}");
    }
}

#[test]
fn other_entries_and_what_is_made_of_them_are_no_entry() {
    for text in [
        "",
        "text",
        "{{ .b }}",
        "{{ .b.a }}",
        "{{ index . \"b\" \"a\" }}",
        "{{ with .b }}{{ . }}{{ .a }}{{ end }}",
        "{{ range $i, $a := .b }}{{ $a }}{{ .a }}{{ end }}",
        "{{ $a := .b }}{{ $a.a }}",
        "{{ define \"d\" }}{{ .a }}{{ $.a }}{{ end }}{{ template \"d\" (dict \"a\" .b) }}",
        "{{ define \"d\" }}{{ .a }}{{ end }}",
        "{{ define \"d\" }}{{ .b }}{{ template \"d\" . }}{{ end }}{{ template \"d\" . }}",
    ] {
        assert!(!reads_a(text), "{text}");
    }
}
