use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::*;

/// Splits off what stands in front: a length and as many bytes.
fn take<'a>(wire: &mut &'a [u8]) -> &'a [u8] {
    let (count, rest) = wire.split_first_chunk::<4>().unwrap();
    let (text, rest) = rest.split_at(usize::try_from(u32::from_be_bytes(*count)).unwrap());
    *wire = rest;
    text
}

fn made(key_type: SshKeyType, key_size: Option<i64>, comment: &str) -> (String, String) {
    let spec = SshKeySpec {
        key_type: Some(key_type),
        key_size,
        comment: Some(comment.to_owned()).filter(|comment| !comment.is_empty()),
    };
    let values = generate(&spec).unwrap();
    let text = |key: &str| String::from_utf8(values[key].expose().to_vec()).unwrap();
    (text("privateKey"), text("publicKey"))
}

/// The public part, and the fields of the private one after the check numbers.
fn opened(private: &str) -> (Vec<u8>, Vec<Vec<u8>>) {
    let body = private
        .strip_prefix("-----BEGIN OPENSSH PRIVATE KEY-----\n")
        .and_then(|rest| rest.strip_suffix("-----END OPENSSH PRIVATE KEY-----\n"))
        .unwrap();
    assert!(body.lines().all(|line| line.len() <= 70));
    let file = STANDARD.decode(body.replace('\n', "")).unwrap();
    let mut wire = file.strip_prefix(b"openssh-key-v1\0").unwrap();
    for none in ["none", "none", ""] {
        assert_eq!(take(&mut wire), none.as_bytes());
    }
    let (one, rest) = wire.split_first_chunk::<4>().unwrap();
    assert_eq!(u32::from_be_bytes(*one), 1);
    wire = rest;
    let public = take(&mut wire).to_vec();
    let secret = take(&mut wire);
    assert!(wire.is_empty() && secret.len().is_multiple_of(8));
    let (check, mut rest) = secret.split_at(8);
    assert_eq!(check.first_chunk::<4>(), check.last_chunk::<4>());
    let mut fields = vec![];
    // What follows the comment is 1, 2, 3 …
    while rest.first().is_some_and(|byte| *byte == 0) {
        fields.push(take(&mut rest).to_vec());
    }
    assert!(
        rest.len() < 8 && rest.iter().zip(1..).all(|(byte, n)| *byte == n),
        "{rest:?}"
    );
    (public, fields)
}

fn line(public: &str) -> (String, Vec<u8>, String) {
    let mut parts = public.strip_suffix('\n').unwrap().splitn(3, ' ');
    let mut part = || parts.next().unwrap_or_default().to_owned();
    (part(), STANDARD.decode(part()).unwrap(), part())
}

#[test]
fn both_files_hold_the_same_public_key_and_the_comment() {
    for (key_type, size, name, fields) in [
        (SshKeyType::Rsa, None, "ssh-rsa", 8),
        (SshKeyType::Rsa, Some(3072), "ssh-rsa", 8),
        (SshKeyType::Ecdsa, None, "ecdsa-sha2-nistp256", 5),
        (SshKeyType::Ecdsa, Some(384), "ecdsa-sha2-nistp384", 5),
        (SshKeyType::Ecdsa, Some(521), "ecdsa-sha2-nistp521", 5),
        (SshKeyType::Ecdsa, Some(300), "ecdsa-sha2-nistp256", 5),
        (SshKeyType::Ed25519, Some(4096), "ssh-ed25519", 4),
    ] {
        let (private, public) = made(key_type, size, "deploy key");
        let (first, blob, comment) = line(&public);
        assert_eq!((first.as_str(), comment.as_str()), (name, "deploy key"));
        let (inside, secret) = opened(&private);
        assert_eq!(inside, blob, "{name}");
        assert_eq!((secret.len(), secret[0].as_slice()), (fields, name.as_bytes()));
        assert_eq!(secret.last().unwrap(), b"deploy key");
        assert_eq!(take(&mut blob.as_slice()), name.as_bytes());
    }
}

#[test]
fn the_private_part_belongs_to_the_public_one() {
    let (private, _) = made(SshKeyType::Ed25519, None, "");
    let (_, fields) = opened(&private);
    let (seed, public) = fields[2].split_at(32);
    assert!(Ed25519KeyPair::from_seed_and_public_key(seed, public).is_ok());

    let (private, _) = made(SshKeyType::Ecdsa, Some(384), "");
    let (_, fields) = opened(&private);
    let scalar: Vec<u8> = fields[3].iter().copied().skip_while(|byte| *byte == 0).collect();
    let mut padded = vec![0; 48 - scalar.len()];
    padded.extend(scalar);
    let algorithm = &ECDSA_P384_SHA384_ASN1_SIGNING;
    assert!(EcdsaKeyPair::from_private_key_and_public_key(algorithm, &padded, &fields[2]).is_ok());

    let (private, _) = made(SshKeyType::Rsa, None, "");
    let (_, fields) = opened(&private);
    let [_, modulus, exponent, _, _, p, q, _] = fields.as_slice() else {
        panic!("{} fields", fields.len());
    };
    assert_eq!(exponent, &[1, 0, 1]);
    assert_eq!((modulus.len(), modulus[0]), (257, 0));
    // The last byte of a product is that of the product of the last bytes.
    let last = |number: &Vec<u8>| *number.last().unwrap();
    assert_eq!(last(p).wrapping_mul(last(q)), last(modulus));
}

#[test]
fn each_key_is_another_one_and_without_a_comment_the_line_ends_with_the_key() {
    let (private, public) = made(SshKeyType::Ed25519, None, "");
    assert_eq!(line(&public).2, "");
    assert_eq!(public.matches(' ').count(), 1);
    assert_ne!(private, made(SshKeyType::Ed25519, None, "").0);
}

/// Differs: docs/differences.md#ssh-key-sizes.
#[test]
fn what_makes_no_key_is_refused_with_the_way_out() {
    let said = |key_size, comment: &str| {
        let spec = SshKeySpec {
            key_size,
            comment: Some(comment.to_owned()),
            ..SshKeySpec::default()
        };
        generate(&spec).unwrap_err().text
    };
    assert!(said(Some(1024), "").contains("use 2048, 3072, 4096 or 8192"));
    assert!(said(None, "a\nssh-rsa AAAA").contains("line break"));
}

/// An independent reader, where there is one.
#[test]
fn openssh_reads_the_private_key_and_finds_the_same_public_key() {
    use std::{io::Write as _, os::unix::fs::OpenOptionsExt as _, process::Command};
    for (key_type, size) in [
        (SshKeyType::Rsa, None),
        (SshKeyType::Ecdsa, None),
        (SshKeyType::Ecdsa, Some(384)),
        (SshKeyType::Ecdsa, Some(521)),
        (SshKeyType::Ed25519, None),
    ] {
        let (private, public) = made(key_type, size, "deploy");
        let path =
            std::env::temp_dir().join(format!("keyferry-{}-{key_type:?}-{size:?}", std::process::id()));
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(&path);
        file.unwrap().write_all(private.as_bytes()).unwrap();
        let read = Command::new("ssh-keygen")
            .args(["-y", "-P", "", "-f"])
            .arg(&path)
            .output();
        std::fs::remove_file(&path).unwrap();
        let Ok(read) = read else { return };
        let said = String::from_utf8_lossy(&read.stdout);
        assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
        let key = |line: &str| line.split(' ').nth(1).map(|key| key.trim().to_owned());
        assert_eq!(key(&said), key(&public), "{key_type:?} {size:?}");
    }
}
