//! Which table and column of a source is read as which of the course's: by the same name, by a known variant of it, or as a map
//! file says.

use std::collections::{BTreeMap, HashMap};

use super::course_tables::{
    CHAT_MESSAGES, CHAT_ROOMS, COURSE_TABLES, CUSTOM_PEOPLE, CourseTable, DJANGO_PEOPLE, INBOX, MESSAGES, PARTICIPANTS,
    PEOPLE, PROFILE_SKILLS, PROFILES, PROJECT_TAGS, PROJECTS, REVIEWS, ROOMS, SKILLS, TAGS, TOPICS, course_table,
};
use super::map_file::TableMap;
use super::schema::{Schema, quoted};

/// How each of the courses' tables is read.
#[derive(Debug, Default)]
pub struct Layout {
    tables: BTreeMap<&'static str, TableLayout>,
}

/// How one table is read.
#[derive(Debug)]
pub struct TableLayout {
    /// Its name in the source.
    pub table: String,
    /// What stands behind `FROM`.
    pub from: String,
    /// The source's column for each of the course's; nothing where there is none.
    pub columns: Vec<(&'static str, Option<String>)>,
    /// Columns that are empty because the map says so, or that another table stands in for.
    pub left_empty: Vec<&'static str>,
    /// Columns of the source that nothing is read from.
    pub unread: Vec<String>,
    /// Pointers that lead to an unexpected table: column and table.
    pub astray: Vec<(String, String)>,
    /// The SQL of each of the course's columns.
    sql: HashMap<&'static str, String>,
}

impl TableLayout {
    /// The SQL of a column of the course, if the source has it.
    pub fn sql(&self, column: &str) -> Option<&str> {
        self.sql.get(column).map(String::as_str)
    }

    /// The source's name of a column of the course.
    pub fn column(&self, name: &str) -> Option<&str> {
        self.columns.iter().find(|(column, _)| *column == name)?.1.as_deref()
    }
}

impl Layout {
    /// Finds the courses' tables in a source.
    pub fn of(schema: &Schema, map: &TableMap) -> Self {
        let chosen = Choice::of(schema, map).chosen;
        let mut tables: BTreeMap<&'static str, TableLayout> = chosen
            .iter()
            .filter_map(|(name, table)| Some((*name, columns(course_table(name)?, table, schema, map))))
            .collect();
        follow_pointers(&mut tables, schema);
        join_skills(&mut tables, schema);
        Self { tables }
    }

    /// How a table of the course is read, if the source has it.
    pub fn get(&self, table: &str) -> Option<&TableLayout> {
        self.tables.get(table)
    }

    /// All tables of the courses that the source has.
    pub fn tables(&self) -> impl Iterator<Item = (&'static str, &TableLayout)> {
        self.tables.iter().map(|(name, layout)| (*name, layout))
    }

    /// Whether something is read from a table of the source.
    pub fn reads(&self, table: &str) -> bool {
        self.tables.values().any(|layout| layout.table == table)
    }

    /// The course's name of the table in which people are.
    pub fn people(&self) -> Option<&'static str> {
        [CUSTOM_PEOPLE, DJANGO_PEOPLE].into_iter().find(|table| self.tables.contains_key(table))
    }
}

/// Their columns tell them from all others, so they may belong to whichever app.
const UNMISTAKABLE: [&str; 6] = [PARTICIPANTS, PROFILE_SKILLS, SKILLS, INBOX, PROJECT_TAGS, REVIEWS];

/// The table of the source for each of the course's.
struct Choice<'a> {
    schema: &'a Schema,
    chosen: BTreeMap<&'static str, String>,
}

