//! Projects, tags, reviews.
//!
//! Django: `projects/models.py` of DevSearch

pub mod project;
pub mod review;
pub mod tag;
