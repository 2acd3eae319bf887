//! Rooms, their topics, messages and people.
//!
//! Django: `base/models.py` of StudyBud

pub mod message;
pub mod participant;
pub mod room;
pub mod topic;
pub mod visit;

/// Numbers for an SQL list. They are numbers: nothing to escape.
fn id_list(ids: impl Iterator<Item = i64>) -> String {
    let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
    // An empty list is no SQL; no row has the number 0.
    if ids.is_empty() { "0".into() } else { ids.join(",") }
}