impl<'a> Choice<'a> {
    fn of(schema: &'a Schema, map: &TableMap) -> Self {
        let mut choice = Self { schema, chosen: BTreeMap::new() };
        for table in COURSE_TABLES {
            if let Some(name) = map.table(table.name) {
                choice.chosen.insert(table.name, name.to_owned());
            }
        }
        choice.people();
        choice.by_name(ROOMS);
        choice.by_ending(ROOMS, None);
        let app = choice.app(ROOMS);
        for table in [TOPICS, PARTICIPANTS, MESSAGES] {
            choice.by_name(table);
            if app.is_some() {
                choice.by_ending(table, app.as_deref());
            }
        }
        choice.topics_by_pointer();
        for (head, tables) in [(PROFILES, [SKILLS, PROFILE_SKILLS, INBOX]), (PROJECTS, [TAGS, PROJECT_TAGS, REVIEWS])] {
            choice.by_name(head);
            choice.by_ending(head, None);
            let app = choice.app(head);
            for table in tables {
                choice.by_name(table);
                if app.is_some() {
                    choice.by_ending(table, app.as_deref());
                }
            }
        }
        choice.chat();
        choice
    }

    fn people(&mut self) {
        if self.chosen.contains_key(CUSTOM_PEOPLE) {
            return;
        }
        for table in [CUSTOM_PEOPLE, DJANGO_PEOPLE] {
            self.by_name(table);
            if self.chosen.contains_key(table) {
                return;
            }
        }
        // A project with a custom user of its own.
        let Some(people) = course_table(CUSTOM_PEOPLE) else { return };
        let found = self.schema.tables().find(|table| self.has_needed(people, table)).map(str::to_owned);
        self.chosen.extend(found.map(|table| (CUSTOM_PEOPLE, table)));
    }

    /// A room without host and topic, with messages beside it, is a chat room.
    fn chat(&mut self) {
        let is_chat = |choice: &Self, table: &str| {
            let Some(room) = course_table(ROOMS) else { return false };
            !["host_id", "topic_id"].iter().any(|column| choice.has_column(room, table, column))
        };
        if !self.chosen.contains_key(CHAT_ROOMS) {
            let exact = self.free(CHAT_ROOMS).filter(|table| is_chat(self, table));
            let found = exact.or_else(|| {
                self.endings_of(CHAT_ROOMS, None).into_iter().find(|table| {
                    let app = app_of(CHAT_ROOMS, table);
                    is_chat(self, table) && !self.endings_of(CHAT_MESSAGES, app.as_deref()).is_empty()
                })
            });
            let Some(found) = found else { return };
            self.chosen.insert(CHAT_ROOMS, found);
        }
        self.by_name(CHAT_MESSAGES);
        let app = self.app(CHAT_ROOMS);
        self.by_ending(CHAT_MESSAGES, app.as_deref());
    }

    /// Whatever a room's topic points at holds the topics.
    fn topics_by_pointer(&mut self) {
        let (false, Some(rooms), Some(room)) =
            (self.chosen.contains_key(TOPICS), self.chosen.get(ROOMS), course_table(ROOMS))
        else {
            return;
        };
        let Some(column) = self.column(room, rooms, "topic_id") else { return };
        let target = self.schema.target(rooms, &column).map(str::to_owned);
        let is_taken = |table: &String| self.chosen.values().any(|chosen| chosen == table);
        let found = target.filter(|table| !is_taken(table));
        self.chosen.extend(found.map(|table| (TOPICS, table)));
    }

    /// The table of this very name, if nothing else is read from it.
    fn free(&self, name: &str) -> Option<String> {
        let table = self.schema.table(name)?;
        (!self.chosen.values().any(|chosen| chosen == table)).then(|| table.to_owned())
    }

    fn by_name(&mut self, name: &'static str) {
        if !self.chosen.contains_key(name) {
            let found = self.free(name);
            self.chosen.extend(found.map(|table| (name, table)));
        }
    }

    fn by_ending(&mut self, name: &'static str, app: Option<&str>) {
        if !self.chosen.contains_key(name) {
            let app = app.filter(|_| !UNMISTAKABLE.contains(&name));
            let found = self.endings_of(name, app).into_iter().next();
            self.chosen.extend(found.map(|table| (name, table)));
        }
    }

