//! The functions as templates call them.

use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::template::{
    Clock, ExecOptions, Limit, Limits, Map, MissingKey, ParseOptions, Random, Template, Value,
};

/// sprig's names, without those that read the environment or the network.
const SPRIG: &str = "
    hello ago date date_in_zone date_modify dateInZone dateModify duration durationRound htmlDate
    htmlDateInZone must_date_modify mustDateModify mustToDate now toDate unixEpoch abbrev abbrevboth
    trunc trim upper lower title untitle substr repeat trimall trimAll trimSuffix trimPrefix nospace
    initials randAlphaNum randAlpha randAscii randNumeric swapcase shuffle snakecase camelcase kebabcase
    wrap wrapWith contains hasPrefix hasSuffix quote squote cat indent nindent replace plural sha1sum
    sha256sum sha512sum adler32sum toString atoi int64 int float64 seq toDecimal split splitList splitn
    toStrings until untilStep add1 add sub div mod mul randInt add1f addf subf divf mulf biggest max min
    maxf minf ceil floor round join sortAlpha default empty coalesce all any compact mustCompact
    fromJson toJson toPrettyJson toRawJson mustFromJson mustToJson mustToPrettyJson mustToRawJson
    ternary deepCopy mustDeepCopy typeOf typeIs typeIsLike kindOf kindIs deepEqual base dir clean ext
    isAbs osBase osClean osDir osExt osIsAbs b64enc b64dec b32enc b32dec hexdec tuple list dict get set
    unset hasKey pluck keys pick omit merge mergeOverwrite mustMerge mustMergeOverwrite values append
    push mustAppend mustPush prepend mustPrepend first mustFirst rest mustRest last mustLast initial
    mustInitial reverse mustReverse uniq mustUniq without mustWithout has mustHas slice mustSlice concat
    dig chunk mustChunk bcrypt htpasswd genPrivateKey derivePassword buildCustomCert genCA genCAWithKey
    genSelfSignedCert genSelfSignedCertWithKey genSignedCert genSignedCertWithKey encryptAES decryptAES
    randBytes uuidv4 semver semverCompare fail regexMatch mustRegexMatch regexFindAll mustRegexFindAll
    regexFind mustRegexFind regexReplaceAll mustRegexReplaceAll regexReplaceAllLiteral
    mustRegexReplaceAllLiteral regexSplit mustRegexSplit regexQuoteMeta urlParse urlJoin";

/// The names External Secrets adds.
const EXTERNAL_SECRETS: &str = "
    pkcs12key pkcs12keyPass pkcs12cert pkcs12certPass pemToPkcs12 pemToPkcs12Pass fullPemToPkcs12
    fullPemToPkcs12Pass pemTruststoreToPKCS12 pemTruststoreToPKCS12Pass filterPEM filterCertChain
    certSANs jwkPublicKeyPem jwkPrivateKeyPem toYaml fromYaml rsaDecrypt";

/// 2023-11-14T22:13:20.5Z, for ever.
struct StoppedClock;

impl Clock for StoppedClock {
    fn since_epoch(&self) -> Duration {
        Duration::from_millis(1_700_000_000_500)
    }
}

struct NoRandom;

impl Random for NoRandom {
    fn fill(&self, _: &mut [u8]) -> bool {
        false
    }
}

fn run(template: &str, limits: &Limits) -> Result<String, Result<String, Limit>> {
    let functions = all();
    let options = ParseOptions {
        left_delim: b"",
        right_delim: b"",
        functions: &functions,
        limits,
    };
    let template = Template::parse("t", template, &options).unwrap_or_else(|error| panic!("{error}"));
    let options = ExecOptions {
        missing_key: MissingKey::Error,
        limits,
        clock: &StoppedClock,
        random: &NoRandom,
    };
    match template.execute(&Value::Map(Map::strings([("k", "v")])), &options) {
        Ok(output) => Ok(String::from_utf8_lossy(&output).into_owned()),
        Err(error) => Err(error.reached().map_or_else(
            || {
                let text = error.full().to_lossy().into_owned();
                let called = text.split_once("error calling ").map(|(_, text)| text.to_owned());
                Ok(called.unwrap_or(text))
            },
            Err,
        )),
    }
}

