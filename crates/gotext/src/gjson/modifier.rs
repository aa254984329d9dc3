//! The `@` modifiers and `!` literals a path may begin with.

use zeroize::Zeroizing;

use super::budget::{Budget, LimitExceeded};
use super::pretty;
use super::scan::{nested, part, squash, trim};
use super::search::get_in;
use super::valid::valid;
use super::value::{Kind, Match, parse};
use crate::json::string::push_quoted;

/// Document text a step produced, wiped when dropped.
type Produced = Zeroizing<Vec<u8>>;

/// Whether a modifier has this name.
pub(super) fn exists(name: &[u8]) -> bool {
    matches!(
        name,
        b"pretty"
            | b"ugly"
            | b"reverse"
            | b"this"
            | b"flatten"
            | b"join"
            | b"valid"
            | b"keys"
            | b"values"
            | b"tostr"
            | b"fromstr"
            | b"group"
            | b"dig"
    )
}

/// Applies the modifier or literal at the start of a path; gives the path after it and the new document.
pub(super) fn apply<'p>(
    json: &[u8],
    path: &'p [u8],
    budget: &Budget,
) -> Result<Option<(&'p [u8], Produced)>, LimitExceeded> {
    match path.split_first() {
        Some((b'!', literal)) => Ok(static_value(literal)),
        Some((b'@', rest)) => {
            let end = rest
                .iter()
                .position(|byte| matches!(byte, b':' | b'|' | b'.'))
                .unwrap_or(rest.len());
            let (name, mut rest) = rest.split_at_checked(end).unwrap_or_default();
            if !exists(name) {
                return Ok(None);
            }
            let mut argument: &[u8] = b"";
            if let Some(after) = rest.strip_prefix(b":") {
                (argument, rest) = split_argument(after);
            }
            Ok(Some((rest, run(name, json, argument, budget)?)))
        }
        _ => Ok(None),
    }
}

fn static_value(literal: &[u8]) -> Option<(&[u8], Produced)> {
    let (value, rest) = if let Some(b'{' | b'[' | b'"' | b'+' | b'-' | b'0'..=b'9') = literal.first() {
        let value = nested(literal, 0).0;
        (value, literal.get(value.len()..).unwrap_or_default())
    } else {
        let end = literal
            .iter()
            .position(|byte| matches!(byte, b'|' | b'.'))
            .unwrap_or(literal.len());
        let (word, rest) = literal.split_at_checked(end)?;
        let known = ["true", "false", "null", "nan", "inf"];
        known
            .iter()
            .find(|known| word.eq_ignore_ascii_case(known.as_bytes()))?;
        (word, rest)
    };
    Some((rest, Zeroizing::new(value.to_vec())))
}

/// The argument after the colon: one JSON value, or all up to the next pipe outside of brackets.
fn split_argument(text: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    if matches!(text.first(), Some(b'{' | b'[' | b'"')) {
        at = squash(text).len();
    } else {
        while let Some(byte) = text.get(at) {
            match byte {
                b'|' => break,
                b'{' | b'[' | b'"' | b'(' => at += squash(text.get(at..).unwrap_or_default()).len(),
                _ => at += 1,
            }
        }
    }
    text.split_at_checked(at).unwrap_or((text, b""))
}

fn run(name: &[u8], json: &[u8], argument: &[u8], budget: &Budget) -> Result<Produced, LimitExceeded> {
    budget.spend(json.len())?;
    let as_is = || Zeroizing::new(json.to_vec());
    Ok(match name {
        b"pretty" => pretty::pretty(json, argument, budget)?,
        b"ugly" => pretty::ugly(json),
        b"reverse" => reverse(json)?,
        b"flatten" => flatten(json, option(argument, b"deep")?, budget)?,
        b"join" => join(json, option(argument, b"preserve")?)?,
        b"valid" | b"fromstr" if !valid(json) => Zeroizing::default(),
        b"keys" => keys(json)?,
        b"values" => values(json)?,
        b"tostr" => {
            let mut out = Zeroizing::default();
            push_quoted(&mut out, json, true);
            out
        }
        b"fromstr" => parse(json).to_bytes(),
        b"group" => group(json)?,
        b"dig" => dig(json, argument, budget)?,
        _ => as_is(),
    })
}

/// The last value of a member of the argument object, as a boolean.
fn option(argument: &[u8], name: &[u8]) -> Result<bool, LimitExceeded> {
    let mut set = false;
    parse(argument).for_each(|key, value| {
        if *key.to_bytes() == name {
            set = value.is_truthy();
        }
        Ok(())
    })?;
    Ok(set)
}

/// Joins the parts with commas between brackets.
fn bracketed<'a>(open: u8, parts: impl Iterator<Item = &'a [u8]>, close: u8) -> Produced {
    let mut out = Zeroizing::new(vec![open]);
    for (index, part) in parts.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        out.extend_from_slice(part);
    }
    out.push(close);
    out
}

fn member(key: &Match<'_>, value: &Match<'_>) -> Produced {
    let mut out = Zeroizing::new(key.raw().to_vec());
    out.push(b':');
    out.extend_from_slice(value.raw());
    out
}

fn reverse(json: &[u8]) -> Result<Produced, LimitExceeded> {
    let value = parse(json);
    let object = value.is_object();
    if value.kind() != Kind::Json {
        return Ok(Zeroizing::new(json.to_vec()));
    }
    let mut parts: Vec<Produced> = Vec::new();
    value.for_each(|key, value| {
        parts.push(if object {
            member(&key, &value)
        } else {
            Zeroizing::new(value.raw().to_vec())
        });
        Ok(())
    })?;
    let (open, close) = if object { (b'{', b'}') } else { (b'[', b']') };
    Ok(bracketed(
        open,
        parts.iter().rev().map(|part| part.as_slice()),
        close,
    ))
}

