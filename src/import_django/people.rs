//! People: nobody is lost, nobody gets another one's account, nobody becomes staff unasked.

use std::collections::{HashMap, HashSet};

use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::ImportError;
use super::cell::Cell;
use super::evidence::Evidence;
use super::identity::{self, Taken};
use super::ledger::Ledger;
use super::report::Kind;
use super::source::{TableRow, portions, table_row};
use super::targets::Targets;
use super::work::Work;
use crate::accounts::passwords::{self, UnusableHash};
use crate::kit::bulk::{self, Value};
use crate::kit::db::{fold_key, look_text};
use crate::kit::markdown;
use crate::schema::profiles;

table_row! {
    /// `base_user`, or `auth_user`.
    PersonRow {
        id, password, last_login, is_superuser, username, first_name, last_name, email, is_staff, is_active,
        date_joined, bio, name
    }
}
table_row! { BioRow { id, bio } }

/// Somebody of the source, and how long their bio is, which stays there until it is written.
struct Newcomer<'a> {
    id: i64,
    row: &'a PersonRow,
    bio: usize,
    evidence: Evidence,
}

/// Brings the people across, each with a profile; gives the ledger of this source. `people` learns what became of each.
pub(super) fn bring(work: &mut Work<'_>, table: &'static str, people: &mut Targets) -> Result<Ledger, ImportError> {
    let mut bios: HashMap<i64, usize> = HashMap::new();
    let rows: Vec<(i64, PersonRow)> = work.rows(table, |mut row: PersonRow| {
        bios.insert(row.rowid(), std::mem::take(&mut row.bio).size());
        row
    })?;
    work.progress.begin("people", rows.len());
    let accounts = identity::accounts(work.conn)?;
    let imported = identity::imported(work.conn)?;
    let fingerprint = work.source.fingerprint(table)?;
    let mut ledger = Ledger::open(work.conn, fingerprint)?;
    let mut taken = Taken::new(&accounts, &rows);

    // First those who came before: nobody else of this source is joined to their accounts.
    let mut others = Vec::new();
    let mut own = HashSet::new();
    for (id, row) in &rows {
        let (entries, evidence) = (ledger.entries(table, *id), identity::evidence(row));
        match identity::find(entries, row, &evidence, &accounts) {
            Some(target) => {
                work.report.tally(table).known += 1;
                people.insert_known(*id, target, accounts.contains_key(&target));
                own.insert(target);
            }
            None => {
                if let Some(earlier) = entries.first() {
                    let here = accounts.get(&earlier.target).map_or("", |account| &account.username_key);
                    let text = format!(
                        "{} is not the person whom an earlier import brought under this id ({here:?} here): kept apart",
                        row.username.shown()
                    );
                    work.report.remark(Kind::Apart, table, Some(*id), text);
                }
                let bio = bios.get(&row.rowid()).copied().unwrap_or_default();
                others.push(Newcomer { id: *id, row, bio, evidence });
            }
        }
    }
    let mut joined = Vec::new();
    let mut new = Vec::new();
    for other in others {
        let Newcomer { id, row, .. } = other;
        let email = fold_key(&row.email.text().text);
        // The same address within one source are two people there, and so they stay.
        let same = taken.emails.get(&email).copied().filter(|account| {
            let is_confirmed = accounts.get(account).is_some_and(|account| account.email_confirmed);
            let came = imported.get(account).is_some_and(|evidence| identity::came_with(evidence, &email));
            (is_confirmed || came) && !own.contains(account)
        });
        match same.filter(|_| !email.is_empty() && taken.source_emails.get(&email) == Some(&id)) {
            Some(target) => {
                work.report.tally(table).merged += 1;
                let text = format!("{} has an account here, which stays as it is", row.email.shown());
                work.report.remark(Kind::Joined, table, Some(id), text);
                people.insert(id, target);
                joined.push((other, target));
            }
            None => new.push(other),
        }
    }
    for portion in portions(&joined, |(person, _)| person.bio) {
        tell_of(work, table, &mut ledger, portion)?;
    }
    for portion in portions(&new, |person| person.bio) {
        write(work, table, &mut ledger, portion, &mut taken, people)?;
    }
    Ok(ledger)
}

