//! Django: `users/views.py` of DevSearch

pub mod developers;
pub mod edit;
pub mod person;
pub mod skills;