fn flatten(json: &[u8], deep: bool, budget: &Budget) -> Result<Produced, LimitExceeded> {
    let value = parse(json);
    if !value.is_array() {
        return Ok(Zeroizing::new(json.to_vec()));
    }
    budget.spend(json.len())?;
    let mut parts: Vec<Produced> = Vec::new();
    value.for_each(|_, value| {
        let raw = if !value.is_array() {
            Zeroizing::new(value.raw().to_vec())
        } else if deep {
            let flat = budget.deeper(|| flatten(value.raw(), true, budget))?;
            Zeroizing::new(unwrap(&flat).to_vec())
        } else {
            Zeroizing::new(unwrap(value.raw()).to_vec())
        };
        let trimmed = raw.trim_ascii();
        if !trimmed.is_empty() {
            parts.push(Zeroizing::new(trimmed.to_vec()));
        }
        Ok(())
    })?;
    Ok(bracketed(b'[', parts.iter().map(|part| part.as_slice()), b']'))
}

/// Without the brackets around it.
fn unwrap(json: &[u8]) -> &[u8] {
    let json = trim(json);
    match json.first() {
        Some(b'[' | b'{') if json.len() >= 2 => part(json, 1, json.len() - 1),
        _ => json,
    }
}

fn keys(json: &[u8]) -> Result<Produced, LimitExceeded> {
    let value = parse(json);
    let object = value.is_object();
    let mut parts: Vec<Vec<u8>> = Vec::new();
    value.for_each(|key, _| {
        parts.push(if object {
            key.raw().to_vec()
        } else {
            b"null".to_vec()
        });
        Ok(())
    })?;
    Ok(bracketed(b'[', parts.iter().map(Vec::as_slice), b']'))
}

fn values(json: &[u8]) -> Result<Produced, LimitExceeded> {
    let value = parse(json);
    if value.is_array() {
        return Ok(Zeroizing::new(json.to_vec()));
    }
    let mut parts: Vec<Produced> = Vec::new();
    value.for_each(|_, value| {
        parts.push(Zeroizing::new(value.raw().to_vec()));
        Ok(())
    })?;
    Ok(bracketed(b'[', parts.iter().map(|part| part.as_slice()), b']'))
}

/// The members of all objects of an array in one object; a later value replaces an earlier one unless all are
/// preserved.
fn join(json: &[u8], preserve: bool) -> Result<Produced, LimitExceeded> {
    let value = parse(json);
    if !value.is_array() {
        return Ok(Zeroizing::new(json.to_vec()));
    }
    let mut parts: Vec<Produced> = Vec::new();
    let mut places = std::collections::HashMap::<Vec<u8>, (usize, Vec<u8>)>::new();
    value.for_each(|_, object| {
        if !object.is_object() {
            return Ok(());
        }
        if preserve {
            parts.push(Zeroizing::new(unwrap(object.raw()).to_vec()));
            return Ok(());
        }
        object.for_each(|key, value| {
            let next = parts.len();
            let (place, raw) = places
                .entry(key.to_bytes().to_vec())
                .or_insert_with(|| (next, key.raw().to_vec()));
            let mut text = Zeroizing::new(raw.clone());
            text.push(b':');
            text.extend_from_slice(value.raw());
            match parts.get_mut(*place) {
                Some(part) => *part = text,
                None => parts.push(text),
            }
            Ok(())
        })
    })?;
    Ok(bracketed(b'{', parts.iter().map(|part| part.as_slice()), b'}'))
}

/// From an object of arrays to an array of objects.
fn group(json: &[u8]) -> Result<Produced, LimitExceeded> {
    let value = parse(json);
    if !value.is_object() {
        return Ok(Zeroizing::default());
    }
    let mut objects: Vec<Produced> = Vec::new();
    value.for_each(|key, array| {
        if !array.is_array() {
            return Ok(());
        }
        let mut index = 0;
        array.for_each(|_, element| {
            let text = member(&key, &element);
            match objects.get_mut(index) {
                Some(object) => {
                    object.push(b',');
                    object.extend_from_slice(&text);
                }
                None => objects.push(text),
            }
            index += 1;
            Ok(())
        })
    })?;
    let objects: Vec<Produced> = objects
        .iter()
        .map(|object| bracketed(b'{', std::iter::once(object.as_slice()), b'}'))
        .collect();
    Ok(bracketed(
        b'[',
        objects.iter().map(|object| object.as_slice()),
        b']',
    ))
}

/// What a path finds in the document and in every value inside it.
fn dig(json: &[u8], path: &[u8], budget: &Budget) -> Result<Produced, LimitExceeded> {
    let mut found: Vec<Produced> = Vec::new();
    dig_into(&parse(json), path, &mut found, budget)?;
    Ok(bracketed(b'[', found.iter().map(|raw| raw.as_slice()), b']'))
}

fn dig_into(
    parent: &Match<'_>,
    path: &[u8],
    found: &mut Vec<Produced>,
    budget: &Budget,
) -> Result<(), LimitExceeded> {
    let here = get_in(parent, path, budget)?;
    if here.exists() {
        found.push(Zeroizing::new(here.raw().to_vec()));
    }
    if parent.kind() != Kind::Json {
        return Ok(());
    }
    budget.deeper(|| parent.for_each(|_, value| dig_into(&value, path, found, budget)))
}
