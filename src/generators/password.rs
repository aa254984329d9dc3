//! Random passwords: letters, digits and symbols in given numbers, in random order.

use std::collections::BTreeSet;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use data_encoding::{BASE32, HEXLOWER};

use super::{
    Values,
    random::{Draws, Source},
    refusal::Refusal,
};
use crate::api::generator::{PasswordEncoding, PasswordSpec};

const LENGTH: i64 = 24;
/// No Secret holds more; a length beyond it is a slip.
const LONGEST: i64 = 64 * 1024;
/// What a Secret holds at most, in bytes: more passwords than fit into one are not made.
const SIZE_LIMIT: usize = 1024 * 1024;
/// Each password is drawn from a copy of them.
const MOST_SYMBOLS: usize = 1024;
const KEY: &str = "password";
const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &str = "0123456789";
const SYMBOLS: &str = "~!@#$%^&*()_+`-={}|[]\\:\"<>?,./";

/// A password of its own for each key.
pub(super) fn generate(spec: &PasswordSpec, source: &Source<'_>) -> Result<Values, Refusal> {
    let recipe = Recipe::of(spec)?;
    let mut draws = Draws::of(source);
    let mut values = Values::new();
    let mut size = 0;
    for key in keys(spec)? {
        let password = encoded(recipe.password(&mut draws)?, spec.encoding.unwrap_or_default());
        size += key.len() + password.len();
        if size > SIZE_LIMIT {
            return Err(Refusal::invalid(format!(
                "the passwords of all secretKeys together are more than {SIZE_LIMIT} bytes, which no Secret can hold; \
                 lower length, or name fewer keys"
            )));
        }
        values.insert(key, password.into());
    }
    Ok(values)
}

fn keys(spec: &PasswordSpec) -> Result<Vec<String>, Refusal> {
    let keys = spec.secret_keys.clone().unwrap_or_default();
    if keys.is_empty() {
        return Ok(vec![KEY.to_owned()]);
    }
    let mut seen = BTreeSet::new();
    if keys.iter().any(|key| key.is_empty() || !seen.insert(key)) {
        return Err(Refusal::invalid("secretKeys must be non-empty and unique"));
    }
    Ok(keys)
}

/// How many characters of each kind, and from which.
struct Recipe {
    kinds: [(Vec<char>, usize); 3],
    repeat: bool,
}

impl Recipe {
    fn of(spec: &PasswordSpec) -> Result<Self, Refusal> {
        let length = spec.length.filter(|length| *length > 0).unwrap_or(LENGTH);
        if length > LONGEST {
            return Err(Refusal::invalid(format!(
                "length {length} is more than {LONGEST}"
            )));
        }
        let digits = spec.digits.unwrap_or(length / 4);
        let symbols = spec.symbols.unwrap_or(length / 4);
        if digits < 0 || symbols < 0 {
            return Err(Refusal::invalid("digits and symbols must not be negative"));
        }
        let letters = length
            .checked_sub(digits)
            .and_then(|rest| rest.checked_sub(symbols))
            .filter(|letters| *letters >= 0)
            .ok_or_else(|| {
                Refusal::invalid(format!(
                    "{digits} digits and {symbols} symbols do not fit into a length of {length}; lower them, or raise length"
                ))
            })?;
        let given = spec
            .symbol_characters
            .as_deref()
            .filter(|given| !given.is_empty());
        let letter_set = if spec.no_upper.unwrap_or_default() {
            LOWER.to_owned()
        } else {
            format!("{LOWER}{UPPER}")
        };
        let repeat = spec.allow_repeat.unwrap_or_default();
        let kind = |name: &str, from: &str, count: i64| {
            let distinct: BTreeSet<char> = from.chars().collect();
            if distinct.len() > MOST_SYMBOLS {
                return Err(Refusal::invalid(format!(
                    "symbolCharacters holds more than {MOST_SYMBOLS} characters; name fewer"
                )));
            }
            let count = usize::try_from(count).unwrap_or_default();
            if !repeat && count > distinct.len() {
                return Err(Refusal::invalid(format!(
                    "{count} {name} are asked for, and there are {} of them; set allowRepeat: true, or ask for fewer",
                    distinct.len()
                )));
            }
            Ok((distinct.into_iter().collect(), count))
        };
        Ok(Self {
            kinds: [
                kind("letters", &letter_set, letters)?,
                kind("digits", DIGITS, digits)?,
                kind("symbols", given.unwrap_or(SYMBOLS), symbols)?,
            ],
            repeat,
        })
    }

    fn password(&self, draws: &mut Draws<'_>) -> Result<String, Refusal> {
        let mut characters: Vec<char> = Vec::new();
        for (from, count) in &self.kinds {
            let mut from = from.clone();
            if !self.repeat {
                // A symbol may also be a letter or a digit.
                from.retain(|c| !characters.contains(c));
            }
            if from.len() < *count && !self.repeat {
                return Err(Refusal::invalid(
                    "symbolCharacters holds too many letters and digits that occur already; set allowRepeat: true, or \
                     give more symbols",
                ));
            }
            characters.extend(draws.choose(&from, *count, self.repeat)?);
        }
        draws.shuffle(&mut characters)?;
        Ok(characters.into_iter().collect())
    }
}

fn encoded(password: String, encoding: PasswordEncoding) -> String {
    let bytes = password.as_bytes();
    match encoding {
        PasswordEncoding::Raw => password,
        PasswordEncoding::Base64 => STANDARD.encode(bytes),
        PasswordEncoding::Base64Url => URL_SAFE.encode(bytes),
        PasswordEncoding::Base32 => BASE32.encode(bytes),
        PasswordEncoding::Hex => HEXLOWER.encode(bytes),
    }
}

#[cfg(test)]
mod tests;
