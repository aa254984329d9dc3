//! `jwkPublicKeyPem` and `jwkPrivateKeyPem`: JSON Web Keys as PEM, with the words of Go's `jwx` for what is none.
//!
//! No JWK crate converts keys to PKIX and PKCS#8 without OpenSSL, and none gives these words.

mod key;

use super::crypto::error::CryptoError;
use super::encoding;
use super::pem;
use crate::json::{self, Value as Json};
use crate::template::{Args, Context, FuncError, Function, Type, Value};
use key::Key;

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    Function::fixed(
        "jwkPublicKeyPem",
        &[Type::String],
        Type::String,
        |context, args| convert(context, args, b"PUBLIC KEY", Key::to_pkix),
    ),
    Function::fixed(
        "jwkPrivateKeyPem",
        &[Type::String],
        Type::String,
        |context, args| convert(context, args, b"PRIVATE KEY", Key::to_pkcs8),
    ),
];

fn convert(
    context: &mut Context<'_>,
    args: Args<'_>,
    label: &[u8],
    encode: fn(&Key) -> Result<super::x509::der::Der, CryptoError>,
) -> Result<Value, FuncError> {
    let text = args.bytes(0);
    context.charge_bytes(text.len().saturating_mul(2))?;
    let key = parse(text)?;
    Ok(Value::string(pem::encode(label, &encode(&key)?)))
}

fn format_error(text: String) -> CryptoError {
    CryptoError::format(text)
}

/// Go decodes the first value of the text and leaves the rest alone.
fn first_value(text: &[u8]) -> Result<Json, json::Error> {
    match json::parse(text) {
        Err(json::Error::InvalidCharacter { context, offset, .. }) if context == "after top-level value" => {
            json::parse(text.get(..offset).unwrap_or_default())
        }
        other => other,
    }
}

fn parse(text: &[u8]) -> Result<Key, CryptoError> {
    const HINT: &str = "failed to unmarshal JSON into key hint: ";
    const HINT_TYPE: &str = r#"struct { Kty string "json:\"kty\""; D json.RawMessage "json:\"d\"" }"#;
    let document = first_value(text).map_err(|error| match error {
        json::Error::UnexpectedEnd if text.trim_ascii().is_empty() => format_error(format!("{HINT}EOF")),
        json::Error::UnexpectedEnd => format_error(format!("{HINT}unexpected EOF")),
        // A stream does not end a number with a blank, as a whole text does.
        json::Error::InvalidCharacter { offset, .. } if offset >= text.len() => {
            format_error(format!("{HINT}unexpected EOF"))
        }
        other => format_error(format!("{HINT}{other}")),
    })?;
    let members = match document {
        Json::Object(members) => members,
        Json::Null => Vec::new(),
        other => {
            let kind = kind(&other);
            return Err(format_error(format!(
                "{HINT}json: cannot unmarshal {kind} into Go value of type {HINT_TYPE}"
            )));
        }
    };
    let hint = |name: &str| {
        members
            .iter()
            .rev()
            .find(|(key, _)| key.eq_ignore_ascii_case(name.as_bytes()))
    };
    let kind_of_key = match hint("kty") {
        None | Some((_, Json::Null)) => String::new(),
        Some((_, Json::String(kind))) => String::from_utf8_lossy(kind).into_owned(),
        Some((_, other)) => {
            let kind = kind(other);
            return Err(format_error(format!(
                "{HINT}json: cannot unmarshal {kind} into Go struct field .kty of type string"
            )));
        }
    };
    let private = hint("d").is_some();
    let layout = Layout::of(&kind_of_key, private)
        .ok_or_else(|| format_error(format!("invalid key type from JSON ({kind_of_key})")))?;
    let fields = Fields::read(&members, layout).map_err(|error| {
        error.after(&format!(
            "failed to unmarshal JSON into key (*jwk.{}): ",
            layout.go_type
        ))
    })?;
    Key::from_fields(&fields)
}

/// What a kind of key is made of.
struct Layout {
    kind: &'static str,
    go_type: &'static str,
    /// Members of base64 text.
    bytes: &'static [&'static str],
    /// Whether there is a curve.
    curve: bool,
    /// What must be there, in the order in which it is missed.
    required: &'static [&'static str],
}

const RSA_NUMBERS: &[&str] = &["n", "e", "d", "p", "q", "dp", "dq", "qi"];

const LAYOUTS: [Layout; 7] = [
    Layout {
        kind: "RSA",
        go_type: "rsaPublicKey",
        bytes: &["n", "e"],
        curve: false,
        required: &["e", "n"],
    },
    Layout {
        kind: "RSA",
        go_type: "rsaPrivateKey",
        bytes: RSA_NUMBERS,
        curve: false,
        required: &["d", "e", "n"],
    },
    Layout {
        kind: "EC",
        go_type: "ecdsaPublicKey",
        bytes: &["x", "y"],
        curve: true,
        required: &["crv", "x", "y"],
    },
    Layout {
        kind: "EC",
        go_type: "ecdsaPrivateKey",
        bytes: &["x", "y", "d"],
        curve: true,
        required: &["crv", "d", "x", "y"],
    },
    Layout {
        kind: "OKP",
        go_type: "okpPublicKey",
        bytes: &["x"],
        curve: true,
        required: &["crv", "x"],
    },
    Layout {
        kind: "OKP",
        go_type: "okpPrivateKey",
        bytes: &["x", "d"],
        curve: true,
        required: &["crv", "d", "x"],
    },
    Layout {
        kind: "oct",
        go_type: "symmetricKey",
        bytes: &["k"],
        curve: false,
        required: &["k"],
    },
];

