//! From nodes to values: tags, aliases, merges, and keys as JSON has them.

use std::collections::{BTreeMap, HashSet};

use zeroize::Zeroizing;

use super::error::Error;
use super::load::{Document, Node, NodeId, Scalar};
use super::resolve::{CoreTag, Resolved, resolve, resolve_tagged};
use super::show::show;
use crate::functions::encoding::base64;
use crate::json::{MAX_DEPTH, Number, Value};
use crate::strconv::{FloatForm, FloatSize, REPLACEMENT, format_float, push_rune, runes};

/// A decoded value before it becomes JSON.
pub(super) enum Decoded {
    Scalar(Resolved),
    Text(Zeroizing<Vec<u8>>),
    Sequence(Vec<Self>),
    Mapping(Members),
}

/// The members of a mapping, of which a later one replaces an earlier one with the same key.
#[derive(Default)]
pub(super) struct Members {
    order: Vec<(Decoded, Decoded)>,
    /// Where in `order` a key is; nothing is the key that JSON cannot have.
    places: BTreeMap<Option<Vec<u8>>, usize>,
}

impl Members {
    fn insert(&mut self, key: Decoded, value: Decoded) {
        let text = key_text(&key);
        if let Some(member) = self
            .places
            .get(&text)
            .and_then(|place| self.order.get_mut(*place))
        {
            member.1 = value;
        } else {
            self.places.insert(text, self.order.len());
            self.order.push((key, value));
        }
    }

    /// Keys and values in the order they were read.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Decoded, &Decoded)> {
        self.order.iter().map(|(key, value)| (key, value))
    }
}

/// What yaml.v2's reader says of bytes that do not start with a character.
fn not_utf8(bytes: &[u8]) -> &'static str {
    let width = match bytes.first() {
        Some(0xc0..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf7) => 4,
        _ => return "invalid leading UTF-8 octet",
    };
    let Some(trailing) = bytes.get(1..width) else {
        return "incomplete UTF-8 octet sequence";
    };
    match bytes {
        _ if trailing.iter().any(|byte| byte & 0xc0 != 0x80) => "invalid trailing UTF-8 octet",
        [0xc0 | 0xc1, ..] | [0xe0, ..=0x9f, ..] | [0xf0, ..=0x8f, ..] => "invalid length of a UTF-8 sequence",
        _ => "invalid Unicode character",
    }
}

/// The value of the first document, or nothing where there is none.
pub(super) fn first_document(text: &[u8]) -> Result<Option<Decoded>, Error> {
    // What stands first in the text is what is wrong with it.
    let chunk = text.utf8_chunks().next();
    let (valid, invalid) = chunk.map_or(("", &[][..]), |chunk| (chunk.valid(), chunk.invalid()));
    let valid_text = valid.strip_prefix('\u{feff}').unwrap_or(valid);
    if valid_text.chars().any(|character| !is_readable(character)) {
        return Err(Error::yaml("control characters are not allowed"));
    }
    if !invalid.is_empty() {
        return Err(Error::yaml(not_utf8(text.get(valid.len()..).unwrap_or_default())));
    }
    let text = valid_text;
    let Some(document) = Document::first(text)? else {
        return Ok(None);
    };
    let mut decoder = Decoder {
        document: &document,
        active: HashSet::new(),
        count: 0,
        alias_count: 0,
        alias_depth: 0,
    };
    decoder.value(document.root, 0).map(Some)
}

/// Whether a YAML text may hold the character.
pub(super) fn is_readable(character: char) -> bool {
    matches!(
        character,
        '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}'
            | '\u{10000}'..='\u{10ffff}'
    )
}

struct Decoder<'d> {
    document: &'d Document,
    /// The aliases that are being followed.
    active: HashSet<NodeId>,
    count: u64,
    alias_count: u64,
    alias_depth: u32,
}

