//! Profiles and skills.
//!
//! Django: `users/models.py` of DevSearch

pub mod profile;
pub mod skill;
