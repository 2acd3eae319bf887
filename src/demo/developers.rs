//! Skills, projects, what people think of each other's work, and what waits in their inboxes; profiles stand already.

use chrono::{NaiveDateTime, TimeDelta};

use super::people::{DEMO, Member};
use super::portfolio::{Portfolio, ProjectScript, Verdict, Words};
use super::{DemoError, Stage, named};
use crate::kit::bulk::{self, Value};
use crate::profiles::models::skill::name_key;
use crate::projects::models::project::title_key;
use crate::projects::models::review;

/// So many rows are written at a time.
const AT_ONCE: usize = 1_000;

/// Writes all of it.
pub(super) fn fill(stage: &mut Stage<'_>, portfolio: &Portfolio, cast: &[Member]) -> Result<(), DemoError> {
    skills(stage, portfolio, cast)?;
    let projects = projects(stage, portfolio, cast)?;
    reviews(stage, portfolio, cast, &projects)?;
    review::recount_all(stage.conn)?;
    letters(stage, portfolio, cast)
}

/// Some moment since it began.
fn moment(stage: &mut Stage<'_>) -> NaiveDateTime {
    let minutes = stage.extent.days * 24 * 60;
    stage.midnight - TimeDelta::minutes(stage.rng.between(30, minutes))
}

/// The user name of the person at this place of the cast, if he is written down.
fn username_at(stage: &Stage<'_>, at: usize) -> Option<&'static str> {
    match at.checked_sub(1) {
        None => Some(DEMO),
        Some(at) => stage.script.people.get(at).map(|figure| figure.username),
    }
}

/// Those who are written down have skills of their own; of the crowd each has a few of anybody's.
fn skills(stage: &mut Stage<'_>, portfolio: &Portfolio, cast: &[Member]) -> Result<(), DemoError> {
    const COLUMNS: [&str; 5] = ["user_id", "name", "name_key", "description", "created"];
    stage.progress.begin("skills", cast.len());
    let mut all: Vec<&str> = Vec::new();
    for developer in stage.script.people.iter().filter_map(|figure| portfolio.developer(figure.username)) {
        all.extend(developer.skills.iter().map(|(name, _)| *name));
    }
    all.sort_unstable();
    all.dedup();
    let mut rows: Vec<[Value; 5]> = Vec::with_capacity(AT_ONCE);
    for (at, member) in cast.iter().enumerate() {
        if let Some(developer) = username_at(stage, at).and_then(|username| portfolio.developer(username)) {
            for (name, words) in &developer.skills {
                rows.push(skill(stage, member, name, words));
            }
        } else {
            let (first, count) = (stage.rng.below(all.len()), stage.rng.below(5));
            for step in 0..count {
                rows.push(skill(stage, member, all[(first + step) % all.len()], ""));
            }
        }
        if rows.len() >= AT_ONCE || at + 1 == cast.len() {
            bulk::insert(stage.conn, "skills", COLUMNS, &rows)?;
            rows.clear();
        }
        stage.progress.advance(1);
    }
    Ok(())
}

fn skill(stage: &mut Stage<'_>, member: &Member, name: &str, words: &str) -> [Value; 5] {
    [member.id.into(), name.into(), name_key(name).into(), words.into(), moment(stage).into()]
}

/// A project, as far as reviews need to know.
struct Made<'a> {
    id: i64,
    /// The owner's place among the cast.
    owner: usize,
    created: NaiveDateTime,
    /// What is said of it alone; when its script comes again, nothing.
    verdicts: &'a [Verdict],
}

const PROJECT: [&str; 10] = [
    "id",
    "owner_id",
    "title",
    "title_key",
    "description",
    "description_html",
    "demo_link",
    "source_link",
    "created",
    "updated",
];

fn projects<'a>(stage: &mut Stage<'_>, portfolio: &'a Portfolio, cast: &[Member]) -> Result<Vec<Made<'a>>, DemoError> {
    let count = stage.extent.projects;
    stage.progress.begin("projects", count);
    let made = portfolio.projects.iter().take(stage.extent.projects);
    let tags = made.flat_map(|project| &project.tags).copied().collect();
    let tags = named(stage, "tags", tags)?;
    let ids = bulk::take_ids(stage.conn, "projects", count)?;
    let mut made = Vec::with_capacity(count);
    let (mut rows, mut links): (Vec<[Value; 10]>, Vec<[Value; 2]>) = (Vec::new(), Vec::new());
    for (at, id) in ids.into_iter().enumerate() {
        let script = &portfolio.projects[at % portfolio.projects.len()];
        let round = at / portfolio.projects.len();
        let title = if round == 0 { script.title.to_owned() } else { format!("{} {}", script.title, round + 1) };
        let (owner, created) = (owner(stage, script, round, cast), moment(stage));
        let [demo, source] = ["try", "code"].map(|kind| match stage.rng.percent(70) {
            true => format!("https://{kind}.example.org/projects/{}", at + 1),
            false => String::new(),
        });
        rows.push([
            id.into(),
            cast[owner].id.into(),
            title.as_str().into(),
            title_key(&title).into(),
            script.about.text.as_str().into(),
            script.about.html.as_str().into(),
            demo.into(),
            source.into(),
            created.into(),
            created.into(),
        ]);
        links.extend(script.tags.iter().filter_map(|tag| Some([id.into(), (*tags.get(tag)?).into()])));
        let verdicts = if round == 0 { script.verdicts.as_slice() } else { &[] };
        made.push(Made { id, owner, created, verdicts });
        if rows.len() >= AT_ONCE || at + 1 == count {
            bulk::insert(stage.conn, "projects", PROJECT, &rows)?;
            bulk::insert(stage.conn, "project_tags", ["project_id", "tag_id"], &links)?;
            rows.clear();
            links.clear();
        }
        stage.progress.advance(1);
    }
    Ok(made)
}

