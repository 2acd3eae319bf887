//! Searching, on either database.

use diesel::prelude::*;
use diesel::result::Error as DieselError;

use super::counts::{Counts, FEW_TITLES, counts};
use super::hit::{Candidate, Hit};
use super::kind::Kind;
use super::plenty::Plenty;
use super::query::Query;
use super::statements::{Plan, load, newest, newest_with};
use crate::kit::db::Conn;
use crate::kit::paginate::COUNTED;

/// Of a kind so many are ranked and can be looked through: the newest that match, those first whose title does.
pub const MOST_LISTED: i64 = 100;

/// So many stand on a page.
pub const PER_PAGE: i64 = 20;

/// Where all kinds share a page, each has room for so many at least.
const QUOTA: i64 = PER_PAGE / 4;

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
            let most = if only.is_some() { MOST_LISTED } else { ranked(&counts, kind) };
            let (ids, binds) = candidates(conn, kind, query_of_kind, &whole, &counts, most);
            let rows = load(conn, kind, &ids, binds, Plan::Kept)?;
            let loaded = i64::try_from(rows.len()).unwrap_or(i64::MAX);
            // What was plenty a moment ago is not any more.
            if loaded < most && counts.is_remembered(kind) {
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
        let (ids, binds) = newest_with(kind, &query, MOST_LISTED);
        let rows = load(conn, kind, &ids, binds, Plan::Anew)?;
        counts.set(kind, i64::try_from(rows.len()).unwrap_or(i64::MAX), 0);
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

/// How many of this kind to rank for a page that all kinds share: as many as there can be room for. Reading and weighing them
/// takes longer than finding them.
fn ranked(counts: &Counts, kind: Kind) -> i64 {
    let others = Kind::ALL.into_iter().filter(|other| *other != kind);
    let room = PER_PAGE - others.map(|other| counts.of(other).min(QUOTA)).sum::<i64>();
    // Two numbers, not any: each is a statement of its own.
    if room > 2 * QUOTA { PER_PAGE } else { 2 * QUOTA }
}

/// The numbers of those to weigh: the newest, the newest of those with the words in the title, and of those with the words themselves where
/// they are only begun; each is left out where the others hold it. A title with the whole words is better than all else, but that of
/// a person is two: his name and what he is called.
fn candidates(
    conn: &Conn,
    kind: Kind,
    query: &Query,
    whole: &Query,
    counts: &Counts,
    most: i64,
) -> (String, Vec<String>) {
    let (all, titled) = (counts.of(kind), counts.titled(kind));
    let newest_of = |title: bool| {
        let are_few = if title { titled <= FEW_TITLES } else { all <= COUNTED };
        newest(conn, kind, query, title, are_few, most)
    };
    let are_titles_enough = titled >= most && query == whole && kind != Kind::Person;
    let mut arms = Vec::new();
    if !are_titles_enough {
        arms.push(newest_of(false));
    }
    if all > most && titled > 0 {
        arms.push(newest_of(true));
    }
    if all > most && query != whole {
        // They are few: else nobody would ask for what they begin.
        arms.push(newest(conn, kind, whole, titled > 0, true, most));
    }
    let (ids, binds): (Vec<String>, Vec<String>) = arms.into_iter().unzip();
    (ids.iter().map(|ids| format!("SELECT id FROM ({ids}) AS arm")).collect::<Vec<_>>().join(" UNION "), binds)
}
