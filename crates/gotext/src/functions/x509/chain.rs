//! Orders certificates by who issued whom, judged by key identifiers alone, and the function that picks from such a
//! chain. An order found here proves nothing: no signature is checked.

use zeroize::Zeroizing;

use super::super::crypto::error::CryptoError;
use super::super::pem;
use super::certificate::Certificate;

const LABEL: &[u8] = b"CERTIFICATE";

/// Go compares nil and empty identifiers as equal, and both to those of certificates without any.
fn id(id: Option<&Vec<u8>>) -> &[u8] {
    id.map_or(&[], Vec::as_slice)
}

impl Certificate {
    /// Whether nothing says that somebody else issued it.
    fn is_root(&self) -> bool {
        self.authority_key_id.is_none()
            || id(self.authority_key_id.as_ref()) == id(self.subject_key_id.as_ref())
    }

    fn to_pem(&self) -> Zeroizing<Vec<u8>> {
        pem::encode(LABEL, &self.raw)
    }
}

/// The certificates of a PEM text, leaf first.
///
/// # Errors
/// A block that is no certificate; no single chain.
pub(crate) fn read(text: &[u8]) -> Result<Vec<Certificate>, CryptoError> {
    let mut certificates = Vec::new();
    let mut data = text;
    loop {
        let (block, rest) = pem::decode(data);
        data = rest;
        let Some(block) = block else { break };
        certificates.push(Certificate::parse(&block.bytes)?);
    }
    order(certificates)
}

/// # Errors
/// Not exactly one certificate issued no other one, or issuers go round in a circle.
fn order(certificates: Vec<Certificate>) -> Result<Vec<Certificate>, CryptoError> {
    let issuer_of = |index: usize, certificate: &Certificate| {
        let authority = id(certificate.authority_key_id.as_ref());
        certificates.iter().enumerate().position(|(other, candidate)| {
            other != index && id(candidate.subject_key_id.as_ref()) == authority
        })
    };
    let issuers: Vec<Option<usize>> = certificates
        .iter()
        .enumerate()
        .map(|(index, certificate)| issuer_of(index, certificate))
        .collect();
    let mut leaves = (0..certificates.len()).filter(|index| !issuers.contains(&Some(*index)));
    let leaf = leaves.next();
    if leaves.next().is_some() {
        return Err(CryptoError::text("found multiple leaf or disjunct certificates"));
    }
    let mut next = Some(leaf.ok_or(CryptoError::text("no leaf certificate found"))?);
    let mut slots: Vec<Option<Certificate>> = certificates.into_iter().map(Some).collect();
    let mut chain = Vec::new();
    while let Some(index) = next {
        // A certificate met for the second time has been taken already.
        let taken = slots.get_mut(index).and_then(Option::take);
        chain.push(taken.ok_or(CryptoError::text("constructing chain resulted in cycle"))?);
        next = issuers.get(index).copied().flatten();
    }
    Ok(chain)
}

/// The chain as PEM text.
pub(crate) fn to_pem(chain: &[Certificate]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(
        chain
            .iter()
            .flat_map(|certificate| certificate.to_pem().to_vec())
            .collect(),
    )
}

/// `filterCertChain`: the leaf, the intermediates or the root of a PEM text; empty if there is none.
///
/// # Errors
/// See [`read`].
pub(crate) fn filter(part: &[u8], text: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let chain = read(text)?;
    let (Some(leaf), Some(last)) = (chain.first(), chain.last()) else {
        return Ok(Zeroizing::default());
    };
    Ok(match part {
        b"leaf" if !leaf.is_root() => leaf.to_pem(),
        b"intermediate" => {
            let above = chain.get(1..).unwrap_or_default();
            let end = above.iter().position(Certificate::is_root).unwrap_or(above.len());
            to_pem(above.get(..end).unwrap_or_default())
        }
        b"root" if last.is_root() => last.to_pem(),
        _ => Zeroizing::default(),
    })
}

/// `certSANs`: the alternative names of the first certificate: DNS names, addresses, mail addresses, URIs.
///
/// # Errors
/// No PEM block, or no certificate in it.
pub(crate) fn alternative_names(text: &[u8]) -> Result<Vec<String>, CryptoError> {
    let (Some(block), _) = pem::decode(pem::trim_junk(text)) else {
        return Err(CryptoError::text("failed to decode PEM block"));
    };
    let certificate =
        Certificate::parse(&block.bytes).map_err(|error| error.after("failed to parse certificate: "))?;
    let addresses = certificate
        .ip_addresses
        .iter()
        .map(|address| address.to_canonical().to_string());
    Ok(certificate
        .dns_names
        .iter()
        .cloned()
        .chain(addresses)
        .chain(certificate.email_addresses)
        .chain(certificate.uris)
        .collect())
}
