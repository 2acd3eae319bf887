//! What the demo people tell of themselves, can do and made, what they think of each other's work, and what waits in
//! their inboxes.

use std::collections::HashMap;

use chrono::{NaiveDateTime, TimeDelta};

use super::people::Member;
use super::{DemoError, Stage};
use crate::kit::bulk::{self, Value};
use crate::kit::db::fold_key;
use crate::kit::markdown;
use crate::projects::models::review;

/// One line about oneself, and where one is.
const INTROS: [(&str, &str); 12] = [
    ("Weaves by day, compiles by night", "Maheshwar"),
    ("Small tools for small farms", "Wardha"),
    ("सीखना और सिखाना", "वाराणसी"),
    ("Maps, monsoons and the mathematics between", "Kochi"),
    ("Repairs radios, and what runs in them", "Jaipur"),
    ("Tests first, tea second", "Darjeeling"),
    ("Teaches class nine, learns with it", "Nagpur"),
    ("Draws interfaces that grandparents can read", "Chennai"),
    ("डेटा में कहानियाँ ढूँढती हूँ", "भोपाल"),
    ("Keeps servers cool without air conditioning", "Pune"),
    ("Birds, cameras, and code that tells them apart", "Bharatpur"),
    ("Asks why until somebody knows", ""),
];

/// Skills, some with a word about how one came by them.
const SKILLS: [(&str, &str); 16] = [
    ("Rust", "The borrow checker and I have made our peace: **three years**, two of them happy."),
    ("Python", "From the first loop in school to the scripts that run our library."),
    ("Django", "Five sites, one of them still up."),
    ("SQL", ""),
    ("PostgreSQL", "Indexes, plans, and patience."),
    ("Weaving", "On a pit loom, from my grandmother."),
    ("Teaching", "Class nine, every morning at eight."),
    ("JavaScript", ""),
    ("Accessibility", "I try every page with a screen reader before I call it done."),
    ("हिन्दी", ""),
    ("Photography", ""),
    ("Electronics", "Soldering since I could reach the table."),
    ("Statistics", ""),
    ("Writing", "Manuals that people finish."),
    ("Linux", ""),
    ("Gardening", "Tomatoes on the roof, and the sensors that water them."),
];

/// Title, Markdown, tags.
const PROJECTS: [(&str, &str, &[&str]); 14] = [
    (
        "Loom planner",
        "Plans a weave from a picture.\n\n- reads a photograph\n- counts the threads\n- prints the *naksha* for the weaver",
        &["rust", "weaving", "images"],
    ),
    (
        "Monsoon almanac",
        "A hundred years of rain, one page a village.\n\n> My grandfather said that it was wetter then. Now we can look.",
        &["python", "data", "climate"],
    ),
    (
        "Library in a lunchbox",
        "A lending library on a single-board computer that survives **heat, dust and power cuts**.",
        &["linux", "sqlite", "hardware"],
    ),
    ("अक्षर", "देवनागरी लिखना सीखने का खेल। हर अक्षर की चाल, हर मात्रा की जगह।", &["javascript", "education", "हिन्दी"]),
    (
        "Bus in a bottle",
        "Tells when the next bus comes, without asking a server.\n\n```rust\nlet next = timetable.after(now);\n```",
        &["rust", "transport"],
    ),
    ("Night market ledger", "Accounts for stall keepers who have one hand free.", &["django", "accessibility"]),
    ("Bird ear", "Knows forty birds by their call. Offline, on an old phone.", &["machine learning", "audio"]),
    (
        "Well watch",
        "A float, a string, a sensor: how much water is in the village well, on a page.",
        &["hardware", "data", "water"],
    ),
    ("Tiny chess club", "Correspondence chess for the class, by a link in the chat.", &["javascript", "games"]),
    (
        "Recipe relay",
        "Cook, change one thing, pass it on. See what became of your grandmother's dal.",
        &["django", "food"],
    ),
    ("Braille badge", "Name badges with Braille, from a spreadsheet to the printer.", &["accessibility", "python"]),
    (
        "Solar diary",
        "What the panel on the roof made today, and why it was less than yesterday.",
        &["hardware", "data", "energy"],
    ),
    (
        "Query kitchen",
        "Learn SQL by running a restaurant.\n\n| table | holds |\n|---|---|\n| orders | what they want |\n| pantry | what you have |",
        &["sql", "education"],
    ),
    ("Village quiz", "A quiz night that works when the network does not.", &["rust", "games", "education"]),
];