    /// The tables whose names end as this one's and that have its columns.
    fn endings_of(&self, name: &str, app: Option<&str>) -> Vec<String> {
        let Some(course) = course_table(name) else { return Vec::new() };
        let fits = |table: &&str| {
            let is_free = !self.chosen.values().any(|chosen| chosen == *table);
            let is_of_app = app_of(name, table).is_some_and(|found| app.is_none_or(|app| app == found));
            is_free && is_of_app && self.has_needed(course, table)
        };
        self.schema.tables().filter(fits).map(str::to_owned).collect()
    }

    /// The app to which the chosen table belongs.
    fn app(&self, name: &str) -> Option<String> {
        let table = self.chosen.get(name)?;
        app_of(name, table).or_else(|| Some(table.split_once('_')?.0.to_owned()))
    }

    fn has_needed(&self, course: &CourseTable, table: &str) -> bool {
        course.needs.iter().all(|group| group.iter().any(|column| self.has_column(course, table, column)))
    }

    fn has_column(&self, course: &CourseTable, table: &str, column: &str) -> bool {
        self.column(course, table, column).is_some()
    }

    fn column(&self, course: &CourseTable, table: &str, column: &str) -> Option<String> {
        let spec = course.columns.iter().find(|spec| spec.name == column)?;
        let mut names = std::iter::once(&spec.name).chain(spec.variants);
        names.find_map(|name| self.schema.column(table, name)).map(str::to_owned)
    }
}

/// The app of a table whose name ends as that of a course's table: `myapp` of `myapp_room`.
fn app_of(name: &str, table: &str) -> Option<String> {
    let lower = table.to_ascii_lowercase();
    let endings = course_table(name)?.endings;
    endings.iter().find_map(|ending| Some(lower.strip_suffix(ending)?.strip_suffix('_')?.to_owned()))
}

/// Finds the columns: those of the map first, then those of the same name, then variants.
fn columns(course: &'static CourseTable, table: &str, schema: &Schema, map: &TableMap) -> TableLayout {
    let mut found: HashMap<&'static str, String> = HashMap::new();
    let mut left_empty = Vec::new();
    for column in course.columns {
        match map.column(course.name, column.name) {
            Some("") => left_empty.push(column.name),
            Some(name) => {
                found.insert(column.name, name.to_owned());
            }
            None => {}
        }
    }
    for is_exact in [true, false] {
        for column in course.columns {
            if found.contains_key(column.name) || left_empty.contains(&column.name) {
                continue;
            }
            let names: &[&str] = if is_exact { &[column.name] } else { column.variants };
            let is_free = |name: &&str| !found.values().any(|taken| taken == name);
            if let Some(name) = names.iter().filter_map(|name| schema.column(table, name)).find(is_free) {
                found.insert(column.name, name.to_owned());
            }
        }
    }
    let key = match map.column(course.name, "id") {
        Some(name) if !name.is_empty() => Some(name.to_owned()),
        _ => schema.key(table).map(str::to_owned),
    };
    join_the_rest(course, table, schema, &mut found, &left_empty, key.as_deref());
    let is_read = |column: &String| found.values().any(|name| name == column) || key.as_ref() == Some(column);
    let unread = schema.columns(table).iter().filter(|column| !is_read(column)).cloned().collect();
    let mut sql: HashMap<&'static str, String> =
        found.iter().map(|(name, column)| (*name, format!("src.{}", quoted(column)))).collect();
    sql.extend(key.map(|key| ("id", format!("src.{}", quoted(&key)))));
    TableLayout {
        table: table.to_owned(),
        from: quoted(table),
        columns: course.columns.iter().map(|column| (column.name, found.get(column.name).cloned())).collect(),
        left_empty,
        unread,
        astray: Vec::new(),
        sql,
    }
}

/// A table that only joins two others has two columns: where one is found, the other is the second.
fn join_the_rest(
    course: &'static CourseTable,
    table: &str,
    schema: &Schema,
    found: &mut HashMap<&'static str, String>,
    left_empty: &[&str],
    key: Option<&str>,
) {
    let is_join = course.columns.len() == 2 && course.columns.iter().all(|column| column.points_at.is_some());
    let mut rest = schema
        .columns(table)
        .iter()
        .filter(|column| Some(column.as_str()) != key && !found.values().any(|name| name == *column));
    let mut missing =
        course.columns.iter().filter(|column| !found.contains_key(column.name) && !left_empty.contains(&column.name));
    if let (true, Some(column), None, Some(name), None) =
        (is_join, missing.next(), missing.next(), rest.next(), rest.next())
    {
        let name = name.clone();
        found.insert(column.name, name);
    }
}

