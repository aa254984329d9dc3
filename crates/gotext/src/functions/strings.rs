//! Text: trimming, cutting, joining, quoting, changing case.
//!
//! Go mixes bytes and characters here: positions and widths are bytes, case is characters, and where a function
//! goes through characters, bytes that are not UTF-8 become U+FFFD.

mod case;
mod edit;
mod split;
mod words;
mod wrap;

use zeroize::Zeroizing;

use super::text::{sprint, strings_of, strval};
use crate::strconv::quote;
use crate::template::{Args, Buffer, Context, FuncError, Function, Limit, Type, Value};
use crate::unicode::{map, to_lower, to_upper};

const S: Type = Type::String;
const I: Type = Type::INT;

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    Function::fixed("trim", &[S], S, |context, args| {
        context.charge_bytes(args.bytes(0).len())?;
        Ok(Value::string(edit::trim_space(args.bytes(0))))
    }),
    Function::fixed("upper", &[S], S, |context, args| {
        per_byte(context, args, |text| map(text, to_upper))
    }),
    Function::fixed("lower", &[S], S, |context, args| {
        per_byte(context, args, |text| map(text, to_lower))
    }),
    Function::fixed("title", &[S], S, |context, args| {
        per_byte(context, args, case::title)
    }),
    Function::fixed("untitle", &[S], S, |context, args| {
        per_byte(context, args, case::untitle)
    }),
    Function::fixed("swapcase", &[S], S, |context, args| {
        per_byte(context, args, case::swap_case)
    }),
    Function::fixed("nospace", &[S], S, |context, args| {
        per_byte(context, args, case::without_space)
    }),
    Function::fixed("initials", &[S], S, |context, args| {
        per_byte(context, args, case::initials)
    }),
    Function::fixed("snakecase", &[S], S, |context, args| {
        per_byte(context, args, |text| words::lower_joined(text, b'_'))
    }),
    Function::fixed("kebabcase", &[S], S, |context, args| {
        per_byte(context, args, |text| words::lower_joined(text, b'-'))
    }),
    Function::fixed("camelcase", &[S], S, |context, args| {
        per_byte(context, args, words::pascal)
    }),
    Function::fixed("trimall", &[S, S], S, trim_all),
    Function::fixed("trimAll", &[S, S], S, trim_all),
    Function::fixed("trimPrefix", &[S, S], S, |_, args| {
        let text = args.bytes(1);
        Ok(text
            .strip_prefix(args.bytes(0))
            .map_or_else(|| args.value(1).clone(), Value::string))
    }),
    Function::fixed("trimSuffix", &[S, S], S, |_, args| {
        let text = args.bytes(1);
        Ok(text
            .strip_suffix(args.bytes(0))
            .map_or_else(|| args.value(1).clone(), Value::string))
    }),
    Function::fixed("trunc", &[I, S], S, |context, args| {
        context.charge_bytes(args.bytes(1).len())?;
        Ok(Value::string(edit::truncate(args.bytes(1), args.int(0))))
    }),
    Function::fixed("substr", &[I, I, S], S, |context, args| {
        context.charge_bytes(args.bytes(2).len())?;
        let part = edit::substring(args.bytes(2), args.int(0), args.int(1));
        part.map(Value::string).map_err(FuncError::new)
    }),
    Function::fixed("repeat", &[I, S], S, |context, args| {
        Ok(Value::string(edit::repeat(context, args.bytes(1), args.int(0))?))
    }),
    Function::fixed("replace", &[S, S, S], S, |context, args| {
        let replaced = edit::replace(context, args.bytes(2), args.bytes(0), args.bytes(1))?;
        Ok(replaced.map_or_else(|| args.value(2).clone(), Value::string))
    }),
    Function::fixed("abbrev", &[I, S], S, |context, args| {
        context.charge_bytes(args.bytes(1).len())?;
        if args.int(0) < 4 {
            return Ok(args.value(1).clone());
        }
        Ok(Value::string(
            wrap::abbreviate(args.bytes(1), 0, args.int(0)).unwrap_or_default(),
        ))
    }),
    Function::fixed("abbrevboth", &[I, I, S], S, |context, args| {
        context.charge_bytes(args.bytes(2).len())?;
        let (left, right) = (args.int(0), args.int(1));
        if right < 4 || (left > 0 && right < 7) {
            return Ok(args.value(2).clone());
        }
        Ok(Value::string(
            wrap::abbreviate(args.bytes(2), left, right).unwrap_or_default(),
        ))
    }),
    Function::fixed("wrap", &[I, S], S, |context, args| {
        Ok(Value::String(
            wrap::wrap(context, args.bytes(1), args.int(0), b"", false)?.into_text(),
        ))
    }),
    Function::fixed("wrapWith", &[I, S, S], S, |context, args| {
        Ok(Value::String(
            wrap::wrap(context, args.bytes(2), args.int(0), args.bytes(1), true)?.into_text(),
        ))
    }),
    Function::fixed("contains", &[S, S], Type::Bool, |context, args| {
        context.charge(args.bytes(1).len() as u64 / 64)?;
        Ok(Value::Bool(
            memchr::memmem::find(args.bytes(1), args.bytes(0)).is_some(),
        ))
    }),
    Function::fixed("hasPrefix", &[S, S], Type::Bool, |_, args| {
        Ok(Value::Bool(args.bytes(1).starts_with(args.bytes(0))))
    }),
    Function::fixed("hasSuffix", &[S, S], Type::Bool, |_, args| {
        Ok(Value::Bool(args.bytes(1).ends_with(args.bytes(0))))
    }),
    Function::variadic("quote", &[Type::Any], S, |context, args| {
        spaced(context, args, |context, value, out| {
            let quoted = Zeroizing::new(quote(&strval(context, value)?));
            out.extend(quoted.as_bytes());
            Ok(())
        })
    }),
    Function::variadic("squote", &[Type::Any], S, |context, args| {
        spaced(context, args, |context, value, out| {
            out.push(b'\'');
            out.extend(&sprint(context, value)?);
            out.push(b'\'');
            Ok(())
        })
    }),
    Function::variadic("cat", &[Type::Any], S, |context, args| {
        spaced(context, args, |context, value, out| {
            out.extend(&sprint(context, value)?);
            Ok(())
        })
    }),
    Function::fixed("indent", &[I, S], S, |context, args| {
        Ok(Value::string(edit::indent(
            context,
            args.bytes(1),
            args.int(0),
            b"",
        )?))
    }),
    Function::fixed("nindent", &[I, S], S, |context, args| {
        Ok(Value::string(edit::indent(
            context,
            args.bytes(1),
            args.int(0),
            b"\n",
        )?))
    }),
    Function::fixed("plural", &[S, S, I], S, |_, args| {
        Ok(args.value(usize::from(args.int(2) != 1)).clone())
    }),
    Function::fixed("toString", &[Type::Any], S, |context, args| {
        Ok(Value::String(strval(context, args.value(0))?))
    }),
    Function::fixed("toStrings", &[Type::Any], Type::STRING_LIST, |context, args| {
        Ok(Value::List(strings_of(context, args.value(0))?))
    }),
    Function::fixed("join", &[S, Type::Any], S, join),
    Function::fixed("sortAlpha", &[Type::Any], Type::STRING_LIST, sort),
    Function::fixed("split", &[S, S], Type::STRING_MAP, |context, args| {
        split::numbered(context, args.bytes(1), args.bytes(0), -1)
    }),
    Function::fixed("splitn", &[S, I, S], Type::STRING_MAP, |context, args| {
        split::numbered(context, args.bytes(2), args.bytes(0), args.int(1))
    }),
    Function::fixed("splitList", &[S, S], Type::STRING_LIST, |context, args| {
        let parts = split::split(context, args.bytes(1), args.bytes(0), -1)?;
        Ok(Value::strings(parts))
    }),
];