impl Decoder<'_> {
    fn value(&mut self, id: NodeId, depth: usize) -> Result<Decoded, Error> {
        self.spend()?;
        if depth > MAX_DEPTH {
            return Err(Error::yaml("exceeded max depth"));
        }
        let document = self.document;
        match document.node(id) {
            None => Ok(Decoded::Scalar(Resolved::Null)),
            Some(Node::Scalar(scalar)) => decode_scalar(scalar),
            Some(Node::Alias(target, name)) => {
                self.follow(id, name, |decoder| decoder.value(*target, depth + 1))
            }
            Some(Node::Sequence(children)) => {
                let elements: Result<_, _> = children
                    .iter()
                    .map(|child| self.value(*child, depth + 1))
                    .collect();
                Ok(Decoded::Sequence(elements?))
            }
            Some(Node::Mapping(children)) => {
                let mut members = Members::default();
                self.mapping(children, &mut members, depth)?;
                Ok(Decoded::Mapping(members))
            }
        }
    }

    /// Bounds what aliases may multiply, by the rule of `yaml.v2`.
    fn spend(&mut self) -> Result<(), Error> {
        self.count += 1;
        if self.alias_depth > 0 {
            self.alias_count += 1;
        }
        #[expect(
            clippy::cast_precision_loss,
            reason = "counts far below the limit of precision"
        )]
        let (count, ratio) = (self.count as f64, self.alias_count as f64 / self.count as f64);
        let allowed = (0.99 - 0.89 * ((count - 400_000.0) / 3_600_000.0)).clamp(0.10, 0.99);
        if self.alias_count > 100 && self.count > 1000 && ratio > allowed {
            return Err(Error::yaml("document contains excessive aliasing"));
        }
        Ok(())
    }

    fn follow<T>(
        &mut self,
        alias: NodeId,
        name: &str,
        step: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if !self.active.insert(alias) {
            return Err(Error::yaml(format!("anchor '{name}' value contains itself")));
        }
        self.alias_depth += 1;
        let result = step(self);
        self.alias_depth -= 1;
        self.active.remove(&alias);
        result
    }

    fn mapping(&mut self, children: &[NodeId], members: &mut Members, depth: usize) -> Result<(), Error> {
        for pair in children.chunks(2) {
            let [key, value] = pair else { continue };
            if self.is_merge(*key) {
                self.merge(*value, members, depth)?;
                continue;
            }
            let key = self.value(*key, depth + 1)?;
            if let Decoded::Sequence(_) | Decoded::Mapping(_) = key {
                return Err(Error::yaml(format!("invalid map key: {}", show(&key))));
            }
            let value = self.value(*value, depth + 1)?;
            members.insert(key, value);
        }
        Ok(())
    }

    fn is_merge(&self, key: NodeId) -> bool {
        let Some(Node::Scalar(scalar)) = self.document.node(key) else {
            return false;
        };
        let implicit = match scalar.tag.as_deref() {
            None => scalar.plain,
            Some(tag) => matches!(tag, "!" | "tag:yaml.org,2002:merge"),
        };
        implicit && *scalar.text == "<<"
    }

    /// Copies the members of a mapping, or of several of which the first counts most. What is there already
    /// is replaced, as in Go.
    fn merge(&mut self, id: NodeId, members: &mut Members, depth: usize) -> Result<(), Error> {
        let document = self.document;
        match document.node(id) {
            Some(Node::Sequence(children)) => {
                for child in children.iter().rev() {
                    self.merge_one(*child, members, depth)?;
                }
                Ok(())
            }
            _ => self.merge_one(id, members, depth),
        }
    }

    fn merge_one(&mut self, id: NodeId, members: &mut Members, depth: usize) -> Result<(), Error> {
        let document = self.document;
        self.spend()?;
        if depth > MAX_DEPTH {
            return Err(Error::yaml("exceeded max depth"));
        }
        match document.node(id) {
            Some(Node::Mapping(children)) => self.mapping(children, members, depth + 1),
            Some(Node::Alias(target, name)) => match document.node(*target) {
                Some(Node::Mapping(children)) => self.follow(id, name, |decoder| {
                    decoder.spend()?;
                    decoder.mapping(children, members, depth + 1)
                }),
                _ => Err(want_map()),
            },
            _ => Err(want_map()),
        }
    }
}

fn want_map() -> Error {
    Error::yaml("map merge requires map or sequence of maps as the value")
}

fn decode_scalar(scalar: &Scalar) -> Result<Decoded, Error> {
    let text = || Decoded::Text(Zeroizing::new(scalar.text.as_bytes().to_vec()));
    let core = match scalar
        .tag
        .as_deref()
        .map(|tag| tag.strip_prefix("tag:yaml.org,2002:"))
    {
        None if !scalar.plain => return Ok(text()),
        None => None,
        Some(Some("null")) => Some(CoreTag::Null),
        Some(Some("bool")) => Some(CoreTag::Bool),
        Some(Some("int")) => Some(CoreTag::Int),
        Some(Some("float")) => Some(CoreTag::Float),
        Some(Some("timestamp")) => Some(CoreTag::Timestamp),
        Some(Some("str")) => Some(CoreTag::Text),
        Some(Some("binary")) => return binary(&scalar.text),
        Some(_) => return Ok(text()),
    };
    let resolved = match core {
        None => resolve(&scalar.text, true),
        Some(tag) => resolve_tagged(tag, &scalar.text)?,
    };
    Ok(match resolved {
        // Dates stay text, as they were written.
        Resolved::Text | Resolved::Timestamp => text(),
        resolved => Decoded::Scalar(resolved),
    })
}

