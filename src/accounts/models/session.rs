//! Log-ins that last.
//!
//! Django: `django.contrib.sessions.models`

use std::collections::HashSet;

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Timestamp};

use super::{User, second_factor};
use crate::kit::db::{Bind, Conn, number_list, prepared};
use crate::kit::random;
use crate::kit::time::{self, SKEW};
use crate::schema::{registrations, sessions, stash};

/// A log-in that lasts. The cookie holds the token, the database its hash.
///
/// Django: `Session`
#[derive(Clone, Debug, Queryable)]
pub struct Session {
    /// Its number.
    pub id: i64,
    /// SHA-256 of the token.
    pub token_hash: String,
    /// Whose it is.
    pub user_id: i64,
    /// When it began.
    pub created: NaiveDateTime,
    /// When it was last used, to within some minutes.
    pub last_seen: NaiveDateTime,
    /// When it ends.
    pub expires: NaiveDateTime,
    /// What the browser calls itself.
    pub user_agent: String,
    /// Where it logged in from.
    pub address: String,
}

/// Who is logged in, and by which session.
#[derive(Debug, QueryableByName)]
pub struct CurrentSession {
    /// The person.
    #[diesel(embed)]
    pub user: User,
    /// The session's number.
    #[diesel(sql_type = BigInt)]
    pub session_id: i64,
    /// When it was last used, to within some minutes.
    #[diesel(sql_type = Timestamp)]
    pub session_last_seen: NaiveDateTime,
}

impl Session {
    /// Begins a session and gives its token, which is kept nowhere.
    ///
    /// # Errors
    /// Only the database's.
    pub fn begin(conn: &mut Conn, user_id: i64, days: i64, user_agent: &str, address: &str) -> QueryResult<String> {
        let token = random::token(32);
        let now = time::now();
        let cut = |text: &str| text.chars().filter(|c| *c != '\0').take(200).collect::<String>();
        diesel::insert_into(sessions::table)
            .values((
                sessions::token_hash.eq(random::token_hash(&token)),
                sessions::user_id.eq(user_id),
                sessions::created.eq(now),
                sessions::last_seen.eq(now),
                sessions::expires.eq(now + TimeDelta::days(days)),
                sessions::user_agent.eq(cut(user_agent)),
                sessions::address.eq(cut(address)),
            ))
            .execute(conn)?;
        Ok(token)
    }

    /// The session of this token and its person, unless it is over or the person disabled. One from the future was begun
    /// while the clock was wrong, and would last too long.
    ///
    /// # Errors
    /// Only the database's.
    pub fn current(conn: &mut Conn, token: &str) -> QueryResult<Option<CurrentSession>> {
        // Each request of a member asks this; Diesel would write its statement anew each time.
        let sql = "SELECT u.*, s.id AS session_id, s.last_seen AS session_last_seen \
                   FROM sessions s JOIN users u ON u.id = s.user_id \
                   WHERE s.token_hash = ? AND s.expires > ? AND s.created <= ? AND u.is_active";
        let now = time::now();
        let values: [Bind; 3] = [random::token_hash(token).into(), now.into(), (now + SKEW).into()];
        prepared(sql, values).get_result(conn).optional()
    }

    /// Which of these sessions still hold.
    ///
    /// # Errors
    /// Only the database's.
    pub fn living(conn: &mut Conn, ids: &HashSet<i64>) -> QueryResult<HashSet<i64>> {
        #[derive(QueryableByName)]
        struct Living {
            #[diesel(sql_type = BigInt)]
            id: i64,
            #[diesel(sql_type = Timestamp)]
            created: NaiveDateTime,
            #[diesel(sql_type = Timestamp)]
            expires: NaiveDateTime,
        }
        let (marks, numbers) = number_list(ids.iter().copied());
        let sql = format!(
            "SELECT s.id, s.created, s.expires FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.is_active AND s.id IN ({marks})"
        );
        let now = time::now();
        let found: Vec<Living> = prepared(sql, numbers).load(conn)?;
        let is_good = |session: &Living| session.expires > now && session.created <= now + SKEW;
        Ok(found.into_iter().filter(is_good).map(|session| session.id).collect())
    }

    /// Ends the session of this token.
    ///
    /// # Errors
    /// Only the database's.
    pub fn end(conn: &mut Conn, token: &str) -> QueryResult<()> {
        diesel::delete(sessions::table.filter(sessions::token_hash.eq(random::token_hash(token))))
            .execute(conn)
            .map(drop)
    }

    /// A person's sessions that still hold, the one that was used last first.
    ///
    /// # Errors
    /// Only the database's.
    pub fn of(conn: &mut Conn, user_id: i64) -> QueryResult<Vec<Self>> {
        let now = time::now();
        let is_good = sessions::expires.gt(now).and(sessions::created.le(now + SKEW));
        sessions::table
            .filter(sessions::user_id.eq(user_id).and(is_good))
            .order((sessions::last_seen.desc(), sessions::id.desc()))
            .load(conn)
    }

    /// Ends one session of this person; gives whether there was such a one.
    ///
    /// # Errors
    /// Only the database's.
    pub fn end_one(conn: &mut Conn, user_id: i64, id: i64) -> QueryResult<bool> {
        diesel::delete(sessions::table.find(id).filter(sessions::user_id.eq(user_id)))
            .execute(conn)
            .map(|ended| ended > 0)
    }

    /// Ends a person's sessions but this one; gives their numbers.
    ///
    /// # Errors
    /// Only the database's.
    pub fn end_others(conn: &mut Conn, user_id: i64, this: i64) -> QueryResult<HashSet<i64>> {
        let others = sessions::table.filter(sessions::user_id.eq(user_id).and(sessions::id.ne(this)));
        let ended: Vec<i64> = diesel::delete(others).returning(sessions::id).get_results(conn)?;
        Ok(ended.into_iter().collect())
    }

    /// Ends all sessions of a person.
    ///
    /// # Errors
    /// Only the database's.
    pub fn end_all(conn: &mut Conn, user_id: i64) -> QueryResult<usize> {
        diesel::delete(sessions::table.filter(sessions::user_id.eq(user_id))).execute(conn)
    }

    /// Notes that the session is in use.
    ///
    /// # Errors
    /// Only the database's.
    pub fn touch(conn: &mut Conn, id: i64) -> QueryResult<()> {
        diesel::update(sessions::table.find(id)).set(sessions::last_seen.eq(time::now())).execute(conn).map(drop)
    }
}

/// Forgets what is over: sessions, registrations that nobody confirmed, kept texts, second factors that nobody finished.
///
/// Django: `clearsessions`
///
/// # Errors
/// Only the database's.
pub fn clear_expired(conn: &mut Conn) -> QueryResult<usize> {
    let now = time::now();
    let sessions = diesel::delete(sessions::table.filter(sessions::expires.le(now))).execute(conn)?;
    let wishes = diesel::delete(registrations::table.filter(registrations::expires.le(now))).execute(conn)?;
    let texts = diesel::delete(stash::table.filter(stash::expires.le(now))).execute(conn)?;
    Ok(sessions + wishes + texts + second_factor::clear_unfinished(conn)?)
}