/// A pointer that leads elsewhere than in the course is followed: from a profile to its person, from a person to their profile.
fn follow_pointers(tables: &mut BTreeMap<&'static str, TableLayout>, schema: &Schema) {
    let people = [CUSTOM_PEOPLE, DJANGO_PEOPLE].into_iter().find_map(|name| Some(tables.get(name)?.table.clone()));
    let profiles = tables.get(PROFILES).map(|layout| {
        let sql = |name: &str, instead: &str| layout.sql(name).unwrap_or(instead).replace("src.", "p.");
        (layout.table.clone(), sql("id", "src._rowid_"), sql("user_id", "NULL"))
    });
    let names: BTreeMap<&str, String> = tables.iter().map(|(name, layout)| (*name, layout.table.clone())).collect();
    for (name, layout) in tables.iter_mut() {
        for column in course_table(name).map(|course| course.columns).unwrap_or_default() {
            let (Some(expected), Some(found)) = (column.points_at, layout.column(column.name)) else { continue };
            let Some(target) = schema.target(&layout.table, found) else { continue };
            let wanted = if expected == PEOPLE { people.as_ref() } else { names.get(expected) };
            if wanted.is_none_or(|wanted| wanted == target) {
                continue;
            }
            let own = format!("src.{}", quoted(found));
            let is_profile = profiles.as_ref().is_some_and(|(table, ..)| table == target);
            let followed = match &profiles {
                Some((table, id, user)) if expected == PEOPLE && is_profile => {
                    Some(format!("(SELECT {user} FROM {} AS p WHERE {id} = {own})", quoted(table)))
                }
                Some((table, id, user)) if expected == PROFILES && people.as_deref() == Some(target) => {
                    Some(format!("(SELECT {id} FROM {} AS p WHERE {user} = {own} ORDER BY 1 LIMIT 1)", quoted(table)))
                }
                _ => None,
            };
            if followed.is_none() {
                layout.astray.push((found.to_owned(), target.to_owned()));
            }
            layout.sql.insert(column.name, followed.unwrap_or_else(|| "NULL".into()));
        }
    }
}

/// Skills that many people share have no owner; a table between says who has which.
fn join_skills(tables: &mut BTreeMap<&'static str, TableLayout>, schema: &Schema) {
    let Some(links) = tables.get(PROFILE_SKILLS) else { return };
    let (Some(profile), Some(skill)) = (links.column("profile_id"), links.column("skill_id")) else { return };
    let (links, profile, skill) = (quoted(&links.table), quoted(profile), quoted(skill));
    let Some(skills) = tables.get_mut(SKILLS).filter(|skills| skills.column("owner_id").is_none()) else { return };
    let key = schema.key(&skills.table).map_or_else(|| "_rowid_".to_owned(), quoted);
    let mut columns = vec![
        "l._rowid_ AS \"_rowid_\"".to_owned(),
        "l._rowid_ AS \"id\"".to_owned(),
        format!("l.{profile} AS \"owner_id\""),
    ];
    let mut sql = HashMap::from([("id", "src.\"id\"".to_owned()), ("owner_id", "src.\"owner_id\"".to_owned())]);
    for (name, column) in &skills.columns {
        if let Some(column) = column {
            columns.push(format!("s.{} AS \"{name}\"", quoted(column)));
            sql.insert(name, format!("src.\"{name}\""));
        }
    }
    let from = quoted(&skills.table);
    skills.from = format!("(SELECT {} FROM {links} AS l JOIN {from} AS s ON s.{key} = l.{skill})", columns.join(", "));
    skills.sql = sql;
    skills.left_empty.push("owner_id");
}
