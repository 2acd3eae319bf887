//! Searching, on either database.

use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamp};
use serde::Serialize;

use super::excerpt::{Piece, answers, excerpt, marked};
use super::query::Query;
use super::rank::score;
use crate::accounts::models::Person;
use crate::kit::db::{Conn, MultiBackend};
use crate::kit::markdown;
use crate::kit::time::as_iso;
use crate::projects::models::project;
use crate::rooms::models::room;

/// What can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A room; none of the lobby.
    Room,
    /// Something said in one.
    Message,
    /// Somebody, unless he is disabled.
    Person,
    /// Something that somebody made.
    Project,
}

impl Kind {
    /// All of them, in the order in which a page names them.
    pub const ALL: [Self; 4] = [Self::Room, Self::Message, Self::Person, Self::Project];

    /// As it stands in an address.
    pub fn key(self) -> &'static str {
        match self {
            Self::Room => "rooms",
            Self::Message => "messages",
            Self::Person => "people",
            Self::Project => "projects",
        }
    }

    /// The kind of this [`key`](Self::key).
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.key() == key)
    }

    /// The first words of the names of its table of words and its view of texts, and its table.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Room => ("room", "rooms"),
            Self::Message => ("message", "messages"),
            Self::Person => ("person", "users"),
            Self::Project => ("project", "projects"),
        }
    }

    /// What is read of those whose numbers are `f.id`.
    fn columns(self) -> &'static str {
        match self {
            Self::Room => {
                "r.id, r.name AS title, r.description AS text, coalesce(t.name, '') AS labels, '' AS intro, \
                 u.id AS who_id, u.username, u.name, r.id AS room_id, r.created \
                 FROM f JOIN rooms r ON r.id = f.id LEFT JOIN topics t ON t.id = r.topic_id \
                 LEFT JOIN users u ON u.id = r.host_id"
            }
            Self::Message => {
                "m.id, r.name AS title, substr(m.body, 1, 4000) AS text, '' AS labels, '' AS intro, \
                 u.id AS who_id, u.username, u.name, m.room_id, m.created \
                 FROM f JOIN messages m ON m.id = f.id JOIN rooms r ON r.id = m.room_id LEFT JOIN users u ON u.id = m.user_id"
            }
            Self::Person => {
                "u.id, u.name AS title, substr(coalesce(p.bio, ''), 1, 4000) AS text, \
                 coalesce((SELECT GROUPED(s.name, ', ') FROM skills s WHERE s.user_id = u.id), '') AS labels, \
                 coalesce(p.short_intro, '') AS intro, \
                 u.id AS who_id, u.username, u.name, u.id AS room_id, u.date_joined AS created \
                 FROM f JOIN users u ON u.id = f.id LEFT JOIN profiles p ON p.user_id = u.id"
            }
            Self::Project => {
                "p.id, p.title, substr(p.description, 1, 4000) AS text, \
                 coalesce((SELECT GROUPED(t.name, ', ') FROM project_tags pt JOIN tags t ON t.id = pt.tag_id \
                           WHERE pt.project_id = p.id), '') AS labels, '' AS intro, \
                 u.id AS who_id, u.username, u.name, p.id AS room_id, p.created \
                 FROM f JOIN projects p ON p.id = f.id LEFT JOIN users u ON u.id = p.owner_id"
            }
        }
    }
}

/// Something that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Hit {
    /// What it is.
    pub kind: Kind,
    /// Its number.
    pub id: i64,
    /// Its name; of a message, the name of its room.
    pub title: Vec<Piece>,
    /// The words in which it was found, or its first ones.
    pub excerpt: Vec<Piece>,
    /// A room's topic, a person's skills, a project's tags.
    pub labels: Vec<Piece>,
    /// Where it is.
    pub url: String,
    /// The host, the author, the person himself, the owner; none when he is gone.
    pub who: Option<Person>,
    /// When it came here.
    #[serde(serialize_with = "as_iso")]
    pub created: NaiveDateTime,
}

