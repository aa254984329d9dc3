//! PEM text, with the exact tolerance of Go's `encoding/pem`, and the function that filters it.
//!
//! Headers, junk between blocks, mismatched END lines and trailing spaces all matter to what existing templates print,
//! and the PEM crates treat each of them differently from Go.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use memchr::memmem;
use zeroize::Zeroizing;

use super::crypto::error::CryptoError;
use super::encoding;
use super::x509::chain;
use crate::template::{Context, FuncError, Function, Type, Value};

const TWO: &[Type] = &[Type::String, Type::String];

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    Function::fixed("filterPEM", TWO, Type::String, |context, args| {
        charge(context, args.bytes(1))?;
        Ok(Value::string(filter(args.bytes(0), args.bytes(1))?))
    }),
    Function::fixed("filterCertChain", TWO, Type::String, |context, args| {
        charge(context, args.bytes(1))?;
        Ok(Value::string(chain::filter(args.bytes(0), args.bytes(1))?))
    }),
    Function::fixed("certSANs", &[Type::String], Type::STRING_LIST, |context, args| {
        charge(context, args.bytes(0))?;
        Ok(Value::strings(chain::alternative_names(args.bytes(0))?))
    }),
];

/// The result is about as long as the input, and is made by way of its decoded form.
fn charge(context: &mut Context<'_>, input: &[u8]) -> Result<(), FuncError> {
    Ok(context.charge_bytes(input.len().saturating_mul(2))?)
}

const START: &[u8] = b"-----BEGIN ";
const END: &[u8] = b"\n-----END ";
const LINE_END: &[u8] = b"-----";
const LINE_LENGTH: usize = 64;

/// One block: its type, its headers, and the decoded bytes (often a private key).
pub(crate) struct Block {
    pub(crate) label: Vec<u8>,
    pub(crate) headers: BTreeMap<Vec<u8>, Vec<u8>>,
    pub(crate) bytes: Zeroizing<Vec<u8>>,
}

/// The first block of `data` and what follows it; without one, all of `data` is what follows.
pub(crate) fn decode(data: &[u8]) -> (Option<Block>, &[u8]) {
    let mut from = 0;
    while let Some(rest) = data.get(from..) {
        match attempt(rest) {
            Attempt::Found(block, consumed) => {
                return (Some(block), data.get(from + consumed..).unwrap_or_default());
            }
            Attempt::Skip(consumed) => from += consumed,
            Attempt::Nothing => break,
        }
    }
    (None, data)
}

enum Attempt {
    /// A block, and how many bytes it and its line end take.
    Found(Block, usize),
    /// No block here; look again this many bytes further on.
    Skip(usize),
    Nothing,
}

/// Looks at the text up to and including the next END line. Offsets count from the start of `text`.
fn attempt(text: &[u8]) -> Attempt {
    let Some(end) = memmem::find(text, END) else {
        return Attempt::Nothing;
    };
    let trailer = end + END.len();
    let before = text.get(..end).unwrap_or_default();
    let Some(begin) = memmem::rfind(before, START) else {
        return Attempt::Skip(trailer);
    };
    if begin > 0 && before.get(begin - 1) != Some(&b'\n') {
        return Attempt::Skip(trailer);
    }
    let mut at = begin + START.len();
    let (line, consumed) = first_line(text.get(at..).unwrap_or_default());
    at += consumed;
    let Some(label) = line.strip_suffix(LINE_END) else {
        return Attempt::Skip(trailer);
    };

    let mut headers = BTreeMap::new();
    loop {
        let rest = text.get(at..).unwrap_or_default();
        if rest.is_empty() {
            return Attempt::Nothing;
        }
        let (line, consumed) = first_line(rest);
        let Some(colon) = memchr::memchr(b':', line) else {
            break;
        };
        let (key, value) = line.split_at(colon);
        headers.insert(
            trim(key).to_vec(),
            trim(value.get(1..).unwrap_or_default()).to_vec(),
        );
        at += consumed;
    }
    // A block of headers alone may have run past its own END line. Go then searches on from where it stands, and gives
    // up when the END it had found lies behind that.
    if !headers.is_empty() && at > end {
        return if trailer < at {
            Attempt::Nothing
        } else {
            Attempt::Skip(trailer)
        };
    }

    let tail = text.get(trailer..).unwrap_or_default();
    let Some(after) = tail
        .strip_prefix(label)
        .and_then(|tail| tail.strip_prefix(LINE_END))
    else {
        return Attempt::Skip(trailer);
    };
    let (remainder, _) = first_line(after);
    if !remainder.is_empty() {
        return Attempt::Skip(trailer);
    }
    let Some(bytes) = body(text.get(at..end).unwrap_or_default()) else {
        return Attempt::Skip(trailer);
    };
    let end_line = end + 1;
    let (_, consumed) = first_line(text.get(end_line..).unwrap_or_default());
    Attempt::Found(
        Block {
            label: label.to_vec(),
            headers,
            bytes,
        },
        end_line + consumed,
    )
}

fn body(text: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    if !text.iter().any(is_blank) {
        return encoding::base64(text).ok().map(Zeroizing::new);
    }
    let digits = text.iter().copied().filter(|byte| !is_blank(byte));
    let digits: Zeroizing<Vec<u8>> = Zeroizing::new(digits.collect());
    encoding::base64(&digits).ok().map(Zeroizing::new)
}

