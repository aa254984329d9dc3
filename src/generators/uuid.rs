//! Random UUIDs.

use super::{Values, random::Source, refusal::Refusal};

/// A UUID of version 4.
pub(super) fn generate(source: &Source<'_>) -> Result<Values, Refusal> {
    let mut bytes = [0; 16];
    source(&mut bytes)?;
    let uuid = uuid::Builder::from_random_bytes(bytes).into_uuid();
    Ok(Values::from([("uuid".to_owned(), uuid.to_string().into())]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_random_and_says_so() {
        let fixed = |bytes: &mut [u8]| {
            bytes.fill(0xff);
            Ok(())
        };
        let values = generate(&fixed).unwrap();
        assert_eq!(values["uuid"].expose(), b"ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