/// Beyond this nothing is counted.
pub const MOST_COUNTED: i64 = 1000;

/// Of a kind so many are ranked and can be looked through: the newest that match, those first whose title does.
pub const MOST_LISTED: i64 = 100;

/// The same where all kinds share a page.
const MOST_MIXED: i64 = 30;

/// A part of a word is looked for in so many of the newest of each kind.
const NEWEST: i64 = 1000;

/// How many there are of each kind, in the order of [`Kind::ALL`]; more than [`MOST_COUNTED`] is one more than that.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Counts([i64; 4]);

impl Counts {
    /// Of this kind.
    pub fn of(&self, kind: Kind) -> i64 {
        self.0[kind as usize]
    }

    /// Of all kinds.
    pub fn total(&self) -> i64 {
        self.0.iter().sum()
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Found {
    /// How many of each kind.
    pub counts: Counts,
    /// The words are nowhere; these have them inside others.
    pub is_in_part: bool,
    /// The best first, at most [`MOST_LISTED`] of a kind.
    hits: Vec<Candidate>,
    query: Option<Query>,
}

impl Found {
    /// How many can be looked through.
    pub fn len(&self) -> usize {
        self.hits.len()
    }

    /// Nothing was found.
    pub fn is_empty(&self) -> bool {
        self.hits.is_empty()
    }

    /// Some of them, as they are shown.
    pub fn shown(&self, offset: usize, limit: usize) -> Vec<Hit> {
        let Some(query) = &self.query else { return Vec::new() };
        self.hits.iter().skip(offset).take(limit).map(|candidate| candidate.shown(query)).collect()
    }

    /// The best of all kinds, but some of each kind that has any.
    pub fn mixed(&self, limit: usize) -> Vec<Hit> {
        let Some(query) = &self.query else { return Vec::new() };
        let quota = limit / Kind::ALL.len();
        let mut taken = [0; 4];
        let (mut first, mut later) = (Vec::new(), Vec::new());
        for candidate in &self.hits {
            let taken = &mut taken[candidate.kind as usize];
            *taken += 1;
            if *taken <= quota { first.push(candidate) } else { later.push(candidate) }
        }
        first.extend(later.into_iter().take(limit - first.len()));
        first.sort_by(|a, b| b.score.total_cmp(&a.score));
        first.into_iter().map(|candidate| candidate.shown(query)).collect()
    }
}

#[derive(Debug, QueryableByName)]
struct Row {
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
    #[diesel(sql_type = BigInt)]
    room_id: i64,
    #[diesel(sql_type = Timestamp)]
    created: NaiveDateTime,
}

#[derive(Debug)]
struct Candidate {
    kind: Kind,
    row: Row,
    score: f64,
}

impl Candidate {
    fn new(kind: Kind, row: Row, query: &Query) -> Self {
        let username = row.username.as_deref().unwrap_or_default();
        let score = match kind {
            Kind::Room => score(query, &[(8.0, &row.title), (3.0, &row.labels), (1.0, &row.text)]),
            Kind::Message => score(query, &[(1.0, &row.text)]),
            Kind::Person => {
                // Mostly the same word in two spellings.
                let named = f64::max(score(query, &[(8.0, &row.title)]), score(query, &[(8.0, username)]));
                named + score(query, &[(3.0, &row.labels), (2.0, &row.intro), (1.0, &row.text)])
            }
            Kind::Project => score(query, &[(8.0, &row.title), (3.0, &row.labels), (1.0, &row.text)]),
        };
        Self { kind, row, score }
    }

    fn shown(&self, query: &Query) -> Hit {
        let Row { id, title, text, labels, intro, who_id, username, name, room_id, created } = &self.row;
        let who = match (who_id, username, name) {
            (Some(id), Some(username), Some(name)) => {
                Some(Person { id: *id, username: username.clone(), name: name.clone() })
            }
            _ => None,
        };
        let text = markdown::plain(text);
        let texts = [intro.as_str(), &text];
        let telling = texts.iter().find(|text| answers(query, text));
        let telling = telling.or_else(|| texts.iter().find(|text| !text.is_empty())).unwrap_or(&"");
        let url = match self.kind {
            Kind::Room => room::url(*id),
            Kind::Message => format!("{}?at={id}#message-{id}", room::url(*room_id)),
            Kind::Person => who.as_ref().map(Person::url).unwrap_or_default(),
            Kind::Project => project::url(*id),
        };
        let title = match (self.kind, &who) {
            // Not its own words.
            (Kind::Message, _) => vec![Piece { text: title.clone(), marked: false }],
            (Kind::Person, Some(who)) => marked(query, who.shown_name()),
            _ => marked(query, title),
        };
        Hit {
            kind: self.kind,
            id: *id,
            title,
            excerpt: excerpt(query, telling),
            labels: excerpt(query, labels),
            url,
            who,
            created: *created,
        }
    }
}

/// Searches for all kinds, or one: at most six statements. What stands nowhere as a word is looked for inside
/// of words, among the newest of each kind.
///
/// # Errors
/// Only the database's.
pub fn search(conn: &mut Conn, query: &Query, only: Option<Kind>) -> QueryResult<Found> {
    if query.is_empty() {
        return Ok(Found::default());
    }
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|kind| only.is_none_or(|only| only == *kind)).collect();
    let (whole, inside) = (query.whole(), query.inside());
    let (by_kind, mut counts) = match counts(conn, query, &whole) {
        Ok(counted) => counted,
        // A letter that SQLite does not know yet parts a word, and where its parts stand is not kept.
        Err(DieselError::DatabaseError(_, told)) if told.message().contains("phrase queries are not supported") => {
            ([query; 4], Counts::default())
        }
        Err(error) => return Err(error),
    };
    let is_in_part = counts.total() == 0;
    let asked = if is_in_part { &inside } else { query };
    let most = if only.is_some() { MOST_LISTED } else { MOST_MIXED };
    let mut hits = Vec::new();
    for kind in if is_in_part { Kind::ALL.to_vec() } else { kinds } {
        if !is_in_part && counts.of(kind) == 0 {
            continue;
        }
        let (ids, binds) = if is_in_part { inside_words(kind, asked) } else { by_words(conn, kind, by_kind[kind as usize], most) };
        let rows = load(conn, kind, &ids, binds)?;
        if is_in_part {
            counts.0[kind as usize] = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        }
        if only.is_none_or(|only| only == kind) {
            hits.extend(rows.into_iter().map(|row| Candidate::new(kind, row, asked)));
        }
    }
    // Among equals the newest, as they came.
    hits.sort_by(|a, b| b.score.total_cmp(&a.score));
    if only.is_some() {
        hits.truncate(usize::try_from(MOST_LISTED).unwrap_or(usize::MAX));
    }
    Ok(Found { counts, is_in_part, hits, query: Some(asked.clone()) })
}

/// The numbers of those that match, as a query, with what is to be bound: `$1` on; the newest first.
fn matching(conn: &Conn, kind: Kind, query: &Query, title: bool, place: usize) -> (String, String) {
    let (name, _) = kind.names();
    match conn {
        Conn::Sqlite(_) => (
            format!("SELECT rowid AS id FROM {name}_words WHERE {name}_words MATCH ${place}"),
            query.for_fts5(title),
        ),
        Conn::Postgres(_) => (
            format!("SELECT id FROM {name}_words WHERE words @@ to_tsquery('simple', ${place})"),
            query.for_tsquery(title),
        ),
    }
}

fn by_words(conn: &Conn, kind: Kind, query: &Query, most: i64) -> (String, Vec<String>) {
    let (newest, all) = matching(conn, kind, query, false, 1);
    if kind == Kind::Message {
        return (format!("{newest} ORDER BY id DESC LIMIT {most}"), vec![all]);
    }
    let (titled, in_title) = matching(conn, kind, query, true, 2);
    let ids = format!(
        "SELECT id FROM ({newest} ORDER BY id DESC LIMIT {most}) AS a \
         UNION SELECT id FROM ({titled} ORDER BY id DESC LIMIT {most}) AS b"
    );
    (ids, vec![all, in_title])
}

fn inside_words(kind: Kind, query: &Query) -> (String, Vec<String>) {
    let (name, table) = kind.names();
    let patterns = query.patterns();
    let conditions: Vec<String> =
        (1..=patterns.len()).map(|place| format!("fold(title || ' ' || rest) LIKE ${place} ESCAPE '\\'")).collect();
    let ids = format!(
        "SELECT id FROM {name}_texts WHERE id > (SELECT coalesce(max(id), 0) - {NEWEST} FROM {table}) AND {} \
         ORDER BY id DESC LIMIT {MOST_LISTED}",
        conditions.join(" AND ")
    );
    (ids, patterns)
}

/// What to ask each kind for, and how many there are: two statements. Where whole words are enough, the longer ones that begin so are
/// not looked for: it would take long, and show nothing better.
fn counts<'q>(conn: &mut Conn, query: &'q Query, whole: &'q Query) -> QueryResult<([&'q Query; 4], Counts)> {
    let mut by_kind = [query; 4];
    if !query.has_words() {
        return Ok((by_kind, Counts::default()));
    }
    let mut counts = count(conn, [whole; 4], &Kind::ALL)?;
    let (enough, few): (Vec<Kind>, Vec<Kind>) =
        Kind::ALL.into_iter().partition(|kind| counts.of(*kind) > MOST_COUNTED);
    for kind in enough {
        by_kind[kind as usize] = whole;
    }
    if !few.is_empty() {
        let longer = count(conn, by_kind, &few)?;
        for kind in few {
            counts.0[kind as usize] = longer.of(kind);
        }
    }
    Ok((by_kind, counts))
}

