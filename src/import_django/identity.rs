//! Who is who: the names and addresses that are taken, and which source this is.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::ledger::Ledger;
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
    username_key: String,
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

/// The accounts that came with an import, and how many rows became each of them.
pub(super) fn imported(conn: &mut Conn) -> QueryResult<HashMap<i64, usize>> {
    let [custom, own] = TABLES;
    let targets: Vec<i64> = import_ids::table
        .filter(import_ids::source_table.eq(custom).or(import_ids::source_table.eq(own)))
        .select(import_ids::target_id)
        .load(conn)?;
    let mut imported = HashMap::new();
    for target in targets {
        *imported.entry(target).or_default() += 1;
    }
    Ok(imported)
}

/// The ledger of this source. Two databases may have the same beginning: a class that starts from its
/// teacher's file, a course's repository that holds one. So a ledger of that fingerprint whose people
/// are plainly others is another source's, and the next one is tried.
pub(super) fn open_ledger(
    conn: &mut Conn,
    fingerprint: &str,
    table: &str,
    rows: &[(i64, PersonRow)],
    accounts: &HashMap<i64, Account>,
    imported: &HashMap<i64, usize>,
) -> QueryResult<Ledger> {
    let is_other = |row: &PersonRow, target: i64| {
        let (Some(account), Some(joined)) = (accounts.get(&target), row.date_joined.time()) else { return false };
        // An account to which a second source was joined has the first one's time.
        imported.get(&target) == Some(&1)
            && account.date_joined != joined
            && account.username_key != fold_key(&row.username.text().text)
            && account.email_key != Some(fold_key(&row.email.text().text))
    };
    let mut number = 1;
    loop {
        let source = if number == 1 { fingerprint.to_owned() } else { format!("{fingerprint}:{number}") };
        let ledger = Ledger::open(conn, source)?;
        if !rows.iter().any(|(id, row)| ledger.target(table, *id).is_some_and(|target| is_other(row, target))) {
            return Ok(ledger);
        }
        number += 1;
    }
}
