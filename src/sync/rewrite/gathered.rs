//! The map while it grows. It stops at a bound: a property copies a part of its secret for each entry that names one, and
//! an object may have thousands of entries.

use std::time::{Duration, Instant};

use super::Map;
use crate::{
    secret_bytes::SecretBytes,
    sync::cause::{Cause, Failure},
};

/// Eight times what a Secret can hold, in bytes: a template may need more than it gives.
const LIMIT: usize = 8 << 20;
/// All entries together may take so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// Keys and values so far.
pub(super) struct Gathered {
    map: Map,
    /// Bytes of the values.
    size: usize,
    began: Instant,
}

impl Default for Gathered {
    fn default() -> Self {
        Self {
            map: Map::new(),
            size: 0,
            began: Instant::now(),
        }
    }
}

impl Gathered {
    /// Adds a value, in place of the one that had its key before.
    pub(super) fn insert(&mut self, key: String, value: SecretBytes) -> Result<(), Failure> {
        self.size += value.len();
        if let Some(before) = self.map.insert(key, value) {
            self.size -= before.len();
        }
        if self.size > LIMIT {
            return Err(Failure::new(
                Cause::TooLarge,
                format!(
                    "the values up to here are more than {LIMIT} bytes; split the object over several ExternalSecrets"
                ),
            ));
        }
        if self.began.elapsed() > PATIENCE {
            return Err(Failure::new(
                Cause::RewriteFailed,
                format!(
                    "the entries up to here took longer than {} s; simplify their properties, or split the object",
                    PATIENCE.as_secs()
                ),
            ));
        }
        Ok(())
    }

    /// Adds several.
    pub(super) fn extend(&mut self, map: Map) -> Result<(), Failure> {
        map.into_iter()
            .try_for_each(|(key, value)| self.insert(key, value))
    }

    pub(super) fn into_map(self) -> Map {
        self.map
    }
}
