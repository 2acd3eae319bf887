//! Something that was found, as it is read, weighed and shown.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamp};
use serde::Serialize;

use super::excerpt::{Marked, excerpt, marked};
use super::kind::Kind;
use super::query::Query;
use super::rank::score;
use crate::accounts::models::Person;
use crate::kit::markdown;
use crate::kit::time::as_iso;
use crate::projects::models::project;
use crate::rooms::models::{message, room};

/// Something that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Hit {
    /// What it is.
    pub kind: Kind,
    /// Its number.
    pub id: i64,
    /// Its name; of a message, the name of its room.
    pub title: Marked,
    /// The words in which it was found, or its first ones.
    pub excerpt: Marked,
    /// A room's topic, a person's skills, a project's tags.
    pub labels: Marked,
    /// Where it is.
    pub url: String,
    /// The host, the author, the person himself, the owner; none when he is gone.
    pub who: Option<Person>,
    /// When it came here.
    #[serde(serialize_with = "as_iso")]
    pub created: NaiveDateTime,
}

/// What is read of one, whatever its kind.
#[derive(Debug, QueryableByName)]
pub(super) struct Row {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    title: String,
    #[diesel(sql_type = Text)]
    text: String,
    #[diesel(sql_type = Text)]
    labels: String,
    #[diesel(sql_type = Text)]
    intro: String,
    #[diesel(sql_type = Nullable<BigInt>)]
    who_id: Option<i64>,
    #[diesel(sql_type = Nullable<Text>)]
    username: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    name: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    picture: Option<String>,
    #[diesel(sql_type = BigInt)]
    room_id: i64,
    #[diesel(sql_type = Timestamp)]
    created: NaiveDateTime,
}

/// One that matches, and how well.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) kind: Kind,
    row: Row,
    pub(super) score: f64,
}

impl Candidate {
    pub(super) fn new(kind: Kind, row: Row, query: &Query) -> Self {
        let username = row.username.as_deref().unwrap_or_default();
        let score = match kind {
            Kind::Message => score(query, &[(1.0, &row.text)]),
            Kind::Person => {
                // Mostly the same word in two spellings.
                let named = f64::max(score(query, &[(8.0, &row.title)]), score(query, &[(8.0, username)]));
                named + score(query, &[(3.0, &row.labels), (2.0, &row.intro), (1.0, &row.text)])
            }
            Kind::Room | Kind::Project => score(query, &[(8.0, &row.title), (3.0, &row.labels), (1.0, &row.text)]),
        };
        Self { kind, row, score }
    }

    pub(super) fn shown(&self, query: &Query) -> Hit {
        let Row { id, title, text, labels, intro, who_id, username, name, picture, room_id, created } = &self.row;
        let who = match (who_id, username, name) {
            (Some(id), Some(username), Some(name)) => {
                Some(Person { id: *id, username: username.clone(), name: name.clone(), picture: picture.clone() })
            }
            _ => None,
        };
        let text = markdown::plain(text);
        let url = match self.kind {
            Kind::Room => room::url(*id),
            Kind::Message => message::url(*room_id, *id),
            Kind::Person => who.as_ref().map(Person::url).unwrap_or_default(),
            Kind::Project => project::url(*id),
        };
        let title = match (self.kind, &who) {
            // Not its own words.
            (Kind::Message, _) => Marked::not(title),
            (Kind::Person, Some(who)) => marked(query, who.shown_name()),
            _ => marked(query, title),
        };
        Hit {
            kind: self.kind,
            id: *id,
            title,
            excerpt: excerpt(query, &[intro, &text]),
            labels: excerpt(query, &[labels]),
            url,
            who,
            created: *created,
        }
    }
}
