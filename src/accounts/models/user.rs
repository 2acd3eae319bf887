//! People.
//!
//! Django: `django.contrib.auth.models`

use chrono::NaiveDateTime;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::{BigInt, Text};

use super::{Person, Session, look, shown_name};
use crate::accounts::passwords::LegacyCosts;
use crate::kit::db::{Conn, fold_key, look_text, prepared};
use crate::kit::time;
use crate::schema::users;

/// One registered person.
///
/// Django: `User`
#[derive(Clone, Debug, Queryable, QueryableByName)]
#[diesel(table_name = users)]
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
    /// How the user name looks: no guest may take a name that cannot be told from it.
    pub username_look: String,
    /// How the shown name looks.
    pub name_look: String,
    /// How many links for a new password were sent to him; only the newest works.
    pub reset_serial: i64,
    /// When he showed that the address is his.
    pub email_confirmed: Option<NaiveDateTime>,
    /// How many messages in his inbox wait to be read; the database counts.
    pub inbox_unread: i64,
    /// How many links for another e-mail address he asked for or used; only the newest works.
    pub email_serial: i64,
    /// See [`Person::picture`].
    pub picture: Option<String>,
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
    /// He has shown that the address is his.
    pub email_confirmed: bool,
}

/// Why a person could not be written.
#[derive(Debug)]
pub enum CreateError {
    /// Somebody has this user name, in whatever case.
    UsernameTaken,
    /// The user name of another account looks the same.
    UsernameSimilar,
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
        look::claim(conn, &new.username, None)?;
        let email = new.email.trim();
        Ok(diesel::insert_into(users::table)
            .values((
                users::username.eq(&new.username),
                users::username_key.eq(fold_key(&new.username)),
                users::email.eq(email),
                users::email_key.eq((!email.is_empty()).then(|| fold_key(email))),
                users::name.eq(&new.name),
                users::password.eq(&new.password),
                users::is_active.eq(true),
                users::is_staff.eq(new.is_superuser),
                users::is_superuser.eq(new.is_superuser),
                users::date_joined.eq(time::now()),
                users::username_look.eq(look_text(&new.username)),
                users::name_look.eq(look_text(&new.name)),
                users::email_confirmed.eq(new.email_confirmed.then(time::now)),
            ))
            .returning(users::all_columns)
            .get_result(conn)?)
    }

    /// By user name or e-mail address, in any case. A user name comes first; but an imported one can hold an `@`, and must
    /// not keep the owner of that address out.
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
        found.sort_by_key(|user| (user.username_key == key) == key.contains('@'));
        Ok(found.into_iter().next())
    }

    /// By number.
    ///
    /// # Errors
    /// Only the database's.
    pub fn by_id(conn: &mut Conn, id: i64) -> QueryResult<Option<Self>> {
        users::table.find(id).first(conn).optional()
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

    /// Keeps the user name and the name that pages show.
    ///
    /// # Errors
    /// [`CreateError::UsernameTaken`], [`CreateError::UsernameSimilar`]
    pub fn set_names(conn: &mut Conn, id: i64, username: &str, name: &str) -> Result<(), CreateError> {
        let present: Option<String> = users::table.find(id).select(users::username).first(conn).optional()?;
        // The name that an account has may be older than the rules.
        if present.as_deref() != Some(username) {
            look::claim(conn, username, Some(id))?;
        }
        diesel::update(users::table.find(id))
            .set((
                users::username.eq(username),
                users::username_key.eq(fold_key(username)),
                users::username_look.eq(look_text(username)),
                users::name.eq(name),
                users::name_look.eq(look_text(name)),
            ))
            .execute(conn)?;
        Ok(())
    }

    /// Shows this picture of him, which must be in use already, or none.
    ///
    /// # Errors
    /// Only the database's.
    pub fn set_picture(conn: &mut Conn, id: i64, picture: Option<&str>) -> QueryResult<()> {
        diesel::update(users::table.find(id)).set(users::picture.eq(picture)).execute(conn).map(drop)
    }

    /// Keeps a new hash, whatever the old one was.
    ///
    /// # Errors
    /// Only the database's.
    pub fn set_password(conn: &mut Conn, id: i64, hash: &str) -> QueryResult<()> {
        diesel::update(users::table.find(id)).set(users::password.eq(hash)).execute(conn).map(drop)
    }

    /// Notes that he is let in under the password that was verified, whose hash is made anew (`renewed`) or stays. Gives
    /// whether he is: not if he has another password by now, or is disabled. Who changes the password at the same moment
    /// waits for this, and ends the session that begins here; or was quicker, and none begins.
    ///
    /// # Errors
    /// Only the database's.
    pub fn admit(conn: &mut Conn, verified: &Self, renewed: Option<&str>) -> QueryResult<bool> {
        let unchanged = users::password.eq(&verified.password).and(users::is_active.eq(true));
        let admitted = diesel::update(users::table.find(verified.id).filter(unchanged))
            .set(users::password.eq(renewed.unwrap_or(&verified.password)))
            .execute(conn)?;
        Ok(admitted == 1)
    }

    /// The person to whom a link for a new password goes, whose earlier links are dead now. None: nobody active has
    /// this e-mail address.
    ///
    /// # Errors
    /// Only the database's.
    pub fn begin_reset(conn: &mut Conn, email: &str) -> QueryResult<Option<Self>> {
        let who = users::table.filter(users::email_key.eq(fold_key(email))).filter(users::is_active.eq(true));
        diesel::update(who)
            .set(users::reset_serial.eq(users::reset_serial + 1))
            .returning(users::all_columns)
            .get_result(conn)
            .optional()
    }

    /// Gives a person who came by a link a new hash, and ends his sessions. Of two that use one link at once, one
    /// wins: gives whether this one did.
    ///
    /// # Errors
    /// Only the database's.
    pub fn finish_reset(conn: &mut Conn, before: &Self, hash: &str) -> QueryResult<bool> {
        let unchanged = users::password.eq(&before.password).and(users::reset_serial.eq(before.reset_serial));
        let who = users::table
            .find(before.id)
            .filter(unchanged.and(users::email.eq(&before.email)).and(users::is_active.eq(true)));
        let changed = diesel::update(who)
            .set((users::password.eq(hash), users::reset_serial.eq(users::reset_serial + 1)))
            .execute(conn)?;
        if changed == 1 {
            Session::end_all(conn, before.id)?;
        }
        Ok(changed == 1)
    }

    /// He has opened a link that was sent to his address.
    ///
    /// # Errors
    /// Only the database's.
    pub fn note_confirmed(conn: &mut Conn, id: i64) -> QueryResult<()> {
        diesel::update(users::table.find(id)).set(users::email_confirmed.eq(Some(time::now()))).execute(conn).map(drop)
    }

    /// A link for another e-mail address was asked for by who knew this password: earlier ones are dead now. Gives its
    /// serial, or none: he has another password by now, or is disabled.
    ///
    /// # Errors
    /// Only the database's.
    pub fn begin_email_change(conn: &mut Conn, verified: &Self) -> QueryResult<Option<i64>> {
        let unchanged = users::password.eq(&verified.password).and(users::is_active.eq(true));
        diesel::update(users::table.find(verified.id).filter(unchanged))
            .set(users::email_serial.eq(users::email_serial + 1))
            .returning(users::email_serial)
            .get_result(conn)
            .optional()
    }

    /// Gives a person another e-mail address, if he is as he was when the link was checked; gives whether he was. All
    /// links that were sent to him before are dead then, also if he comes back to an address that he had.
    ///
    /// # Errors
    /// [`CreateError::EmailTaken`]
    pub fn change_email(conn: &mut Conn, before: &Self, email: &str) -> Result<bool, CreateError> {
        let email = email.trim();
        let unchanged = users::email
            .eq(&before.email)
            .and(users::email_serial.eq(before.email_serial))
            .and(users::password.eq(&before.password));
        let who = users::table.find(before.id).filter(unchanged.and(users::is_active.eq(true)));
        let changed = diesel::update(who)
            .set((
                users::email.eq(email),
                users::email_key.eq(Some(fold_key(email))),
                users::email_confirmed.eq(Some(time::now())),
                users::email_serial.eq(users::email_serial + 1),
                users::reset_serial.eq(users::reset_serial + 1),
            ))
            .execute(conn)?;
        Ok(changed == 1)
    }

    /// Who has this e-mail address, in any case.
    ///
    /// # Errors
    /// Only the database's.
    pub fn by_email(conn: &mut Conn, email: &str) -> QueryResult<Option<Self>> {
        users::table.filter(users::email_key.eq(fold_key(email))).first(conn).optional()
    }

    /// Locks the row of a user who is about to be deleted: nothing new can refer to it. An SQLite file has one writer anyway.
    ///
    /// # Errors
    /// Only the database's.
    pub fn lock_for_deletion(conn: &mut Conn, id: i64) -> QueryResult<()> {
        if let Conn::Postgres(pg) = conn {
            pg.batch_execute(&format!("SELECT id FROM users WHERE id = {id} FOR UPDATE"))?;
        }
        Ok(())
    }

    /// Whether nobody else may do everything. On PostgreSQL those who may are locked, so that of the last two who leave at
    /// once one stays, though not against new rows that refer to them: those lock a room first. An SQLite file has one
    /// writer anyway.
    ///
    /// # Errors
    /// Only the database's.
    pub fn is_last_superuser(conn: &mut Conn, id: i64) -> QueryResult<bool> {
        if let Conn::Postgres(pg) = conn {
            pg.batch_execute("SELECT id FROM users WHERE is_superuser AND is_active ORDER BY id FOR NO KEY UPDATE")?;
        }
        let superusers = users::table.filter(users::is_superuser.eq(true).and(users::is_active.eq(true)));
        let all: Vec<i64> = superusers.select(users::id).limit(2).load(conn)?;
        Ok(all == [id])
    }

    /// Deletes a person; gives whether he was still there. Who else must know is told first, by a signal.
    ///
    /// # Errors
    /// Only the database's.
    pub fn delete(conn: &mut Conn, id: i64) -> QueryResult<bool> {
        diesel::delete(users::table.find(id)).execute(conn).map(|gone| gone > 0)
    }

    /// What letters call him: until he has shown that the address is his, nothing that he could have chosen freely.
    pub fn letter_name(&self) -> &str {
        if self.email_confirmed.is_some() { shown_name(&self.username, &self.name) } else { &self.username }
    }

    /// As the others see him.
    pub fn person(&self) -> Person {
        Person { id: self.id, username: self.username.clone(), name: self.name.clone(), picture: self.picture.clone() }
    }
}

