//! What every app stands on. No app is known here.

pub mod address;
pub mod assets;
pub mod bulk;
pub mod config;
pub mod csrf;
pub mod db;
pub mod error;
pub mod flash;
pub mod forms;
pub mod fragments;
pub mod headers;
pub mod i18n;
pub mod live;
pub mod logging;
pub mod metrics;
pub mod migrations;
pub mod paginate;
pub mod paths;
pub mod progress;
pub mod random;
pub mod signals;
pub mod stopping;
pub mod system;
pub mod templates;
pub mod throttle;
pub mod time;
