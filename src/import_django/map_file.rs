//! Map files: which table and column of a project is read as which of the course's. TOML:
//!
//! ```toml
//! ignore = ["blog_post"]
//!
//! [base_room]
//! table = "forum_thread"
//! name = "title"
//! description = ""
//! ignore = ["colour"]
//! ```

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use figment::providers::{Format, Toml};
use figment::value::Value;

use super::course_tables::{COURSE_TABLES, CourseTable, DJANGO_PEOPLE, course_table};
use super::layout::Layout;
use super::schema::Schema;
use crate::kit::config::{nearest, read_text};

/// What a map file says.
#[derive(Debug, Default)]
pub struct TableMap {
    tables: BTreeMap<&'static str, TableEntry>,
    ignored: Vec<String>,
}

#[derive(Debug, Default)]
struct TableEntry {
    table: Option<String>,
    columns: BTreeMap<String, String>,
    ignored: Vec<String>,
}

/// The word for what is of no interest.
const IGNORE: &str = "ignore";

impl TableMap {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// One line: what is wrong with it and where.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = read_text(path).map_err(|error| format!("{}: {error}", path.display()))?;
        Self::parse(&text).map_err(|error| format!("{}: {error}", path.display()))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let file: BTreeMap<String, Value> = Toml::from_str(text).map_err(|error| error.to_string())?;
        let mut map = Self::default();
        for (name, value) in file {
            if name == IGNORE {
                map.ignored = texts(IGNORE, &value)?;
                continue;
            }
            let Some(course) = course_table(&name) else {
                let known = COURSE_TABLES.iter().map(|table| table.name);
                return Err(format!("no course has a table {name:?}{}", advice(nearest(&name, known))));
            };
            let Value::Dict(_, columns) = value else {
                return Err(format!("{name} must be a table: write [{name}] and its columns below"));
            };
            map.tables.insert(course.name, entry(course, columns)?);
        }
        Ok(map)
    }

    /// Checks that the source has what the map names.
    ///
    /// # Errors
    /// One line: what is not there, and what is most like it.
    pub fn check(&self, schema: &Schema) -> Result<(), String> {
        for (name, entry) in &self.tables {
            let table = entry.table.as_deref().unwrap_or(name);
            if schema.table(table) != Some(table) {
                let hint = advice(nearest(table, schema.tables()));
                return Err(format!("[{name}]: the database has no table {table:?}{hint}"));
            }
            for column in entry.columns.values().filter(|column| !column.is_empty()).chain(&entry.ignored) {
                if !schema.columns(table).contains(column) {
                    let hint = advice(nearest(column, schema.columns(table).iter().map(String::as_str)));
                    return Err(format!("[{name}]: the table {table:?} has no column {column:?}{hint}"));
                }
            }
        }
        Ok(())
    }

    /// The source's table for one of the course's.
    pub fn table<'a>(&'a self, course: &'a str) -> Option<&'a str> {
        self.tables.get(course).map(|entry| entry.table.as_deref().unwrap_or(course))
    }

    /// The source's column for one of the course's; empty: none.
    pub fn column(&self, course: &str, column: &str) -> Option<&str> {
        self.tables.get(course)?.columns.get(column).map(String::as_str)
    }

    /// Whether nobody needs to hear that this is left behind.
    pub fn ignores(&self, course: &str, column: &str) -> bool {
        self.tables.get(course).is_some_and(|entry| entry.ignored.iter().any(|ignored| ignored == column))
    }

    /// The same of a whole table.
    pub fn ignores_table(&self, table: &str) -> bool {
        self.ignored.iter().any(|ignored| ignored == table)
    }
}

fn entry(course: &CourseTable, columns: BTreeMap<String, Value>) -> Result<TableEntry, String> {
    let mut entry = TableEntry::default();
    for (column, value) in columns {
        if column == IGNORE {
            entry.ignored = texts(IGNORE, &value)?;
            continue;
        }
        let names = ["table", "id"].into_iter().chain(course.columns.iter().map(|column| column.name));
        if !names.clone().any(|name| name == column) {
            return Err(format!("[{}] has no column {column:?}{}", course.name, advice(nearest(&column, names))));
        }
        let Value::String(_, name) = value else {
            return Err(format!("[{}] {column} must be a name in quotation marks", course.name));
        };
        if column == "table" {
            entry.table = Some(name);
        } else {
            entry.columns.insert(column, name);
        }
    }
    Ok(entry)
}

fn texts(what: &str, value: &Value) -> Result<Vec<String>, String> {
    let refused = || format!("{what} must be a list of names: [\"one\", \"two\"]");
    let Value::Array(_, values) = value else { return Err(refused()) };
    values.iter().map(|value| value.as_str().map(str::to_owned).ok_or_else(refused)).collect()
}

fn advice(nearest: Option<&str>) -> String {
    nearest.map(|name| format!("; the nearest is {name:?}")).unwrap_or_default()
}

