//! Regular expressions: `regexMatch`, `regexFind`, `regexReplaceAll`, `regexSplit` and their relatives.
//!
//! The `must` forms give Go's error for a bad expression, the others panic in Go with a longer text, except that
//! `regexMatch` is false.

use std::sync::Arc;

use crate::regexp::{Error, Limits, Regexp, quote_meta};
use crate::template::{Args, Context, FuncError, Function, Limit, List, Type, Value};

const S: Type = Type::String;
const PATTERN_AND_TEXT: &[Type] = &[S, S];
const WITH_COUNT: &[Type] = &[S, S, Type::INT];
const WITH_REPLACEMENT: &[Type] = &[S, S, S];

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    Function::fixed("regexMatch", PATTERN_AND_TEXT, Type::Bool, |context, args| {
        Ok(Value::Bool(
            compiled(context, args)?.is_ok_and(|regexp| regexp.is_match(args.bytes(1))),
        ))
    }),
    Function::fixed("mustRegexMatch", PATTERN_AND_TEXT, Type::Bool, |context, args| {
        Ok(Value::Bool(must(context, args)?.is_match(args.bytes(1))))
    }),
    Function::fixed("regexFind", PATTERN_AND_TEXT, S, |context, args| {
        let regexp = or_panic(context, args)?;
        find(context, &regexp, args)
    }),
    Function::fixed("mustRegexFind", PATTERN_AND_TEXT, S, |context, args| {
        let regexp = must(context, args)?;
        find(context, &regexp, args)
    }),
    Function::fixed("regexFindAll", WITH_COUNT, Type::STRING_LIST, |context, args| {
        let regexp = or_panic(context, args)?;
        find_all(context, &regexp, args)
    }),
    Function::fixed(
        "mustRegexFindAll",
        WITH_COUNT,
        Type::STRING_LIST,
        |context, args| {
            let regexp = must(context, args)?;
            find_all(context, &regexp, args)
        },
    ),
    Function::fixed("regexReplaceAll", WITH_REPLACEMENT, S, |context, args| {
        let regexp = or_panic(context, args)?;
        replace(context, &regexp, args, true)
    }),
    Function::fixed("mustRegexReplaceAll", WITH_REPLACEMENT, S, |context, args| {
        let regexp = must(context, args)?;
        replace(context, &regexp, args, true)
    }),
    Function::fixed("regexReplaceAllLiteral", WITH_REPLACEMENT, S, |context, args| {
        let regexp = or_panic(context, args)?;
        replace(context, &regexp, args, false)
    }),
    Function::fixed(
        "mustRegexReplaceAllLiteral",
        WITH_REPLACEMENT,
        S,
        |context, args| {
            let regexp = must(context, args)?;
            replace(context, &regexp, args, false)
        },
    ),
    Function::fixed("regexSplit", WITH_COUNT, Type::STRING_LIST, |context, args| {
        let regexp = or_panic(context, args)?;
        split(context, &regexp, args)
    }),
    Function::fixed(
        "mustRegexSplit",
        WITH_COUNT,
        Type::STRING_LIST,
        |context, args| {
            let regexp = must(context, args)?;
            split(context, &regexp, args)
        },
    ),
    Function::fixed("regexQuoteMeta", &[S], S, |context, args| {
        context.charge_bytes(args.bytes(0).len().saturating_mul(2))?;
        Ok(Value::string(quote_meta(args.bytes(0))))
    }),
];

