//! Where templates are filled, so that one that takes long delays nobody: at once where little work is enough, which is
//! nearly always, else on a thread of its own. A namespace has one of these threads at a time.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Budget, Filled, Template, fill};
use crate::sync::{
    absence::Kept,
    cause::{Cause, Failure},
    rewrite::Map,
    sources::Texts,
};

/// What is done at once, between the turns of other objects: below the price of one password hash or key pair.
const AT_ONCE: Budget = Budget {
    steps: 40_000,
    time: Duration::from_millis(10),
};
/// What one object may take in all.
const IN_ALL: Budget = Budget {
    steps: 10_000_000,
    time: Duration::from_secs(10),
};
/// Costly templates at work at once, of different namespaces.
const THREADS: usize = 4;
/// How long a costly template waits for its turn.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Fills templates.
#[derive(Debug)]
pub struct Pool {
    threads: Arc<Semaphore>,
    namespaces: Mutex<HashMap<Box<str>, Arc<Semaphore>>>,
}

impl Default for Pool {
    fn default() -> Self {
        Self {
            threads: Arc::new(Semaphore::new(THREADS)),
            namespaces: Mutex::default(),
        }
    }
}

impl Pool {
    /// Fills the template of an object in a namespace.
    pub async fn fill(
        &self,
        namespace: &str,
        template: &Arc<Template>,
        read: &Arc<Map>,
        kept: &Kept,
        texts: &Arc<Texts>,
    ) -> Result<Filled, Failure> {
        match fill(template, read, kept, texts, AT_ONCE) {
            Err(failure) if failure.cause == Cause::TemplateTooCostly => {}
            done => return done,
        }
        let failed =
            |text: &str| Failure::new(Cause::TemplateTooCostly, text).headline("could not update secret");
        let turn = tokio::time::timeout(LONGEST_WAIT, self.turn(namespace)).await;
        let Ok(Some(turn)) = turn else {
            return Err(failed(
                "could not apply template: other templates take long, of this namespace or of others",
            ));
        };
        let (template, read, texts) = (Arc::clone(template), Arc::clone(read), Arc::clone(texts));
        let kept = kept.clone();
        let filling = tokio::task::spawn_blocking(move || {
            let filled = fill(&template, &read, &kept, &texts, IN_ALL);
            // Whoever waited may be gone; the turn ends with the work.
            drop(turn);
            filled
        });
        filling
            .await
            .map_err(|_| failed("could not apply template: the engine failed; please report it"))?
    }

    /// The namespace's turn, then a thread.
    async fn turn(&self, namespace: &str) -> Option<[OwnedSemaphorePermit; 2]> {
        let own = {
            let mut namespaces = self.namespaces.lock().unwrap_or_else(PoisonError::into_inner);
            namespaces.retain(|_, own| Arc::strong_count(own) > 1);
            let own = namespaces
                .entry(namespace.into())
                .or_insert_with(|| Arc::new(Semaphore::new(1)));
            Arc::clone(own)
        };
        let own = own.acquire_owned().await.ok()?;
        let thread = Arc::clone(&self.threads).acquire_owned().await.ok()?;
        Some([own, thread])
    }
}
