//! REWRITE: answers become one map of keys and values, in the contract's order. Pure.
//!
//! Members, or what was found; then keys rewritten or, where nothing is said of that, converted; keys checked, values
//! decoded, null bytes looked for. dataFrom before data, so that data overwrites. Errors name keys and places, never values.

mod gathered;
mod operations;

use std::{collections::BTreeMap, sync::LazyLock};

use base64::{
    Engine,
    alphabet::{STANDARD, URL_SAFE},
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use self::gathered::Gathered;
use super::{
    cause::{Cause, Failure},
    fetch::Fetched,
    plan::Reads,
    spec::{Place, Remote, Source, Spec, Wanted, key_problem},
};
use crate::{
    api::external_secret::{ConversionStrategy, DecodingStrategy, NullBytePolicy},
    aws::{Answer, Found},
    secret_bytes::SecretBytes,
};

/// Keys and values as they will stand in the Secret.
pub type Map = BTreeMap<String, SecretBytes>;

/// Go's decoder: padding is required, bits after the end are not looked at.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::RequireCanonical);

/// Bytes of secrets that are looked through in no time.
const QUICK: usize = 256 << 10;

/// Makes the map. A source that is missing is passed over: whether it may be was decided before.
pub fn rewrite(spec: &Spec, reads: &Reads, fetched: &[Fetched]) -> Result<Map, Failure> {
    let mut gathered = Gathered::default();
    for (source, at) in spec.sources.iter().zip(&reads.by_source) {
        let in_place = |mut failure: Failure| {
            failure.text = format!("error processing {}, err: {}", source.place, failure.text);
            failure
        };
        match fetched.get(*at) {
            Some(Fetched::Value(answer)) => {
                one(&mut gathered, source, answer).map_err(in_place)?;
            }
            Some(Fetched::Found(found)) => {
                let found = several(source, found).and_then(|found| gathered.extend(found));
                found.map_err(in_place)?;
            }
            Some(Fetched::Generated(made)) => {
                let values = operations::apply(&source.rewrite, made.values.clone()).and_then(checked);
                values
                    .and_then(|values| gathered.extend(values))
                    .map_err(in_place)?;
            }
            Some(Fetched::Missing) | None => {}
        }
    }
    Ok(gathered.into_map())
}

/// Whether it could take long: operations on keys are users' programs, and each entry looks through its whole secret.
pub fn is_long(spec: &Spec, reads: &Reads, fetched: &[Fetched]) -> bool {
    let through = spec.sources.iter().zip(&reads.by_source).map(|(source, at)| {
        let answer = match (&source.wanted, &source.place, fetched.get(*at)) {
            (Wanted::Value(remote), place, Some(Fetched::Value(answer)))
                if remote.property.is_some() || !matches!(place, Place::Data(..)) =>
            {
                answer
            }
            _ => return 0,
        };
        let payloads = [&answer.text, &answer.binary];
        payloads.into_iter().flatten().map(SecretBytes::len).sum()
    });
    spec.sources.iter().any(|source| !source.rewrite.is_empty()) || through.sum::<usize>() > QUICK
}

/// One secret: a value under its key, or each member under its own.
fn one(gathered: &mut Gathered, source: &Source, answer: &Answer) -> Result<(), Failure> {
    let Wanted::Value(remote) = &source.wanted else {
        return Ok(());
    };
    let value = match &remote.property {
        None => whole(answer, &remote.key)?,
        Some(property) => part(answer, &remote.key, property)?,
    };
    if let Place::Data(_, key) = &source.place {
        let value = decode(source.decoding, key, value)?;
        refuse_null_bytes(source.null_bytes, [(&**key, &value)])?;
        gathered.insert(key.to_string(), value)
    } else {
        gathered.extend(keyed(source, members(remote, &value)?)?)
    }
}

/// Everything that was found, under its name.
fn several(source: &Source, found: &[Found]) -> Result<Map, Failure> {
    let named = found
        .iter()
        .map(|found| Ok((found.name.clone(), whole(&found.answer, &found.name)?)));
    keyed(source, named.collect::<Result<_, Failure>>()?)
}

/// The keys of an entry as they will be: rewritten or else converted, and then fit for a Secret.
fn keyed(source: &Source, map: Map) -> Result<Map, Failure> {
    let map = if source.rewrite.is_empty() {
        convert(source.conversion, map)?
    } else {
        operations::apply(&source.rewrite, map)?
    };
    decoded(source, checked(map)?)
}

/// All of a secret.
fn whole(answer: &Answer, key: &str) -> Result<SecretBytes, Failure> {
    let payload = answer.text.as_ref().or(answer.binary.as_ref());
    payload.cloned().ok_or_else(|| {
        Failure::new(
            Cause::NotJson,
            format!("invalid secret received. no secret string nor binary for key: {key}"),
        )
    })
}

/// A part of a secret's JSON.
fn part(answer: &Answer, key: &str, property: &str) -> Result<SecretBytes, Failure> {
    // Where a secret has both, a property is looked up in the binary one.
    let payload = answer
        .binary
        .as_ref()
        .or(answer.text.as_ref())
        .map_or(&[][..], SecretBytes::expose);
    match gotext::gjson::get_property(payload, property) {
        Ok(found) if found.exists() => Ok(SecretBytes::from(&found.to_bytes()[..])),
        Err(_) => Err(Failure::new(
            Cause::PropertyNotFound,
            format!("the property {property} takes too much work to look up in secret {key}; simplify it"),
        )),
        Ok(_) => {
            let hint = if serde_json::from_slice::<&RawValue>(payload).is_ok() {
                "correct the property"
            } else {
                "the secret is not JSON; leave out the property, or store JSON"
            };
            Err(Failure::new(
                Cause::PropertyNotFound,
                format!("key {property} does not exist in secret {key}; {hint}"),
            ))
        }
    }
}

/// A JSON string as Go's decoder reads it: a lone surrogate becomes U+FFFD, where `serde_json` refuses the text and
/// gjson swallows the escape that follows.
fn go_string(raw: &str) -> Option<Zeroizing<Vec<u8>>> {
    let inner = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    if let Some(plain) = inner.filter(|text| !text.contains('\\')) {
        return Some(plain.as_bytes().to_vec().into());
    }
    match gotext::json::parse(raw.as_bytes()) {
        Ok(gotext::json::Value::String(text)) => Some(text),
        _ => None,
    }
}

/// The name of a member.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        let name = go_string(raw.get()).and_then(|name| String::from_utf8(name.to_vec()).ok());
        name.map(Self)
            .ok_or_else(|| D::Error::custom("a name must be a string"))
    }
}

