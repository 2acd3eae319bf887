//! What the demo people say: read from the texts in `content/`, which anybody may extend.
//!
//! A room is a few lines `room: topic: talk: size: about:`, then conversations, with a blank line
//! between two. In a conversation `A:` speaks, `A~:` changed it later, `A-:` took it back; a line
//! that begins with `|` goes on with the one before. `{A}` is the name of who speaks as A, and
//! `{list}` one entry of that list.

use std::collections::BTreeMap;

use super::rng::Rng;

const PEOPLE: &str = include_str!("content/people.txt");
const ROOMS: &str = include_str!("content/rooms.txt");
const TALK: &str = include_str!("content/talk.txt");

/// Everything that is written in `content/`.
#[derive(Debug, Default)]
pub struct Script {
    /// The people, the most talkative first.
    pub people: Vec<Figure>,
    /// The rooms; the first five make the small demo.
    pub rooms: Vec<RoomScript>,
    /// Conversations for any room of a kind.
    talk: BTreeMap<&'static str, Vec<Thread>>,
    lists: BTreeMap<&'static str, Vec<&'static str>>,
}

/// One person of the demo.
#[derive(Debug)]
pub struct Figure {
    /// User name.
    pub username: &'static str,
    /// Shown name.
    pub name: &'static str,
    /// Speaks Hindi too.
    pub hindi: bool,
    /// A few words of oneself.
    pub bio: &'static str,
}

/// One room of the demo.
#[derive(Debug)]
pub struct RoomScript {
    /// Its name.
    pub name: &'static str,
    /// Its topic.
    pub topic: &'static str,
    /// The kind of small talk in it.
    pub talk: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// How many messages it has, if not as many as the others.
    pub size: Option<usize>,
    threads: Vec<Thread>,
}

type Thread = Vec<Line>;

/// One thing said.
#[derive(Clone, Debug)]
struct Line {
    speaker: usize,
    fate: Fate,
    text: String,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stands as it was written.
    Kept,
    /// It was changed.
    Edited,
    /// It was taken back.
    Deleted,
}

/// One thing said, by somebody.
#[derive(Debug)]
pub struct Said {
    /// Which of the room's people.
    pub speaker: usize,
    /// In which words.
    pub text: String,
    /// What became of it.
    pub fate: Fate,
    /// Whether a new conversation begins with it.
    pub opens: bool,
}

impl Script {
    /// Reads `content/`.
    pub fn read() -> Self {
        let mut script = Self::default();
        for line in PEOPLE.lines().filter(|line| !line.starts_with('#')) {
            let mut fields = line.split(" | ");
            if let (Some(username), Some(name), Some(languages), Some(bio)) =
                (fields.next(), fields.next(), fields.next(), fields.next())
            {
                script.people.push(Figure { username, name, hindi: languages.contains("hi"), bio });
            }
        }
        script.read_rooms();
        script.read_talk();
        script
    }

    fn read_rooms(&mut self) {
        for block in blocks(ROOMS) {
            if let Some(name) = field(block, "room") {
                let [topic, talk, about] =
                    ["topic", "talk", "about"].map(|name| field(block, name).unwrap_or_default());
                let size = field(block, "size").and_then(|size| size.parse().ok());
                self.rooms.push(RoomScript { name, topic, talk, about, size, threads: Vec::new() });
            } else if let Some(room) = self.rooms.last_mut() {
                room.threads.push(thread(block));
            }
        }
    }

    fn read_talk(&mut self) {
        let mut kind = "";
        for block in blocks(TALK) {
            for line in block.lines() {
                if let Some((name, entries)) = line.strip_prefix("list ").and_then(|line| line.split_once(": ")) {
                    self.lists.insert(name, entries.split(" | ").collect());
                }
            }
            kind = field(block, "talk").unwrap_or(kind);
            let thread = thread(block);
            if !thread.is_empty() {
                self.talk.entry(kind).or_default().push(thread);
            }
        }
    }

    /// `count` things that are said in a room by the people of these shown names: first its own
    /// conversations if `own`, then small talk of its kind, no conversation again before all others.
    pub fn conversation(&self, rng: &mut Rng, room: &RoomScript, own: bool, names: &[&str], count: usize) -> Vec<Said> {
        let pool = self.talk.get(room.talk).map(Vec::as_slice).unwrap_or_default();
        let mut waiting: Vec<&Thread> = if own { room.threads.iter().rev().collect() } else { Vec::new() };
        let mut said = Vec::with_capacity(count);
        while said.len() < count && !names.is_empty() {
            let Some(thread) = waiting.pop() else {
                if pool.is_empty() {
                    break;
                }
                waiting.extend(pool);
                rng.shuffle(&mut waiting);
                continue;
            };
            let mut cast: Vec<usize> = (0..names.len()).collect();
            rng.shuffle(&mut cast);
            for (at, line) in thread.iter().take(count - said.len()).enumerate() {
                let text = self.fill(rng, &line.text, &cast, names);
                said.push(Said { speaker: cast[line.speaker % cast.len()], text, fate: line.fate, opens: at == 0 });
            }
        }
        said
    }

