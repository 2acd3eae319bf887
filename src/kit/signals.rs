//! Signals: an app says that something happened, others have said before what they do then.
//!
//! Django: `django.dispatch`. A receiver of [`Signals::send`] runs inside the sender's write transaction: either all
//! of it happens, or nothing. What leaves the database (ending live streams, waking the postman) is done by the receivers
//! of [`Signals::after`], which the view calls after the commit, where a reader sees it.
//!
//! Django: `transaction.on_commit`

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

use diesel::QueryResult;

use crate::kit::db::Conn;

type Receiver = Box<dyn Fn(&mut Conn, &dyn Any) -> QueryResult<()> + Send + Sync>;
type AfterReceiver = Box<dyn Fn(&dyn Any) + Send + Sync>;

/// Who listens to what. Filled once, at start; cheap to clone.
#[derive(Clone, Default)]
pub struct Signals(Arc<SignalsBuilder>);

/// Gathers receivers at start.
#[derive(Default)]
pub struct SignalsBuilder {
    within: HashMap<TypeId, Vec<Receiver>>,
    after: HashMap<TypeId, Vec<AfterReceiver>>,
}

impl SignalsBuilder {
    /// From now on `receiver` runs whenever an `E` is sent. The order is that of connecting.
    pub fn connect<E: Any>(&mut self, receiver: impl Fn(&mut Conn, &E) -> QueryResult<()> + Send + Sync + 'static) {
        let receiver = move |conn: &mut Conn, event: &dyn Any| match event.downcast_ref::<E>() {
            Some(event) => receiver(conn, event),
            None => Ok(()),
        };
        self.within.entry(TypeId::of::<E>()).or_default().push(Box::new(receiver));
    }

    /// From now on `receiver` runs whenever an `E` was committed.
    pub fn connect_after<E: Any>(&mut self, receiver: impl Fn(&E) + Send + Sync + 'static) {
        let receiver = move |event: &dyn Any| {
            if let Some(event) = event.downcast_ref::<E>() {
                receiver(event);
            }
        };
        self.after.entry(TypeId::of::<E>()).or_default().push(Box::new(receiver));
    }

    /// No more receivers.
    pub fn build(self) -> Signals {
        Signals(Arc::new(self))
    }
}

impl Signals {
    /// Runs every receiver of `E`, in order, in the transaction that `conn` is in.
    ///
    /// # Errors
    /// The first receiver's that fails: the sender's transaction is rolled back with it.
    pub fn send<E: Any>(&self, conn: &mut Conn, event: &E) -> QueryResult<()> {
        for receiver in self.0.within.get(&TypeId::of::<E>()).into_iter().flatten() {
            receiver(conn, event)?;
        }
        Ok(())
    }

    /// Runs every receiver that waits for an `E` to be committed.
    pub fn after<E: Any>(&self, event: &E) {
        for receiver in self.0.after.get(&TypeId::of::<E>()).into_iter().flatten() {
            receiver(event);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    struct Rang(u32);
    struct Other;

    #[test]
    fn what_comes_after_a_commit_is_told_to_those_who_wait_for_it() {
        let heard = Arc::new(AtomicU32::new(0));
        let mut signals = SignalsBuilder::default();
        for _ in 0..2 {
            let heard = Arc::clone(&heard);
            signals.connect_after(move |event: &Rang| {
                heard.fetch_add(event.0, Ordering::Relaxed);
            });
        }
        let signals = signals.build();
        signals.after(&Rang(5));
        signals.after(&Other);
        assert_eq!(heard.load(Ordering::Relaxed), 10);
    }
}
