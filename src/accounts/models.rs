//! People, their sessions, and what the site remembers of itself.
//!
//! Django: `django.contrib.auth.models`, `django.contrib.sessions.models`

use std::collections::HashSet;

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::{BigInt, Text, Timestamp};
use serde::Serialize;
use unicode_normalization::char::is_combining_mark;

use crate::accounts::passwords;
use crate::kit::db::{Conn, fold_key, number_list, prepared};
use crate::kit::paginate::encode_query;
use crate::kit::random;
use crate::kit::time;
use crate::schema::{sessions, settings, stash, users};

/// One registered person.
///
/// Django: `User`
#[derive(Clone, Debug, Queryable)]
pub struct User {
    /// Its number.
    pub id: i64,
    /// As typed at registration.
    pub username: String,
    /// Folded: what makes two spellings the same.
    pub username_key: String,
    /// As typed; empty for none.
    pub email: String,
    /// Folded; none for none, so that many may have none.
    pub email_key: Option<String>,
    /// The name that pages show; may be empty.
    pub name: String,
    /// A few words of oneself.
    pub bio: String,
    /// The hash, never the password.
    pub password: String,
    /// A disabled person is anonymous everywhere.
    pub is_active: bool,
    /// May do the work of the staff.
    pub is_staff: bool,
    /// Staff with every permission.
    pub is_superuser: bool,
    /// When he registered.
    pub date_joined: NaiveDateTime,
    /// When he last logged in.
    pub last_login: Option<NaiveDateTime>,
}

/// A person who is about to be written.
#[derive(Clone, Debug, Default)]
pub struct NewUser {
    /// See [`User::username`].
    pub username: String,
    /// See [`User::email`].
    pub email: String,
    /// See [`User::name`].
    pub name: String,
    /// A hash.
    pub password: String,
    /// Staff and superuser at once.
    pub is_superuser: bool,
}

/// Why a person could not be written.
#[derive(Debug)]
pub enum CreateError {
    /// Somebody has this user name, in whatever case.
    UsernameTaken,
    /// Somebody has this e-mail address, in whatever case.
    EmailTaken,
    /// The database.
    Db(DieselError),
}

impl From<DieselError> for CreateError {
    fn from(error: DieselError) -> Self {
        match &error {
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, info) => {
                // SQLite names the column, PostgreSQL the constraint; both hold the column's name.
                let place = format!("{} {}", info.message(), info.constraint_name().unwrap_or_default());
                if place.contains("email_key") { Self::EmailTaken } else { Self::UsernameTaken }
            }
            _ => Self::Db(error),
        }
    }
}

impl User {
    /// Django: `User.objects.create_user`
    ///
    /// # Errors
    /// [`CreateError`]: the unique columns decide, so that of fifty at once one wins.
    pub fn create(conn: &mut Conn, new: &NewUser) -> Result<Self, CreateError> {
        let email = new.email.trim();
        Ok(diesel::insert_into(users::table)
            .values((
                users::username.eq(&new.username),
                users::username_key.eq(fold_key(&new.username)),
                users::email.eq(email),
                users::email_key.eq((!email.is_empty()).then(|| fold_key(email))),
                users::name.eq(&new.name),
                users::bio.eq(""),
                users::password.eq(&new.password),
                users::is_active.eq(true),
                users::is_staff.eq(new.is_superuser),
                users::is_superuser.eq(new.is_superuser),
                users::date_joined.eq(time::now()),
            ))
            .returning(users::all_columns)
            .get_result(conn)?)
    }

    /// By user name or e-mail address, in any case. A user name comes first.
    ///
    /// # Errors
    /// Only the database's.
    pub fn by_login(conn: &mut Conn, login: &str) -> QueryResult<Option<Self>> {
        // PostgreSQL takes no U+0000 in a text, not even to look for it.
        if login.contains('\0') {
            return Ok(None);
        }
        let key = fold_key(login);
        let mut found: Vec<Self> =
            users::table.filter(users::username_key.eq(&key).or(users::email_key.eq(&key))).limit(2).load(conn)?;
        found.sort_by_key(|user| user.username_key != key);
        Ok(found.into_iter().next())
    }

