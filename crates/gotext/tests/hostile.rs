//! A short, repeatable run of the fuzz targets: their seeds, damaged seeds, and inputs that nest or grow without end.
//! Nothing may panic, overflow the stack or take more than its bounds allow.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test shows what is wrong by stopping"
)]

#[path = "../fuzz/src/lib.rs"]
#[expect(unreachable_pub, reason = "public to the fuzz targets")]
mod targets;

use std::path::Path;

use gotext::functions;
use gotext::template::Limits;

/// What a thread of the controller has.
const STACK: usize = 2 << 20;

/// Damaged inputs for each seed.
const ROUNDS: usize = 40;

/// Runs `check` on a stack of a known size.
fn on_a_small_stack(check: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK);
        let running = thread.spawn_scoped(scope, check).expect("a thread");
        if let Err(panic) = running.join() {
            std::panic::resume_unwind(panic);
        }
    });
}

/// A generator of repeatable numbers (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound.max(1) as u64).unwrap_or_default()
    }
}

/// Changes, removes, doubles and inserts bytes.
fn damage(seed: &[u8], pieces: &[&str], numbers: &mut Numbers) -> Vec<u8> {
    let mut damaged = seed.to_vec();
    for _ in 0..=numbers.below(4) {
        let at = numbers.below(damaged.len());
        match numbers.below(5) {
            0 if !damaged.is_empty() => damaged[at] ^= 1 << numbers.below(8),
            1 if !damaged.is_empty() => damaged[at] = u8::try_from(numbers.below(256)).unwrap_or_default(),
            2 => {
                let end = (at + numbers.below(9)).min(damaged.len());
                damaged.drain(at..end);
            }
            3 => {
                let end = (at + numbers.below(40)).min(damaged.len());
                let part = damaged[at..end].to_vec();
                damaged.splice(at..at, part);
            }
            _ => {
                let piece = pieces[numbers.below(pieces.len())];
                damaged.splice(at..at, piece.bytes());
            }
        }
    }
    damaged
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let mut paths: Vec<_> = std::fs::read_dir(&folder)
        .expect("a corpus")
        .map(|entry| entry.expect("a file").path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).expect("a seed"))
        .collect()
}

fn run(target: &str, check: fn(&[u8]), pieces: &[&str]) {
    on_a_small_stack(|| {
        let seeds = seeds(target);
        assert!(!seeds.is_empty(), "no seeds for {target}");
        let mut numbers = Numbers(1);
        for seed in &seeds {
            check(seed);
            for _ in 0..ROUNDS {
                let input = damage(seed, pieces, &mut numbers);
                let shown = String::from_utf8_lossy(&input).into_owned();
                if let Err(panic) = std::panic::catch_unwind(|| check(&input)) {
                    eprintln!("{target}: {shown:?}");
                    std::panic::resume_unwind(panic);
                }
            }
        }
    });
}

const TEMPLATE_PIECES: &[&str] = &[
    "{{",
    "}}",
    "{{end}}",
    "{{else}}",
    "{{if .s}}",
    "{{range .}}",
    "(",
    ")",
    "|",
    "\"",
    "`",
    "$",
    "$x",
    ".",
    "..",
    ":=",
    "nil",
    "'",
    "0x",
    "1e9999",
    "999999999999999999999",
    "{{/*",
    "- ",
    "\u{0}",
    "é",
    "(until 99999)",
    "(repeat 99999 .s)",
    "{{break}}",
    "{{define \"x\"}}",
    "{{template \"x\" .}}",
];

#[test]
fn damaged_templates_are_parsed_or_refused() {
    run("parse", targets::parse, TEMPLATE_PIECES);
}

#[test]
fn damaged_templates_render_within_bounds_and_their_redacted_errors_hold_no_data() {
    run("parse", targets::evaluate, TEMPLATE_PIECES);
    run("evaluate", targets::evaluate, TEMPLATE_PIECES);
}

#[test]
fn damaged_paths_and_documents_are_selected_from() {
    run(
        "gjson",
        targets::gjson,
        &[
            "#",
            "#(",
            ")",
            ".",
            "|",
            "@",
            "*",
            "\\",
            "{",
            "[",
            "\"",
            ":",
            "..",
            "\u{0}",
            "#(a.#(b==1)#)#",
        ],
    );
}