/// The first line without its end and trailing blanks, and the bytes it takes with its end.
fn first_line(text: &[u8]) -> (&[u8], usize) {
    let (line, consumed) = match memchr::memchr(b'\n', text) {
        None => (text, text.len()),
        Some(newline) => {
            let line = text.get(..newline).unwrap_or_default();
            (line.strip_suffix(b"\r").unwrap_or(line), newline + 1)
        }
    };
    let kept = line
        .iter()
        .rposition(|byte| !matches!(byte, b' ' | b'\t'))
        .map_or(0, |last| last + 1);
    (line.get(..kept).unwrap_or_default(), consumed)
}

/// Go's `bytes.TrimSpace` for what can stand in one header line.
fn trim(text: &[u8]) -> &[u8] {
    match std::str::from_utf8(text) {
        Ok(text) => text.trim().as_bytes(),
        Err(_) => text.trim_ascii(),
    }
}

/// A block without headers as PEM text.
pub(crate) fn encode(label: &[u8], bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    encode_parts(label, &BTreeMap::new(), bytes)
}

/// A block as PEM text.
///
/// # Errors
/// Go's text for a header name that contains a colon.
pub(crate) fn encode_block(block: &Block) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    if block.headers.keys().any(|key| key.contains(&b':')) {
        return Err(CryptoError::text(
            "pem: cannot encode a header key that contains a colon",
        ));
    }
    Ok(encode_parts(&block.label, &block.headers, &block.bytes))
}

fn encode_parts(label: &[u8], headers: &BTreeMap<Vec<u8>, Vec<u8>>, bytes: &[u8]) -> Zeroizing<Vec<u8>> {
    let digits = Zeroizing::new(BASE64.encode(bytes));
    let room: usize = headers
        .iter()
        .map(|(key, value)| key.len() + value.len() + 3)
        .sum();
    let mut out = Zeroizing::new(Vec::with_capacity(
        digits.len() + digits.len() / LINE_LENGTH + 2 * label.len() + room + 40,
    ));
    for part in [START, label, LINE_END, b"\n"] {
        out.extend_from_slice(part);
    }
    if !headers.is_empty() {
        let first = headers.get_key_value(b"Proc-Type".as_slice());
        let others = headers.iter().filter(|(key, _)| key.as_slice() != b"Proc-Type");
        for (key, value) in first.into_iter().chain(others) {
            for part in [key.as_slice(), b": ", value, b"\n"] {
                out.extend_from_slice(part);
            }
        }
        out.push(b'\n');
    }
    for line in digits.as_bytes().chunks(LINE_LENGTH) {
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    for part in [END.trim_ascii_start(), label, LINE_END, b"\n"] {
        out.extend_from_slice(part);
    }
    out
}

/// What stands before the first BEGIN is dropped.
pub(crate) fn trim_junk(input: &[u8]) -> &[u8] {
    memmem::find(input, b"-----BEGIN")
        .and_then(|start| input.get(start..))
        .unwrap_or(input)
}

/// `filterPEM`: the blocks of one type (compared without case), written again in their order.
///
/// # Errors
/// No block of that type was found and text was left over.
pub(crate) fn filter(label: &[u8], input: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let wanted = String::from_utf8_lossy(label).to_lowercase();
    let mut data = trim_junk(input);
    let mut kept = Zeroizing::new(Vec::with_capacity(input.len() + 64));
    loop {
        let (block, rest) = decode(data);
        data = rest;
        let Some(block) = block else { break };
        if String::from_utf8_lossy(&block.label).to_lowercase() == wanted {
            kept.extend_from_slice(&encode_block(&block)?);
        }
    }
    if kept.is_empty() && !data.is_empty() {
        return Err(CryptoError::text("error filtering pem: found junk"));
    }
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Option<(String, Vec<u8>, String)> {
        let (block, rest) = decode(text.as_bytes());
        let block = block?;
        Some((
            String::from_utf8_lossy(&block.label).into_owned(),
            block.bytes.to_vec(),
            String::from_utf8_lossy(rest).into_owned(),
        ))
    }

    #[test]
    fn a_block_is_read_with_its_headers_and_the_rest_is_returned() {
        let text = "junk\n-----BEGIN A-----\nX: y\nProc-Type: 4\n\nAAEC\nAw==\n-----END A-----  \r\nrest";
        assert_eq!(one(text), Some(("A".into(), vec![0, 1, 2, 3], "rest".into())));
    }

    #[test]
    fn a_begin_in_the_middle_of_a_line_is_no_block() {
        assert_eq!(one("x-----BEGIN A-----\nAAEC\n-----END A-----\n"), None);
    }

    #[test]
    fn a_wrong_end_line_is_skipped_over() {
        let text = "-----BEGIN A-----\nAAEC\n-----END B-----\n-----BEGIN C-----\nAAEC\n-----END C-----\n";
        assert_eq!(one(text), Some(("C".into(), vec![0, 1, 2], String::new())));
    }

    #[test]
    fn an_empty_block_has_no_bytes() {
        assert_eq!(
            one("-----BEGIN A-----\n-----END A-----"),
            Some(("A".into(), vec![], String::new()))
        );
    }

    #[test]
    fn blocks_are_filtered_by_type_without_case() {
        let text =
            "noise-----BEGIN A-----\nAAEC\n-----END A-----\n-----BEGIN B-----\nAAEC\n-----END B-----\n";
        let kept = filter(b"b", text.as_bytes())
            .map(|kept| kept.to_vec())
            .unwrap_or_default();
        assert_eq!(
            String::from_utf8_lossy(&kept),
            "-----BEGIN B-----\nAAEC\n-----END B-----\n"
        );
        assert!(filter(b"c", b"---junk---").is_err());
        assert!(filter(b"c", b"").is_ok_and(|kept| kept.is_empty()));
    }
}
