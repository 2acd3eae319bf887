//! Signals: an app says that something happened, others have said before what they do then.
//!
//! Django: `django.dispatch`. A receiver runs inside the sender's write transaction: either all of
//! it happens, or nothing. What must leave the database (a live event, a mail) is not done here,
//! but after the commit, in the view, where a reader sees it.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;

use diesel::QueryResult;

use crate::kit::db::Conn;

type Receiver = Box<dyn Fn(&mut Conn, &dyn Any) -> QueryResult<()> + Send + Sync>;

/// Who listens to what. Filled once, at start; cheap to clone.
#[derive(Clone, Default)]
pub struct Signals(Arc<HashMap<TypeId, Vec<Receiver>>>);

/// Gathers receivers at start.
#[derive(Default)]
pub struct SignalsBuilder(HashMap<TypeId, Vec<Receiver>>);

impl SignalsBuilder {
    /// From now on `receiver` runs whenever an `E` is sent. The order is that of connecting.
    pub fn connect<E: Any>(&mut self, receiver: impl Fn(&mut Conn, &E) -> QueryResult<()> + Send + Sync + 'static) {
        let receiver = move |conn: &mut Conn, event: &dyn Any| match event.downcast_ref::<E>() {
            Some(event) => receiver(conn, event),
            None => Ok(()),
        };
        self.0.entry(TypeId::of::<E>()).or_default().push(Box::new(receiver));
    }

    /// No more receivers.
    pub fn build(self) -> Signals {
        Signals(Arc::new(self.0))
    }
}

impl Signals {
    /// Runs every receiver of `E`, in order, in the transaction that `conn` is in.
    ///
    /// # Errors
    /// The first receiver's that fails: the sender's transaction is rolled back with it.
    pub fn send<E: Any>(&self, conn: &mut Conn, event: &E) -> QueryResult<()> {
        for receiver in self.0.get(&TypeId::of::<E>()).into_iter().flatten() {
            receiver(conn, event)?;
        }
        Ok(())
    }
}
