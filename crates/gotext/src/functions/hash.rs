//! Checksums in text form: `sha1sum`, `sha256sum`, `sha512sum`, `adler32sum`.

use aws_lc_rs::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA512, digest};
use data_encoding::HEXLOWER;

use crate::template::{Args, Context, FuncError, Function, Type, Value};

/// The functions of this family.
pub(super) const TABLE: &[Function] = &[
    Function::fixed("sha1sum", &[Type::String], Type::String, |context, args| {
        sum(context, args, &SHA1_FOR_LEGACY_USE_ONLY)
    }),
    Function::fixed("sha256sum", &[Type::String], Type::String, |context, args| {
        sum(context, args, &SHA256)
    }),
    Function::fixed("sha512sum", &[Type::String], Type::String, |context, args| {
        sum(context, args, &SHA512)
    }),
    Function::fixed("adler32sum", &[Type::String], Type::String, |context, args| {
        charge(context, args)?;
        Ok(Value::string(adler32(args.bytes(0)).to_string()))
    }),
];

fn charge(context: &mut Context<'_>, args: Args<'_>) -> Result<(), FuncError> {
    Ok(context.charge(args.bytes(0).len() as u64 / 64)?)
}

fn sum(context: &mut Context<'_>, args: Args<'_>, algorithm: &'static Algorithm) -> Result<Value, FuncError> {
    charge(context, args)?;
    Ok(Value::string(
        HEXLOWER.encode(digest(algorithm, args.bytes(0)).as_ref()),
    ))
}

/// Adler-32 of RFC 1950: eight lines, less than a dependency.
fn adler32(bytes: &[u8]) -> u32 {
    const MODULUS: u32 = 65_521;
    let (mut low, mut high) = (1_u32, 0_u32);
    for byte in bytes {
        low = (low + u32::from(*byte)) % MODULUS;
        high = (high + low) % MODULUS;
    }
    high << 16 | low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adler32_matches_the_published_example() {
        assert_eq!(adler32(b"Wikipedia"), 0x11E6_0398);
        assert_eq!(adler32(b""), 1);
    }
}