impl Layout {
    fn of(kind: &str, private: bool) -> Option<&'static Self> {
        let mut of_kind = LAYOUTS.iter().filter(|layout| layout.kind == kind);
        let first = of_kind.next()?;
        if private {
            Some(of_kind.next().unwrap_or(first))
        } else {
            Some(first)
        }
    }
}

/// The members of a key that its kind knows, decoded.
#[derive(Clone)]
pub(in crate::functions) struct Fields {
    layout: &'static Layout,
    curve: Option<String>,
    bytes: Vec<(&'static str, zeroize::Zeroizing<Vec<u8>>)>,
}

impl Fields {
    fn read(members: &[(Vec<u8>, Json)], layout: &'static Layout) -> Result<Self, CryptoError> {
        let mut fields = Self {
            layout,
            curve: None,
            bytes: Vec::new(),
        };
        for (name, value) in members {
            let name = String::from_utf8_lossy(name);
            if let Some(name) = layout.bytes.iter().find(|known| **known == name) {
                let bytes = bytes(value)
                    .map_err(|error| error.after(&format!("failed to decode value for key {name}: ")))?;
                fields.bytes.push((name, bytes));
            } else if name == "crv" && layout.curve {
                fields.curve = Some(
                    text(value, "jwa.EllipticCurveAlgorithm")
                        .map_err(|error| error.after("failed to decode value for key crv: "))?,
                );
            } else if name == "kty" {
                let kind = text(value, "string")
                    .map_err(|error| error.after("error reading token: error reading next value: "))?;
                if kind != layout.kind {
                    return Err(format_error(format!(
                        "invalid kty value for RSAPublicKey ({kind})"
                    )));
                }
            } else {
                check_common(&name, value)?;
            }
        }
        let has = |name: &&&str| {
            if **name == "crv" {
                fields.curve.is_some()
            } else {
                fields.bytes.iter().any(|(known, _)| known == *name)
            }
        };
        match layout.required.iter().find(|name| !has(name)) {
            Some(missing) => Err(format_error(format!("required field {missing} is missing"))),
            None => Ok(fields),
        }
    }

    /// The kind of key and whether it is the private form.
    fn kind(&self) -> (&'static str, bool) {
        (self.layout.kind, self.layout.required.contains(&"d"))
    }

    fn curve(&self) -> &str {
        self.curve.as_deref().unwrap_or_default()
    }

    /// A number or key; empty where it is not there. Of two with one name the last counts.
    fn get(&self, name: &str) -> &[u8] {
        self.bytes
            .iter()
            .rev()
            .find(|(known, _)| *known == name)
            .map_or(&[], |(_, bytes)| bytes.as_slice())
    }
}

/// Members that every kind of key may have, which are only checked for their type.
fn check_common(name: &str, value: &Json) -> Result<(), CryptoError> {
    let words = match name {
        "alg" => "",
        "kid" | "use" | "x5t" | "x5t#S256" | "x5u" => "error reading next value: ",
        "key_ops" if !matches!(value, Json::Array(_) | Json::Null | Json::String(_)) => {
            let kind = kind(value);
            return Err(format_error(format!(
                "failed to decode value for key key_ops: json: cannot unmarshal {kind} into Go value of type jwk.KeyOperationList"
            )));
        }
        _ => return Ok(()),
    };
    match text(value, "string") {
        Ok(_) => Ok(()),
        Err(error) => Err(error.after(&format!("failed to decode value for key {name}: {words}"))),
    }
}

fn kind(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "bool",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

fn text(value: &Json, go_type: &str) -> Result<String, CryptoError> {
    match value {
        Json::Null => Ok(String::new()),
        Json::String(text) => Ok(String::from_utf8_lossy(text).into_owned()),
        other => {
            let kind = kind(other);
            Err(format_error(format!(
                "json: cannot unmarshal {kind} into Go value of type {go_type}"
            )))
        }
    }
}

/// Base64 in any of its four forms: which one it is follows from the text.
fn bytes(value: &Json) -> Result<zeroize::Zeroizing<Vec<u8>>, CryptoError> {
    let text = zeroize::Zeroizing::new(
        text(value, "string").map_err(|error| error.after("error reading next value: "))?,
    );
    let url = !text.contains(['+', '/']);
    let padded = text.ends_with('=');
    let mut digits = zeroize::Zeroizing::new(Vec::with_capacity(text.len() + 3));
    for byte in text.bytes() {
        digits.push(match byte {
            b'\r' | b'\n' => continue,
            b'-' if url => b'+',
            b'_' if url => b'/',
            other => other,
        });
    }
    while !padded && digits.len() % 4 != 0 {
        digits.push(b'=');
    }
    match encoding::base64(&digits) {
        Ok(bytes) => Ok(zeroize::Zeroizing::new(bytes)),
        Err(_) => Err(CryptoError::text("expected base64 encoded []byte (string)")),
    }
}