/// The members of a JSON object: strings decoded, null empty, everything else as it stands in the text.
fn members(remote: &Remote, value: &SecretBytes) -> Result<Map, Failure> {
    let not_json = || {
        Failure::new(
            Cause::NotJson,
            format!(
                "unable to unmarshal secret {}: it is not a JSON object; use data with remoteRef for a plain value",
                remote.key
            ),
        )
    };
    let members: Option<BTreeMap<Name, &RawValue>> =
        serde_json::from_slice(value.expose()).map_err(|_| not_json())?;
    let members = members.unwrap_or_default().into_iter().map(|(Name(key), raw)| {
        let text = raw.get();
        let value = match text.as_bytes().first() {
            Some(b'"') => SecretBytes::from(&go_string(text).ok_or_else(not_json)?[..]),
            Some(b'n') => SecretBytes::default(),
            _ => SecretBytes::from(text.as_bytes()),
        };
        Ok((key, value))
    });
    members.collect()
}

/// Keys that a Secret can hold; an empty one is dropped, as ESO does.
fn checked(mut map: Map) -> Result<Map, Failure> {
    map.remove("");
    match map.keys().find_map(|key| key_problem(key)) {
        None => Ok(map),
        Some(problem) => Err(Failure::new(
            Cause::InvalidKey,
            format!(
                "invalid secret keys (TIP: use rewrite or conversionStrategy to change keys): a key {problem}"
            ),
        )),
    }
}