    /// By user name, in any case.
    ///
    /// # Errors
    /// [`DieselError::NotFound`] when there is none.
    pub fn by_username(conn: &mut Conn, username: &str) -> QueryResult<Self> {
        if username.contains('\0') {
            return Err(DieselError::NotFound);
        }
        users::table.filter(users::username_key.eq(fold_key(username))).first(conn)
    }

    /// Whether a person with every permission can log in.
    ///
    /// # Errors
    /// Only the database's.
    pub fn superuser_exists(conn: &mut Conn) -> QueryResult<bool> {
        diesel::select(diesel::dsl::exists(
            users::table.filter(users::is_superuser.eq(true).and(users::is_active.eq(true))),
        ))
        .get_result(conn)
    }

    /// Keeps a new hash.
    ///
    /// # Errors
    /// Only the database's.
    pub fn set_password(conn: &mut Conn, id: i64, hash: &str) -> QueryResult<()> {
        diesel::update(users::table.find(id)).set(users::password.eq(hash)).execute(conn).map(drop)
    }

    /// As the others see him.
    pub fn person(&self) -> Person {
        Person { id: self.id, username: self.username.clone(), name: self.name.clone() }
    }
}

/// The highest cost of an imported PBKDF2 hash on this site, for log-ins that take equally long.
///
/// # Errors
/// Only the database's.
pub fn legacy_iterations(conn: &mut Conn) -> QueryResult<u32> {
    #[derive(QueryableByName)]
    struct Beginning {
        #[diesel(sql_type = Text)]
        beginning: String,
    }
    // `pbkdf2_sha256$1000000$`: the count ends within 22 characters; thousands of hashes share few beginnings.
    let sql = "SELECT DISTINCT substr(password, 1, 22) AS beginning FROM users WHERE password LIKE 'pbkdf2_sha256$%'";
    let found: Vec<Beginning> = prepared(sql, Vec::new()).load(conn)?;
    Ok(found.iter().filter_map(|row| passwords::pbkdf2_iterations(&row.beginning)).max().unwrap_or(0))
}

/// What pages show of a person.
#[derive(Clone, Debug, PartialEq, Eq, Queryable)]
pub struct Person {
    /// Its number.
    pub id: i64,
    /// For the address of his page.
    pub username: String,
    /// May be empty; then the user name is shown.
    pub name: String,
}

impl Person {
    /// Never empty.
    pub fn shown_name(&self) -> &str {
        if self.name.trim().is_empty() { &self.username } else { &self.name }
    }

    /// The address of his page.
    pub fn url(&self) -> String {
        format!("/developers/{}", encode_query(&self.username))
    }

    /// The first letters of the first two words.
    pub fn initials(&self) -> String {
        // A mark belongs to its letter: the virama of अर्जुन ends no word.
        let of_word = |c: char| c.is_alphanumeric() || is_combining_mark(c);
        let words = self.shown_name().split(|c| !of_word(c)).filter(|word| !word.is_empty());
        words.take(2).filter_map(|word| word.chars().next()).flat_map(char::to_uppercase).collect()
    }

    /// One of twelve colours, by the user name, so that it stays.
    pub fn hue(&self) -> u32 {
        self.username.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) % 12
    }
}

impl Serialize for Person {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut person = serializer.serialize_struct("Person", 6)?;
        person.serialize_field("id", &self.id)?;
        person.serialize_field("username", &self.username)?;
        person.serialize_field("name", self.shown_name())?;
        person.serialize_field("initials", &self.initials())?;
        person.serialize_field("hue", &self.hue())?;
        person.serialize_field("url", &self.url())?;
        person.end()
    }
}

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

    /// The session of this token and its person, unless it is over or the person disabled.
    ///
    /// # Errors
    /// Only the database's.
    pub fn current(conn: &mut Conn, token: &str) -> QueryResult<Option<(Self, User)>> {
        sessions::table
            .inner_join(users::table)
            .filter(sessions::token_hash.eq(random::token_hash(token)))
            .filter(sessions::expires.gt(time::now()))
            .filter(users::is_active.eq(true))
            .first(conn)
            .optional()
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
            expires: NaiveDateTime,
        }
        let (marks, numbers) = number_list(ids.iter().copied());
        let sql = format!(
            "SELECT s.id, s.expires FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.is_active AND s.id IN ({marks})"
        );
        let now = time::now();
        let found: Vec<Living> = prepared(sql, numbers).load(conn)?;
        Ok(found.into_iter().filter(|session| session.expires > now).map(|session| session.id).collect())
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

