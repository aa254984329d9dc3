//! The regular expressions a template has used, so that each is compiled once.
//!
//! Compiling takes longer than most searches. What is kept is bounded in number and in memory, and goes with its
//! template: a template that makes up its expressions pushes out its own, never those of another.

use std::sync::{Arc, Mutex, PoisonError};

use crate::regexp::{Error, Limits, Regexp};

/// Expressions kept for one template.
const MOST: usize = 16;

/// Bytes of all that are kept, without what a search uses for itself.
const MOST_BYTES: usize = 4 << 20;

/// Compiled expressions, the one used last at the end. May be used from many threads at once.
#[derive(Default)]
pub(super) struct Regexps(Mutex<Vec<Kept>>);

struct Kept {
    limits: Limits,
    bytes: usize,
    regexp: Arc<Regexp>,
}

impl Regexps {
    /// The compiled expression, if it was compiled within the same limits before.
    pub(super) fn get(&self, pattern: &[u8], limits: Limits) -> Option<Arc<Regexp>> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept
            .iter()
            .rposition(|one| one.limits == limits && one.regexp.pattern() == pattern)?;
        kept.get_mut(at..)?.rotate_left(1);
        kept.last().map(|one| Arc::clone(&one.regexp))
    }

    /// Compiles an expression and keeps it, if it is not too large, in place of those that were not used for longest.
    pub(super) fn compile(&self, pattern: &[u8], limits: Limits) -> Result<Arc<Regexp>, Error> {
        let regexp = Arc::new(Regexp::with_limits(pattern, limits)?);
        let bytes = regexp.memory();
        if bytes > MOST_BYTES {
            return Ok(regexp);
        }
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut total = bytes + kept.iter().map(|one| one.bytes).sum::<usize>();
        while kept.len() >= MOST || total > MOST_BYTES {
            total -= kept.remove(0).bytes;
        }
        kept.push(Kept {
            limits,
            bytes,
            regexp: Arc::clone(&regexp),
        });
        Ok(regexp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_kept(regexps: &Regexps, pattern: &str) -> bool {
        regexps.get(pattern.as_bytes(), Limits::default()).is_some()
    }

    #[test]
    fn an_expression_is_compiled_once_for_the_same_limits() {
        let regexps = Regexps::default();
        let first = regexps.compile(b"a+", Limits::default()).unwrap();
        let again = regexps.get(b"a+", Limits::default()).unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        let narrower = Limits {
            automaton: 1 << 20,
            ..Limits::default()
        };
        assert!(regexps.get(b"a+", narrower).is_none());
    }

    #[test]
    fn the_expression_that_was_not_used_for_longest_makes_room() {
        let regexps = Regexps::default();
        for n in 0..MOST {
            regexps
                .compile(n.to_string().as_bytes(), Limits::default())
                .unwrap();
        }
        assert!(is_kept(&regexps, "0"));
        regexps.compile(b"new", Limits::default()).unwrap();
        assert!(is_kept(&regexps, "0") && is_kept(&regexps, "new") && !is_kept(&regexps, "1"));
    }

    #[test]
    fn large_expressions_take_no_more_than_the_memory_there_is_for_all() {
        let regexps = Regexps::default();
        for n in 0..20 {
            let pattern = format!(r"{n}(?:\pL{{40}})");
            regexps.compile(pattern.as_bytes(), Limits::default()).unwrap();
            let kept = regexps.0.lock().unwrap();
            assert!(kept.iter().map(|one| one.bytes).sum::<usize>() <= MOST_BYTES);
        }
        let all_of_it = regexps.compile(br"(?:\pL{400})", Limits::default()).unwrap();
        assert!(all_of_it.memory() > MOST_BYTES);
        assert!(!is_kept(&regexps, r"(?:\pL{400})"));
    }

    #[test]
    fn a_bad_expression_is_not_kept() {
        let regexps = Regexps::default();
        assert!(regexps.compile(b"(", Limits::default()).is_err());
        assert!(!is_kept(&regexps, "("));
    }
}