/// The output, or what follows `error calling ` in the error.
fn render(template: &str) -> String {
    run(template, &Limits::default()).unwrap_or_else(|error| error.unwrap_or_else(|limit| limit.to_string()))
}

/// The bound that is reached within small limits.
fn bound(template: &str) -> Option<Limit> {
    let limits = Limits {
        string_bytes: 1000,
        total_bytes: 100_000,
        items: 100,
        steps: 10_000,
        value_depth: 20,
        ..Limits::default()
    };
    run(template, &limits).err().and_then(Result::err)
}

#[test]
fn the_tables_hold_exactly_the_functions_of_external_secrets() {
    let wanted: BTreeSet<&str> = SPRIG
        .split_whitespace()
        .chain(EXTERNAL_SECRETS.split_whitespace())
        .collect();
    assert_eq!(wanted.len(), 209 + 18);
    let found: Vec<&str> = TABLES
        .iter()
        .flat_map(|table| table.iter())
        .map(|function| function.name)
        .collect();
    assert_eq!(found.iter().copied().collect::<BTreeSet<_>>(), wanted);
    assert_eq!(found.len(), wanted.len(), "a name is in two tables");
}

#[test]
fn nothing_reads_the_environment_or_the_network() {
    let functions = all();
    for name in ["env", "expandenv", "getHostByName"] {
        assert!(functions.get(name).is_none(), "{name}");
    }
}

#[test]
fn strings_that_are_not_utf8_pass_unharmed() {
    for template in [
        r#"{{ "gP/+AA==" | b64dec | b64enc }}"#,
        r#"{{ index (splitList "," (b64dec "gP/+ACxh")) 0 | b64enc }}"#,
        r#"{{ (dict "k" (b64dec "gP/+AA==")).k | b64enc }}"#,
        r#"{{ b64dec "gP/+AA==" | replace "x" "y" | trunc 4 | b64enc }}"#,
    ] {
        assert_eq!(render(template), "gP/+AA==", "{template}");
    }
}

