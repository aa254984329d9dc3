//! What templates do, told one behaviour at a time. The tables in `cases/` hold the breadth.

mod bounds;
mod calls;
mod control;
mod errors;
mod printing;
mod reads;
mod syntax;
mod uses;

use std::time::Duration;

use super::*;

/// A clock that stands still.
struct StoppedClock(Duration);

impl Clock for StoppedClock {
    fn since_epoch(&self) -> Duration {
        self.0
    }
}

struct NoRandom;

impl Random for NoRandom {
    fn fill(&self, _: &mut [u8]) -> bool {
        false
    }
}

/// Functions with parameters of many types, as sprig has them.
static TABLE: &[Function] = &[
    Function::fixed("wantInt", &[Type::INT], Type::INT, first),
    Function::fixed("wantString", &[Type::String], Type::String, first),
    Function::fixed("wantMap", &[Type::ANY_MAP], Type::ANY_MAP, first),
    Function::fixed("any", &[Type::Any], Type::Any, first),
    Function::variadic("list", &[Type::Any], Type::ANY_LIST, |_, args| {
        Ok(Value::list(args.all().to_vec()))
    }),
    Function::fixed("int64", &[Type::INT], Type::INT64, |_, args| {
        Ok(Value::int64(args.int(0)))
    }),
    Function::fixed("dict", &[], Type::ANY_MAP, |_, _| {
        Ok(Value::Map(Map::any(Entries::new())))
    }),
    Function::fixed(
        "set",
        &[Type::ANY_MAP, Type::String, Type::Any],
        Type::ANY_MAP,
        |context, args| {
            let map = args.map(0);
            context.change(&map, |entries| {
                entries.insert(args.text(1), args.value(2).clone())
            })?;
            Ok(Value::Map(map))
        },
    ),
    Function::fixed("fails", &[Type::String], Type::String, |_, args| {
        Err(FuncError::new([b"no luck with ", args.bytes(0)].concat()))
    }),
    Function::fixed("minute", &[], Type::DURATION, |_, _| {
        Ok(Value::Int(IntKind::Duration, 60_000_000_000))
    }),
];

#[expect(clippy::unnecessary_wraps, reason = "every function may fail")]
fn first(_: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    Ok(args.value(0).clone())
}

fn parse_among(text: &str, functions: &Functions, limits: &Limits) -> Result<Template, ParseError> {
    let options = ParseOptions {
        left_delim: b"",
        right_delim: b"",
        functions,
        limits,
    };
    Template::parse("t", text, &options)
}

fn parse_with(text: &str, limits: &Limits) -> Result<Template, ParseError> {
    parse_among(text, &Functions::from_tables(&[TABLE]), limits)
}

/// A template that may call all functions that users have.
fn of_users(text: &str) -> Template {
    parse_among(text, &crate::functions::all(), &Limits::default()).unwrap()
}

fn execute_with(
    template: &Template,
    data: &Value,
    missing_key: MissingKey,
    limits: &Limits,
) -> Result<String, ExecError> {
    let clock = StoppedClock(Duration::ZERO);
    let options = ExecOptions {
        missing_key,
        limits,
        clock: &clock,
        random: &NoRandom,
    };
    template
        .execute(data, &options)
        .map(|output| String::from_utf8_lossy(&output).into_owned())
}

/// The output, or the full text of the error.
fn rendered(text: &str, data: &Value, missing_key: MissingKey) -> Result<String, String> {
    let limits = Limits::default();
    let template = parse_with(text, &limits).map_err(|error| error.full().to_lossy().into_owned())?;
    execute_with(&template, data, missing_key, &limits).map_err(|error| error.full().to_lossy().into_owned())
}

/// The data most tests use, with `missingkey=error`.
fn data() -> Value {
    let text =
        br#"{"s": "hello", "n": 3, "nil": null, "l": ["a", "b", "c"], "m": {"x": "X", "deep": {"k": "v"}}}"#;
    Value::from(crate::json::parse(text).expect("valid JSON"))
}

#[track_caller]
fn gives(text: &str, want: &str) {
    assert_eq!(
        rendered(text, &data(), MissingKey::Error),
        Ok(want.to_owned()),
        "{text}"
    );
}

#[track_caller]
fn fails(text: &str, want: &str) {
    assert_eq!(
        rendered(text, &data(), MissingKey::Error),
        Err(want.to_owned()),
        "{text}"
    );
}
