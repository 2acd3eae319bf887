//! The tables of a source: their columns, their keys, and where these point.

use std::collections::{BTreeMap, HashMap};

use diesel::prelude::*;
use diesel::sql_types::{Integer, Nullable, Text};

/// The tables of a source.
#[derive(Debug, Default)]
pub struct Schema {
    tables: BTreeMap<String, Table>,
}

#[derive(Debug, Default)]
struct Table {
    columns: Vec<String>,
    key: Option<String>,
    targets: HashMap<String, String>,
    has_row_numbers: bool,
}

impl Schema {
    /// Reads the tables of a database.
    pub fn of(conn: &mut SqliteConnection) -> QueryResult<Self> {
        #[derive(QueryableByName)]
        struct Name {
            #[diesel(sql_type = Text)]
            name: String,
        }
        #[derive(QueryableByName)]
        struct Column {
            #[diesel(sql_type = Text)]
            name: String,
            #[diesel(sql_type = Integer)]
            pk: i32,
        }
        #[derive(QueryableByName)]
        struct Target {
            #[diesel(sql_type = Nullable<Text>)]
            column: Option<String>,
            #[diesel(sql_type = Nullable<Text>)]
            target: Option<String>,
        }
        let names: Vec<Name> = diesel::sql_query(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
        )
        .load(conn)?;
        let mut tables = BTreeMap::new();
        for Name { name } in names {
            // One that this SQLite cannot read, of some extension, is not among those we ask for.
            let columns: Vec<Column> = diesel::sql_query("SELECT name, pk FROM pragma_table_info($1)")
                .bind::<Text, _>(&name)
                .load(conn)
                .unwrap_or_default();
            let targets: Vec<Target> = diesel::sql_query(
                "SELECT \"from\" AS \"column\", \"table\" AS target FROM pragma_foreign_key_list($1)",
            )
            .bind::<Text, _>(&name)
            .load(conn)
            .unwrap_or_default();
            let mut keys = columns.iter().filter(|column| column.pk > 0);
            let key = match (keys.next(), keys.next()) {
                (Some(key), None) => Some(key.name.clone()),
                _ => columns.iter().find(|column| column.name == "id").map(|column| column.name.clone()),
            };
            // Of one that is WITHOUT ROWID this cannot be asked.
            let probe = format!("SELECT _rowid_ FROM {} LIMIT 0", quoted(&name));
            let hides_numbers = columns.iter().any(|column| column.name.eq_ignore_ascii_case("_rowid_"));
            let table = Table {
                has_row_numbers: !hides_numbers && diesel::sql_query(probe).execute(conn).is_ok(),
                key,
                columns: columns.into_iter().map(|column| column.name).collect(),
                targets: targets.into_iter().filter_map(|found| Some((found.column?, found.target?))).collect(),
            };
            tables.insert(name, table);
        }
        Ok(Self { tables })
    }

    /// The names of all tables.
    pub fn tables(&self) -> impl Iterator<Item = &str> {
        self.tables.keys().map(String::as_str)
    }

    /// The name of a table as the source writes it.
    pub fn table(&self, name: &str) -> Option<&str> {
        self.tables.keys().find(|table| table.eq_ignore_ascii_case(name)).map(String::as_str)
    }

    /// The columns of a table.
    pub fn columns(&self, table: &str) -> &[String] {
        self.tables.get(table).map(|table| table.columns.as_slice()).unwrap_or_default()
    }

    /// The name of a column as the source writes it.
    pub fn column(&self, table: &str, name: &str) -> Option<&str> {
        self.columns(table).iter().find(|column| column.eq_ignore_ascii_case(name)).map(String::as_str)
    }

    /// Whether its rows can be read by SQLite's own numbers.
    pub fn has_row_numbers(&self, table: &str) -> bool {
        self.tables.get(table).is_some_and(|table| table.has_row_numbers)
    }

    /// The primary key.
    pub fn key(&self, table: &str) -> Option<&str> {
        self.tables.get(table)?.key.as_deref()
    }

    /// The table that a column points at, where the source says so.
    pub fn target(&self, table: &str, column: &str) -> Option<&str> {
        let target = self.tables.get(table)?.targets.get(column)?;
        self.table(target)
    }
}

/// A name as SQL takes it.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
