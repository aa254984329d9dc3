//! `split`, `splitn`, `splitList`: Go's `strings.SplitN`.

use crate::strconv::runes;
use crate::template::{Context, Entries, FuncError, Map, Text, Type, Value};

/// The parts between separators: at most `count` if it is positive, none if it is 0. No separator cuts into
/// characters.
pub(super) fn split<'a>(
    context: &mut Context<'_>,
    text: &'a [u8],
    separator: &[u8],
    count: i64,
) -> Result<Vec<&'a [u8]>, FuncError> {
    context.charge(text.len() as u64 / 8)?;
    let most = match count {
        0 => return Ok(Vec::new()),
        ..0 => usize::MAX,
        _ => usize::try_from(count).unwrap_or(usize::MAX),
    };
    let mut cuts: Vec<(usize, usize)> = if separator.is_empty() {
        runes(text)
            .skip(1)
            .map(|(offset, _, _)| (offset, offset))
            .take(most - 1)
            .collect()
    } else {
        memchr::memmem::find_iter(text, separator)
            .map(|at| (at, at + separator.len()))
            .take(most - 1)
            .collect()
    };
    context.charge_items(cuts.len() + 1)?;
    context.charge_bytes(text.len())?;
    if text.is_empty() && separator.is_empty() {
        return Ok(Vec::new());
    }
    cuts.push((text.len(), text.len()));
    let mut start = 0;
    let parts = cuts.into_iter().map(|(end, next)| {
        let part = text.get(start..end).unwrap_or_default();
        start = next;
        part
    });
    Ok(parts.collect())
}

/// The parts under the keys `_0`, `_1` and so on.
pub(super) fn numbered(
    context: &mut Context<'_>,
    text: &[u8],
    separator: &[u8],
    count: i64,
) -> Result<Value, FuncError> {
    let parts = split(context, text, separator, count)?;
    let entries: Entries = parts
        .into_iter()
        .enumerate()
        .map(|(at, part)| (Text::from(format!("_{at}")), Value::string(part)))
        .collect();
    Ok(Value::Map(Map::new(&Type::String, entries)))
}
