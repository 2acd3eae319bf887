//! What the demo people tell of themselves, can do and made, and what others think of it: read from `content/`, which
//! anybody may extend. Each text is rendered once, however often it comes.

use std::collections::HashMap;

use super::script::{blocks, field};
use crate::kit::markdown;

const DEVELOPERS: &str = include_str!("content/developers.txt");
const PROJECTS: &str = include_str!("content/projects.txt");
const LETTERS: &str = include_str!("content/letters.txt");

/// Everything that is written in these.
#[derive(Debug)]
pub(super) struct Portfolio {
    developers: HashMap<&'static str, Developer>,
    /// The first eight make the small demo.
    pub projects: Vec<ProjectScript>,
    /// What any project may be told.
    pub verdicts: Vec<Verdict>,
    /// What stands in inboxes.
    pub letters: Vec<Letter>,
}

/// What one person tells of himself.
#[derive(Debug, Default)]
pub(super) struct Developer {
    /// One line.
    pub intro: &'static str,
    /// Where he is.
    pub place: &'static str,
    links: &'static str,
    /// Names, and a word about some.
    pub skills: Vec<(&'static str, &'static str)>,
}

impl Developer {
    /// His address of this kind (`code`, `site`, `film`), if he has one. All of them are at a host that is kept for examples.
    pub fn link(&self, kind: &str, username: &str) -> String {
        match self.links.split(' ').any(|link| link == kind) {
            true => format!("https://{kind}.example.org/{username}"),
            false => String::new(),
        }
    }
}

/// A project and what was said of it.
#[derive(Debug)]
pub(super) struct ProjectScript {
    pub title: &'static str,
    /// The user name of who made it.
    pub by: &'static str,
    pub tags: Vec<&'static str>,
    pub about: Words,
    pub verdicts: Vec<Verdict>,
}

/// A vote and its words.
#[derive(Debug, Clone)]
pub(super) struct Verdict {
    pub up: bool,
    pub words: Words,
}

/// A message to somebody.
#[derive(Debug)]
pub(super) struct Letter {
    pub subject: &'static str,
    /// A stranger's name.
    pub from: Option<&'static str>,
    pub words: Words,
}

/// Markdown and its HTML.
#[derive(Debug, Clone, Default)]
pub(super) struct Words {
    pub text: String,
    pub html: String,
    /// Only for those who understand it.
    pub hindi: bool,
}

impl Words {
    fn new(text: String) -> Self {
        let html = markdown::render(&text);
        let hindi = text.contains(|letter| ('\u{900}'..='\u{97f}').contains(&letter));
        Self { text, html, hindi }
    }
}

impl Portfolio {
    /// Reads `content/`.
    pub fn read() -> Self {
        let developers =
            blocks(DEVELOPERS).filter_map(|block| Some((field(block, "person")?, developer(block)))).collect();
        let projects = blocks(PROJECTS).filter_map(project).collect();
        let verdicts = blocks(LETTERS).filter(|block| field(block, "subject").is_none()).flat_map(verdicts).collect();
        let letters = blocks(LETTERS).filter_map(letter).collect();
        Self { developers, projects, verdicts, letters }
    }

    /// What the person of this user name tells of himself, if that is written down.
    pub fn developer(&self, username: &str) -> Option<&Developer> {
        self.developers.get(username)
    }
}

fn developer(block: &'static str) -> Developer {
    let [intro, place, links] = ["intro", "place", "links"].map(|name| field(block, name).unwrap_or_default());
    let skills = block.lines().filter_map(|line| line.strip_prefix("can: "));
    let skills = skills.map(|skill| skill.split_once(" | ").unwrap_or((skill, ""))).collect();
    Developer { intro, place, links, skills }
}

fn project(block: &'static str) -> Option<ProjectScript> {
    Some(ProjectScript {
        title: field(block, "project")?,
        by: field(block, "by")?,
        tags: field(block, "tags")?.split(", ").collect(),
        about: words(block),
        verdicts: verdicts(block),
    })
}

fn letter(block: &'static str) -> Option<Letter> {
    Some(Letter { subject: field(block, "subject")?, from: field(block, "from"), words: words(block) })
}

/// The lines that begin with `|`.
fn words(block: &str) -> Words {
    let lines = block.lines().filter_map(|line| line.strip_prefix('|'));
    let lines: Vec<&str> = lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    Words::new(lines.join("\n"))
}

fn verdicts(block: &str) -> Vec<Verdict> {
    let verdict = |line: &str| match (line.strip_prefix("+ "), line.strip_prefix("- ")) {
        (Some(words), _) => Some(Verdict { up: true, words: Words::new(words.to_owned()) }),
        (_, Some(words)) => Some(Verdict { up: false, words: Words::new(words.to_owned()) }),
        _ => None,
    };
    block.lines().filter_map(verdict).collect()
}

#[cfg(test)]
mod tests {
    use super::super::people::DEMO;
    use super::super::script::Script;
    use super::*;

    #[test]
    fn every_line_of_the_content_is_understood_and_names_who_is_there() {
        let (portfolio, script) = (Portfolio::read(), Script::read());
        let known = [
            "person: ",
            "intro: ",
            "place: ",
            "links: ",
            "can: ",
            "project: ",
            "by: ",
            "tags: ",
            "subject: ",
            "from: ",
        ];
        for line in [DEVELOPERS, PROJECTS, LETTERS].iter().flat_map(|text| text.lines()).filter(|line| !line.is_empty())
        {
            let marked = ["#", "|", "+ ", "- "].iter().any(|mark| line.starts_with(mark));
            assert!(marked || known.iter().any(|name| line.starts_with(name)), "{line}");
        }
        let usernames: Vec<&str> = script.people.iter().map(|figure| figure.username).chain([DEMO]).collect();
        for username in &usernames {
            let developer = portfolio.developer(username).unwrap_or_else(|| panic!("{username}"));
            assert!(!developer.intro.is_empty() && !developer.skills.is_empty(), "{username}");
        }
        assert_eq!(portfolio.developers.len(), usernames.len());
        assert_eq!(portfolio.projects.len(), PROJECTS.lines().filter(|line| line.starts_with("project: ")).count());
        for project in &portfolio.projects {
            assert!(usernames.contains(&project.by), "{}", project.by);
            assert!(!project.about.html.is_empty() && !project.tags.is_empty(), "{}", project.title);
        }
        for project in &portfolio.projects[..8] {
            let place = script.people.iter().position(|figure| figure.username == project.by);
            assert!(
                project.by == DEMO || place.is_some_and(|place| place < 5),
                "{} is not in the small demo",
                project.by
            );
        }
        assert!(portfolio.letters.iter().all(|letter| !letter.words.html.is_empty()));
        assert!(portfolio.verdicts.iter().any(|verdict| verdict.up && !verdict.words.hindi));
        assert!(portfolio.verdicts.iter().any(|verdict| !verdict.up && !verdict.words.hindi));
    }
}
