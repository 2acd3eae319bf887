//! Registrations that wait for a word from the e-mail address that they name.

use chrono::TimeDelta;
use diesel::prelude::*;

use super::{CreateError, NewUser, User, invite};
use crate::kit::db::Conn;
use crate::kit::random;
use crate::kit::time::{self, SKEW};
use crate::schema::registrations;

/// How long a link that confirms one works.
const LIFETIME: TimeDelta = TimeDelta::days(1);

/// The account that somebody wants. Its password is chosen behind the link, by the owner of the address.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The address that is to be confirmed.
    pub email: String,
    /// The wished user name; not reserved.
    pub username: String,
    /// See [`NewUser::name`].
    pub name: String,
}

/// Somebody who wants an account.
#[derive(Clone, Debug, Queryable)]
pub struct Pending {
    /// Its number.
    pub id: i64,
    /// The address that is to be confirmed.
    pub email: String,
    /// The wished user name; not reserved.
    pub username: String,
    /// See [`NewUser::name`].
    pub name: String,
    /// The invitation that he came by, on a closed site.
    invite_id: Option<i64>,
}

const COLUMNS: (
    registrations::id,
    registrations::email,
    registrations::username,
    registrations::name,
    registrations::invite_id,
) = (registrations::id, registrations::email, registrations::username, registrations::name, registrations::invite_id);

/// Why a registration could not be finished.
#[derive(Debug)]
pub enum FinishError {
    /// There is no such link, or not any more.
    Expired,
    /// Whoever has no invitation is not taken in any more.
    Closed,
    /// The last place of the invitation was taken meanwhile.
    NoPlace,
    /// The name or the address was taken meanwhile.
    Taken(CreateError),
}

impl From<diesel::result::Error> for FinishError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Taken(error.into())
    }
}

/// Stores a wish and returns its number. Several for one address do not replace each other, since anybody may type it: each has
/// its own link, and the first account that is made wins.
///
/// # Errors
/// Only the database's.
pub fn wish(conn: &mut Conn, new: &Wish, invite_id: Option<i64>) -> QueryResult<i64> {
    let now = time::now();
    diesel::insert_into(registrations::table)
        .values((
            registrations::email.eq(new.email.trim()),
            registrations::username.eq(&new.username),
            registrations::name.eq(&new.name),
            registrations::invite_id.eq(invite_id),
            registrations::created.eq(now),
            registrations::expires.eq(now + LIFETIME),
        ))
        .returning(registrations::id)
        .get_result(conn)
}

/// The wish of this number, if it still stands.
///
/// # Errors
/// Only the database's.
pub fn find(conn: &mut Conn, id: i64) -> QueryResult<Option<Pending>> {
    registrations::table.find(id).select(COLUMNS).first(conn).optional()
}

/// Makes the token of the link that confirms it; an earlier one is worth nothing then.
///
/// # Errors
/// Only the database's.
pub fn make_token(conn: &mut Conn, id: i64) -> QueryResult<String> {
    let token = random::token(24);
    diesel::update(registrations::table.find(id))
        .set(registrations::token_hash.eq(random::token_hash(&token)))
        .execute(conn)?;
    Ok(token)
}

/// The wish that this token confirms, if it is any good.
///
/// # Errors
/// Only the database's.
pub fn by_token(conn: &mut Conn, token: &str) -> QueryResult<Option<Pending>> {
    let now = time::now();
    // One from the future was made while the clock was wrong, and would be good for too long.
    let is_good = registrations::expires.gt(now).and(registrations::created.le(now + SKEW));
    registrations::table
        .filter(registrations::token_hash.eq(random::token_hash(token)).and(is_good))
        .select(COLUMNS)
        .first(conn)
        .optional()
}

/// It is nothing to wait for any more.
///
/// # Errors
/// Only the database's.
pub fn forget(conn: &mut Conn, id: i64) -> QueryResult<bool> {
    diesel::delete(registrations::table.find(id)).execute(conn).map(|gone| gone > 0)
}

/// Makes the account that was chosen behind the link: the address is confirmed by it. Of two clicks at once, one does it.
/// `is_open`: the site takes in who was not invited; it may have been closed since.
///
/// # Errors
/// [`FinishError`]; nothing of it may stay then.
pub fn finish(conn: &mut Conn, token: &str, is_open: bool, chosen: NewUser) -> Result<User, FinishError> {
    let pending = by_token(conn, token)?.ok_or(FinishError::Expired)?;
    if !forget(conn, pending.id)? {
        return Err(FinishError::Expired);
    }
    match pending.invite_id {
        Some(invite_id) if !invite::spend(conn, invite_id)? => return Err(FinishError::NoPlace),
        None if !is_open => return Err(FinishError::Closed),
        _ => {}
    }
    let new = NewUser { email: pending.email, is_superuser: false, email_confirmed: true, ..chosen };
    User::create(conn, &new).map_err(FinishError::Taken)
}
