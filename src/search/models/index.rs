//! The index of words, apart from what is asked of it. The triggers of the migrations `0014_search` and `0018_titles` keep it.

use diesel::connection::SimpleConnection;

use super::kind::Kind;
use crate::kit::db::Conn;

/// Puts the index in order after many rows have come at once: it is in many pieces then, each of which every search looks
/// through. Takes a second where there are a million messages; not within a transaction. Where it fails, the
/// log says so, and the index is as good as before.
pub fn put_in_order(conn: &mut Conn) {
    for kind in Kind::ALL {
        let (name, _) = kind.names();
        let done = match conn {
            Conn::Sqlite(sqlite) => {
                sqlite.batch_execute(&format!("INSERT INTO {name}_words ({name}_words) VALUES ('optimize')"))
            }
            Conn::Postgres(pg) => pg.batch_execute(&format!("VACUUM (ANALYZE) {name}_words")),
        };
        if let Err(error) = done {
            log::warn!("the index of the search was not put in order: {error}");
        }
    }
}