fn binary(text: &str) -> Result<Decoded, Error> {
    let bytes = base64(text.as_bytes());
    let bytes = bytes.map_err(|_| Error::yaml("!!binary value contains invalid base64 data"))?;
    let bytes = Zeroizing::new(bytes);
    let mut text = Zeroizing::new(Vec::with_capacity(bytes.len()));
    // JSON, which comes next, replaces what is not UTF-8.
    for (_, character, _) in runes(&bytes) {
        push_rune(&mut text, u32::from(character.unwrap_or(REPLACEMENT)));
    }
    Ok(Decoded::Text(text))
}

/// The text of a key, if JSON can have it; the forms of numbers are those Go gives keys.
fn key_text(key: &Decoded) -> Option<Vec<u8>> {
    Some(match key {
        Decoded::Text(text) => text.to_vec(),
        Decoded::Scalar(Resolved::Bool(value)) => value.to_string().into_bytes(),
        Decoded::Scalar(Resolved::Int(value)) => value.to_string().into_bytes(),
        Decoded::Scalar(Resolved::Float(value)) => float_text(*value).into_bytes(),
        Decoded::Scalar(_) | Decoded::Sequence(_) | Decoded::Mapping(_) => return None,
    })
}

/// The text of a member's key.
fn json_key(key: &Decoded, value: &Decoded) -> Result<Vec<u8>, Error> {
    key_text(key).ok_or_else(|| Error::Key {
        typ: match key {
            Decoded::Scalar(Resolved::Uint(_)) => "uint64",
            _ => "%!s(<nil>)",
        },
        key: show(key),
        value: show(value),
    })
}

/// A float where JSON needs text: with the digits of single precision.
fn float_text(value: f64) -> String {
    if value.is_nan() {
        ".nan".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { ".inf" } else { "-.inf" }.to_owned()
    } else {
        format_float(value, FloatForm::General, None, FloatSize::Bits32)
    }
}

pub(super) fn to_json(decoded: Option<Decoded>) -> Result<Value, Error> {
    decoded.map_or(Ok(Value::Null), json)
}

fn json(decoded: Decoded) -> Result<Value, Error> {
    Ok(match decoded {
        Decoded::Text(text) => Value::String(text),
        Decoded::Scalar(Resolved::Bool(value)) => Value::Bool(value),
        Decoded::Scalar(Resolved::Int(value)) => Value::Number(Number::from(value)),
        Decoded::Scalar(Resolved::Uint(value)) => Value::Number(Number::from(value)),
        Decoded::Scalar(Resolved::Float(value)) => Value::Number(Number::from_f64(value)?),
        Decoded::Scalar(_) => Value::Null,
        Decoded::Sequence(elements) => {
            Value::Array(elements.into_iter().map(json).collect::<Result<_, _>>()?)
        }
        Decoded::Mapping(members) => {
            let member = |(key, value)| Ok((json_key(&key, &value)?, json(value)?));
            Value::Object(
                members
                    .order
                    .into_iter()
                    .map(member)
                    .collect::<Result<_, Error>>()?,
            )
        }
    })
}

pub(super) fn to_string_map(decoded: Option<Decoded>) -> Result<BTreeMap<String, Zeroizing<Vec<u8>>>, Error> {
    let members = match decoded {
        None | Some(Decoded::Scalar(Resolved::Null)) => return Ok(BTreeMap::new()),
        Some(Decoded::Mapping(members)) => members,
        Some(other) => return Err(Error::type_mismatch(&json(other)?, "map[string]string")),
    };
    let mut texts = BTreeMap::new();
    let mut mismatch = None;
    for (key, value) in members.order {
        let key = json_key(&key, &value)?;
        let text = match value {
            Decoded::Text(text) => text,
            Decoded::Scalar(Resolved::Bool(value)) => Zeroizing::new(value.to_string().into_bytes()),
            Decoded::Scalar(Resolved::Int(value)) => Zeroizing::new(value.to_string().into_bytes()),
            Decoded::Scalar(Resolved::Uint(value)) => Zeroizing::new(value.to_string().into_bytes()),
            Decoded::Scalar(Resolved::Float(value)) => {
                Zeroizing::new(format_float(value, FloatForm::General, None, FloatSize::Bits32).into_bytes())
            }
            Decoded::Scalar(_) => Zeroizing::default(),
            other => {
                let error = Error::type_mismatch(&json(other)?, "string");
                mismatch.get_or_insert(error);
                continue;
            }
        };
        texts.insert(String::from_utf8_lossy(&key).into_owned(), text);
    }
    mismatch.map_or(Ok(texts), Err)
}
