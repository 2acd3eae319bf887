//! Chaupal: a community in one binary.
//!
//! The modules below stand in the order of their floors: what stands further down may use what
//! stands further up, never the other way round. `tests/it/floors.rs` keeps it so.
//!
//! Django: `INSTALLED_APPS` and `settings.py`

#![warn(missing_docs)]

pub mod kit;
pub mod schema;

pub mod accounts;
pub mod media;
pub mod rooms;

pub mod lobby;

pub mod projects;

pub mod inbox;
pub mod profiles;

pub mod search;

pub mod demo;
pub mod import_django;

pub mod background;
pub mod server;
pub mod urls;

pub mod cli;
