//! The extensions of a certificate: what the template functions need is kept, the rest is only checked as Go checks it.

use std::collections::HashSet;
use std::net::IpAddr;

use super::super::crypto::error::CryptoError;
use super::super::url::host_and_text;
use super::certificate::Certificate;
use super::der::{self, Reader, SEQUENCE};
use super::oids;

struct Extension<'a> {
    oid: &'a [u8],
    critical: bool,
    value: &'a [u8],
}

fn refuse<T>(text: &'static str) -> Result<T, CryptoError> {
    Err(CryptoError::text(text))
}

/// Reads the contents of the `[3]` element. All are read before the first is looked into, as the order of errors shows.
///
/// # Errors
/// `x509: …` in Go's words.
pub(super) fn read(list: &[u8], certificate: &mut Certificate) -> Result<(), CryptoError> {
    let Some(list) = Reader::new(list).read(SEQUENCE) else {
        return refuse("x509: malformed extensions");
    };
    let mut reader = Reader::new(list);
    let mut seen = HashSet::new();
    let mut extensions = Vec::new();
    while !reader.is_empty() {
        let Some(contents) = reader.read(SEQUENCE) else {
            return refuse("x509: malformed extension");
        };
        let extension = extension(contents)?;
        if !seen.insert(extension.oid) {
            let oid = der::oid_text(extension.oid);
            return Err(CryptoError::format(format!(
                "x509: certificate contains duplicate extension with OID \"{oid}\""
            )));
        }
        extensions.push(extension);
    }
    extensions
        .iter()
        .try_for_each(|extension| apply(extension, certificate))
}

fn extension(contents: &[u8]) -> Result<Extension<'_>, CryptoError> {
    let mut reader = Reader::new(contents);
    let Some(oid) = reader.oid() else {
        return refuse("x509: malformed extension OID field");
    };
    let critical = if reader.peek(der::BOOLEAN) {
        reader
            .boolean()
            .ok_or(CryptoError::text("x509: malformed extension critical field"))?
    } else {
        false
    };
    let Some(value) = reader.read(der::OCTET_STRING) else {
        return refuse("x509: malformed extension value field");
    };
    Ok(Extension { oid, critical, value })
}

fn apply(extension: &Extension<'_>, certificate: &mut Certificate) -> Result<(), CryptoError> {
    let mut value = Reader::new(extension.value);
    match extension.oid {
        oids::KEY_USAGE if value.bit_string().is_none() => refuse("x509: invalid key usage"),
        oids::BASIC_CONSTRAINTS if basic_constraints(value).is_none() => {
            refuse("x509: invalid basic constraints")
        }
        oids::SUBJECT_ALT_NAME => alternative_names(value, certificate),
        oids::NAME_CONSTRAINTS => name_constraints(value),
        oids::CRL_DISTRIBUTION_POINTS => distribution_points(value),
        oids::AUTHORITY_KEY_ID if extension.critical => {
            refuse("x509: authority key identifier incorrectly marked critical")
        }
        oids::AUTHORITY_KEY_ID => {
            let invalid = CryptoError::text("x509: invalid authority key identifier");
            let Some(contents) = value.read(SEQUENCE) else {
                return Err(invalid);
            };
            certificate.authority_key_id = Reader::new(contents)
                .optional(der::context(0))
                .ok_or(invalid)?
                .map(<[u8]>::to_vec);
            Ok(())
        }
        oids::POLICY_CONSTRAINTS if policy_constraints(value).is_none() => {
            refuse("x509: invalid policy constraints extension")
        }
        oids::EXTENDED_KEY_USAGE if all(value, |reader| reader.oid().map(|_| ())).is_none() => {
            refuse("x509: invalid extended key usages")
        }
        oids::SUBJECT_KEY_ID if extension.critical => {
            refuse("x509: subject key identifier incorrectly marked critical")
        }
        oids::SUBJECT_KEY_ID => {
            let Some(id) = value.read(der::OCTET_STRING) else {
                return refuse("x509: invalid subject key identifier");
            };
            certificate.subject_key_id = Some(id.to_vec());
            Ok(())
        }
        oids::CERTIFICATE_POLICIES if policies(value).is_none() => {
            refuse("x509: invalid certificate policies")
        }
        oids::POLICY_MAPPINGS if policy_mappings(value).is_none() => {
            refuse("x509: invalid policy mappings extension")
        }
        oids::INHIBIT_ANY_POLICY if value.int64(der::INTEGER).is_none() => {
            refuse("x509: invalid inhibit any policy extension")
        }
        oids::AUTHORITY_INFO_ACCESS if extension.critical => {
            refuse("x509: authority info access incorrectly marked critical")
        }
        oids::AUTHORITY_INFO_ACCESS if info_access(value).is_none() => {
            refuse("x509: invalid authority info access")
        }
        _ => Ok(()),
    }
}

