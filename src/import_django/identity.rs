//! Who is who: the names and addresses that are taken, and which source this is.

use std::collections::{HashMap, HashSet};

use chrono::{NaiveDateTime, Timelike};
use diesel::prelude::*;

use super::evidence::Evidence;
use super::ledger::Entry;
use super::people::PersonRow;
use crate::kit::db::{Conn, fold_key};
use crate::schema::{import_ids, users};

/// The tables whose rows are people, in whatever course.
const TABLES: [&str; 2] = ["base_user", "auth_user"];

/// The names and addresses that are taken, and by whom.
pub(super) struct Taken {
    /// Those of the accounts that are here, and of those that were brought along just now.
    pub usernames: HashSet<String>,
    pub emails: HashMap<String, i64>,
    /// The first row of the source with each user name: what it is called remains free for it.
    source_usernames: HashMap<String, i64>,
    pub source_emails: HashMap<String, i64>,
}

/// An account of this site, as far as an import looks at it.
pub(super) struct Account {
    pub username_key: String,
    email_key: Option<String>,
    /// Its owner has shown that the address is his.
    pub email_confirmed: bool,
    date_joined: NaiveDateTime,
}

impl Taken {
    pub(super) fn new(accounts: &HashMap<i64, Account>, rows: &[(i64, PersonRow)]) -> Self {
        let mut taken = Self {
            usernames: accounts.values().map(|account| account.username_key.clone()).collect(),
            emails: accounts.iter().filter_map(|(id, account)| Some((account.email_key.clone()?, *id))).collect(),
            source_usernames: HashMap::new(),
            source_emails: HashMap::new(),
        };
        for (id, row) in rows {
            taken.source_usernames.entry(fold_key(&row.username.text().text)).or_insert(*id);
            taken.source_emails.entry(fold_key(&row.email.text().text)).or_insert(*id);
        }
        taken
    }

    /// `wished`, or with the first number behind it that makes it free. Not free is also what belongs
    /// to a row that is still to come, and another one's e-mail address: both are typed at log-in.
    pub(super) fn username_for(&self, id: i64, wished: &str) -> String {
        let is_free = |name: &str| {
            let key = fold_key(name);
            let of_another = |owners: &HashMap<String, i64>| owners.get(&key).is_some_and(|owner| *owner != id);
            !self.usernames.contains(&key)
                && !self.emails.contains_key(&key)
                && !of_another(&self.source_usernames)
                && !of_another(&self.source_emails)
        };
        if is_free(wished) {
            return wished.to_owned();
        }
        // Some number below one more than the names there are is free.
        (2..).map(|n| format!("{wished}-{n}")).find(|name| is_free(name)).unwrap_or_default()
    }
}

pub(super) fn accounts(conn: &mut Conn) -> QueryResult<HashMap<i64, Account>> {
    type Row = (i64, String, Option<String>, Option<NaiveDateTime>, NaiveDateTime);
    let columns = (users::id, users::username_key, users::email_key, users::email_confirmed, users::date_joined);
    let rows: Vec<Row> = users::table.select(columns).load(conn)?;
    let account = |(id, username_key, email_key, confirmed, date_joined): Row| {
        (id, Account { username_key, email_key, email_confirmed: confirmed.is_some(), date_joined })
    };
    Ok(rows.into_iter().map(account).collect())
}

/// What is known of the accounts that came with an import: what each of the rows that became one said of itself.
pub(super) fn imported(conn: &mut Conn) -> QueryResult<HashMap<i64, Vec<Option<Evidence>>>> {
    let [custom, own] = TABLES;
    let rows: Vec<(i64, String)> = import_ids::table
        .filter(import_ids::source_table.eq(custom).or(import_ids::source_table.eq(own)))
        .select((import_ids::target_id, import_ids::evidence))
        .load(conn)?;
    let mut imported: HashMap<i64, Vec<Option<Evidence>>> = HashMap::new();
    for (target, evidence) in rows {
        imported.entry(target).or_default().push(Evidence::read(&evidence));
    }
    Ok(imported)
}

/// Where in a person's evidence stands what.
const USERNAME: usize = 0;
const EMAIL: usize = 1;
const PASSWORD: usize = 2;

/// A hash that is shorter, such as `!`, may be anybody's.
const SHORTEST_HASH: usize = 20;

/// What a person's row says of itself.
pub(super) fn evidence(row: &PersonRow) -> Evidence {
    let (username, email) = (fold_key(&row.username.text().text), fold_key(&row.email.text().text));
    let password = row.password.text().text;
    let password = if password.len() < SHORTEST_HASH { "" } else { password.as_str() };
    Evidence::of(&[&row.date_joined.moment()]).facts(&[&username, &email, password])
}

/// Whether an earlier import brought `email` for one of the rows that became an account.
pub(super) fn came_with(evidence: &[Option<Evidence>], email: &str) -> bool {
    evidence.iter().any(|evidence| evidence.is_none_or(|evidence| evidence.says(EMAIL, email)))
}

/// The earlier import of this very person, among those that came under the same id. A copy of the database may hold somebody
/// else there, even one who joined in the same second; so time and one name are not enough where email and password are others.
pub(super) fn find(
    entries: &[Entry],
    row: &PersonRow,
    evidence: &Evidence,
    accounts: &HashMap<i64, Account>,
) -> Option<i64> {
    let joined = row.date_joined.time();
    let is_to_the_microsecond = joined.is_some_and(|joined| joined.nanosecond() != 0);
    let is_same = |entry: &&Entry| match entry.evidence {
        Some(earlier) => {
            let shares = |at| evidence.is_shared(&earlier, at);
            let is_named_alike = shares(USERNAME)
                && (shares(PASSWORD) || is_to_the_microsecond && !evidence.is_contrary(&earlier, EMAIL));
            evidence.has_same_origin(&earlier) && (evidence.says_all(&earlier) || shares(EMAIL) || is_named_alike)
        }
        // An older version of this program brought it: what the account says must do.
        None => accounts.get(&entry.target).is_none_or(|account| {
            joined == Some(account.date_joined)
                || account.username_key == fold_key(&row.username.text().text)
                || account.email_key == Some(fold_key(&row.email.text().text))
        }),
    };
    entries.iter().find(is_same).map(|entry| entry.target)
}
