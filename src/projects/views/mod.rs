//! Django: `projects/views.py` of DevSearch

pub mod projects;
pub mod reviews;
