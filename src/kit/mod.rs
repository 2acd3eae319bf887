//! What every app stands on. No app is known here.

pub mod address;
pub mod assets;
pub mod body;
pub mod bulk;
pub mod clock;
pub mod codes;
pub mod config;
pub mod connections;
pub mod cookies;
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
pub mod mail;
pub mod markdown;
pub mod metrics;
pub mod migrations;
pub mod multipart;
pub mod named;
pub mod origin;
pub mod outbox;
pub mod paginate;
pub mod paths;
pub mod pictures;
pub mod progress;
pub mod q;
pub mod qr;
pub mod random;
pub mod readiness;
pub mod signals;
pub mod slug;
pub mod stopping;
pub mod storage;
pub mod system;
pub mod templates;
pub mod throttle;
pub mod time;

#[cfg(test)]
pub mod fuzz;
