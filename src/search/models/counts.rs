//! How many there are to find.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::kind::Kind;
use super::plenty::{Often, Plenty};
use super::query::Query;
use super::statements::{Plan, ask, matching};
use crate::kit::db::Conn;
use crate::kit::paginate::COUNTED;

/// So many titles with the words are few: PostgreSQL sorts all of them, where there are more it looks for the newest. Nobody is told
/// their number, so they are counted no further.
pub(super) const FEW_TITLES: i64 = 500;

/// How many there are of each kind, in the order of [`Kind::ALL`]; more than [`COUNTED`] is one more than that.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    all: [i64; 4],
    titled: [i64; 4],
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

    /// What was counted.
    pub(super) fn set(&mut self, kind: Kind, all: i64, titled: i64) {
        self.all[kind as usize] = all;
        self.titled[kind as usize] = titled;
    }

    /// Those with the words in the title, one more than [`FEW_TITLES`] at most.
    pub(super) fn titled(&self, kind: Kind) -> i64 {
        self.titled[kind as usize]
    }

    /// Whether this kind was not counted, since it was known a short while ago.
    pub(super) fn is_remembered(&self, kind: Kind) -> bool {
        self.is_remembered[kind as usize]
    }
}

/// What to ask each kind for, and how many there are: two statements, or fewer. Where whole words are enough, the longer ones that
/// begin so are not looked for: it would take long, and show nothing better.
pub(super) fn counts<'q>(
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
    if query != whole {
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
        let titled = counts.titled(kind);
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
