//! Pieces of pages that were drawn before: a message, a card. They are kept by all that they show, so
//! one that shows something else is another piece; only the words for how long ago something was
//! grow old, and for them a piece is drawn anew after a while.
//!
//! Django: `{% cache %}`, without a key to think of.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::kit::error::Error;
use crate::kit::templates::Pages;

/// The smallest step of "how long ago" is a minute.
const LIFETIME: Duration = Duration::from_secs(20);

/// Maximum number of bytes of all pieces together: some thousands, of about a kilobyte each.
const MOST: usize = 8 << 20;

/// A drawn piece of HTML; a template puts it in its place with `| safe`.
#[derive(Clone, Debug)]
pub struct Piece(Arc<str>);

impl Serialize for Piece {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// The pieces that this process has drawn lately; managed state.
pub struct Fragments {
    pages: Pages,
    hashers: [RandomState; 2],
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    pieces: HashMap<[u64; 2], (Instant, Piece)>,
    bytes: usize,
}

impl Fragments {
    /// Draws with these templates.
    pub fn new(pages: Pages) -> Self {
        Self { pages, hashers: [RandomState::new(), RandomState::new()], kept: Mutex::default() }
    }

    /// `template`, drawn for `context`.
    ///
    /// # Errors
    /// As [`Pages::render`].
    pub fn draw(&self, template: &'static str, context: &(impl Serialize + Hash)) -> Result<Piece, Error> {
        let whole = (self.pages.generation(), template, context);
        let key = self.hashers.each_ref().map(|hasher| hasher.hash_one(whole));
        let now = Instant::now();
        if let Some(piece) = self.find(key, now) {
            return Ok(piece);
        }
        let piece = self.draw_anew(template, context)?;
        self.keep(key, now, &piece);
        Ok(piece)
    }

    /// The same, where it is not worth keeping.
    ///
    /// # Errors
    /// As [`Pages::render`].
    pub fn draw_anew(&self, template: &'static str, context: &impl Serialize) -> Result<Piece, Error> {
        Ok(Piece(self.pages.render(template, context)?.into()))
    }

    fn find(&self, key: [u64; 2], now: Instant) -> Option<Piece> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.pieces.get(&key).filter(|(drawn, _)| now.duration_since(*drawn) < LIFETIME).map(|(_, piece)| piece.clone())
    }

    fn keep(&self, key: [u64; 2], now: Instant, piece: &Piece) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        // What a piece costs beside its letters.
        let size = |piece: &Piece| piece.0.len() + 100;
        if kept.bytes + size(piece) > MOST {
            kept.pieces.retain(|_, (drawn, _)| now.duration_since(*drawn) < LIFETIME);
            kept.bytes = kept.pieces.values().map(|(_, piece)| size(piece)).sum();
        }
        if kept.bytes + size(piece) <= MOST {
            let replaced = kept.pieces.insert(key, (now, piece.clone()));
            kept.bytes = kept.bytes + size(piece) - replaced.map_or(0, |(_, piece)| size(&piece));
        }
    }
}
