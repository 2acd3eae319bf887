//! The integration tests: the site from outside, as people meet it, on both databases.
//!
//! `./test.sh` runs them; by hand they want `CHAUPAL_TEST_POSTGRES`, the address of a PostgreSQL
//! server, or `CHAUPAL_TEST_QUICK=1`, which leaves that half out.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "this is how a test fails")]

#[macro_use]
mod support;

mod account;
mod accounts;
mod catalogue;
mod commands;
mod concurrency;
mod conditions;
mod connections;
mod cookies;
mod counts;
mod crash;
mod csrf;
mod demo;
mod developers;
mod entrance;
mod floors;
mod http;
mod images;
mod import;
mod import_chat;
mod import_copies;
mod import_devsearch;
mod import_variants;
mod inbox;
mod limits;
mod live;
mod lobby;
mod mail;
mod markdown;
mod media;
mod names;
mod operation;
mod origin;
mod pages;
mod password_reset;
mod permissions;
mod projects;
mod registration;
mod rooms;
mod search;
mod second_factor;
mod setup;
mod storage;
mod template_branches;
mod templates;
mod throttle;
