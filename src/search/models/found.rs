//! Searching, on either database.

use diesel::prelude::*;
use diesel::result::Error as DieselError;
use diesel::sql_types::{BigInt, Text};

use super::hit::{Candidate, Hit, Row};
use super::kind::Kind;
use super::plenty::{Often, Plenty};
use super::query::Query;
use crate::kit::db::{Conn, MultiBackend, prepared};
use crate::kit::paginate::COUNTED;

/// Of a kind so many are ranked and can be looked through: the newest that match, those first whose title does.
pub const MOST_LISTED: i64 = 100;

/// So many stand on a page.
pub const PER_PAGE: i64 = 20;

/// Where all kinds share a page, each has room for so many at least.
const QUOTA: i64 = PER_PAGE / 4;

/// A part of a word is looked for in so many of the newest of each kind.
const NEWEST: i64 = 1000;

/// So many titles with the words are few: PostgreSQL sorts all of them, where there are more it looks for the newest. Nobody is told
/// their number, so they are counted no further.
const FEW_TITLES: i64 = 500;

/// How many there are of each kind, in the order of [`Kind::ALL`]; more than [`COUNTED`] is one more than that.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    all: [i64; 4],
    /// Those with the words in the title, one more than [`FEW_TITLES`] at most.
    titled: [i64; 4],
    /// Not counted, but still known.
    is_remembered: [bool; 4],
}

impl Counts {
    /// Of this kind.
    pub fn of(&self, kind: Kind) -> i64 {
        self.all[kind as usize]
    }

    /// Of all kinds.
    pub fn total(&self) -> i64 {
        self.all.iter().sum()
    }

    fn set(&mut self, kind: Kind, all: i64, titled: i64) {
        self.all[kind as usize] = all;
        self.titled[kind as usize] = titled;
    }