/// A change of the only argument whose result is at most a few times as long.
fn per_byte(
    context: &mut Context<'_>,
    args: Args<'_>,
    change: fn(&[u8]) -> Buffer,
) -> Result<Value, FuncError> {
    let text = args.bytes(0);
    context.charge_bytes(text.len())?;
    context.charge(text.len() as u64 / 8)?;
    Ok(Value::String(change(text).into_text()))
}

fn trim_all(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let (cutset, text) = (args.bytes(0), args.bytes(1));
    context.charge_bytes(text.len() + cutset.len())?;
    Ok(Value::string(edit::trim(text, cutset)))
}

/// All arguments but nil, each in its form, with spaces between.
fn spaced(
    context: &mut Context<'_>,
    args: Args<'_>,
    push: fn(&mut Context<'_>, &Value, &mut Buffer) -> Result<(), FuncError>,
) -> Result<Value, FuncError> {
    let mut out = Buffer::new();
    let mut first = true;
    for value in args.all().iter().filter(|value| !matches!(value, Value::Nil)) {
        if !std::mem::take(&mut first) {
            out.push(b' ');
        }
        push(context, value, &mut out)?;
        if out.len() > context.limits().string_bytes {
            return Err(Limit::StringBytes.into());
        }
    }
    context.charge_bytes(out.len())?;
    Ok(Value::String(out.into_text()))
}

fn join(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let separator = args.bytes(0);
    let list = strings_of(context, args.value(1))?;
    let length = list.iter().filter_map(Value::as_bytes).fold(
        separator.len().saturating_mul(list.len().saturating_sub(1)),
        |sum, text| sum.saturating_add(text.len()),
    );
    context.charge_bytes(length)?;
    let texts: Vec<&[u8]> = list.iter().filter_map(Value::as_bytes).collect();
    Ok(Value::string(texts.join(separator)))
}

fn sort(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let list = strings_of(context, args.value(0))?;
    let count = list.len() as u64;
    context.charge(count * u64::from(count.checked_ilog2().unwrap_or(0)))?;
    // A value that is no list is its own text, and nil is `<nil>`.
    if matches!(args.value(0), Value::Nil) {
        return Ok(Value::strings(["<nil>"]));
    }
    // A list of texts is that of the argument, which is sorted with it.
    context.charge_items(list.held().len())?;
    list.sort_texts();
    Ok(Value::List(list))
}