/// Reads a SEQUENCE to its end.
fn all<'a>(mut value: Reader<'a>, mut item: impl FnMut(&mut Reader<'a>) -> Option<()>) -> Option<()> {
    let mut items = Reader::new(value.read(SEQUENCE)?);
    while !items.is_empty() {
        item(&mut items)?;
    }
    Some(())
}

fn basic_constraints(mut value: Reader<'_>) -> Option<()> {
    let mut fields = Reader::new(value.read(SEQUENCE)?);
    if fields.peek(der::BOOLEAN) {
        fields.boolean()?;
    }
    if fields.peek(der::INTEGER) {
        fields.int64(der::INTEGER).filter(|length| *length >= 0)?;
    }
    Some(())
}

fn policy_constraints(mut value: Reader<'_>) -> Option<()> {
    let mut fields = Reader::new(value.read(SEQUENCE)?);
    for number in [0, 1] {
        if fields.peek(der::context(number)) {
            fields.int64(der::context(number))?;
        }
    }
    Some(())
}

fn policies(value: Reader<'_>) -> Option<()> {
    let mut seen = HashSet::new();
    all(value, |reader| {
        let oid = Reader::new(reader.read(SEQUENCE)?).read(der::OBJECT_IDENTIFIER)?;
        (is_long_oid(oid) && seen.insert(oid)).then_some(())
    })
}

/// Policy identifiers may have parts of any size.
fn is_long_oid(oid: &[u8]) -> bool {
    let mut starts = true;
    let minimal = oid.iter().all(|&byte| {
        let fits = !(starts && byte == 0x80);
        starts = byte & 0x80 == 0;
        fits
    });
    minimal && starts && !oid.is_empty()
}

fn policy_mappings(value: Reader<'_>) -> Option<()> {
    all(value, |reader| {
        let mut pair = Reader::new(reader.read(SEQUENCE)?);
        pair.read(der::OBJECT_IDENTIFIER)?;
        pair.read(der::OBJECT_IDENTIFIER).map(|_| ())
    })
}

fn info_access(value: Reader<'_>) -> Option<()> {
    all(value, |reader| {
        let mut description = Reader::new(reader.read(SEQUENCE)?);
        description.oid()?;
        description.optional(der::context(6)).map(|_| ())
    })
}

fn distribution_points(mut value: Reader<'_>) -> Result<(), CryptoError> {
    let Some(points) = value.read(SEQUENCE) else {
        return refuse("x509: invalid CRL distribution points");
    };
    let mut points = Reader::new(points);
    while !points.is_empty() {
        if distribution_point(&mut points).is_none() {
            return refuse("x509: invalid CRL distribution point");
        }
    }
    Ok(())
}

fn distribution_point(points: &mut Reader<'_>) -> Option<()> {
    let mut point = Reader::new(points.read(SEQUENCE)?);
    let Some(name) = point.optional(der::context_constructed(0))? else {
        return Some(());
    };
    let mut names = Reader::new(Reader::new(name).read(der::context_constructed(0))?);
    while names.peek(der::context(6)) {
        names.read(der::context(6))?;
    }
    Some(())
}

fn alternative_names(mut value: Reader<'_>, certificate: &mut Certificate) -> Result<(), CryptoError> {
    let Some(names) = value.read(SEQUENCE) else {
        return refuse("x509: invalid subject alternative names");
    };
    let mut names = Reader::new(names);
    while !names.is_empty() {
        let Some(name) = names.any() else {
            return refuse("x509: invalid subject alternative name");
        };
        match name.tag ^ 0x80 {
            1 => certificate
                .email_addresses
                .push(ascii(name.contents, "x509: SAN rfc822Name is malformed")?),
            2 => certificate
                .dns_names
                .push(ascii(name.contents, "x509: SAN dNSName is malformed")?),
            6 => certificate.uris.push(uri(&ascii(
                name.contents,
                "x509: SAN uniformResourceIdentifier is malformed",
            )?)?),
            7 => certificate.ip_addresses.push(address(name.contents)?),
            _ => {}
        }
    }
    Ok(())
}

fn ascii(bytes: &[u8], malformed: &'static str) -> Result<String, CryptoError> {
    match std::str::from_utf8(bytes) {
        Ok(text) if text.is_ascii() => Ok(text.to_owned()),
        _ => refuse(malformed),
    }
}