/// Who made it: the one who is named, and when the script comes again, anybody who understands it.
fn owner(stage: &mut Stage<'_>, script: &ProjectScript, round: usize, cast: &[Member]) -> usize {
    let named =
        (0..cast.len().min(stage.script.people.len() + 1)).find(|at| username_at(stage, *at) == Some(script.by));
    if let Some(at) = named.filter(|_| round == 0) {
        return at;
    }
    let drawn = stage.rng.below(cast.len());
    // The demo person, who comes first, understands all.
    (0..=drawn).rev().find(|at| understands(&cast[*at], &script.about)).unwrap_or(0)
}

fn understands(member: &Member, words: &Words) -> bool {
    member.hindi || !words.hindi
}

const REVIEW: [&str; 7] = ["project_id", "owner_id", "value", "body", "body_html", "created", "updated"];

/// Some projects are judged by many, some by nobody; nobody judges his own.
fn reviews(
    stage: &mut Stage<'_>,
    portfolio: &Portfolio,
    cast: &[Member],
    projects: &[Made<'_>],
) -> Result<(), DemoError> {
    let total = stage.extent.reviews;
    stage.progress.begin("reviews", total);
    let mut rows: Vec<[Value; 7]> = Vec::with_capacity(AT_ONCE);
    let mut written = 0;
    for (at, project) in projects.iter().enumerate() {
        let (left, projects_left) = (total - written, projects.len() - at);
        let fair = left / projects_left;
        let wished = if projects_left == 1 { left } else { stage.rng.below(2 * fair + 2) };
        let count = wished.min(left).min(cast.len() - 1);
        let mut own: Vec<&Verdict> = project.verdicts.iter().collect();
        let charm = 40 + stage.rng.below(60);
        let first = stage.rng.below(cast.len() - 1);
        for step in 0..count {
            // Counted on from the owner, nobody comes twice, and he himself never.
            let judge = &cast[(project.owner + 1 + (first + step) % (cast.len() - 1)) % cast.len()];
            let verdict = match own.iter().position(|verdict| understands(judge, &verdict.words)) {
                Some(place) => own.remove(place).clone(),
                None => general(stage, portfolio, judge, charm),
            };
            let ago = (stage.midnight - project.created).num_minutes().max(2);
            let created = project.created + TimeDelta::minutes(stage.rng.between(1, ago));
            rows.push([
                project.id.into(),
                judge.id.into(),
                if verdict.up { "up" } else { "down" }.into(),
                verdict.words.text.into(),
                verdict.words.html.into(),
                created.into(),
                created.into(),
            ]);
        }
        written += count;
        stage.progress.advance(count);
        if rows.len() >= AT_ONCE || at + 1 == projects.len() {
            bulk::insert(stage.conn, "reviews", REVIEW, &rows)?;
            rows.clear();
        }
    }
    Ok(())
}

/// For it in so many of a hundred cases; many vote without a word.
fn general(stage: &mut Stage<'_>, portfolio: &Portfolio, judge: &Member, charm: usize) -> Verdict {
    let up = stage.rng.percent(charm);
    let fitting = |verdict: &&Verdict| verdict.up == up && understands(judge, &verdict.words);
    let fitting: Vec<&Verdict> = portfolio.verdicts.iter().filter(fitting).collect();
    let silent = Verdict { up, words: Words::default() };
    match stage.rng.percent(40) {
        true => silent,
        false => stage.rng.pick(&fitting).map_or(silent, |verdict| (*verdict).clone()),
    }
}

const LETTER: [&str; 9] =
    ["recipient_id", "sender_id", "name", "email", "subject", "body", "body_html", "is_read", "created"];

/// The demo person finds every letter in his inbox, the others a few.
fn letters(stage: &mut Stage<'_>, portfolio: &Portfolio, cast: &[Member]) -> Result<(), DemoError> {
    stage.progress.begin("inbox messages", cast.len());
    let mut rows: Vec<[Value; 9]> = Vec::new();
    for (at, recipient) in cast.iter().enumerate() {
        let (first, count) = match at {
            0 => (0, portfolio.letters.len()),
            _ => (stage.rng.below(portfolio.letters.len()), stage.rng.below(3)),
        };
        for step in 0..count {
            let letter = &portfolio.letters[(first + step) % portfolio.letters.len()];
            // Never he himself; of those behind him the first who understands it.
            let drawn = at + 1 + stage.rng.below(cast.len() - 1);
            let mut behind = (drawn..drawn + cast.len()).map(|place| place % cast.len());
            let sender = behind.find(|place| *place != at && understands(&cast[*place], &letter.words));
            let (Some(sender), true) = (sender, understands(recipient, &letter.words)) else { continue };
            let (sender, name, email) = match letter.from {
                Some(name) => (None, name, format!("{}@example.org", name.to_lowercase())),
                None => (Some(cast[sender].id), cast[sender].name.as_str(), String::new()),
            };
            rows.push([
                recipient.id.into(),
                sender.into(),
                name.into(),
                email.into(),
                letter.subject.into(),
                letter.words.text.as_str().into(),
                letter.words.html.as_str().into(),
                stage.rng.percent(50).into(),
                moment(stage).into(),
            ]);
        }
        if rows.len() >= AT_ONCE || at + 1 == cast.len() {
            bulk::insert(stage.conn, "inbox_messages", LETTER, &rows)?;
            rows.clear();
        }
        stage.progress.advance(1);
    }
    Ok(())
}
