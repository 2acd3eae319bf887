//! Rooms, their topics, messages and people.
//!
//! Django: `base/models.py` of StudyBud

pub mod activity;
pub mod message;
pub mod participant;
pub mod room;
pub mod topic;
pub mod visit;
