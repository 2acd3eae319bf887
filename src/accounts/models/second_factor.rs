//! The second factor of an account: an app's codes, and recovery codes for who has lost the app.

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;

use crate::kit::codes::normalize_code;
use crate::kit::db::Conn;
use crate::kit::random;
use crate::kit::time::{self, SKEW};
use crate::schema::{recovery_codes, second_factors};

/// So many recovery codes are made at once.
const RECOVERY_CODES: usize = 10;

/// Number of steps by which the last one may be ahead of a code: more than the tolerance for a phone's clock and ours.
const LEAD: i64 = 6;

/// So long a set-up waits for its first code.
const SETUP: TimeDelta = TimeDelta::hours(1);

/// What is known of somebody's second factor.
#[derive(Clone, Debug, Queryable)]
pub struct SecondFactor {
    /// What the app knows, too.
    pub secret: String,
    /// When a first code was right; none: it does not count yet.
    pub confirmed: Option<NaiveDateTime>,
}

/// A person's second factor, confirmed or not; a set-up that nobody finished in an hour is none.
///
/// # Errors
/// Only the database's.
pub fn find(conn: &mut Conn, user_id: i64) -> QueryResult<Option<SecondFactor>> {
    let columns = (second_factors::secret, second_factors::confirmed);
    let now = time::now();
    let is_new = second_factors::made.gt(now - SETUP).and(second_factors::made.le(now + SKEW));
    let counts = second_factors::confirmed.is_not_null().or(is_new);
    second_factors::table.find(user_id).filter(counts).select(columns).first(conn).optional()
}

/// Forgets set-ups that nobody finished.
///
/// # Errors
/// Only the database's.
pub fn clear_unfinished(conn: &mut Conn) -> QueryResult<usize> {
    let is_over = second_factors::made.is_null().or(second_factors::made.le(time::now() - SETUP));
    diesel::delete(second_factors::table.filter(second_factors::confirmed.is_null()).filter(is_over)).execute(conn)
}

/// The secret of the factor that this person is asked for, if he is.
///
/// # Errors
/// Only the database's.
pub fn required(conn: &mut Conn, user_id: i64) -> QueryResult<Option<String>> {
    Ok(find(conn, user_id)?.filter(|factor| factor.confirmed.is_some()).map(|factor| factor.secret))
}

/// Keeps a secret that is still to be confirmed, in place of an earlier one that was not. Gives whether it did: what counts
/// already stays.
///
/// # Errors
/// Only the database's.
pub fn begin(conn: &mut Conn, user_id: i64, secret: &str) -> QueryResult<bool> {
    if required(conn, user_id)?.is_some() {
        return Ok(false);
    }
    diesel::delete(second_factors::table.find(user_id)).execute(conn)?;
    let values =
        (second_factors::user_id.eq(user_id), second_factors::secret.eq(secret), second_factors::made.eq(time::now()));
    diesel::insert_into(second_factors::table).values(values).execute(conn).map(|_| true)
}

/// A first code was right: from now on it counts. Gives the recovery codes, which are kept nowhere, or none: it counted
/// before.
///
/// # Errors
/// Only the database's.
pub fn confirm(conn: &mut Conn, user_id: i64, step: i64) -> QueryResult<Option<Vec<String>>> {
    let fresh = second_factors::confirmed.is_null().and(second_factors::made.gt(time::now() - SETUP));
    let waiting = second_factors::table.find(user_id).filter(fresh);
    let confirmed = diesel::update(waiting)
        .set((second_factors::confirmed.eq(time::now()), second_factors::last_step.eq(step)))
        .execute(conn)?;
    if confirmed == 1 { renew_recovery_codes(conn, user_id).map(Some) } else { Ok(None) }
}

/// A code of this step was used. Of two who use one code at once, one is let in: gives whether this one is.
///
/// # Errors
/// Only the database's.
pub fn spend_step(conn: &mut Conn, user_id: i64, step: i64) -> QueryResult<bool> {
    // A last step in the future is of a time at which the clock was wrong: its owner would be locked out until then.
    let is_later = second_factors::last_step.lt(step).or(second_factors::last_step.gt(step + LEAD));
    let fresh = second_factors::confirmed.is_not_null().and(is_later);
    let spent = diesel::update(second_factors::table.find(user_id).filter(fresh))
        .set(second_factors::last_step.eq(step))
        .execute(conn)?;
    Ok(spent == 1)
}

/// A recovery code was used; gives whether it was one that is left.
///
/// # Errors
/// Only the database's.
pub fn spend_recovery_code(conn: &mut Conn, user_id: i64, typed: &str) -> QueryResult<bool> {
    let hash = random::token_hash(&plain(typed));
    let own = recovery_codes::user_id.eq(user_id).and(recovery_codes::code_hash.eq(hash));
    diesel::delete(recovery_codes::table.filter(own)).execute(conn).map(|spent| spent == 1)
}

/// How many recovery codes are left.
///
/// # Errors
/// Only the database's.
pub fn recovery_codes_left(conn: &mut Conn, user_id: i64) -> QueryResult<i64> {
    recovery_codes::table.filter(recovery_codes::user_id.eq(user_id)).count().get_result(conn)
}

/// Makes ten new recovery codes; earlier ones are worth nothing then.
///
/// # Errors
/// Only the database's.
pub fn renew_recovery_codes(conn: &mut Conn, user_id: i64) -> QueryResult<Vec<String>> {
    diesel::delete(recovery_codes::table.filter(recovery_codes::user_id.eq(user_id))).execute(conn)?;
    let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| recovery_code()).collect();
    for code in &codes {
        let hash = random::token_hash(&plain(code));
        diesel::insert_into(recovery_codes::table)
            .values((recovery_codes::user_id.eq(user_id), recovery_codes::code_hash.eq(hash)))
            .execute(conn)?;
    }
    Ok(codes)
}

/// Asks for it no more; gives whether it was asked for, or prepared.
///
/// # Errors
/// Only the database's.
pub fn remove(conn: &mut Conn, user_id: i64) -> QueryResult<bool> {
    diesel::delete(recovery_codes::table.filter(recovery_codes::user_id.eq(user_id))).execute(conn)?;
    diesel::delete(second_factors::table.find(user_id)).execute(conn).map(|gone| gone > 0)
}

/// `k7qf-2mzd-x4tw`: 60 random bits, in letters and digits that are hard to take for each other.
fn recovery_code() -> String {
    const SIGNS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
    let signs: Vec<char> =
        random::bytes::<12>().into_iter().map(|byte| char::from(SIGNS[usize::from(byte % 32)])).collect();
    signs.chunks(4).map(|part| part.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// As it was made, whatever spaces, hyphens, capitals and digits it is typed with.
fn plain(code: &str) -> String {
    normalize_code(code).chars().filter(char::is_ascii_alphanumeric).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recovery_codes_are_read_as_people_type_them() {
        let code = recovery_code();
        assert_eq!((code.len(), plain(&code).len()), (14, 12));
        assert_eq!(plain(&code.to_uppercase().replace('-', " ")), plain(&code));
        assert_eq!(plain("\u{2068}Ｋ७QF\u{2011}２mzd\u{202f}X4TW\u{2069}"), "k7qf2mzdx4tw");
        assert_ne!(recovery_code(), code);
    }
}
