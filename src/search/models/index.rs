//! The index of words, apart from what is asked of it. The triggers of the migrations `0014_search` and `0018_titles` keep it.

use diesel::connection::SimpleConnection;

use super::kind::Kind;
use crate::kit::bulk;
use crate::kit::db::Conn;

/// Puts the index in order after many rows have come at once: it is in many pieces then, each of which every search looks
/// through. Takes a second where there are a million messages; not within a transaction. Where it fails, the
/// log says so, and the index is as good as before.
pub fn put_in_order(conn: &mut Conn) {
    let tables = Kind::ALL.map(|kind| format!("{}_words", kind.names().0));
    match conn {
        Conn::Sqlite(sqlite) => {
            for table in tables {
                if let Err(error) = sqlite.batch_execute(&format!("INSERT INTO {table} ({table}) VALUES ('optimize')"))
                {
                    log::warn!("the index of the search was not put in order: {error}");
                }
            }
        }
        Conn::Postgres(_) => bulk::settle(conn, &tables.each_ref().map(String::as_str)),
    }
}
