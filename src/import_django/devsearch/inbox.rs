//! Messages in people's inboxes.

use diesel::prelude::*;

use super::{Brought, MESSAGES, owner};
use crate::accounts::models::{PERSON, Person};
use crate::import_django::ImportError;
use crate::import_django::evidence::Evidence;
use crate::import_django::ledger::Ledger;
use crate::import_django::report::Kind;
use crate::import_django::source::{TableRow, table_row};
use crate::import_django::work::Work;
use crate::kit::bulk::{self, Value};
use crate::kit::db::Conn;
use crate::kit::markdown;
use crate::schema::users;

table_row! { MessageRow { id, sender_id, recipient_id, name, email, subject, body, is_read, created } }

/// What a stranger is called who gave no name.
const NAMELESS: &str = "Somebody";

/// A message must be about something.
const NO_SUBJECT: &str = "(no subject)";

const COLUMNS: [&str; 10] =
    ["id", "recipient_id", "sender_id", "name", "email", "subject", "body_html", "body", "is_read", "created"];

/// Brings the messages across. One without a sender is a stranger's; one without a recipient could be shown to nobody.
pub(super) fn bring(work: &mut Work<'_>, ledger: &mut Ledger, brought: &Brought) -> Result<(), ImportError> {
    let mut batches = work.batches::<MessageRow>(MESSAGES, "inbox messages")?;
    while let Some(rows) = work.next(&mut batches)? {
        write(work, ledger, brought, rows)?;
    }
    Ok(())
}

/// Writes some of the messages.
fn write(
    work: &mut Work<'_>,
    ledger: &mut Ledger,
    brought: &Brought,
    rows: Vec<(i64, MessageRow)>,
) -> Result<(), ImportError> {
    let (mut values, mut pairs): (Vec<[Value; 10]>, _) = (Vec::new(), Vec::new());
    let mut new_ids = bulk::take_ids(work.conn, "inbox_messages", rows.len())?.into_iter();
    for (id, row) in rows {
        let (recipient, sender) =
            (brought.owners(work).origin(&row.recipient_id), brought.owners(work).origin(&row.sender_id));
        let evidence = Evidence::of(&[&row.created.moment(), &recipient, &sender]).facts(&[
            &row.subject.text().text,
            &row.body.text().text,
            &row.id().uuid().unwrap_or_default(),
        ]);
        if work.known(ledger, MESSAGES, id, &evidence).is_some() {
            continue;
        }
        let Some(recipient) = brought.owners(work).here(&row.recipient_id) else {
            let text = format!("recipient {} is not there: nobody could read it", row.recipient_id.shown());
            work.report.skip(MESSAGES, Some(id), text);
            continue;
        };
        // Nobody writes to himself here: such a note is kept as a stranger's.
        let sender = owner(work, MESSAGES, id, "sender", &row.sender_id, brought).filter(|sender| *sender != recipient);
        let mut given = |column: &str, cell, instead: &str| {
            let text = work.text(MESSAGES, id, column, cell).trim().to_owned();
            if text.is_empty() && !instead.is_empty() {
                work.report.remark(Kind::Named, MESSAGES, Some(id), format!("had no {column}, is now {instead:?}"));
                return instead.to_owned();
            }
            text
        };
        let name = match sender {
            Some(_) => given("name", &row.name, ""),
            None => given("name", &row.name, NAMELESS),
        };
        let (email, subject) = (given("email", &row.email, ""), given("subject", &row.subject, NO_SUBJECT));
        let name = match sender.filter(|_| name.is_empty()) {
            Some(sender) => shown_name(work.conn, sender)?,
            None => name,
        };
        let created = work.time(MESSAGES, id, "created", &row.created, work.now);
        let body = work.whole_text(MESSAGES, id, "body", row.body);
        let Some(target) = new_ids.next() else { break };
        values.push([
            target.into(),
            recipient.into(),
            sender.into(),
            name.into(),
            // An address is shown of strangers alone.
            if sender.is_some() { String::new() } else { email }.into(),
            subject.into(),
            markdown::render(&body).into(),
            body.into(),
            row.is_read.flag(false).into(),
            created.into(),
        ]);
        pairs.push((id, target, evidence));
    }
    work.report.tally(MESSAGES).new += values.len();
    bulk::insert(work.conn, "inbox_messages", COLUMNS, &values)?;
    Ok(ledger.add(work.conn, MESSAGES, &pairs)?)
}

/// What a member is called.
fn shown_name(conn: &mut Conn, id: i64) -> QueryResult<String> {
    let person: Person = users::table.find(id).select(PERSON).first(conn)?;
    Ok(person.shown_name().to_owned())
}
