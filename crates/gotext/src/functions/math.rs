//! Numbers: conversions, integer and decimal arithmetic, ranges.
//!
//! Integer functions work on `int64` and wrap, float functions on decimals or floats; arguments are converted as
//! [`cast`](super::cast) says.

mod decimal;
mod round;

use super::cast::{parse_int_clamped, to_float, to_int};
use super::text::sprint;
use crate::strconv::parse_int;
use crate::template::{Args, Context, FuncError, Function, List, Type, Value};

use decimal::Decimal;

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    Function::fixed("atoi", &[Type::String], Type::INT, |_, args| {
        Ok(Value::int(parse_int_clamped(args.bytes(0))))
    }),
    Function::fixed("int64", ONE, Type::INT64, |_, args| {
        Ok(Value::int64(to_int(args.value(0))))
    }),
    Function::fixed("int", ONE, Type::INT, |_, args| {
        Ok(Value::int(to_int(args.value(0))))
    }),
    Function::fixed("float64", ONE, Type::FLOAT64, |_, args| {
        Ok(Value::float64(to_float(args.value(0))))
    }),
    Function::fixed("toDecimal", ONE, Type::INT64, octal),
    Function::fixed("add1", ONE, Type::INT64, |_, args| {
        Ok(Value::int64(to_int(args.value(0)).wrapping_add(1)))
    }),
    Function::variadic("add", ONE, Type::INT64, |context, args| {
        fold(context, 0, args.all(), i64::wrapping_add)
    }),
    Function::fixed("sub", TWO, Type::INT64, |_, args| {
        Ok(Value::int64(
            to_int(args.value(0)).wrapping_sub(to_int(args.value(1))),
        ))
    }),
    Function::fixed("div", TWO, Type::INT64, |_, args| divide(args, i64::wrapping_div)),
    Function::fixed("mod", TWO, Type::INT64, |_, args| divide(args, i64::wrapping_rem)),
    Function::variadic("mul", TWO, Type::INT64, |context, args| {
        fold(context, to_int(args.value(0)), args.rest(1), i64::wrapping_mul)
    }),
    Function::variadic("max", TWO, Type::INT64, greatest),
    Function::variadic("biggest", TWO, Type::INT64, greatest),
    Function::variadic("min", TWO, Type::INT64, |context, args| {
        fold(context, to_int(args.value(0)), args.rest(1), i64::min)
    }),
    Function::fixed("add1f", ONE, Type::FLOAT64, |context, args| {
        decimals(context, args.value(0), &[Value::int(1)], |a, b| Ok(a.add(b)))
    }),
    Function::variadic("addf", ONE, Type::FLOAT64, |context, args| {
        decimals(context, &Value::float64(0.0), args.all(), |a, b| Ok(a.add(b)))
    }),
    Function::variadic("subf", TWO, Type::FLOAT64, |context, args| {
        decimals(context, args.value(0), args.rest(1), |a, b| Ok(a.subtract(b)))
    }),
    Function::variadic("mulf", TWO, Type::FLOAT64, |context, args| {
        decimals(context, args.value(0), args.rest(1), |a, b| Ok(a.multiply(b)))
    }),
    Function::variadic("divf", TWO, Type::FLOAT64, |context, args| {
        decimals(context, args.value(0), args.rest(1), Decimal::divide)
    }),
    Function::variadic("maxf", TWO, Type::FLOAT64, |context, args| {
        fold_floats(context, args, larger)
    }),
    Function::variadic("minf", TWO, Type::FLOAT64, |context, args| {
        fold_floats(context, args, smaller)
    }),
    Function::fixed("ceil", ONE, Type::FLOAT64, |_, args| {
        Ok(Value::float64(to_float(args.value(0)).ceil()))
    }),
    Function::fixed("floor", ONE, Type::FLOAT64, |_, args| {
        Ok(Value::float64(to_float(args.value(0)).floor()))
    }),
    Function::variadic(
        "round",
        &[Type::Any, Type::INT, Type::FLOAT64],
        Type::FLOAT64,
        |_, args| {
            let round_on = if args.len() > 2 { args.float(2) } else { 0.5 };
            Ok(Value::float64(round::round(
                to_float(args.value(0)),
                args.int(1),
                round_on,
            )))
        },
    ),
    Function::fixed("until", &[Type::INT], Type::INT_LIST, |context, args| {
        let count = args.int(0);
        list(context, 0, count, if count < 0 { -1 } else { 1 })
    }),
    Function::fixed(
        "untilStep",
        &[Type::INT, Type::INT, Type::INT],
        Type::INT_LIST,
        |context, args| list(context, args.int(0), args.int(1), args.int(2)),
    ),
    Function::variadic("seq", &[Type::INT], Type::String, sequence),
];

const ONE: &[Type] = &[Type::Any];
const TWO: &[Type] = &[Type::Any, Type::Any];