#[test]
fn damaged_expressions_are_compiled_or_refused() {
    run(
        "regexp",
        targets::regexp,
        &[
            "(",
            ")",
            "[",
            "]",
            "{1000}",
            "*",
            "+?",
            "\\",
            "\\p{",
            "|",
            "^",
            "(?i)",
            "(?P<n>",
            "\u{10ffff}",
            "\n",
        ],
    );
}

#[test]
fn damaged_durations_and_schedules_are_read_or_refused() {
    run(
        "duration",
        targets::duration,
        &["h", "m", "µs", ".", "-", "9223372036854775808", "e"],
    );
    run(
        "cron",
        targets::cron,
        &[
            "*", "/", "-", ",", "99", "0", "L", "?", " ", "TZ=", "@every ", "mon",
        ],
    );
}

#[test]
fn damaged_yaml_is_read_or_refused() {
    run(
        "yaml",
        targets::yaml,
        &[
            "&a ",
            "*a",
            "<<: ",
            "- ",
            "? ",
            ": ",
            "|2-\n",
            ">+\n",
            "\t",
            "---\n",
            "...\n",
            "!!binary ",
            "{",
            "[",
            "\"\\x",
            "'",
            "#",
            "%YAML 1.1\n",
        ],
    );
}

#[test]
fn damaged_keys_and_certificates_are_read_or_refused() {
    run(
        "keys",
        targets::keys,
        &[
            "\u{30}",
            "\u{2}\u{1}\u{0}",
            "\u{4}",
            "\u{1}",
            "-----BEGIN ",
            "-----END ",
            "\n",
            "=",
        ],
    );
}

#[test]
fn nesting_without_end_is_refused_on_a_small_stack() {
    let many = 100_000;
    let nested = [
        "{{if 1}}".repeat(many),
        format!("{{{{{}1", "(".repeat(many)),
        format!("{{{{{}", "len (".repeat(many)),
        format!("{{{{1{}}}}}", " | print".repeat(many)),
        format!("{{{{.a{}}}}}", ".a".repeat(many)),
        "{{with 1}}{{else with 1}}".repeat(many / 10),
        format!("{{{{if 1}}}}{}", "{{else if 1}}".repeat(many)),
        format!("{{{{define \"a\"}}}}{}", "{{block \"b\" .}}".repeat(many)),
        format!("{{{{$x := list}}}}{{{{range until 1500}}}}{{{{$x = list $x}}}}{{{{end}}}}{{{{{}}}}}", "toJson $x"),
        "{{$x := list}}{{range until 1500}}{{$x = list $x}}{{end}}{{print $x}}{{deepCopy $x}}{{deepEqual $x $x}}".to_owned(),
        "{{$d := dict}}{{set $d \"d\" $d | toYaml}}".to_owned(),
        "{{$d := dict}}{{$e := set $d \"d\" $d}}{{print $e}}".to_owned(),
        "{{$d := dict}}{{$e := set $d \"d\" $d}}{{deepCopy $e}}{{merge $d $e}}{{eq $d $e}}".to_owned(),
        "{{$d := dict}}{{$e := set $d \"d\" $d}}{{deepEqual $d $e}}{{toJson $d}}{{dig \"d\" \"d\" 1 $d}}".to_owned(),
        format!("{{{{fromJson `{}`}}}}", "[".repeat(many)),
        format!("{{{{fromYaml `{}`}}}}", "[".repeat(many)),
        format!("{{{{fromYaml `{}`}}}}", "- ".repeat(many)),
        format!("{{{{regexMatch `{}a` .s}}}}", "(".repeat(many)),
        format!("{{{{regexMatch `a{}` .s}}}}", "{2}".repeat(200)),
        format!("{{{{semverCompare `{}` `1.0.0`}}}}", ">1 ".repeat(many)),
    ];
    on_a_small_stack(|| {
        for text in &nested {
            targets::parse(text.as_bytes());
            targets::evaluate(text.as_bytes());
        }
        for open in [
            "[",
            "{\"a\":",
            "(",
            "- ",
            "? ",
            "a: ",
            "&a [",
            "{",
            "((?:",
            "[[",
            "#(",
            "\"\\u",
            "@flatten|",
            "..",
            "*",
            "{\"",
            "a.",
            "a|",
        ] {
            let input = open.repeat(many / 10);
            targets::yaml(input.as_bytes());
            targets::duration(input.as_bytes());
            targets::cron(input.as_bytes());
            targets::regexp(format!("{input}\nab").as_bytes());
            targets::gjson(format!("{input}\n{{\"a\":{{\"a\":[1]}}}}").as_bytes());
            for path in ["a.#.a", "@pretty", "@flatten:{\"deep\":true}"] {
                targets::gjson(format!("{path}\n{input}").as_bytes());
            }
        }
        targets::keys(&[0x30, 0x80].repeat(many));
        targets::keys(&[0x30, 0x83, 0xff, 0xff, 0xff].repeat(1000));
    });
}