#[test]
fn maps_are_shared_and_lists_are_copied() {
    assert_eq!(
        render(r#"{{$d := dict}}{{$e := $d}}{{$_ := set $e "k" 1}}{{$d.k}}"#),
        "1"
    );
    assert_eq!(
        render(r"{{$l := list 1}}{{$m := append $l 2}}{{$l}}{{$m}}"),
        "[1][1 2]"
    );
    assert_eq!(
        render(r#"{{$d := dict "a" (dict)}}{{$c := deepCopy $d}}{{$_ := set $c.a "k" 1}}{{$d}}"#),
        "map[a:map[]]"
    );
}

#[test]
fn merging_changes_the_first_map_and_shares_what_it_takes() {
    let maps =
        r#"{{$a := dict "x" 0 "n" (dict "k" 1)}}{{$b := dict "x" 2 "n" (dict "k" 3 "l" 4) "l" (list)}}"#;
    assert_eq!(
        render(&format!("{maps}{{{{merge $a $b}}}}{{{{$a}}}}{{{{$b}}}}")),
        "map[l:[] n:map[k:1 l:4] x:2]map[l:[] n:map[k:1 l:4] x:2]map[l:[] n:map[k:3 l:4] x:2]"
    );
    assert_eq!(
        render(r#"{{mergeOverwrite (dict "a" 1 "b" 1) (dict "a" "" "b" nil)}}"#),
        "map[a: b:<nil>]"
    );
    assert_eq!(
        render(r#"{{merge (dict "a" (semver "1")) (dict "a" (dict))}}"#),
        ""
    );
    assert_eq!(
        render(r#"{{mustMerge (dict "a" (semver "1")) (dict "a" (dict))}}"#),
        "mustMerge: src and dst must be of same type"
    );
}

#[test]
fn a_wrong_list_is_named_by_its_kind_and_nil_is_a_nil_pointer() {
    assert_eq!(render("{{first 1}}"), "first: Cannot find first on type int");
    assert_eq!(
        render("{{concat (list) (dict)}}"),
        "concat: Cannot concat type map as list"
    );
    assert_eq!(
        render("{{last nil}}"),
        "last: runtime error: invalid memory address or nil pointer dereference"
    );
    assert_eq!(render("{{has 1 nil}}"), "false");
    assert_eq!(
        render("{{slice (list 1) 2}}"),
        "slice: reflect.Value.Slice: slice index out of bounds"
    );
}

#[test]
fn dates_read_the_given_clock_in_utc() {
    assert_eq!(
        render(r#"{{now | date "2006-01-02 15:04:05.0 MST"}}"#),
        "2023-11-14 22:13:20.5 UTC"
    );
    assert_eq!(render("{{ago 1699999900}}"), "1m41s");
    assert_eq!(
        render(r#"{{dateInZone "15:04 MST" 1700000000 "Asia/Tokyo"}}"#),
        "07:13 JST"
    );
    assert_eq!(
        render(r#"{{dateInZone "15:04 MST" 1700000000 "Nowhere"}}"#),
        "22:13 UTC"
    );
    assert_eq!(
        render(r#"{{(toDate "2006-01-02" "2024-02-29").AddDate 1 0 0}}"#),
        "2025-03-01 00:00:00 +0000 UTC"
    );
    assert_eq!(
        render(r#"{{mustToDate "2006" "x"}}"#),
        r#"mustToDate: parsing time "x" as "2006": cannot parse "x" as "2006""#
    );
    assert_eq!(
        render(r#"{{toDate "2006" "x"}}"#),
        "0001-01-01 00:00:00 +0000 UTC"
    );
}

#[test]
fn json_errors_are_swallowed_by_all_but_the_must_and_raw_forms() {
    assert_eq!(render(r#"{{fromJson "{" | kindOf}}"#), "invalid");
    assert_eq!(render(r#"{{float64 "NaN" | toJson}}"#), "");
    assert_eq!(
        render(r#"{{float64 "NaN" | mustToJson}}"#),
        "mustToJson: json: unsupported value: NaN"
    );
    assert_eq!(
        render(r#"{{float64 "NaN" | toRawJson}}"#),
        "toRawJson: json: unsupported value: NaN"
    );
    assert_eq!(
        render("{{1i | mustToJson}}"),
        "mustToJson: json: unsupported type: complex128"
    );
    assert_eq!(
        render(r#"{{list (toDate "2006" "2024") (semver "v1") (rest (list)) | toJson}}"#),
        r#"["2024-01-01T00:00:00Z","1.0.0",null]"#
    );
}

#[test]
fn bad_expressions_fail_with_the_text_of_the_form_that_was_called() {
    let compile = "error parsing regexp: missing closing ): `(`";
    assert_eq!(render(r#"{{regexMatch "(" "x"}}"#), "false");
    assert_eq!(
        render(r#"{{mustRegexFind "(" "x"}}"#),
        format!("mustRegexFind: {compile}")
    );
    assert_eq!(
        render(r#"{{regexFind "(" "x"}}"#),
        format!("regexFind: regexp: Compile(`(`): {compile}")
    );
}

#[test]
fn versions_have_methods_and_compare_by_the_constraint_language() {
    assert_eq!(render(r#"{{(semver "v1.2.3-a+b").IncPatch}}"#), "1.2.3");
    assert_eq!(render(r#"{{(semver "1.2.3").Compare (semver "1.10.0")}}"#), "-1");
    assert_eq!(render(r#"{{semverCompare "1.2 - 1.4 || ^3" "1.4.9"}}"#), "true");
    assert_eq!(render(r#"{{semverCompare ">1" "2.0.0-a"}}"#), "false");
    assert_eq!(
        render(r#"{{semverCompare "==1" "1"}}"#),
        "semverCompare: improper constraint: ==1"
    );
}

#[test]
fn sizes_that_a_template_names_are_bounded_before_memory_is_taken() {
    for (template, limit) in [
        (r#"{{repeat 1000000000 "x"}}"#, Limit::StringBytes),
        (r#"{{indent 1000000000 "x"}}"#, Limit::StringBytes),
        ("{{until 1000000000}}", Limit::Items),
        ("{{untilStep 0 -1000000000 -1}}", Limit::Items),
        ("{{seq 9223372036854775806}}", Limit::Items),
        (
            r#"{{wrapWith 1 (repeat 500 "-") (repeat 500 "x")}}"#,
            Limit::StringBytes,
        ),
        (
            r#"{{replace "" (repeat 100 "-") (repeat 100 "x")}}"#,
            Limit::StringBytes,
        ),
        (
            r#"{{regexReplaceAll "" (repeat 500 "x") "$0 and more"}}"#,
            Limit::StringBytes,
        ),
        (r#"{{splitList "" (repeat 500 "x")}}"#, Limit::Items),
        (r#"{{regexSplit "" (repeat 500 "x") -1}}"#, Limit::Items),
        (r#"{{join (repeat 100 "-") (until 50)}}"#, Limit::StringBytes),
        (
            r#"{{$s := "x"}}{{range until 20}}{{$s = cat $s $s}}{{end}}"#,
            Limit::StringBytes,
        ),
        (r#"{{repeat 300 "[" | fromJson}}"#, Limit::ValueDepth),
    ] {
        let reached = bound(template);
        // JSON that nests too deep is bad JSON, so there is nothing to nest.
        assert!(
            reached == Some(limit) || (limit == Limit::ValueDepth && reached.is_none()),
            "{template}: {reached:?}"
        );
    }
}

#[test]
fn values_inside_themselves_are_bounded() {
    let grown = r"{{$l := list 1}}{{range until 50}}{{$l = list $l $l}}{{end}}";
    let deep = r"{{$l := list 1}}{{range until 50}}{{$l = list $l}}{{end}}";
    let cycle = r#"{{$d := dict}}{{$_ := set $d "d" $d}}"#;
    for call in ["toJson", "toPrettyJson", "deepCopy"] {
        assert!(
            bound(&format!("{grown}{{{{$_ := {call} $l}}}}")).is_some(),
            "{call}"
        );
        assert_eq!(
            bound(&format!("{deep}{{{{$_ := {call} $l}}}}")),
            Some(Limit::ValueDepth),
            "{call}"
        );
    }
    assert_eq!(
        bound(&format!("{cycle}{{{{$_ := deepCopy $d}}}}")),
        Some(Limit::ValueDepth)
    );
    assert_eq!(
        render(&format!("{cycle}{{{{mustToJson $d}}}}")),
        "mustToJson: json: unsupported value: encountered a cycle via map[string]interface {}"
    );
    assert_eq!(
        bound(&format!(
            r#"{cycle}{{{{$e := dict}}}}{{{{$_ := set $e "d" $e}}}}{{{{deepEqual $d $e}}}}"#
        )),
        Some(Limit::ValueDepth)
    );
    assert_eq!(
        bound(&format!(
            r#"{cycle}{{{{$e := dict}}}}{{{{$_ := set $e "d" $e}}}}{{{{$_ := merge $d $e}}}}"#
        )),
        Some(Limit::ValueDepth)
    );
}

#[test]
fn work_that_grows_with_the_square_of_the_input_is_bounded() {
    let floats = r"{{$l := list}}{{range $i := until 90}}{{$l = append $l (divf $i 7)}}{{end}}";
    assert!(
        bound(&format!(
            "{floats}{{{{range until 20}}}}{{{{$_ := uniq $l}}}}{{{{end}}}}"
        ))
        .is_some()
    );
    assert!(
        bound("{{$l := until 90}}{{range until 90}}{{$_ := has -1 $l}}{{$_ := has -2 $l}}{{end}}").is_some()
    );
}