/// Returns how many accounts have an imported password hash, by the costs that its beginning names: what
/// [`LegacyCosts::of`] reads.
///
/// # Errors
/// Only the database's.
pub fn imported_hashes(conn: &mut Conn) -> QueryResult<Vec<(String, i64)>> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = Text)]
        beginning: String,
        #[diesel(sql_type = BigInt)]
        accounts: i64,
    }
    // `pbkdf2_sha256$1000000$`: the count ends within 22 characters; `$argon2id$v=19$m=102400,t=2,` within 28. Thousands of
    // hashes share few beginnings. Our own hashes cost what every login costs.
    let sql = "SELECT CASE WHEN password LIKE 'pbkdf2%' THEN substr(password, 1, 22) \
               WHEN password LIKE 'argon2%' THEN substr(password, 7, 28) ELSE substr(password, 1, 28) END AS beginning, \
               count(*) AS accounts FROM users WHERE password LIKE 'pbkdf2_sha256$%' OR password LIKE 'argon2$argon2id$%' \
               OR (password LIKE '$argon2id$%' AND password NOT LIKE '$argon2id$v=19$m=19456,t=2,p=1$%') GROUP BY 1";
    let found: Vec<Row> = prepared(sql, [0_i64; 0]).load(conn)?;
    Ok(found.into_iter().map(|row| (row.beginning, row.accounts)).collect())
}

/// Returns the highest costs among the imported hashes, for logins that take equally long.
///
/// # Errors
/// Only the database's.
pub fn legacy_costs(conn: &mut Conn) -> QueryResult<LegacyCosts> {
    let found = imported_hashes(conn)?;
    let costs = found.iter().filter_map(|(beginning, _)| LegacyCosts::of(beginning).ok());
    Ok(costs.fold(LegacyCosts::default(), LegacyCosts::max))
}
