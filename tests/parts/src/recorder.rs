//! What was asked of AWS, in order, and how often.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::aws_call::AwsCall;
use crate::fault::When;

/// The calls that a fake or a proxy has seen. Tests that share one count with a [`When`] that names what is theirs.
#[derive(Debug, Default)]
pub struct Recorder {
    calls: Mutex<Vec<AwsCall>>,
}

impl Recorder {
    fn calls(&self) -> MutexGuard<'_, Vec<AwsCall>> {
        // A panicking test leaves a list that is whole.
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn record(&self, call: AwsCall) {
        self.calls().push(call);
    }

    /// Every call so far that `when` is about.
    pub fn matching(&self, when: &When) -> Vec<AwsCall> {
        self.calls()
            .iter()
            .filter(|call| when.is_about(call))
            .cloned()
            .collect()
    }

    /// How many calls so far `when` is about.
    pub fn count(&self, when: &When) -> usize {
        self.calls().iter().filter(|call| when.is_about(call)).count()
    }

    /// `{"GetSecretValue": 12, …}`.
    pub fn by_operation(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for call in self.calls().iter() {
            *counts.entry(call.operation.clone()).or_default() += 1;
        }
        counts
    }

    /// Forgets everything, for a part that is nobody else's.
    pub fn forget(&self) {
        self.calls().clear();
    }
}