/// Forgets what is over: sessions and kept texts.
///
/// Django: `clearsessions`
///
/// # Errors
/// Only the database's.
pub fn clear_expired(conn: &mut Conn) -> QueryResult<usize> {
    let now = time::now();
    let sessions = diesel::delete(sessions::table.filter(sessions::expires.le(now))).execute(conn)?;
    let texts = diesel::delete(stash::table.filter(stash::expires.le(now))).execute(conn)?;
    Ok(sessions + texts)
}

/// A text that was typed when the session was over, kept until its writer is back.
pub mod kept {
    use super::{Conn, QueryResult, RunQueryDsl, TimeDelta, random, stash, time};
    use diesel::prelude::*;

    /// How long a text waits for its writer.
    const MINUTES: i64 = 30;

    /// Keeps `fields`; gives the token by which they are found again.
    ///
    /// # Errors
    /// Only the database's.
    pub fn put(conn: &mut Conn, path: &str, fields: &str) -> QueryResult<String> {
        let token = random::token(24);
        diesel::insert_into(stash::table)
            .values((
                stash::token_hash.eq(random::token_hash(&token)),
                stash::path.eq(path),
                stash::fields.eq(fields),
                stash::expires.eq(time::now() + TimeDelta::minutes(MINUTES)),
            ))
            .execute(conn)?;
        Ok(token)
    }

    /// Looks for them; nothing is written when there are none.
    ///
    /// # Errors
    /// Only the database's.
    pub fn find(conn: &mut Conn, token: &str, path: &str) -> QueryResult<Option<String>> {
        stash::table
            .find(random::token_hash(token))
            .filter(stash::path.eq(path).and(stash::expires.gt(time::now())))
            .select(stash::fields)
            .first(conn)
            .optional()
    }

    /// They are back on their page.
    ///
    /// # Errors
    /// Only the database's.
    pub fn forget(conn: &mut Conn, token: &str) -> QueryResult<()> {
        diesel::delete(stash::table.find(random::token_hash(token))).execute(conn).map(drop)
    }
}

/// What the site remembers of itself, where the configuration says nothing.
pub mod setting {
    use super::{Conn, QueryResult, RunQueryDsl, Text, settings};
    use diesel::prelude::*;

    /// The value of `key`, if it was ever set.
    ///
    /// # Errors
    /// Only the database's.
    pub fn get(conn: &mut Conn, key: &str) -> QueryResult<Option<String>> {
        settings::table.find(key).select(settings::value).first(conn).optional()
    }

    /// Sets it. Raw, since an upsert has no other form that holds for both databases.
    ///
    /// # Errors
    /// Only the database's.
    pub fn set(conn: &mut Conn, key: &str, value: &str) -> QueryResult<()> {
        diesel::sql_query(
            "INSERT INTO settings (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )
        .bind::<Text, _>(key)
        .bind::<Text, _>(value)
        .execute(conn)
        .map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(username: &str, name: &str) -> Person {
        Person { id: 1, username: username.into(), name: name.into() }
    }

    #[test]
    fn people_without_a_name_show_their_user_name() {
        assert_eq!(person("asha", " ").shown_name(), "asha");
        assert_eq!(person("asha", "Asha Rao").initials(), "AR");
        assert_eq!(person("asha", "आशा").initials(), "आ");
        assert_eq!(person("arjun", "अर्जुन").initials(), "अ");
        assert_eq!(person("a.b", "").initials(), "AB");
        assert_eq!(person("a b/c", "").url(), "/developers/a%20b%2Fc");
        assert!(person("asha", "").hue() < 12);
    }
}
