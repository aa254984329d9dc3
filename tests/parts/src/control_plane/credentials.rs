//! Tokens, the key for service account tokens, and kubeconfigs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;

use super::{StartError, User};

#[derive(Debug)]
pub(super) struct Credentials {
    pub(super) admin: String,
    pub(super) users: BTreeMap<String, String>,
    pub(super) ca: PathBuf,
}

impl Credentials {
    /// Writes `tokens.csv` and `service-account.{key,pub}` into `folder`.
    pub(super) fn write(folder: &Path, users: &[User]) -> Result<Self, StartError> {
        let admin = token()?;
        let mut csv = format!("{admin},admin,admin,system:masters\n");
        let mut tokens = BTreeMap::new();
        for user in users {
            let token = token()?;
            let groups = user.groups.join(",");
            // Writing to a String cannot fail.
            writeln!(csv, "{token},{name},{name},\"{groups}\"", name = user.name).ok();
            tokens.insert(user.name.clone(), token);
        }
        std::fs::write(folder.join("tokens.csv"), csv).map_err(StartError::Folder)?;
        let (private, public) = signing_key()?;
        std::fs::write(folder.join("service-account.key"), private).map_err(StartError::Folder)?;
        std::fs::write(folder.join("service-account.pub"), public).map_err(StartError::Folder)?;
        Ok(Self {
            admin,
            users: tokens,
            ca: PathBuf::new(),
        })
    }
}

fn token() -> Result<String, StartError> {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes).map_err(|_| StartError::Key)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// A P-256 key, private and public, in PEM: kube-apiserver signs tokens with ES256. (It reads no public key out of a
/// private one in PKCS#8.)
fn signing_key() -> Result<(String, String), StartError> {
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(|_| StartError::Key)?;
    let private = key.to_pkcs8v1().map_err(|_| StartError::Key)?;
    let public: PublicKeyX509Der<'_> = key.public_key().as_der().map_err(|_| StartError::Key)?;
    Ok((
        pem("PRIVATE KEY", private.as_ref()),
        pem("PUBLIC KEY", public.as_ref()),
    ))
}

fn pem(label: &str, der: &[u8]) -> String {
    let mut pem = format!("-----BEGIN {label}-----\n");
    for line in STANDARD.encode(der).as_bytes().chunks(64) {
        pem.push_str(&String::from_utf8_lossy(line));
        pem.push('\n');
    }
    pem + &format!("-----END {label}-----\n")
}

/// JSON is YAML, so this is a kubeconfig.
pub(super) fn kubeconfig(url: &str, ca: &Path, token: &str) -> String {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "parts", "cluster": {"server": url, "certificate-authority": ca}}],
        "users": [{"name": "parts", "user": {"token": token}}],
        "contexts": [{"name": "parts", "context": {"cluster": "parts", "user": "parts"}}],
        "current-context": "parts",
    })
    .to_string()
}
