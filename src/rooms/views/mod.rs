//! Django: `base/views.py`

pub mod events;
pub mod home;
pub mod messages;
pub mod participants;
pub mod rooms;