fn fold(
    context: &mut Context<'_>,
    first: i64,
    rest: &[Value],
    combine: fn(i64, i64) -> i64,
) -> Result<Value, FuncError> {
    context.charge(rest.len() as u64)?;
    Ok(Value::int64(rest.iter().map(to_int).fold(first, combine)))
}

fn greatest(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    fold(context, to_int(args.value(0)), args.rest(1), i64::max)
}

fn divide(args: Args<'_>, combine: fn(i64, i64) -> i64) -> Result<Value, FuncError> {
    match to_int(args.value(1)) {
        0 => Err(FuncError::new("runtime error: integer divide by zero")),
        divisor => Ok(Value::int64(combine(to_int(args.value(0)), divisor))),
    }
}

fn decimals(
    context: &mut Context<'_>,
    first: &Value,
    rest: &[Value],
    combine: fn(&Decimal, &Decimal) -> Result<Decimal, String>,
) -> Result<Value, FuncError> {
    let decimal = |value: &Value| Decimal::from_float(to_float(value)).map_err(FuncError::new);
    let mut result = decimal(first)?;
    for value in rest {
        context.charge(1 + result.size() / 64)?;
        result = combine(&result, &decimal(value)?).map_err(FuncError::new)?;
    }
    Ok(Value::float64(result.to_float()))
}

fn fold_floats(
    context: &mut Context<'_>,
    args: Args<'_>,
    combine: fn(f64, f64) -> f64,
) -> Result<Value, FuncError> {
    context.charge(args.len() as u64)?;
    let first = to_float(args.value(0));
    Ok(Value::float64(
        args.rest(1).iter().map(to_float).fold(first, combine),
    ))
}

/// `math.Max`: +Inf wins over NaN, NaN over all else, and 0 over -0.
fn larger(a: f64, b: f64) -> f64 {
    if a == f64::INFINITY || b == f64::INFINITY {
        f64::INFINITY
    } else if a.is_nan() || b.is_nan() {
        f64::NAN
    } else if a == 0.0 && b == 0.0 {
        if a.is_sign_negative() { b } else { a }
    } else {
        a.max(b)
    }
}

/// `math.Min`: -Inf wins over NaN, NaN over all else, and -0 over 0.
fn smaller(a: f64, b: f64) -> f64 {
    -larger(-a, -b)
}

/// What prints as octal digits, read as an octal number; 0 if it does not.
fn octal(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let text = sprint(context, args.value(0))?;
    Ok(Value::int64(parse_int(&text, 8, 64).unwrap_or(0)))
}

/// The numbers from `start` to before `end`; none if `step` does not lead there.
fn range(context: &mut Context<'_>, start: i64, end: i64, step: i64) -> Result<Vec<i64>, FuncError> {
    let upwards = end >= start;
    if step == 0 || upwards != (step > 0) {
        return Ok(Vec::new());
    }
    let count = start.abs_diff(end).div_ceil(step.unsigned_abs());
    context.charge_items(usize::try_from(count).unwrap_or(usize::MAX))?;
    let mut numbers = Vec::new();
    let mut next = start;
    for _ in 0..count {
        numbers.push(next);
        next = next.wrapping_add(step);
    }
    Ok(numbers)
}

fn list(context: &mut Context<'_>, start: i64, end: i64, step: i64) -> Result<Value, FuncError> {
    let numbers = range(context, start, end, step)?;
    let items = numbers.into_iter().map(Value::int).collect();
    Ok(Value::List(List::new(&Type::INT, items)))
}

/// `seq LAST`, `seq FIRST LAST`, `seq FIRST STEP LAST`: the numbers with spaces between; with more arguments, none.
fn sequence(context: &mut Context<'_>, args: Args<'_>) -> Result<Value, FuncError> {
    let (start, step, end) = match args.len() {
        1 => (1, None, args.int(0)),
        2 => (args.int(0), None, args.int(1)),
        3 => (args.int(0), Some(args.int(1)), args.int(2)),
        _ => return Ok(Value::EMPTY),
    };
    // The end itself is included, whichever way the numbers go.
    let direction = if end < start { -1 } else { 1 };
    if direction < 0 && step.is_some_and(|step| step > 0) {
        return Ok(Value::EMPTY);
    }
    let end = end.wrapping_add(direction);
    let numbers = range(context, start, end, step.unwrap_or(direction))?;
    let texts: Vec<String> = numbers.iter().map(i64::to_string).collect();
    let text = texts.join(" ");
    context.charge_bytes(text.len())?;
    Ok(Value::string(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn larger_and_smaller_treat_special_floats_as_go_does() {
        assert!(larger(f64::NAN, f64::INFINITY).is_infinite());
        assert!(larger(f64::NAN, 1.0).is_nan());
        assert!(larger(-0.0, 0.0).is_sign_positive());
        assert!(smaller(0.0, -0.0).is_sign_negative());
        assert!(smaller(f64::NAN, f64::NEG_INFINITY).is_infinite());
    }
}
