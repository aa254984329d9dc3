//! Random choices without bias. Where the randomness comes from is the caller's: the operating system's, by way of
//! aws-lc, or a fixed sequence in tests.

use zeroize::Zeroizing;

use super::refusal::Refusal;

/// Fills a buffer with random bytes, or says that there are none.
pub(super) type Source<'a> = dyn Fn(&mut [u8]) -> Result<(), Refusal> + Sync + 'a;

/// The system's randomness.
pub(super) fn system(bytes: &mut [u8]) -> Result<(), Refusal> {
    aws_lc_rs::rand::fill(bytes).map_err(|_| Refusal::passing("the system gives no random bytes"))
}

/// Random bytes that are taken from the source at once: asking for each number would cost more than all else.
const BLOCK: usize = 1024;

/// Random numbers of a source.
pub(super) struct Draws<'a> {
    source: &'a Source<'a>,
    block: Zeroizing<Vec<u8>>,
}

impl<'a> Draws<'a> {
    pub(super) fn of(source: &'a Source<'a>) -> Self {
        Self {
            source,
            block: Zeroizing::default(),
        }
    }

    fn number(&mut self) -> Result<u32, Refusal> {
        loop {
            if let Some(drawn) = self.block.split_last_chunk().map(|(_, last)| *last) {
                let left = self.block.len() - size_of::<u32>();
                self.block.truncate(left);
                return Ok(u32::from_be_bytes(drawn));
            }
            self.block.resize(BLOCK, 0);
            (self.source)(&mut self.block)?;
        }
    }

    /// A number below `bound`, each as likely as any other.
    fn below(&mut self, bound: usize) -> Result<usize, Refusal> {
        let bound = u32::try_from(bound).unwrap_or(u32::MAX).max(1);
        // The largest multiple of the bound: a number beyond it would favour the small ones.
        let fair = u32::MAX - u32::MAX % bound;
        loop {
            let drawn = self.number()?;
            if drawn < fair {
                return Ok(usize::try_from(drawn % bound).unwrap_or_default());
            }
        }
    }

    /// Brings the items into a random order.
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) -> Result<(), Refusal> {
        for at in (1..items.len()).rev() {
            items.swap(at, self.below(at + 1)?);
        }
        Ok(())
    }

    /// `count` of these characters, where none or all may come twice. Without repetition there must be enough of them.
    pub(super) fn choose(&mut self, from: &[char], count: usize, repeat: bool) -> Result<Vec<char>, Refusal> {
        if !repeat {
            let mut from = from.to_vec();
            self.shuffle(&mut from)?;
            from.truncate(count);
            return Ok(from);
        }
        (0..count)
            .map(|_| Ok(from.get(self.below(from.len())?).copied().unwrap_or_default()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn every_number_below_a_bound_is_as_likely_as_any_other() {
        let mut drawn: HashMap<usize, u32> = HashMap::new();
        let mut random = Draws::of(&system);
        for _ in 0..30_000 {
            *drawn.entry(random.below(30).unwrap()).or_default() += 1;
        }
        // Six standard deviations around a thousand.
        assert!(
            drawn.len() == 30 && drawn.values().all(|n| (810..1190).contains(n)),
            "{drawn:?}"
        );
    }

    #[test]
    fn numbers_that_would_favour_some_are_drawn_again() {
        let calls = std::sync::atomic::AtomicU32::new(0);
        let source = |bytes: &mut [u8]| {
            let first = calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0;
            bytes.fill(if first { 0xff } else { 0 });
            Ok(())
        };
        assert_eq!(Draws::of(&source).below(3).unwrap(), 0);
        assert_eq!(calls.into_inner(), 2);
    }
}