/// Compiles the first argument for matching the second; a bad expression is the inner error.
fn compiled(context: &mut Context<'_>, args: Args<'_>) -> Result<Result<Arc<Regexp>, Error>, FuncError> {
    /// States times bytes that one search may visit at worst, at about 32 bytes per state: some ten seconds.
    const WORK: usize = 1 << 36;
    /// Room for a few Unicode classes, however long the text.
    const LEAST: usize = 64 << 10;
    /// A search's own memory is kept with the expression.
    const CACHE: usize = 512 << 10;
    let (pattern, text) = (args.bytes(0), args.bytes(1));
    context.charge((pattern.len() as u64).saturating_add(text.len() as u64 / 16))?;
    let limits = Limits::default();
    // In steps, so that texts of about the same length share the compiled expression.
    let automaton = (WORK / text.len().max(1).next_power_of_two()).clamp(LEAST, limits.automaton);
    let limits = Limits {
        automaton,
        cache: CACHE,
        ..limits
    };
    Ok(context.regexp(pattern, limits)?)
}

fn must(context: &mut Context<'_>, args: Args<'_>) -> Result<Arc<Regexp>, FuncError> {
    compiled(context, args)?.map_err(|error| FuncError::new(error.text()))
}

fn or_panic(context: &mut Context<'_>, args: Args<'_>) -> Result<Arc<Regexp>, FuncError> {
    compiled(context, args)?.map_err(|error| FuncError::new(error.panic_text(args.bytes(0))))
}

/// The count argument: none if it is negative.
fn count(args: Args<'_>) -> Option<usize> {
    usize::try_from(args.int(2)).ok()
}

fn find(context: &mut Context<'_>, regexp: &Regexp, args: Args<'_>) -> Result<Value, FuncError> {
    let found = regexp
        .find(args.bytes(1))
        .and_then(|range| args.bytes(1).get(range))
        .unwrap_or_default();
    context.charge_bytes(found.len())?;
    Ok(Value::string(found))
}

/// One more than a list may hold, so that going over it shows.
fn most(context: &Context<'_>, count: Option<usize>) -> usize {
    count
        .unwrap_or(usize::MAX)
        .min(context.limits().items.saturating_add(1))
}

fn find_all(context: &mut Context<'_>, regexp: &Regexp, args: Args<'_>) -> Result<Value, FuncError> {
    let text = args.bytes(1);
    let found = regexp.find_all(text, Some(most(context, count(args))));
    if found.is_empty() {
        return Ok(Value::List(List::nil(&Type::String)));
    }
    context.charge_items(found.len())?;
    context.charge_bytes(text.len())?;
    Ok(Value::strings(
        found.into_iter().map(|range| text.get(range).unwrap_or_default()),
    ))
}

fn replace(
    context: &mut Context<'_>,
    regexp: &Regexp,
    args: Args<'_>,
    expands: bool,
) -> Result<Value, FuncError> {
    let (text, replacement) = (args.bytes(1), args.bytes(2));
    // What the result can grow to: each match gives the replacement, and each `$` in it at most the match.
    let references = if expands {
        memchr::memchr_iter(b'$', replacement).count()
    } else {
        0
    };
    let grown = |matches: usize| {
        let references = references.saturating_mul(text.len());
        text.len()
            .saturating_add(matches.saturating_mul(replacement.len()))
            .saturating_add(references)
    };
    let most = context.limits().string_bytes;
    // Between all characters lies a match at most; only where that could be too much are they counted.
    if grown(text.len() + 1) > most && grown(regexp.find_all(text, None).len()) > most {
        return Err(Limit::StringBytes.into());
    }
    let replaced = if expands {
        regexp.replace_all(text, replacement)
    } else {
        regexp.replace_all_literal(text, replacement)
    };
    context.charge_bytes(replaced.len())?;
    Ok(Value::string(replaced))
}

fn split(context: &mut Context<'_>, regexp: &Regexp, args: Args<'_>) -> Result<Value, FuncError> {
    if count(args) == Some(0) {
        return Ok(Value::List(List::nil(&Type::String)));
    }
    let limit = most(context, count(args));
    let parts = regexp.split(args.bytes(1), Some(limit));
    context.charge_items(parts.len())?;
    context.charge_bytes(args.bytes(1).len())?;
    Ok(Value::strings(parts))
}
