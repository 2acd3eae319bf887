//! The outbox: letters that wait in the database until the mail server takes them. Writing one is part of the
//! transaction that it is about, so a letter is never lost and never sent for something that did not happen; a dead
//! mail server breaks no page.
//!
//! A row holds no words and no secrets, only what the letter is about. It is composed when its turn comes, so that a
//! stolen backup lets nobody in, and asking for a letter costs the same whether it will ever be written.

mod postman;
mod rows;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use chrono::TimeDelta;
use diesel::QueryResult;
use rocket_dyn_templates::context;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::Notify;

use crate::kit::db::Conn;
use crate::kit::error::Error;
use crate::kit::i18n::{Catalogue, FALLBACK, Text};
use crate::kit::mail::Mail;
use crate::kit::templates::Pages;
use crate::kit::time;

pub use postman::Postman;
pub use rows::{Census, census, sweep};

/// A kind of letter: what it is about, and how its words are made from that.
pub trait Letter: Serialize + DeserializeOwned {
    /// Its name in the database.
    const KIND: &'static str;

    /// So long it is worth being delivered late.
    const GOOD_FOR: TimeDelta = TimeDelta::days(2);

    /// What it says, found out in a write transaction, or none: there is nobody (any more) to write to.
    ///
    /// # Errors
    /// The database's; another try may help.
    fn compose(&self, conn: &mut Conn, desk: &Desk) -> Result<Option<Sheet>, Error>;
}

/// What letters are written with.
pub struct Desk {
    /// The templates.
    pub pages: Pages,
    /// All words.
    pub catalogue: Arc<Catalogue>,
    /// Where links lead; never what a request calls its host.
    pub site_url: String,
    /// The key of links that let somebody in.
    pub link_key: [u8; 32],
    /// The site's name just now.
    pub site_name: Box<dyn Fn() -> String + Send + Sync>,
}

/// A letter before it is drawn: every text of it stands in the catalogue.
#[derive(Default)]
pub struct Draft {
    /// One line.
    pub subject: Option<Text>,
    /// What it says, paragraph by paragraph, before the button.
    pub lines: Vec<Text>,
    /// What is to be done: its name and where it leads, a path of the site.
    pub button: Option<(Text, String)>,
    /// What it says after the button, smaller.
    pub notes: Vec<Text>,
}

/// A letter of which all is known. It is drawn when the database is free again: others write while templates are filled.
pub struct Sheet {
    to: String,
    name: String,
    draft: Draft,
}

impl Sheet {
    /// To this address; `name` is what it calls who has it.
    pub fn new(to: &str, name: &str, draft: Draft) -> Self {
        Self { to: to.to_owned(), name: name.to_owned(), draft }
    }
}

impl Desk {
    /// Draws a letter in both of its forms.
    ///
    /// # Errors
    /// [`Error::Internal`] with the template's own words.
    pub fn draw(&self, sheet: Sheet) -> Result<Mail, Error> {
        let Sheet { to, name, draft } = sheet;
        let say = |text: &Text| self.catalogue.t(FALLBACK, text);
        let site = (self.site_name)();
        let with_site = |text: Text| say(&text.with("site", site.as_str()));
        let subject = draft.subject.map(with_site).unwrap_or_default();
        let lines: Vec<String> = draft.lines.into_iter().map(with_site).collect();
        let notes: Vec<String> = draft.notes.into_iter().map(with_site).collect();
        let (button, url) = match draft.button {
            Some((label, path)) => (Some(say(&label)), Some(format!("{}{path}", self.site_url))),
            None => (None, None),
        };
        let context = context! {
            lang: FALLBACK, subject: &subject, name, lines, notes, button, url, site: &site, site_url: &self.site_url,
        };
        let text = self.pages.render("mail/letter.txt", &context)?;
        let html = self.pages.render("mail/letter.html", &context)?;
        Ok(Mail { to, subject, text, html })
    }
}

type Composer = fn(&mut Conn, &str, &Desk) -> Result<Option<Sheet>, Error>;

/// The kinds of letters that the apps write. Filled once, at start.
#[derive(Default)]
pub struct Kinds(HashMap<&'static str, Composer>);

impl Kinds {
    /// From now on letters of this kind can be sent.
    pub fn register<L: Letter>(&mut self) {
        self.0.insert(L::KIND, |conn, params, desk| {
            let letter: L = serde_json::from_str(params).map_err(|error| Error::Internal(error.to_string()))?;
            letter.compose(conn, desk)
        });
    }
}

/// The slot for letters. Cheap to clone; managed state.
#[derive(Clone, Default)]
pub struct Outbox(Arc<Inner>);

#[derive(Default)]
struct Inner {
    is_on: bool,
    news: Notify,
    sent: AtomicU64,
    failures: AtomicU64,
}

impl Outbox {
    /// `is_on`: mail is set up. Otherwise letters are not kept: they would go out late, when it is.
    pub fn new(is_on: bool) -> Self {
        Self(Arc::new(Inner { is_on, ..Inner::default() }))
    }

    /// Whether letters go anywhere.
    pub fn is_on(&self) -> bool {
        self.0.is_on
    }

    /// Puts a letter in, as part of the transaction that `conn` is in.
    ///
    /// # Errors
    /// Only the database's.
    pub fn put<L: Letter>(&self, conn: &mut Conn, letter: &L) -> QueryResult<()> {
        if !self.is_on() {
            return Ok(());
        }
        let params = serde_json::to_string(letter)
            .map_err(|error| diesel::result::Error::SerializationError(Box::new(error)))?;
        rows::insert(conn, L::KIND, &params, time::now() + L::GOOD_FOR)
    }

    /// After the commit: there is something to send. Without this word it goes some seconds later.
    pub fn wake(&self) {
        self.0.news.notify_one();
    }

    /// How many letters this process has sent.
    pub fn sent(&self) -> u64 {
        self.0.sent.load(Ordering::Relaxed)
    }

    /// How often a letter could not be sent.
    pub fn failures(&self) -> u64 {
        self.0.failures.load(Ordering::Relaxed)
    }
}