/// Values decoded, and looked through for null bytes.
fn decoded(source: &Source, mut map: Map) -> Result<Map, Failure> {
    if source.decoding != DecodingStrategy::None {
        for (key, value) in &mut map {
            *value = decode(source.decoding, key, std::mem::take(value))?;
        }
    }
    refuse_null_bytes(
        source.null_bytes,
        map.iter().map(|(key, value)| (key.as_str(), value)),
    )?;
    Ok(map)
}

/// Letters and numbers as Go counts them: not the marks and circled letters that Rust's `is_alphanumeric` takes in.
static IS_KEPT: LazyLock<Option<gotext::regexp::Regexp>> =
    LazyLock::new(|| gotext::regexp::Regexp::new(r"^[\pL\pN._-]").ok());

fn is_kept(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    }
    let mut buffer = [0; 4];
    let text = c.encode_utf8(&mut buffer);
    IS_KEPT
        .as_ref()
        .is_some_and(|kept| kept.is_match(text.as_bytes()))
}

/// Replaces characters that a Secret's key cannot hold.
fn convert(strategy: ConversionStrategy, map: Map) -> Result<Map, Failure> {
    if map.keys().all(|key| key.chars().all(is_kept)) {
        return Ok(map);
    }
    let mut converted = Map::new();
    for (key, value) in map {
        let new: String = key
            .chars()
            .map(|c| {
                if is_kept(c) {
                    return c.to_string();
                }
                match strategy {
                    ConversionStrategy::Default => "_".to_owned(),
                    ConversionStrategy::Unicode => format!("_U{:04x}_", u32::from(c)),
                }
            })
            .collect();
        if converted.insert(new.clone(), value).is_some() {
            return Err(Failure::new(
                Cause::KeyCollision,
                format!(
                    "secret name collision during conversion: {new}; use conversionStrategy Unicode, or rename a key"
                ),
            ));
        }
    }
    Ok(converted)
}

/// Decodes a value. The error names its key.
pub(super) fn decode(
    strategy: DecodingStrategy,
    key: &str,
    value: SecretBytes,
) -> Result<SecretBytes, Failure> {
    let base64 = |alphabet| {
        // Go's decoder ignores line breaks.
        let text: Vec<u8> = value
            .expose()
            .iter()
            .copied()
            .filter(|b| !matches!(b, b'\r' | b'\n'))
            .collect();
        let text = Zeroizing::new(text);
        GeneralPurpose::new(alphabet, LENIENT)
            .decode(&*text)
            .ok()
            .map(SecretBytes::new)
    };
    let decoded = match strategy {
        DecodingStrategy::None => return Ok(value),
        DecodingStrategy::Base64 => base64(&STANDARD),
        DecodingStrategy::Base64Url => base64(&URL_SAFE),
        DecodingStrategy::Auto => {
            return Ok(base64(&STANDARD).or_else(|| base64(&URL_SAFE)).unwrap_or(value));
        }
    };
    decoded.ok_or_else(|| {
        let name = match strategy {
            DecodingStrategy::Base64Url => "Base64URL",
            _ => "Base64",
        };
        Failure::new(
            Cause::DecodingFailed,
            format!("error applying decoding strategy {name} to data: the value of key {key} is not {name}; use Auto or None"),
        )
    })
}

fn refuse_null_bytes<'a>(
    policy: NullBytePolicy,
    values: impl IntoIterator<Item = (&'a str, &'a SecretBytes)>,
) -> Result<(), Failure> {
    if policy == NullBytePolicy::Ignore {
        return Ok(());
    }
    match values.into_iter().find(|(_, value)| value.expose().contains(&0)) {
        None => Ok(()),
        Some((key, _)) => Err(Failure::new(
            Cause::NullByte,
            format!("the value of key {key} holds a null byte, and nullBytePolicy is Fail"),
        )),
    }
}

#[cfg(test)]
mod tests;
