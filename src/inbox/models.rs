//! Messages from one person to another. How many are unread stands with the recipient's account; the database counts.
//!
//! Django: `Message` of DevSearch

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use serde::Serialize;

use crate::accounts::models::{PERSON, Person};
use crate::kit::db::{Conn, count_to, slice, substr};
use crate::kit::markdown;
use crate::kit::time::{self, as_iso};
use crate::schema::{inbox_messages, users};

/// A message in somebody's inbox.
#[derive(Clone, Debug, Serialize)]
pub struct InboxMessage {
    /// Its number.
    pub id: i64,
    /// Its page.
    pub url: String,
    /// Who wrote it, if he was logged in and is still here.
    pub sender: Option<Person>,
    /// What he was called then, or called himself.
    pub name: String,
    /// The address that a stranger gave; empty for who was logged in.
    pub email: String,
    /// One line.
    pub subject: String,
    /// As `kit::markdown` made it.
    pub body_html: String,
    /// Whether it was opened.
    pub is_read: bool,
    /// When it came.
    #[serde(serialize_with = "as_iso")]
    pub created: NaiveDateTime,
}

type Columns = (i64, String, String, String, String, bool, NaiveDateTime);
type Row = (Columns, Option<Person>);

impl From<Row> for InboxMessage {
    fn from(((id, name, email, subject, body_html, is_read, created), sender): Row) -> Self {
        Self { id, url: format!("/inbox/{id}"), sender, name, email, subject, body_html, is_read, created }
    }
}

/// The messages of one recipient; a macro, since no function can name the query's type shortly.
macro_rules! inbox_of {
    ($recipient:expr, $html:expr) => {
        inbox_messages::table
            .left_join(users::table)
            .select((
                (
                    inbox_messages::id,
                    inbox_messages::name,
                    inbox_messages::email,
                    inbox_messages::subject,
                    $html,
                    inbox_messages::is_read,
                    inbox_messages::created,
                ),
                PERSON.nullable(),
            ))
            .filter(inbox_messages::recipient_id.eq($recipient))
    };
}

/// How many messages a person has, counted as far as `most`.
///
/// # Errors
/// Only the database's.
pub fn count(conn: &mut Conn, recipient_id: i64, most: i64) -> QueryResult<i64> {
    let own = inbox_messages::table.select(inbox_messages::id).filter(inbox_messages::recipient_id.eq(recipient_id));
    count_to(conn, own, most)
}

/// A person's messages, the unread ones first, then the newest.
///
/// Django: `profile.messages.all()` with `ordering = ["is_read", "-created"]`
///
/// # Errors
/// Only the database's.
pub fn list(conn: &mut Conn, recipient_id: i64, offset: i64, limit: i64) -> QueryResult<Vec<InboxMessage>> {
    // A list shows nothing of the words.
    let query = inbox_of!(recipient_id, substr(inbox_messages::body_html, 1, 0)).order((
        inbox_messages::is_read,
        inbox_messages::created.desc(),
        inbox_messages::id.desc(),
    ));
    let rows: Vec<Row> = slice(query, offset, limit).load(conn)?;
    Ok(rows.into_iter().map(InboxMessage::from).collect())
}

/// One of this person's messages.
///
/// # Errors
/// [`DieselError::NotFound`]: there is none, or it is another's.
pub fn find(conn: &mut Conn, recipient_id: i64, id: i64) -> QueryResult<InboxMessage> {
    inbox_of!(recipient_id, inbox_messages::body_html)
        .filter(inbox_messages::id.eq(id))
        .first::<Row>(conn)
        .map(InboxMessage::from)
}

/// It was opened; gives how many are unread now.
///
/// # Errors
/// Only the database's.
pub fn mark_read(conn: &mut Conn, recipient_id: i64, id: i64) -> QueryResult<i64> {
    let unread = inbox_messages::recipient_id.eq(recipient_id).and(inbox_messages::is_read.eq(false));
    diesel::update(inbox_messages::table.find(id).filter(unread))
        .set(inbox_messages::is_read.eq(true))
        .execute(conn)?;
    users::table.find(recipient_id).select(users::inbox_unread).first(conn)
}

/// Takes a message out of the inbox.
///
/// # Errors
/// [`DieselError::NotFound`]: there is none, or it is another's.
pub fn delete(conn: &mut Conn, recipient_id: i64, id: i64) -> QueryResult<()> {
    let own = inbox_messages::table.find(id).filter(inbox_messages::recipient_id.eq(recipient_id));
    match diesel::delete(own).execute(conn)? {
        0 => Err(DieselError::NotFound),
        _ => Ok(()),
    }
}

/// A message that is about to be written.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// To whom.
    pub recipient_id: i64,
    /// Who writes, if he is logged in.
    pub sender_id: Option<i64>,
    /// What he is called.
    pub name: String,
    /// A stranger's address; empty for who is logged in.
    pub email: String,
    /// One line.
    pub subject: String,
    /// Markdown.
    pub body: String,
}

/// Puts it into the inbox.
///
/// # Errors
/// Only the database's; it refuses a message to oneself.
pub fn write(conn: &mut Conn, new: &NewMessage) -> QueryResult<()> {
    diesel::insert_into(inbox_messages::table)
        .values((
            inbox_messages::recipient_id.eq(new.recipient_id),
            inbox_messages::sender_id.eq(new.sender_id),
            inbox_messages::name.eq(&new.name),
            inbox_messages::email.eq(&new.email),
            inbox_messages::subject.eq(&new.subject),
            inbox_messages::body.eq(&new.body),
            inbox_messages::body_html.eq(markdown::render(&new.body)),
            inbox_messages::is_read.eq(false),
            inbox_messages::created.eq(time::now()),
        ))
        .execute(conn)
        .map(drop)
}

/// A message as it is taken along: the other's name, subject, words, when.
pub type Taken = (String, String, String, NaiveDateTime);

/// What this person got, oldest first.
///
/// # Errors
/// Only the database's.
pub fn received(conn: &mut Conn, user_id: i64) -> QueryResult<Vec<Taken>> {
    inbox_messages::table
        .filter(inbox_messages::recipient_id.eq(user_id))
        .order(inbox_messages::id)
        .select((inbox_messages::name, inbox_messages::subject, inbox_messages::body, inbox_messages::created))
        .load(conn)
}

/// What this person wrote, oldest first, with the user name of whom he wrote to.
///
/// # Errors
/// Only the database's.
pub fn sent(conn: &mut Conn, user_id: i64) -> QueryResult<Vec<Taken>> {
    inbox_messages::table
        .inner_join(users::table.on(users::id.eq(inbox_messages::recipient_id)))
        .filter(inbox_messages::sender_id.eq(user_id))
        .order(inbox_messages::id)
        .select((users::username, inbox_messages::subject, inbox_messages::body, inbox_messages::created))
        .load(conn)
}
