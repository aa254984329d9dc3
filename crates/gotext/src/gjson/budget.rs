//! How much work one search may be.

use std::cell::Cell;

/// What a search may cost at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes scanned and produced by all steps of the path together; 64 MiB by default.
    pub work: u64,
    /// Path components, queries and nested selectors inside each other; 200 by default.
    pub depth: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            work: 64 << 20,
            depth: 200,
        }
    }
}

/// The path asks for more work than the limits allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("path is too costly to evaluate")]
pub struct LimitExceeded;

/// What is left of the limits during one search.
pub(super) struct Budget {
    work: Cell<u64>,
    depth: Cell<u32>,
}

impl Budget {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            work: Cell::new(limits.work),
            depth: Cell::new(limits.depth),
        }
    }

    /// Pays for handling `bytes`.
    pub(super) fn spend(&self, bytes: usize) -> Result<(), LimitExceeded> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.work
            .set(self.work.get().checked_sub(bytes).ok_or(LimitExceeded)?);
        Ok(())
    }

    /// Runs `step` one level deeper.
    pub(super) fn deeper<T>(
        &self,
        step: impl FnOnce() -> Result<T, LimitExceeded>,
    ) -> Result<T, LimitExceeded> {
        let depth = self.depth.get();
        self.depth.set(depth.checked_sub(1).ok_or(LimitExceeded)?);
        let result = step();
        self.depth.set(depth);
        result
    }
}