fn address(bytes: &[u8]) -> Result<IpAddr, CryptoError> {
    if let Ok(four) = <[u8; 4]>::try_from(bytes) {
        return Ok(IpAddr::from(four));
    }
    match <[u8; 16]>::try_from(bytes) {
        Ok(sixteen) => Ok(IpAddr::from(sixteen)),
        Err(_) => Err(CryptoError::format(format!(
            "x509: cannot parse IP address of length {}",
            bytes.len()
        ))),
    }
}

/// Checks a URI name, and gives it as Go prints URLs.
fn uri(text: &str) -> Result<String, CryptoError> {
    let refuse = |why: &[u8]| {
        let quoted = crate::strconv::quote(text.as_bytes());
        let why = String::from_utf8_lossy(why);
        CryptoError::format(format!("x509: cannot parse URI {quoted}: {why}"))
    };
    let (host, printed) = host_and_text(text.as_bytes()).map_err(|error| refuse(&error))?;
    if !host.is_empty() && !is_domain(&host, false) {
        return Err(refuse(b"invalid domain"));
    }
    Ok(String::from_utf8_lossy(&printed).into_owned())
}

/// Go's `domainNameValid`.
fn is_domain(name: &[u8], constraint: bool) -> bool {
    let name = if constraint {
        name.strip_prefix(b".").unwrap_or(name)
    } else {
        name
    };
    name.is_empty()
        || name
            .split(|&byte| byte == b'.')
            .all(|label| !label.is_empty() && label.iter().all(|byte| (33..=126).contains(byte)))
}

fn name_constraints(mut value: Reader<'_>) -> Result<(), CryptoError> {
    let invalid = CryptoError::text("x509: invalid NameConstraints extension");
    let mut subtrees = || {
        let mut top = Reader::new(value.read(SEQUENCE)?);
        let permitted = top.optional(der::context_constructed(0))?;
        let excluded = top.optional(der::context_constructed(1))?;
        (value.is_empty() && top.is_empty()).then_some([permitted, excluded])
    };
    let subtrees = subtrees().ok_or(invalid)?;
    if subtrees
        .iter()
        .all(|subtree| subtree.unwrap_or_default().is_empty())
    {
        return refuse("x509: empty name constraints extension");
    }
    subtrees.into_iter().flatten().try_for_each(constraints)
}

fn constraints(subtree: &[u8]) -> Result<(), CryptoError> {
    let mut subtree = Reader::new(subtree);
    while !subtree.is_empty() {
        let base = subtree
            .read(SEQUENCE)
            .and_then(|contents| Reader::new(contents).any());
        let Some(base) = base else {
            return refuse("x509: invalid NameConstraints extension");
        };
        if base.tag == der::context(7) {
            address_range(base.contents)?;
            continue;
        }
        let kind = match base.tag ^ 0x80 {
            1 => "rfc822Name",
            2 => "dnsName",
            6 => "URI",
            _ => continue,
        };
        let quoted = crate::strconv::quote(base.contents);
        if !base.contents.is_ascii() {
            return Err(CryptoError::format(format!(
                "x509: invalid constraint value: x509: {quoted} cannot be encoded as an IA5String"
            )));
        }
        let text = String::from_utf8_lossy(base.contents);
        if kind == "URI" && text.parse::<IpAddr>().is_ok() {
            return Err(CryptoError::format(format!(
                "x509: failed to parse URI constraint {quoted}: cannot be IP address"
            )));
        }
        let domain = if kind == "rfc822Name" {
            text.rsplit('@').next().unwrap_or_default()
        } else {
            &*text
        };
        if !is_domain(domain.as_bytes(), true) {
            return Err(CryptoError::format(format!(
                "x509: failed to parse {kind} constraint {quoted}"
            )));
        }
    }
    Ok(())
}

fn address_range(bytes: &[u8]) -> Result<(), CryptoError> {
    let half = bytes.len() / 2;
    if !matches!(bytes.len(), 8 | 32) {
        return Err(CryptoError::format(format!(
            "x509: IP constraint contained value of length {}",
            bytes.len()
        )));
    }
    let mask = bytes.get(half..).unwrap_or_default();
    let ones: u32 = mask.iter().map(|byte| byte.leading_ones()).sum();
    let set: u32 = mask.iter().map(|byte| byte.count_ones()).sum();
    let contiguous = set == ones
        && mask
            .iter()
            .skip_while(|byte| **byte == 0xff)
            .skip(1)
            .all(|byte| *byte == 0);
    if contiguous {
        return Ok(());
    }
    let digits = data_encoding::HEXLOWER.encode(mask);
    Err(CryptoError::format(format!(
        "x509: IP constraint contained invalid mask {digits}"
    )))
}
