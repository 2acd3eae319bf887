//! The forms of rooms and messages.
//!
//! Django: `RoomForm`

use rocket::FromForm;
use serde::{Deserialize, Serialize};

use crate::kit::forms::{Cleaner, FieldErrors};
use crate::rooms::models::message::MAX_BODY;
use crate::rooms::models::room::{Room, RoomValues};

/// What was typed of a room.
#[derive(Default, Debug, FromForm, Serialize, Deserialize)]
#[serde(default)]
pub struct RoomForm {
    /// At most 200 characters.
    #[field(default = String::new())]
    pub name: String,
    /// At most 100 characters; made when there is none of this name.
    #[field(default = String::new())]
    pub topic: String,
    /// At most 2,000 characters; may stay empty.
    #[field(default = String::new())]
    pub description: String,
}

impl RoomForm {
    /// As the room is now.
    pub fn of(room: &Room) -> Self {
        Self {
            name: room.name.clone(),
            topic: room.topic.as_ref().map(|topic| topic.name.clone()).unwrap_or_default(),
            description: room.description.clone(),
        }
    }

    /// The room's values, or what is wrong.
    ///
    /// # Errors
    /// By field.
    pub fn clean(&self) -> Result<RoomValues, FieldErrors> {
        let mut clean = Cleaner::default();
        let name = clean.line("name", &self.name, 200);
        let topic = clean.line("topic", &self.topic, 100);
        let description = clean.text("description", &self.description, 0, 2000);
        clean.finish(RoomValues { name, topic, description })
    }
}

/// What was typed of a message.
#[derive(Default, Debug, FromForm, Serialize, Deserialize)]
#[serde(default)]
pub struct MessageForm {
    /// 1 to 4,000 characters.
    #[field(default = String::new())]
    pub body: String,
    /// Made by the sending script, so that a repeated try posts once.
    #[field(default = String::new())]
    #[serde(skip)]
    pub client_id: String,
}

impl MessageForm {
    /// The message's words, or what is wrong.
    ///
    /// # Errors
    /// By field.
    pub fn clean(&self) -> Result<String, FieldErrors> {
        let mut clean = Cleaner::default();
        let body = clean.text("body", &self.body, 1, MAX_BODY);
        clean.finish(body)
    }

    /// The client's own id of this message, if it sent a usable one.
    pub fn client_id(&self) -> Option<&str> {
        let fine = (8..=64).contains(&self.client_id.len())
            && self.client_id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        fine.then_some(self.client_id.as_str())
    }
}
