//! The pages of accounts.

pub mod account;
pub mod email_change;
mod entrance;
pub mod leaving;
pub mod login;
pub mod password_change;
pub mod password_reset;
pub mod register;
pub mod second_factor;

pub use entrance::Entrance;