    /// How many of this kind to rank for a page that all kinds share: as many as there can be room for. Reading and weighing them
    /// takes longer than finding them.
    fn ranked(&self, kind: Kind) -> i64 {
        let others = Kind::ALL.into_iter().filter(|other| *other != kind);
        let room = PER_PAGE - others.map(|other| self.of(other).min(QUOTA)).sum::<i64>();
        // Two numbers, not any: each is a statement of its own.
        if room > 2 * QUOTA { PER_PAGE } else { 2 * QUOTA }
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

    /// The best of all kinds for one page, but some of each kind that has any.
    pub fn mixed(&self) -> Vec<Hit> {
        let Some(query) = &self.query else { return Vec::new() };
        let mut taken = [0; 4];
        let (mut first, mut later) = (Vec::new(), Vec::new());
        for candidate in &self.hits {
            let taken = &mut taken[candidate.kind as usize];
            *taken += 1;
            if *taken <= QUOTA { first.push(candidate) } else { later.push(candidate) }
        }
        let limit = usize::try_from(PER_PAGE).unwrap_or_default();
        first.extend(later.into_iter().take(limit - first.len()));
        first.sort_by(|a, b| b.score.total_cmp(&a.score));
        first.into_iter().map(|candidate| candidate.shown(query)).collect()
    }
}

/// Searches for all kinds, or one, by words: at most six statements, but once more where words turn out to be plenty no more.
///
/// # Errors
/// Only the database's.
pub fn by_words(conn: &mut Conn, plenty: &Plenty, query: &Query, only: Option<Kind>) -> QueryResult<Found> {
    if query.is_empty() {
        return Ok(Found::default());
    }
    let (found, is_sound) = by_counts(conn, plenty, query, only)?;
    // Whoever remembers nothing has to count.
    if is_sound { Ok(found) } else { Ok(by_counts(conn, &Plenty::default(), query, only)?.0) }
}

/// As [`by_words`]; and whether what it remembered is still true. What is not is forgotten.
fn by_counts(conn: &mut Conn, plenty: &Plenty, query: &Query, only: Option<Kind>) -> QueryResult<(Found, bool)> {
    let whole = query.whole();
    let (by_kind, counts) = match counts(conn, plenty, query, &whole) {
        Ok(counted) => counted,
        // A letter that SQLite does not know yet parts a word, and where its parts stand is not kept.
        Err(DieselError::DatabaseError(_, told)) if told.message().contains("phrase queries are not supported") => {
            ([query; 4], Counts::default())
        }
        Err(error) => return Err(error),
    };
    let (mut hits, mut is_sound) = (Vec::new(), true);
    for kind in Kind::ALL {
        if counts.of(kind) > 0 && is_wanted(kind, only) {
            let query_of_kind = by_kind[kind as usize];
            let most = if only.is_some() { MOST_LISTED } else { counts.ranked(kind) };
            let (ids, binds) = candidates(conn, kind, query_of_kind, &counts, most);
            let rows = load(conn, kind, &ids, binds, Plan::Kept)?;
            let loaded = i64::try_from(rows.len()).unwrap_or(i64::MAX);
            // What was plenty a moment ago is not any more.
            if loaded < most && counts.is_remembered[kind as usize] {
                is_sound = false;
                plenty.forget(&query_of_kind.for_tsquery());
            }
            hits.extend(rows.into_iter().map(|row| Candidate::new(kind, row, query)));
        }
    }
    Ok((found(counts, false, hits, query.clone(), only), is_sound))
}

/// Looks inside of words for what stands nowhere as a word, among the newest of each kind: four statements, for which whole texts
/// are read.
///
/// # Errors
/// Only the database's.
pub fn inside_words(conn: &mut Conn, query: &Query, only: Option<Kind>) -> QueryResult<Found> {
    if query.is_empty() {
        return Ok(Found::default());
    }
    let query = query.inside();
    let (mut counts, mut hits) = (Counts::default(), Vec::new());
    for kind in Kind::ALL {
        let (ids, binds) = newest_with(kind, &query);
        let rows = load(conn, kind, &ids, binds, Plan::Anew)?;
        counts.all[kind as usize] = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        if is_wanted(kind, only) {
            hits.extend(rows.into_iter().map(|row| Candidate::new(kind, row, &query)));
        }
    }
    Ok(found(counts, true, hits, query, only))
}

fn is_wanted(kind: Kind, only: Option<Kind>) -> bool {
    only.is_none_or(|only| only == kind)
}

fn found(counts: Counts, is_in_part: bool, mut hits: Vec<Candidate>, query: Query, only: Option<Kind>) -> Found {
    // Among equals the newest, as they came.
    hits.sort_by(|a, b| b.score.total_cmp(&a.score));
    if only.is_some() {
        hits.truncate(usize::try_from(MOST_LISTED).unwrap_or(usize::MAX));
    }
    Found { counts, is_in_part, hits, query: Some(query) }
}

/// The numbers of those that match, as a query, with what is to be bound.
fn matching(conn: &Conn, kind: Kind, query: &Query, title: bool) -> (String, String) {
    let (name, _) = kind.names();
    match conn {
        Conn::Sqlite(_) => {
            (format!("SELECT rowid AS id FROM {name}_words WHERE {name}_words MATCH ?"), query.for_fts5(title))
        }
        Conn::Postgres(_) => {
            let words = words_column(title);
            (format!("SELECT id FROM {name}_words WHERE {words} @@ to_tsquery('simple', ?)"), query.for_tsquery())
        }
    }
}

/// PostgreSQL keeps the words of titles once more, alone.
fn words_column(title: bool) -> &'static str {
    if title { "titles" } else { "words" }
}

