//! A growing byte buffer that leaves no copies of its content behind.

use std::fmt;
use std::io;
use std::ops::Deref;

use zeroize::{Zeroize, Zeroizing, optimization_barrier};

use super::text::Text;

/// Bytes being put together. Unlike `Vec<u8>`, growing wipes the old memory before it is freed; the content is
/// wiped on drop unless it is taken out.
#[derive(Default)]
pub struct Buffer(Vec<u8>);

impl Buffer {
    /// An empty buffer that allocates nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty buffer with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// Appends bytes.
    #[inline]
    pub fn extend(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    /// Appends one byte.
    #[inline]
    pub fn push(&mut self, byte: u8) {
        self.reserve(1);
        self.0.push(byte);
    }

    /// Appends a character as UTF-8.
    pub fn push_char(&mut self, character: char) {
        self.extend(character.encode_utf8(&mut [0; 4]).as_bytes());
    }

    /// Appends `n` times the same byte.
    pub fn fill(&mut self, byte: u8, n: usize) {
        self.reserve(n);
        self.0.extend(std::iter::repeat_n(byte, n));
    }

    /// Makes room for `more` bytes, wiping the old memory if it must move.
    pub fn reserve(&mut self, more: usize) {
        let needed = self.0.len().saturating_add(more);
        if needed > self.0.capacity() {
            let mut moved = Vec::with_capacity(needed.max(self.0.capacity().saturating_mul(2)).max(64));
            moved.extend_from_slice(&self.0);
            std::mem::swap(&mut self.0, &mut moved);
            wipe(&mut moved);
        }
    }

    /// Drops (and wipes) all bytes from `len` on.
    pub fn truncate(&mut self, len: usize) {
        if let Some(tail) = self.0.get_mut(len..) {
            tail.zeroize();
        }
        self.0.truncate(len);
    }

    /// The bytes, still wiped on drop.
    pub fn into_bytes(mut self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(std::mem::take(&mut self.0))
    }

    /// The bytes as a Go string.
    pub fn into_text(mut self) -> Text {
        Text::from(std::mem::take(&mut self.0))
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

/// Overwrites all memory of the vector with zeros, as `zeroize` does, but not one byte at a time; leaves it empty.
pub(super) fn wipe(bytes: &mut Vec<u8>) {
    bytes.clear();
    bytes.resize(bytes.capacity(), 0);
    // Without it the compiler could leave out what nobody reads.
    optimization_barrier(bytes.as_slice());
    bytes.clear();
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Write for Buffer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.extend(text.as_bytes());
        Ok(())
    }
}

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_keeps_its_bytes_across_growth() {
        let mut buffer = Buffer::new();
        for n in 0..1000_u32 {
            buffer.extend(&n.to_le_bytes());
        }
        buffer.truncate(8);
        assert_eq!(&*buffer, [0, 0, 0, 0, 1, 0, 0, 0]);
    }
}
