//! Django: `chat/views.py` of chat_app

pub mod rooms;
pub mod tutorial;

use crate::accounts::guards::{Gate, Viewer};
use crate::kit::error::Error;
use crate::kit::throttle::Scope;
use crate::lobby::models::Speaker;

/// Counts one attempt: of a person, or of the address that a guest comes from.
fn count(gate: &Gate<'_>, viewer: &Viewer<'_>) -> Result<(), Error> {
    match viewer.id() {
        Some(id) => gate.by_key(Scope::Post, &format!("user:{id}")),
        None => gate.by_address(Scope::Post),
    }
}

/// Who speaks: the person who is logged in, whatever name was typed; else the guest.
fn speaker(viewer: &Viewer<'_>, guest: String) -> Speaker {
    viewer.0.map_or(Speaker::Guest(guest), |user| Speaker::Person(user.person()))
}
