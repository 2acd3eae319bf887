//! Where a source differs from the course: names that are read as others, what is missing, what is filled and stays behind.
//! Nothing of it passes in silence.

use super::cell::shown;
use super::course_tables::{
    CHAT_MESSAGES, CHAT_ROOMS, INBOX, MESSAGES, PARTICIPANTS, PROFILES, PROJECT_TAGS, PROJECTS, REVIEWS, ROOMS, SKILLS,
    TAGS, TOPICS, course_table,
};
use super::map_file::{TableMap, is_djangos_own};
use super::report::{Kind, Report};
use super::source::Source;
use super::work::Work;
use super::{ImportError, devsearch, studybud};
use crate::kit::config::nearest;

/// The tables of each course: the first of them is how it is recognised.
const COURSES: [&[&str]; 4] = [
    &[ROOMS, TOPICS, PARTICIPANTS, MESSAGES],
    &[PROFILES, SKILLS, INBOX, PROJECTS],
    &[PROJECTS, TAGS, PROJECT_TAGS, REVIEWS],
    &[CHAT_ROOMS, CHAT_MESSAGES],
];

/// Tells of all differences.
pub(super) fn tell(work: &mut Work<'_>, map: &TableMap) -> Result<(), ImportError> {
    let (source, report) = (&mut *work.source, &mut work.report);
    let unread = unread_tables(source, map);
    tell_of_tables(source, report, &unread);
    tell_of_columns(source, report, map)?;
    for (table, rows) in unread {
        let text = format!("{} with {rows} {} is no table of a course", shown(&table), plural(rows, "row", "rows"));
        report.remark(Kind::NotAsked, "", None, text);
    }
    Ok(())
}

/// The tables with rows from which nothing is read: name and rows.
pub(super) fn unread_tables(source: &mut Source, map: &TableMap) -> Vec<(String, i64)> {
    let is_of_interest =
        |table: &&str| !source.layout().reads(table) && !map.ignores_table(table) && !is_djangos_own(table);
    let tables: Vec<String> = source.schema().tables().filter(is_of_interest).map(str::to_owned).collect();
    let counted = tables.into_iter().map(|table| (source.rows_of(&table), table));
    counted.filter(|(rows, _)| *rows > 0).map(|(rows, table)| (table, rows)).collect::<Vec<_>>()
}

fn tell_of_tables(source: &Source, report: &mut Report, unread: &[(String, i64)]) {
    for (name, layout) in source.layout().tables() {
        if layout.table != name {
            report.remark(Kind::ReadAs, "", None, format!("{} is read as {name}", shown(&layout.table)));
            report.table_names.insert(name, printable(&layout.table));
        }
    }
    for course in COURSES {
        let Some(recognised) = course.iter().position(|table| source.has(table)) else { continue };
        for table in course.iter().filter(|table| recognised == 0 && !source.has(table)) {
            // Only what is not taken already could be it.
            let ending = table.split_once('_').map_or(*table, |(_, ending)| ending);
            let names = || unread.iter().map(|(name, _)| name.as_str());
            let like = nearest(table, names()).or_else(|| names().find(|name| name.ends_with(ending)));
            report.remark(Kind::NoTable, table, None, format!("taken as empty{}", hint(like)));
        }
    }
}

fn tell_of_columns(source: &mut Source, report: &mut Report, map: &TableMap) -> Result<(), ImportError> {
    let mut unread = Vec::new();
    // A chat_app's people are not imported.
    let needs_people = studybud::is_in(source) || devsearch::is_in(source);
    let is_needed = |name: &str| needs_people || Some(name) != source.layout().people();
    for (name, layout) in source.layout().tables().filter(|(name, _)| is_needed(name)) {
        let Some(course) = course_table(name) else { continue };
        let mut missing = Vec::new();
        for column in course.columns {
            match layout.column(column.name) {
                Some(found) if found != column.name => {
                    let text = format!("{} is read as {}", shown(found), column.name);
                    report.remark(Kind::ReadAs, name, None, text);
                }
                None if !layout.left_empty.contains(&column.name) => {
                    if !column.is_optional {
                        let like = nearest_column(column.name, layout.unread.iter().map(String::as_str));
                        report.remark(Kind::NoColumn, name, None, format!("{}{}", column.name, hint(like)));
                    }
                    missing.push(column.name);
                }
                _ => {}
            }
        }
        for (column, target) in &layout.astray {
            let text =
                format!("{} points at {}, which holds something else: read as empty", shown(column), shown(target));
            report.remark(Kind::NoColumn, name, None, text);
        }
        let wanted = layout.unread.iter().filter(|column| !map.ignores(name, column));
        unread.extend(wanted.map(|column| (name, layout.table.clone(), column.clone(), missing.clone())));
    }
    for (name, table, column, missing) in unread {
        let rows = source.filled(&table, &column)?;
        if rows > 0 {
            let like = nearest_column(&column, missing);
            let text = format!("{} in {rows} {}{}", shown(&column), plural(rows, "row", "rows"), hint(like));
            report.remark(Kind::NotAsked, name, None, text);
        }
    }
    Ok(())
}

/// The column most like `word`; Django's `_id` behind a pointer does not count.
fn nearest_column<'a>(word: &str, columns: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let bare = |name: &'a str| name.strip_suffix("_id").unwrap_or(name);
    let columns: Vec<&str> = columns.into_iter().collect();
    let like = nearest(word.strip_suffix("_id").unwrap_or(word), columns.iter().map(|column| bare(column)))?;
    columns.into_iter().find(|column| bare(column) == like)
}

fn hint(like: Option<&str>) -> String {
    like.map(|name| format!("; the nearest is {}", shown(name))).unwrap_or_default()
}

fn plural<'a>(count: i64, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}

/// A name without what a terminal would obey.
fn printable(name: &str) -> String {
    let quoted = shown(name);
    quoted.trim_matches('"').to_owned()
}