#[test]
fn growth_without_end_meets_a_bound() {
    let greedy = [
        "{{range until 2147483647}}{{end}}",
        "{{untilStep 0 2147483647 1 | len}}",
        "{{repeat 2147483647 .s | len}}",
        "{{repeat -1 .s}}",
        "{{seq 1 2147483647 | len}}",
        "{{randAlphaNum 2147483647 | len}}",
        "{{randBytes 2147483647 | len}}",
        "{{indent 2147483647 .s | len}}",
        "{{nindent 9223372036854775807 .s | len}}",
        "{{wrapWith 1 (repeat 9999 .s) (repeat 9999 .s) | len}}",
        "{{printf \"%2147483647d\" 1 | len}}",
        "{{printf \"%.2147483647f\" 1.0 | len}}",
        "{{printf \"%999999.999999f|%[1]*[1]d\" 999999 | len}}",
        "{{range 9223372036854775807}}{{end}}",
        "{{range $i := until 1900}}{{range until 1900}}{{range until 1900}}{{end}}{{end}}{{end}}",
        "{{range $i := until 1900}}{{range until 1900}}{{$i}}{{end}}{{end}}",
        "{{$x := .s}}{{range until 1000}}{{$x = cat $x $x}}{{end}}{{len $x}}",
        "{{$x := list 1}}{{range until 1000}}{{$x = concat $x $x}}{{end}}{{len $x}}",
        "{{$x := list .s .s .s}}{{range until 1000}}{{$x = list $x $x $x}}{{end}}{{toJson $x | len}}",
        "{{$x := list .s .s .s}}{{range until 1000}}{{$x = list $x $x $x}}{{end}}{{print $x | len}}",
        "{{regexReplaceAll \"\" (repeat 9999 .s) (repeat 9999 .s) | len}}",
        "{{replace \"\" (repeat 999 .s) (repeat 999 .s) | len}}",
        "{{splitList \"\" (repeat 3000 .s) | len}}",
        "{{join (repeat 3000 .s) (until 1999) | len}}",
        "{{range until 1000}}{{bcrypt .}}{{end}}",
        "{{range until 1000}}{{derivePassword 1 \"long\" \"a\" \"b\" \"c\"}}{{end}}",
        "{{range until 1000}}{{genPrivateKey \"rsa\"}}{{end}}",
        "{{fromYaml \"a: &a [1,1,1,1,1,1,1,1]\\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\\nd: &d [*c,*c,*c,*c,*c,*c,*c]\\ne: &e [*d,*d,*d,*d,*d,*d,*d]\\nf: [*e,*e,*e,*e,*e]\" | len}}",
        "{{define \"r\"}}{{template \"r\" .}}{{template \"r\" .}}{{end}}{{template \"r\" .}}",
        "{{define \"r\"}}{{range until 99}}{{template \"r\" .}}{{end}}{{end}}{{template \"r\" .}}",
        "{{round 1.5 2147483647}}{{round 1.5 -2147483647}}",
        "{{toDecimal .s}}{{addf 1e308 1e-308}}{{mulf 1e308 1e308 1e308}}{{divf 1 3e-308}}",
        "{{dateModify \"9223372036854775807ns\" (toDate \"2006\" \"9999\")}}{{duration 9223372036854775807}}",
        "{{(genCAWithKey \"x\" 9223372036854775807 (genPrivateKey \"ecdsa\")).Cert | len}}",
        "{{chunk 0 (list 1 2)}}{{chunk -1 (list 1 2)}}",
        "{{slice (list 1 2) 9223372036854775807}}{{substr 0 9223372036854775807 .s}}{{trunc -9223372036854775807 .s}}",
    ];
    on_a_small_stack(|| {
        let all = functions::all();
        for text in greedy {
            targets::evaluate(text.as_bytes());
        }
        // The defaults hold too, as far as they can be met in a short time.
        for text in [
            "{{range until 2147483647}}{{end}}",
            "{{repeat 2147483647 .s | len}}",
            "{{printf \"%2147483647d\" 1 | len}}",
            "{{range 9223372036854775807}}{{$.s}}{{end}}",
        ] {
            targets::render(text.as_bytes(), &all, &Limits::default());
        }
    });
}