/// The newest of those that match. SQLite's index is in that order. PostgreSQL is told which way to go: it finds few by their words and
/// sorts them (`OFFSET 0` keeps it from another order); for many it looks at the newest rows until it has enough (no index
/// knows of `coalesce`). It does not see the text before it has a plan, so that one plan is good for all.
fn newest(conn: &Conn, kind: Kind, query: &Query, title: bool, are_few: bool, most: i64) -> (String, String) {
    let (matching, bind) = matching(conn, kind, query, title);
    if matches!(conn, Conn::Sqlite(_)) {
        return (format!("{matching} ORDER BY id DESC LIMIT {most}"), bind);
    }
    let (name, _) = kind.names();
    let matches = format!("{} @@ (SELECT to_tsquery('simple', ?))", words_column(title));
    let from = if are_few {
        format!("(SELECT id FROM {name}_words WHERE {matches} OFFSET 0) AS few")
    } else {
        format!("{name}_words WHERE coalesce({matches}, false)")
    };
    (format!("SELECT id FROM {from} ORDER BY id DESC LIMIT {most}"), bind)
}

/// The numbers of those to weigh. A title with the whole words goes before all others, one that only begins with them does not.
fn candidates(conn: &Conn, kind: Kind, query: &Query, counts: &Counts, most: i64) -> (String, Vec<String>) {
    let newest_of = |title: bool| {
        let are_few = if title { counts.titled[kind as usize] <= FEW_TITLES } else { counts.of(kind) <= COUNTED };
        newest(conn, kind, query, title, are_few, most)
    };
    match counts.titled[kind as usize] {
        0 => {
            let (ids, bind) = newest_of(false);
            (ids, vec![bind])
        }
        titled if titled >= most && query.is_whole() => {
            let (ids, bind) = newest_of(true);
            (ids, vec![bind])
        }
        _ => {
            let ((all, bind_all), (titled, bind_titled)) = (newest_of(false), newest_of(true));
            let ids = format!("SELECT id FROM ({all}) AS a UNION SELECT id FROM ({titled}) AS b");
            (ids, vec![bind_all, bind_titled])
        }
    }
}

fn newest_with(kind: Kind, query: &Query) -> (String, Vec<String>) {
    let (name, table) = kind.names();
    let patterns = query.patterns();
    let conditions = vec!["fold(title || ' ' || rest) LIKE ? ESCAPE '\\'"; patterns.len()];
    let ids = format!(
        "SELECT id FROM {name}_texts WHERE id > (SELECT coalesce(max(id), 0) - {NEWEST} FROM {table}) AND {} \
         ORDER BY id DESC LIMIT {MOST_LISTED}",
        conditions.join(" AND ")
    );
    (ids, patterns)
}

