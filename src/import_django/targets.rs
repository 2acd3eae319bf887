//! What the rows of one table of the source became.

use std::collections::{HashMap, HashSet};

use super::cell::Cell;

/// The ids here, by the ids there.
#[derive(Debug, Default)]
pub(super) struct Targets {
    ids: HashMap<i64, i64>,
    gone: HashSet<i64>,
}

impl Targets {
    /// The row `id` became `target`, which is here.
    pub(super) fn insert(&mut self, id: i64, target: i64) {
        self.ids.insert(id, target);
    }

    /// The row `id` became `target`, which may be gone meanwhile.
    pub(super) fn insert_known(&mut self, id: i64, target: i64, is_here: bool) {
        self.ids.insert(id, target);
        if !is_here {
            self.gone.insert(id);
        }
    }

    /// What the row that `pointer` names became, if it is still here.
    pub(super) fn here(&self, pointer: &Cell) -> Option<i64> {
        let id = pointer.key()?;
        self.ids.get(&id).copied().filter(|_| !self.gone.contains(&id))
    }

    /// What the row that `pointer` names became, gone or not; 0 for none.
    pub(super) fn origin(&self, pointer: &Cell) -> i64 {
        pointer.key().and_then(|id| self.ids.get(&id).copied()).unwrap_or_default()
    }
}