/// Writes people who are new here, and their profiles.
fn write(
    work: &mut Work<'_>,
    table: &'static str,
    ledger: &mut Ledger,
    new: &[Newcomer<'_>],
    taken: &mut Taken,
    people: &mut Targets,
) -> Result<(), ImportError> {
    let ids = bulk::take_ids(work.conn, "users", new.len())?;
    let mut bios = bios(work, table, new.iter())?;
    let (mut values, mut profiles, mut pairs) = (Vec::new(), Vec::new(), Vec::new());
    for (Newcomer { id, row, evidence, .. }, target) in new.iter().zip(ids) {
        let (account, joined) = account(work, table, *id, row, target, taken);
        let bio = bios.remove(&row.rowid()).unwrap_or_default();
        let bio = work.whole_text(table, *id, "bio", bio);
        profiles.push([target.into(), markdown::render(&bio).into(), bio.into(), joined.into()]);
        values.push(account);
        pairs.push((*id, target, *evidence));
        people.insert(*id, target);
    }
    bulk::insert(work.conn, "users", COLUMNS, &values)?;
    bulk::insert(work.conn, "profiles", ["user_id", "bio_html", "bio", "created"], &profiles)?;
    work.report.tally(table).new += values.len();
    work.progress.advance(values.len());
    Ok(ledger.add(work.conn, table, &pairs)?)
}

/// People who are here and have told nothing of themselves yet, say what they said there.
fn tell_of(
    work: &mut Work<'_>,
    table: &'static str,
    ledger: &mut Ledger,
    joined: &[(Newcomer<'_>, i64)],
) -> Result<(), ImportError> {
    let mut bios = bios(work, table, joined.iter().map(|(person, _)| person))?;
    let mut pairs = Vec::new();
    for (Newcomer { id, row, evidence, .. }, target) in joined {
        pairs.push((*id, *target, *evidence));
        let bio = bios.remove(&row.rowid()).unwrap_or_default();
        if bio.is_blank() {
            continue;
        }
        let bio = work.whole_text(table, *id, "bio", bio);
        diesel::update(profiles::table.find(target).filter(profiles::bio.eq("")))
            .set((profiles::bio.eq(&bio), profiles::bio_html.eq(markdown::render(&bio))))
            .execute(work.conn)?;
    }
    Ok(ledger.add(work.conn, table, &pairs)?)
}

/// What people tell of themselves, by SQLite's number of the row.
fn bios<'a>(
    work: &mut Work<'_>,
    table: &str,
    people: impl Iterator<Item = &'a Newcomer<'a>>,
) -> Result<HashMap<i64, Cell>, ImportError> {
    let rowids: Vec<i64> = people.filter(|person| person.bio > 0).map(|person| person.row.rowid()).collect();
    let rows: Vec<BioRow> = work.source.some(table, &rowids)?;
    Ok(rows.into_iter().map(|row| (row.rowid(), row.bio)).collect())
}

const COLUMNS: [&str; 14] = [
    "id",
    "username",
    "username_key",
    "email",
    "email_key",
    "name",
    "password",
    "is_active",
    "is_staff",
    "is_superuser",
    "date_joined",
    "last_login",
    "username_look",
    "name_look",
];

/// One person as a row of `users`, and since when.
fn account(
    work: &mut Work<'_>,
    table: &'static str,
    id: i64,
    row: &PersonRow,
    target: i64,
    taken: &mut Taken,
) -> ([Value; 14], NaiveDateTime) {
    let username = username(work, table, id, row, taken);
    let email = email(work, table, id, row, target, taken);
    let (email, email_key) = match email {
        Some((email, key)) => (email, Some(key)),
        None => (String::new(), None),
    };
    let name = work.text(table, id, "name", &row.name);
    let name = if name.trim().is_empty() {
        let [first, last] = [("first_name", &row.first_name), ("last_name", &row.last_name)]
            .map(|(column, cell)| work.text(table, id, column, cell));
        format!("{first} {last}").trim().to_owned()
    } else {
        name
    };
    let (is_staff, is_superuser) = (row.is_staff.flag(false), row.is_superuser.flag(false));
    if (is_staff || is_superuser) && !work.options.keep_staff {
        work.report.remark(Kind::Staff, table, Some(id), format!("{username:?}"));
    }
    let last_login = row.last_login.time();
    if last_login.is_none() && !row.last_login.is_blank() {
        work.report.remark(
            Kind::Time,
            table,
            Some(id),
            format!("last_login was {}, is nothing", row.last_login.shown()),
        );
    }
    let username_key = fold_key(&username);
    let (username_look, name_look) = (look_text(&username), look_text(&name));
    let joined = work.time(table, id, "date_joined", &row.date_joined, last_login.unwrap_or(work.now));
    let account = [
        target.into(),
        username.into(),
        username_key.into(),
        email.into(),
        email_key.into(),
        name.into(),
        password(work, table, id, row).into(),
        row.is_active.flag(true).into(),
        (is_staff && work.options.keep_staff).into(),
        (is_superuser && work.options.keep_staff).into(),
        joined.into(),
        last_login.into(),
        username_look.into(),
        name_look.into(),
    ];
    (account, joined)
}

/// The user name, or one that is free.
fn username(work: &mut Work<'_>, table: &'static str, id: i64, row: &PersonRow, taken: &mut Taken) -> String {
    let given = work.text(table, id, "username", &row.username).trim().to_owned();
    // No browser comes to the page of `.` or `..`.
    let is_none = given.chars().all(|letter| letter == '.');
    let wished = if is_none { format!("user-{id}") } else { given.clone() };
    let free = taken.username_for(id, &wished);
    if given.is_empty() {
        work.report.remark(Kind::Named, table, Some(id), format!("had no user name, is now {free:?}"));
    } else if is_none {
        work.report.remark(Kind::Renamed, table, Some(id), format!("{given:?} can have no page, is now {free:?}"));
    } else if free != wished {
        work.report.remark(Kind::Renamed, table, Some(id), format!("{wished:?} is taken, is now {free:?}"));
    }
    taken.usernames.insert(fold_key(&free));
    free
}

/// The e-mail address and its key, if it is his alone.
fn email(
    work: &mut Work<'_>,
    table: &'static str,
    id: i64,
    row: &PersonRow,
    target: i64,
    taken: &mut Taken,
) -> Option<(String, String)> {
    let email = work.text(table, id, "email", &row.email).trim().to_owned();
    let key = fold_key(&email);
    if key.is_empty() {
        return None;
    }
    if taken.emails.contains_key(&key) {
        work.report.remark(Kind::EmailLeft, table, Some(id), format!("{email:?}"));
        return None;
    }
    taken.emails.insert(key.clone(), target);
    Some((email, key))
}

/// The hash, if a log-in can check it.
fn password(work: &mut Work<'_>, table: &'static str, id: i64, row: &PersonRow) -> String {
    let hash = row.password.text().text;
    let reason = match passwords::check_imported(&hash) {
        Ok(()) => return hash,
        Err(reason) => reason,
    };
    // Its first word names the kind; the rest is nobody's business.
    let kind = match hash.split_once('$') {
        _ if hash.trim().is_empty() => "none".to_owned(),
        Some((kind, _)) if reason == UnusableHash::TooCostly => format!("{kind:?}, which costs too much to check"),
        _ if hash.starts_with('!') => "unusable".to_owned(),
        Some((kind, _)) if !kind.is_empty() => format!("{kind:?}"),
        _ => "unknown".to_owned(),
    };
    work.report.remark(Kind::Password, table, Some(id), kind);
    passwords::unusable()
}