fn count(conn: &mut Conn, by_kind: [&Query; 4], kinds: &[Kind]) -> QueryResult<Counts> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        kind: i64,
        #[diesel(sql_type = BigInt)]
        n: i64,
    }
    let (mut parts, mut binds) = (Vec::new(), Vec::new());
    for kind in kinds {
        let (sql, bind) = matching(conn, *kind, by_kind[*kind as usize], false, binds.len() + 1);
        parts.push(format!(
            "SELECT CAST({} AS BIGINT) AS kind, count(*) AS n FROM ({sql} LIMIT {}) AS f",
            *kind as usize,
            MOST_COUNTED + 1
        ));
        binds.push(bind);
    }
    let mut query = diesel::sql_query(parts.join(" UNION ALL ")).into_boxed::<MultiBackend>();
    for bind in binds {
        query = query.bind::<Text, _>(bind);
    }
    let mut counts = Counts::default();
    for row in query.load::<Row>(conn)? {
        if let Some(count) = usize::try_from(row.kind).ok().and_then(|kind| counts.0.get_mut(kind)) {
            *count = row.n;
        }
    }
    Ok(counts)
}

fn load(conn: &mut Conn, kind: Kind, ids: &str, binds: Vec<String>) -> QueryResult<Vec<Row>> {
    let grouped = if matches!(conn, Conn::Sqlite(_)) { "group_concat" } else { "string_agg" };
    let columns = kind.columns().replace("GROUPED", grouped);
    // Not prepared for good: PostgreSQL's plan should go by how common the words are.
    let sql = format!("WITH f AS MATERIALIZED ({ids}) SELECT {columns} ORDER BY f.id DESC");
    let mut query = diesel::sql_query(sql).into_boxed::<MultiBackend>();
    for bind in binds {
        query = query.bind::<Text, _>(bind);
    }
    query.load(conn)
}
