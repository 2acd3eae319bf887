//! People, their sessions, and what the site remembers of itself.

pub mod invite;
pub mod kept;
pub mod look;
mod person;
pub mod registration;
pub mod second_factor;
mod session;
pub mod setting;
mod user;

pub use person::{PERSON, Person, is_seen, shown_name};
pub use session::{CurrentSession, Session, clear_expired};
pub use user::{CreateError, NewUser, User, imported_hashes, legacy_costs};
