//! Letters, read as a mail program reads them: from the site's folder, or from the mail server of the tests.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{Site, files, is_quick};

/// What somebody got.
#[derive(Clone, Debug)]
pub struct Letter {
    pub to: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    pub raw: String,
}

impl Letter {
    fn read(raw: String) -> Self {
        let (head, body) = raw.split_once("\r\n\r\n").expect("a head and a body");
        let head = head.replace("\r\n ", " ");
        let header = |name: &str| {
            let line = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
            line.unwrap_or_else(|| panic!("no {name} in {head}")).to_owned()
        };
        let part = |kind: &str| {
            let (_, from) = body.split_once(&format!("Content-Type: {kind}")).expect("both parts are there");
            let (_, content) = from.split_once("\r\n\r\n").expect("a part has a body");
            // Files hold the lines as they are: nothing is encoded.
            content.split("\r\n--").next().unwrap_or_default().replace("\r\n", "\n")
        };
        let (to, subject, text, html) = (header("To"), header("Subject"), part("text/plain"), part("text/html"));
        Self { to, subject, text, html, raw }
    }

    /// The path of the one link in it that leads to a page of this kind.
    pub fn link(&self, beginning: &str) -> String {
        let links = self.text.split_whitespace().filter_map(|word| word.split_once(beginning));
        let all: Vec<String> = links.map(|(_, rest)| format!("{beginning}{rest}")).collect();
        assert_eq!(all.len(), 1, "{}", self.text);
        assert!(self.html.replace("&#x2F;", "/").contains(&all[0]), "the same link in both parts: {}", self.raw);
        all[0].clone()
    }
}

/// Waits until `look` gives something.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

impl Site {
    /// All letters so far, oldest first.
    pub fn letters(&self) -> Vec<Letter> {
        let folder = self.folder().join("mail");
        let whole = |path: &PathBuf| !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let paths = files(&folder, "eml").into_iter().filter(whole);
        paths.map(|path| Letter::read(std::fs::read_to_string(path).expect("a letter"))).collect()
    }

    /// The same, when none waits any more.
    pub fn all_letters(&self) -> Vec<Letter> {
        wait_for("the outbox is empty", || (self.number("SELECT count(*) FROM outbox") == 0).then_some(()));
        self.letters()
    }

    /// The letters to this address, when there are `count` of them and none waits any more.
    pub fn letters_to(&self, to: &str, count: usize) -> Vec<Letter> {
        let all: Vec<Letter> = self.all_letters().into_iter().filter(|letter| letter.to == to).collect();
        assert_eq!(all.len(), count, "{all:#?}");
        all
    }

    /// The newest letter to this address about this.
    pub fn letter_to(&self, to: &str, subject: &str) -> Letter {
        let found = self.all_letters().into_iter().rfind(|letter| letter.to == to && letter.subject == subject);
        found.unwrap_or_else(|| panic!("{to} got nothing about {subject:?}: {:#?}", self.letters()))
    }
}

/// The real mail server that `./test.sh` starts: its facts, or none in the short run.
pub fn server() -> Option<Value> {
    if is_quick() {
        return None;
    }
    let folder = std::env::var("CHAUPAL_TEST_MAIL").unwrap_or_else(|_| {
        panic!(
            "CHAUPAL_TEST_MAIL is not set: let it hold the folder of tests/mail/server.mjs; ./test.sh starts it; \
             CHAUPAL_TEST_QUICK=1 leaves it out"
        )
    });
    let ready = std::fs::read_to_string(PathBuf::from(folder).join("ready.json")).expect("the mail server is ready");
    Some(serde_json::from_str(&ready).expect("JSON"))
}

/// What the mail server got for this address.
pub fn received(to: &str) -> Vec<Value> {
    let folder = std::env::var("CHAUPAL_TEST_MAIL").expect("the mail server's folder");
    let all = files(&PathBuf::from(folder).join("mails"), "json").into_iter();
    all.filter_map(|path| serde_json::from_str::<Value>(&std::fs::read_to_string(path).ok()?).ok())
        .filter(|mail| mail["to"].as_array().is_some_and(|all| all.iter().any(|one| one == to)))
        .collect()
}
