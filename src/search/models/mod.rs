//! What was asked, what was found, in which order, and the piece of text that shows why.

pub mod counts;
pub mod excerpt;
pub mod found;
pub mod hit;
pub mod index;
pub mod kind;
pub mod plenty;
pub mod query;
pub mod rank;
mod statements;