    /// Puts names and entries of lists in their places.
    fn fill(&self, rng: &mut Rng, text: &str, cast: &[usize], names: &[&str]) -> String {
        let mut filled = String::with_capacity(text.len() + 40);
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let (key, behind) = after.split_once('}').unwrap_or(("", after));
            if let Some(speaker) = speaker(key) {
                filled.push_str(names[cast[speaker % cast.len()]]);
                rest = behind;
            } else if let Some(list) = self.lists.get(key) {
                let entry = rng.pick(list).copied().unwrap_or_default();
                filled.push_str(&self.fill(rng, entry, cast, names));
                rest = behind;
            } else {
                // A brace of code.
                filled.push('{');
                rest = after;
            }
        }
        filled.push_str(rest);
        if text.starts_with('{') {
            capitalise(&mut filled);
        }
        filled
    }
}

pub(super) fn blocks(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.split("\n\n").filter(|block| !block.trim().is_empty())
}

pub(super) fn field(block: &'static str, name: &str) -> Option<&'static str> {
    block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn speaker(letter: &str) -> Option<usize> {
    ["A", "B", "C", "D", "E", "F"].iter().position(|known| *known == letter)
}

fn thread(block: &str) -> Thread {
    let mut thread: Thread = Vec::new();
    for line in block.lines() {
        if let Some(more) = line.strip_prefix('|') {
            if let Some(last) = thread.last_mut() {
                last.text.push('\n');
                last.text.push_str(more.strip_prefix(' ').unwrap_or(more));
            }
            continue;
        }
        let Some((head, text)) = line.split_once(':') else { continue };
        let (letter, fate) = match (head.strip_suffix('~'), head.strip_suffix('-')) {
            (Some(letter), _) => (letter, Fate::Edited),
            (_, Some(letter)) => (letter, Fate::Deleted),
            _ => (head, Fate::Kept),
        };
        if let Some(speaker) = speaker(letter) {
            thread.push(Line { speaker, fate, text: text.trim().to_owned() });
        }
    }
    thread
}

/// Only the text's own first letter: an entry of a list may stand at the beginning of a sentence.
fn capitalise(text: &mut String) {
    let Some(first) = text.chars().next() else { return };
    let upper: String = first.to_uppercase().collect();
    text.replace_range(..first.len_utf8(), &upper);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_content_is_understood() {
        let script = Script::read();
        assert_eq!(script.people.len(), PEOPLE.lines().filter(|line| !line.starts_with('#')).count());
        assert_eq!(script.rooms.len(), ROOMS.lines().filter(|line| line.starts_with("room: ")).count());
        let known = ["room: ", "topic: ", "talk: ", "size: ", "about: ", "list ", "# ", "|"];
        for line in ROOMS.lines().chain(TALK.lines()).filter(|line| !line.is_empty()) {
            let said =
                line.split_once(':').is_some_and(|(head, _)| speaker(head.trim_end_matches(['~', '-'])).is_some());
            assert!(said || known.iter().any(|start| line.starts_with(start)), "{line}");
        }
        for room in &script.rooms {
            assert!(!room.topic.is_empty() && !room.about.is_empty() && !room.threads.is_empty(), "{room:?}");
            assert!(script.talk.contains_key(room.talk), "{}", room.talk);
        }
    }

    #[test]
    fn every_place_is_filled() {
        let script = Script::read();
        let mut rng = Rng::new(3);
        for room in &script.rooms {
            for said in script.conversation(&mut rng, room, true, &["Meera", "Tomasz", "Aiko"], 300) {
                for list in script.lists.keys().copied().chain(["A", "B", "C", "D"]) {
                    assert!(!said.text.contains(&format!("{{{list}}}")), "{}", said.text);
                }
                assert!(said.fate == Fate::Deleted || !said.text.trim().is_empty());
            }
        }
    }

    #[test]
    fn braces_of_code_stay() {
        let script = Script::read();
        let filled = script.fill(&mut Rng::new(1), "println!(\"{word2}\"); fn a() { {A} {} {", &[0], &["Meera"]);
        assert_eq!(filled, "println!(\"{word2}\"); fn a() { Meera {} {");
    }
}