/// A map file that says how a source is read without one, to be completed by hand.
pub fn draft(schema: &Schema, layout: &Layout, unread_tables: &[String]) -> String {
    let mut text = String::from(
        "# Which table and column of this database is read as which of the course's. The course's names stand on the left,\n\
         # this database's on the right; \"\" means that there is none. Lines behind # are suggestions.\n\
         # `ignore` lists what may stay behind without a word.\n",
    );
    for (name, table) in layout.tables() {
        let Some(course) = course_table(name) else { continue };
        let _ = write!(text, "\n[{name}]\ntable = {}\n", toml(&table.table));
        for (column, found) in &table.columns {
            let is_optional = course.columns.iter().any(|spec| spec.name == *column && spec.is_optional);
            let _ = match found {
                Some(found) => writeln!(text, "{column} = {}", toml(found)),
                None if is_optional || table.left_empty.contains(column) => Ok(()),
                None => {
                    let like = nearest(column, table.unread.iter().map(String::as_str)).unwrap_or_default();
                    writeln!(text, "# {column} = {}", toml(like))
                }
            };
        }
        if !table.unread.is_empty() {
            let _ = writeln!(text, "# ignore = {}", toml_list(&table.unread));
        }
    }
    let has_course = layout.tables().any(|(name, _)| Some(name) != layout.people());
    if !has_course {
        text.push_str(&bare_draft(schema));
    } else if !unread_tables.is_empty() {
        text.insert_str(0, &format!("# ignore = {}\n", toml_list(unread_tables)));
    }
    text
}

/// For a database in which no course was found: what there is, and what a map may say.
fn bare_draft(schema: &Schema) -> String {
    let mut text = String::from("\n# No course was found. The database has these tables and columns:\n");
    for table in schema.tables().filter(|table| !is_djangos_own(table)) {
        let _ = writeln!(text, "#   {}: {}", toml(table), toml_list(schema.columns(table)));
    }
    text.push_str("# Take the # from what fits, and write this database's names on the right:\n");
    for course in COURSE_TABLES {
        let _ = write!(text, "\n# [{}]\n# table = \"\"\n", course.name);
        for column in course.columns {
            let _ = writeln!(text, "# {} = \"\"", column.name);
        }
    }
    text
}

/// Tables that Django and its usual companions keep for themselves.
pub fn is_djangos_own(table: &str) -> bool {
    const PREFIXES: [&str; 7] =
        ["django_", "auth_", "authtoken_", "token_blacklist_", "account_", "socialaccount_", "debug_toolbar"];
    const ENDINGS: [&str; 2] = ["_groups", "_user_permissions"];
    table != DJANGO_PEOPLE && PREFIXES.iter().any(|prefix| table.starts_with(prefix))
        || ENDINGS.iter().any(|ending| table.ends_with(ending))
}

/// A text as TOML writes it.
fn toml(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            // What a terminal or an editor would obey is written as a number.
            c if c.is_control() || !c.is_alphanumeric() && !c.is_ascii() => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

fn toml_list(names: &[String]) -> String {
    format!("[{}]", names.iter().map(|name| toml(name)).collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_are_read() {
        let map = TableMap::parse(
            "ignore = [\"blog_post\"]\n[base_room]\ntable = \"forum_thread\"\nname = \"title\"\ndescription = \"\"\nignore = [\"colour\"]",
        )
        .unwrap_or_default();
        assert_eq!((map.table("base_room"), map.table("base_topic")), (Some("forum_thread"), None));
        assert_eq!(map.column("base_room", "name"), Some("title"));
        assert_eq!((map.column("base_room", "description"), map.column("base_room", "created")), (Some(""), None));
        assert!(map.ignores("base_room", "colour") && map.ignores_table("blog_post"));
    }

    #[test]
    fn mistakes_in_maps_are_named() {
        let said = |text: &str| TableMap::parse(text).err().unwrap_or_default();
        assert_eq!(said("[base_rooom]\n"), "no course has a table \"base_rooom\"; the nearest is \"base_room\"");
        assert_eq!(said("[base_room]\nnamee = \"x\""), "[base_room] has no column \"namee\"; the nearest is \"name\"");
        assert_eq!(said("[base_room]\nname = 1"), "[base_room] name must be a name in quotation marks");
        assert_eq!(said("base_room = 1"), "base_room must be a table: write [base_room] and its columns below");
        assert_eq!(said("ignore = \"x\""), "ignore must be a list of names: [\"one\", \"two\"]");
        assert!(said("[base_room").contains("TOML parse error"));
    }

    #[test]
    fn names_are_quoted_as_toml_reads_them() {
        for name in ["plain", "a\"b\\c", "\u{1b}[31m", "\u{202e}x", "नाम", "two\nlines"] {
            let read: BTreeMap<String, String> = Toml::from_str(&format!("x = {}", toml(name))).unwrap_or_default();
            assert_eq!(read.get("x").map(String::as_str), Some(name));
        }
    }
}
