//! A Go string: immutable bytes, cheap to clone, wiped when the last holder lets go.
//!
//! Go strings need not be UTF-8, and secrets often are not; so nothing here assumes it.

use std::borrow::{Borrow, Cow};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::buffer::wipe;

/// Immutable bytes of a Go `string` (or of a `[]uint8`).
///
/// Cloning shares the buffer. The buffer is overwritten with zeros when its last clone is dropped. `Debug` shows
/// only the length, so that a value cannot reach a log by way of `{:?}`.
#[derive(Clone, Default)]
pub struct Text(Option<Arc<Bytes>>);

/// Wiped on drop.
struct Bytes(Vec<u8>);

impl Drop for Bytes {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

impl Text {
    /// The empty string; allocates nothing.
    pub const EMPTY: Self = Self(None);

    /// The bytes.
    #[inline]
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Some(bytes) => &bytes.0,
            None => &[],
        }
    }

    /// The bytes as UTF-8, if they are.
    pub fn as_utf8(&self) -> Option<&str> {
        std::str::from_utf8(self.as_bytes()).ok()
    }

    /// The bytes as UTF-8 with U+FFFD for what is not. For names and messages, never for data.
    pub fn to_lossy(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.as_bytes())
    }
}

impl Deref for Text {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl AsRef<[u8]> for Text {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl Borrow<[u8]> for Text {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_bytes().hash(state);
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text({} bytes)", self.len())
    }
}

impl From<Vec<u8>> for Text {
    fn from(bytes: Vec<u8>) -> Self {
        // An empty vector may still have memory that held something; it is wiped here.
        let bytes = Bytes(bytes);
        if bytes.0.is_empty() {
            Self::EMPTY
        } else {
            Self(Some(Arc::new(bytes)))
        }
    }
}

impl From<Zeroizing<Vec<u8>>> for Text {
    fn from(mut bytes: Zeroizing<Vec<u8>>) -> Self {
        Self::from(std::mem::take(&mut *bytes))
    }
}

impl From<&[u8]> for Text {
    fn from(bytes: &[u8]) -> Self {
        Self::from(bytes.to_vec())
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::from(text.as_bytes())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::from(text.into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_never_shows_the_bytes() {
        assert_eq!(format!("{:?}", Text::from("hunter2")), "Text(7 bytes)");
    }

    #[test]
    fn texts_order_by_bytes_as_go_sorts_keys() {
        let mut keys = [
            Text::from("b"),
            Text::from("C"),
            Text::from(&b"\xff"[..]),
            Text::from("a"),
        ];
        keys.sort();
        assert_eq!(
            keys.map(|k| k.to_vec()),
            [b"C".to_vec(), b"a".to_vec(), b"b".to_vec(), vec![0xff]]
        );
    }
}
