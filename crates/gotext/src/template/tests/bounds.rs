//! Every execution ends, and soon enough.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

fn reached(text: &str, limits: &Limits) -> Option<Limit> {
    let template = match parse_with(text, limits) {
        Ok(template) => template,
        Err(error) => return error.reached(),
    };
    execute_with(&template, &data(), MissingKey::Error, limits)
        .err()
        .and_then(|error| error.reached())
}

#[test]
fn endless_work_ends_at_the_bound_on_steps() {
    let limits = Limits {
        steps: 10_000,
        ..Limits::default()
    };
    assert_eq!(
        reached("{{range 1000000000}}{{end}}", &limits),
        Some(Limit::Steps)
    );
    assert_eq!(
        reached("{{range 1000}}{{range 1000}}x{{end}}{{end}}", &limits),
        Some(Limit::Steps)
    );
}

#[test]
fn endless_output_ends_at_the_bound_on_output() {
    let limits = Limits {
        output_bytes: 1000,
        ..Limits::default()
    };
    assert_eq!(
        reached("{{range 1000000000}}xx{{end}}", &limits),
        Some(Limit::OutputBytes)
    );
    assert_eq!(reached("{{range 500}}xx{{end}}", &limits), None);
}

#[test]
fn a_string_that_doubles_ends_at_the_bound_on_strings() {
    let limits = Limits {
        string_bytes: 1000,
        ..Limits::default()
    };
    assert_eq!(
        reached("{{$x := \"a\"}}{{range 100}}{{$x = print $x $x}}{{end}}", &limits),
        Some(Limit::StringBytes)
    );
    assert_eq!(
        reached("{{printf \"%1000000d\" 1}}", &limits),
        Some(Limit::StringBytes)
    );
}

#[test]
fn many_strings_end_at_the_bound_on_all_of_them_together() {
    let limits = Limits {
        total_bytes: 1000,
        ..Limits::default()
    };
    assert_eq!(
        reached("{{range 100}}{{$x := printf \"%100d\" 1}}{{end}}", &limits),
        Some(Limit::TotalBytes)
    );
}

#[test]
fn a_template_that_calls_itself_ends_with_go_s_own_error() {
    fails(
        "{{define \"T\"}}{{template \"T\" .}}{{end}}{{template \"T\" .}}",
        "template: t:1:25: executing \"T\" at <{{template \"T\" .}}>: exceeded maximum template depth (100000)",
    );
    let limits = Limits {
        template_depth: 3,
        ..Limits::default()
    };
    let text = "{{define \"T\"}}{{if .}}{{template \"T\" slice . 1}}{{end}}{{end}}{{template \"T\" \"";
    assert_eq!(reached(&format!("{text}ab\"}}}}"), &limits), None);
    assert_eq!(
        reached(&format!("{text}abc\"}}}}"), &limits),
        Some(Limit::TemplateDepth)
    );
}

#[test]
fn nesting_beyond_the_bound_is_refused_when_the_template_is_parsed() {
    let limits = Limits::default();
    let parens = |n| format!("{{{{{}1{}}}}}", "(".repeat(n), ")".repeat(n));
    let blocks = |n| format!("{}{}", "{{if 1}}".repeat(n), "{{end}}".repeat(n));
    assert_eq!(reached(&parens(limits.nesting), &limits), None);
    assert_eq!(reached(&blocks(limits.nesting), &limits), None);
    assert_eq!(reached(&parens(100_000), &limits), Some(Limit::Nesting));
    assert_eq!(reached(&blocks(50_000), &limits), Some(Limit::Nesting));
}

#[test]
fn a_chain_of_else_if_is_no_nesting() {
    let text = format!("{{{{if 0}}}}{}x{{{{end}}}}", "{{else if 0}}".repeat(10_000));
    assert_eq!(reached(&text, &Limits::default()), None);
}

#[test]
fn a_value_nested_too_deep_is_not_printed() {
    let limits = Limits::default();
    let text = "{{$x := list}}{{range 1000}}{{$x = list $x}}{{end}}";
    assert_eq!(reached(text, &limits), None);
    assert_eq!(
        reached(&format!("{text}{{{{$x}}}}"), &limits),
        Some(Limit::ValueDepth)
    );
    assert_eq!(
        reached("{{$a := dict}}{{$_ := set $a \"a\" $a}}{{$a}}", &limits),
        Some(Limit::ValueDepth)
    );
}

#[test]
fn a_text_beyond_the_bound_is_not_parsed() {
    let limits = Limits {
        template_bytes: 10,
        ..Limits::default()
    };
    assert_eq!(reached("01234567890", &limits), Some(Limit::TemplateBytes));
}

/// A clock that moves on whenever it is read.
struct FastClock(AtomicU64);

impl Clock for FastClock {
    fn since_epoch(&self) -> Duration {
        Duration::from_secs(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

#[test]
fn an_execution_ends_at_its_deadline() {
    let limits = Limits {
        time: Duration::from_secs(5),
        ..Limits::default()
    };
    let template = parse_with("{{range 1000000000}}{{end}}", &limits).expect("parses");
    let clock = FastClock(AtomicU64::new(0));
    let options = ExecOptions {
        missing_key: MissingKey::Error,
        limits: &limits,
        clock: &clock,
        random: &NoRandom,
    };
    let error = template.execute(&Value::Nil, &options).expect_err("fails");
    assert_eq!(error.reached(), Some(Limit::Time));
}

#[test]
fn templates_and_values_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Template>();
    shared::<Value>();
    shared::<ExecError>();
}

#[test]
fn a_loop_over_a_large_map_is_charged_even_if_it_stops_at_once() {
    let map = Map::strings((0..1000).map(|n: u32| (n.to_string(), "")));
    let limits = Limits {
        steps: 10_000,
        ..Limits::default()
    };
    let template = parse_with("{{range 100}}{{range $}}{{break}}{{end}}{{end}}", &limits).expect("parses");
    let error = execute_with(&template, &Value::Map(map), MissingKey::Error, &limits).expect_err("fails");
    assert_eq!(error.reached(), Some(Limit::Steps));
}