/// For it, against it.
const LIKED: [&str; 8] = [
    "Works on the first try, and reads like a book.",
    "We use it in class. **The children asked for more.**",
    "बहुत अच्छा काम!",
    "",
    "Clean code, kind error messages. I learnt from it.",
    "Small, quick, and it does what it says.",
    "",
    "Ran it for a week on an old laptop: not one complaint.",
];
const DISLIKED: [&str; 4] = [
    "A good idea, but it lost my changes when the power went.",
    "",
    "It needs a word on how to install it.",
    "Not for a phone yet: the buttons are too small for my thumbs.",
];

/// Subject and words.
const LETTERS: [(&str, &str); 5] = [
    ("Thursday under the tree", "Will you come on Thursday? We want to try the *well watch* together."),
    ("A question about your project", "How do you keep it running when the power goes? Ours stops each time."),
    ("धन्यवाद", "आपकी मदद से मेरा पहला प्रोग्राम चल गया।"),
    ("Looking for a mentor", "Two of my pupils want to learn Rust. Could they write to you?"),
    ("Found a small thing", "In the second list the last line is cut off on my phone. Otherwise: **lovely**."),
];

/// So many rows are written at a time.
const AT_ONCE: usize = 1_000;

/// HTML of texts that come again and again.
#[derive(Default)]
struct Rendered(HashMap<&'static str, String>);

impl Rendered {
    fn of(&mut self, text: &'static str) -> String {
        self.0.entry(text).or_insert_with(|| markdown::render(text)).clone()
    }
}

/// Fills all of it; the profiles stand already.
pub(super) fn fill(stage: &mut Stage<'_>, cast: &[Member]) -> Result<(), DemoError> {
    let mut rendered = Rendered::default();
    skills(stage, cast)?;
    let projects = projects(stage, cast, &mut rendered)?;
    reviews(stage, cast, &projects, &mut rendered)?;
    review::recount_all(stage.conn)?;
    letters(stage, cast, &mut rendered)
}

/// Some moment since it began.
fn moment(stage: &mut Stage<'_>) -> NaiveDateTime {
    let minutes = stage.extent.days * 24 * 60;
    stage.midnight - TimeDelta::minutes(stage.rng.between(30, minutes))
}

/// A line about the person with this number, and where he is; most of a crowd say nothing.
pub(super) fn intro(stage: &mut Stage<'_>, at: usize) -> (&'static str, &'static str) {
    if at > INTROS.len() && stage.rng.below(3) > 0 { ("", "") } else { INTROS[at % INTROS.len()] }
}

fn skills(stage: &mut Stage<'_>, cast: &[Member]) -> Result<(), DemoError> {
    stage.progress.begin("skills", cast.len());
    let mut rows: Vec<[Value; 4]> = Vec::with_capacity(AT_ONCE);
    for (at, member) in cast.iter().enumerate() {
        let (first, count) = (stage.rng.below(SKILLS.len()), 1 + stage.rng.below(5));
        for step in 0..count {
            let (name, description) = SKILLS[(first + step * 3) % SKILLS.len()];
            rows.push([member.id.into(), name.into(), description.into(), moment(stage).into()]);
        }
        if rows.len() >= AT_ONCE || at + 1 == cast.len() {
            bulk::insert(stage.conn, "skills", ["user_id", "name", "description", "created"], &rows)?;
            rows.clear();
        }
        stage.progress.advance(1);
    }
    Ok(())
}

/// A project, as far as reviews need to know.
struct Made {
    id: i64,
    /// The owner's place among the cast.
    owner: usize,
    created: NaiveDateTime,
}

fn projects(stage: &mut Stage<'_>, cast: &[Member], rendered: &mut Rendered) -> Result<Vec<Made>, DemoError> {
    let count = stage.extent.projects;
    stage.progress.begin("projects", count);
    let tags = tags(stage)?;
    let ids = bulk::take_ids(stage.conn, "projects", count)?;
    let mut made = Vec::with_capacity(count);
    let (mut rows, mut links): (Vec<[Value; 10]>, Vec<[Value; 2]>) = (Vec::new(), Vec::new());
    for (at, id) in ids.into_iter().enumerate() {
        let (title, description, own_tags) = PROJECTS[at % PROJECTS.len()];
        let round = at / PROJECTS.len();
        let title = if round == 0 { title.to_owned() } else { format!("{title} {}", round + 1) };
        let (owner, created) = (stage.rng.below(cast.len()), moment(stage));
        let address = |place: &str| format!("https://{place}.example.org/{}", at + 1);
        let demo = if stage.rng.below(3) > 0 { address("try") } else { String::new() };
        let source = if stage.rng.below(3) > 0 { address("code") } else { String::new() };
        rows.push([
            id.into(),
            cast[owner].id.into(),
            title.as_str().into(),
            fold_key(&title).into(),
            description.into(),
            rendered.of(description).into(),
            demo.into(),
            source.into(),
            created.into(),
            created.into(),
        ]);
        links.extend(own_tags.iter().filter_map(|tag| Some([id.into(), (*tags.get(tag)?).into()])));
        made.push(Made { id, owner, created });
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

/// The tags of all projects; their numbers by name.
fn tags(stage: &mut Stage<'_>) -> Result<HashMap<&'static str, i64>, DemoError> {
    let mut names: Vec<&'static str> = Vec::new();
    for name in PROJECTS.iter().flat_map(|(_, _, tags)| tags.iter()) {
        if !names.contains(name) {
            names.push(name);
        }
    }
    let ids = bulk::take_ids(stage.conn, "tags", names.len())?;
    let created = stage.midnight - TimeDelta::days(stage.extent.days);
    let rows: Vec<[Value; 4]> = names
        .iter()
        .zip(&ids)
        .map(|(name, id)| [(*id).into(), (*name).into(), fold_key(name).into(), created.into()])
        .collect();
    bulk::insert(stage.conn, "tags", ["id", "name", "name_key", "created"], &rows)?;
    Ok(names.into_iter().zip(ids).collect())
}

const REVIEW: [&str; 7] = ["project_id", "owner_id", "value", "body", "body_html", "created", "updated"];

/// Some projects are judged by many, some by nobody; nobody judges his own.
fn reviews(
    stage: &mut Stage<'_>,
    cast: &[Member],
    projects: &[Made],
    rendered: &mut Rendered,
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
        let charm = 3 + stage.rng.below(7);
        let first = 1 + stage.rng.below(cast.len() - 1);
        for step in 0..count {
            // Counted on from the owner, nobody comes twice, and he himself never.
            let judge = (project.owner + 1 + (first + step) % (cast.len() - 1)) % cast.len();
            let (value, words) = match stage.rng.below(10) < charm {
                true => ("up", LIKED[stage.rng.below(LIKED.len())]),
                false => ("down", DISLIKED[stage.rng.below(DISLIKED.len())]),
            };
            let ago = (stage.midnight - project.created).num_minutes().max(2);
            let created = project.created + TimeDelta::minutes(stage.rng.between(1, ago));
            rows.push([
                project.id.into(),
                cast[judge].id.into(),
                value.into(),
                words.into(),
                rendered.of(words).into(),
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

const LETTER: [&str; 8] = ["recipient_id", "sender_id", "name", "subject", "body", "body_html", "is_read", "created"];

/// The demo person finds some in his inbox, and so do those who come first after him.
fn letters(stage: &mut Stage<'_>, cast: &[Member], rendered: &mut Rendered) -> Result<(), DemoError> {
    let mut rows: Vec<[Value; 8]> = Vec::new();
    for (at, recipient) in cast.iter().enumerate().take(24) {
        let count = if at == 0 { LETTERS.len() } else { stage.rng.below(3) };
        for step in 0..count {
            let sender = &cast[(at + 1 + step) % cast.len()];
            let (subject, body) = LETTERS[(at + step) % LETTERS.len()];
            if sender.id == recipient.id {
                continue;
            }
            rows.push([
                recipient.id.into(),
                sender.id.into(),
                sender.name.as_str().into(),
                subject.into(),
                body.into(),
                rendered.of(body).into(),
                (step % 3 == 2).into(),
                moment(stage).into(),
            ]);
        }
    }
    Ok(bulk::insert(stage.conn, "inbox_messages", LETTER, &rows)?)
}