/// What to ask each kind for, and how many there are: two statements, or fewer. Where whole words are enough, the longer ones that
/// begin so are not looked for: it would take long, and show nothing better.
fn counts<'q>(
    conn: &mut Conn,
    plenty: &Plenty,
    query: &'q Query,
    whole: &'q Query,
) -> QueryResult<([&'q Query; 4], Counts)> {
    let mut by_kind = [query; 4];
    let mut counts = Counts::default();
    if !query.has_words() {
        return Ok((by_kind, counts));
    }
    let mut rest = Kind::ALL.to_vec();
    if whole.for_tsquery() != query.for_tsquery() {
        let enough = count_often(conn, plenty, whole, &rest, true, &mut counts)?;
        for kind in &enough {
            by_kind[*kind as usize] = whole;
        }
        rest.retain(|kind| !enough.contains(kind));
    }
    count_often(conn, plenty, query, &rest, false, &mut counts)?;
    Ok((by_kind, counts))
}

/// Counts these kinds, and tells which have plenty. What is known to be plenty is not counted, nor, as `only_plenty` has it, what is
/// known not to be.
fn count_often(
    conn: &mut Conn,
    plenty: &Plenty,
    query: &Query,
    kinds: &[Kind],
    only_plenty: bool,
    counts: &mut Counts,
) -> QueryResult<Vec<Kind>> {
    let words = query.for_tsquery();
    let known = plenty.of(&words);
    let mut unknown = Vec::new();
    for kind in kinds.iter().copied() {
        match known[kind as usize] {
            Some(Often::Plenty { titled }) => {
                counts.set(kind, COUNTED + 1, titled);
                counts.is_remembered[kind as usize] = true;
            }
            Some(Often::Seldom) if only_plenty => {}
            _ => unknown.push(kind),
        }
    }
    count(conn, query, &unknown, counts)?;
    let is_plenty = |kind: Kind| counts.of(kind) > COUNTED;
    let learned = unknown.into_iter().filter_map(|kind| {
        let titled = counts.titled[kind as usize];
        if is_plenty(kind) {
            Some((kind, Often::Plenty { titled }))
        } else {
            only_plenty.then_some((kind, Often::Seldom))
        }
    });
    plenty.learn(&words, &learned.collect::<Vec<_>>());
    Ok(kinds.iter().copied().filter(|kind| is_plenty(*kind)).collect())
}

/// Counts these kinds.
fn count(conn: &mut Conn, query: &Query, kinds: &[Kind], counts: &mut Counts) -> QueryResult<()> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        kind: i64,
        #[diesel(sql_type = BigInt)]
        n: i64,
        #[diesel(sql_type = BigInt)]
        titled: i64,
    }
    let (mut parts, mut binds) = (Vec::new(), Vec::new());
    for kind in kinds.iter().copied() {
        let (all, bind) = matching(conn, kind, query, false);
        binds.push(bind);
        let mut titled = "CAST(0 AS BIGINT)".to_owned();
        // What is said has no title.
        if kind != Kind::Message {
            let (in_title, bind) = matching(conn, kind, query, true);
            titled = format!("(SELECT count(*) FROM ({in_title} LIMIT {}) AS t)", FEW_TITLES + 1);
            binds.push(bind);
        }
        parts.push(format!(
            "SELECT CAST({} AS BIGINT) AS kind, (SELECT count(*) FROM ({all} LIMIT {}) AS f) AS n, {titled} AS titled",
            kind as usize,
            COUNTED + 1
        ));
    }
    if parts.is_empty() {
        return Ok(());
    }
    // How common the words are decides how they are best counted.
    for row in ask::<Row>(conn, parts.join(" UNION ALL "), binds, Plan::Anew)? {
        if let Some(kind) = Kind::ALL.into_iter().find(|kind| *kind as i64 == row.kind) {
            counts.set(kind, row.n, row.titled);
        }
    }
    Ok(())
}

fn load(conn: &mut Conn, kind: Kind, ids: &str, binds: Vec<String>, plan: Plan) -> QueryResult<Vec<Row>> {
    let grouped = if matches!(conn, Conn::Sqlite(_)) { "group_concat" } else { "string_agg" };
    let columns = kind.columns().replace("GROUPED", grouped);
    ask(conn, format!("WITH f AS MATERIALIZED ({ids}) SELECT {columns} ORDER BY f.id DESC"), binds, plan)
}

/// How PostgreSQL comes to its plan. SQLite's is the same for all texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    /// The statement is kept, and the plan too where PostgreSQL thinks that one is good for all texts.
    Kept,
    /// By what it knows of this text.
    Anew,
}

/// Asks with a text for each `?`.
fn ask<R>(conn: &mut Conn, sql: String, texts: Vec<String>, plan: Plan) -> QueryResult<Vec<R>>
where
    R: QueryableByName<MultiBackend> + 'static,
{
    if matches!(conn, Conn::Sqlite(_)) || plan == Plan::Kept {
        return prepared(sql, texts).load(conn);
    }
    let mut numbered = String::with_capacity(sql.len());
    for (place, piece) in sql.split('?').enumerate() {
        if place > 0 {
            numbered.push_str(&format!("${place}"));
        }
        numbered.push_str(piece);
    }
    let query = diesel::sql_query(numbered).into_boxed::<MultiBackend>();
    texts.into_iter().fold(query, |query, text| query.bind::<Text, _>(text)).load(conn)
}
