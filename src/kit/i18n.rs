//! What people read: messages by key, in Fluent, one catalogue for each language.
//!
//! Code names a [`Text`] (a key and its arguments) and never a sentence; only the
//! [`Catalogue`] turns it into words, in the reader's language. So a form or a flash
//! message can be made before anyone knows who will read it.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use chrono::NaiveDateTime;
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use rocket_dyn_templates::tera;
use serde::{Deserialize, Serialize};
use tera::Value;
use unic_langid::LanguageIdentifier;

/// The language that has every message; the others fall back to it.
pub const FALLBACK: &str = "en";

const ENGLISH: &str = include_str!("../../locales/en.ftl");

/// A message before translation: its key in the catalogue and its arguments.
///
/// Django: `gettext_lazy`, which likewise waits for the reader's language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Text {
    /// The message's key, for instance `password-too-short`.
    pub key: Cow<'static, str>,
    /// The message's arguments by name, for instance `min` for `{ $min }`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<(Cow<'static, str>, Arg)>,
}

/// The value of a message's argument.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Arg {
    /// A number, by which a message may choose its plural form.
    Number(i64),
    /// Words that are put in as they are.
    Text(String),
}

impl Text {
    /// A message without arguments (yet).
    pub fn new(key: impl Into<Cow<'static, str>>) -> Self {
        Self { key: key.into(), args: Vec::new() }
    }

    /// The same message with one more argument: `Text::new("too-long").with("max", 200)`.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Arg>) -> Self {
        self.args.push((name.into(), value.into()));
        self
    }
}

impl From<&'static str> for Text {
    fn from(key: &'static str) -> Self {
        Self::new(key)
    }
}

impl From<i64> for Arg {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<i32> for Arg {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl From<usize> for Arg {
    fn from(number: usize) -> Self {
        // No count of ours comes near the end of i64.
        Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
    }
}

impl From<&str> for Arg {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Arg {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// Why a catalogue could not be loaded: every fault, each with its language and line.
#[derive(Debug, PartialEq, Eq)]
pub struct LoadError(Vec<String>);

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl std::error::Error for LoadError {}

/// Why there are no proper words for a message.
#[derive(Debug)]
enum Fault {
    /// No language has the key.
    Unknown,
    /// The message asks for an argument that was not given; its words with gaps.
    Gaps(String),
}

/// A message as the catalogue keeps it.
#[derive(Clone, Debug)]
enum Message {
    /// Without arguments: its words, resolved once at load.
    Plain(String),
    /// With arguments: the place of the bundle that formats it.
    Pattern(usize),
}

/// The messages of one language by key, English ones where it has none of its own.
type Messages = HashMap<String, Message>;

/// All messages in all languages, loaded once and shared by all threads.
pub struct Catalogue {
    bundles: Vec<FluentBundle<FluentResource>>,
    english: Messages,
    /// The languages other than English by their codes.
    others: HashMap<String, Messages>,
}

impl fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalogue").field("languages", &self.languages()).finish_non_exhaustive()
    }
}

impl Catalogue {
    /// The catalogue that the binary carries.
    ///
    /// # Errors
    /// When a message in it is broken.
    pub fn embedded() -> Result<Self, LoadError> {
        Self::load(&[(FALLBACK, ENGLISH)])
    }

    /// Reads `(language, Fluent source)` pairs, English among them.
    ///
    /// # Errors
    /// Every message that is broken or said twice, by line, and a missing English.
    pub fn load(sources: &[(&str, &str)]) -> Result<Self, LoadError> {
        let mut faults = Vec::new();
        let mut bundles = Vec::new();
        let mut languages = HashMap::new();
        for (place, &(lang, source)) in sources.iter().enumerate() {
            let bundle = bundle(lang, source, &mut faults);
            let own: Messages =
                keys(source).filter_map(|(_, key)| Some((key.to_owned(), message(&bundle, place, key)?))).collect();
            bundles.push(bundle);
            languages.insert(lang.to_owned(), own);
        }
        let Some(english) = languages.remove(FALLBACK).filter(|_| faults.is_empty()) else {
            if !sources.iter().any(|(lang, _)| *lang == FALLBACK) {
                faults.push(format!("{FALLBACK}: this language must be there"));
            }
            return Err(LoadError(faults));
        };
        for own in languages.values_mut() {
            for (key, message) in &english {
                own.entry(key.clone()).or_insert_with(|| message.clone());
            }
        }
        Ok(Self { bundles, english, others: languages })
    }

    /// The words of a message. What a language lacks is said in English; what English lacks
    /// too is said by its key, with a warning in the log.
    pub fn t(&self, lang: &str, text: &Text) -> String {
        let mut args = FluentArgs::with_capacity(text.args.len());
        for (name, value) in &text.args {
            match value {
                Arg::Number(number) => args.set(name.as_ref(), *number),
                Arg::Text(words) => args.set(name.as_ref(), words.as_str()),
            }
        }
        match self.words(lang, &text.key, &args) {
            Ok(words) => words.into_owned(),
            Err(Fault::Unknown) => {
                log::warn!("no message has the key {:?}", text.key);
                text.key.to_string()
            }
            Err(Fault::Gaps(words)) => {
                log::warn!("an argument of the message {:?} is missing: {words:?}", text.key);
                words
            }
        }
    }

    /// The words of a message without arguments, without a copy of them.
    pub fn plain<'a>(&'a self, lang: &str, key: &'a str) -> &'a str {
        self.constant(lang, key).unwrap_or_else(|| {
            log::warn!("no message without arguments has the key {key:?}");
            key
        })
    }

    /// The words of a message that needs no arguments; none for any other.
    pub fn constant(&self, lang: &str, key: &str) -> Option<&str> {
        match self.messages(lang).get(key)? {
            Message::Plain(words) => Some(words),
            Message::Pattern(_) => None,
        }
    }

    /// The codes of the languages, sorted.
    pub fn languages(&self) -> Vec<&str> {
        let mut codes: Vec<&str> = self.others.keys().map(String::as_str).chain([FALLBACK]).collect();
        codes.sort_unstable();
        codes
    }

    /// Every key that English has, so that a test can compare templates with them.
    pub fn keys(&self) -> BTreeSet<&str> {
        self.english.keys().map(String::as_str).collect()
    }

    fn messages(&self, lang: &str) -> &Messages {
        self.others.get(lang).unwrap_or(&self.english)
    }

    fn words(&self, lang: &str, key: &str, args: &FluentArgs<'_>) -> Result<Cow<'_, str>, Fault> {
        let bundle = match self.messages(lang).get(key) {
            Some(Message::Plain(words)) => return Ok(Cow::Borrowed(words)),
            Some(Message::Pattern(place)) => self.bundles.get(*place),
            None => None,
        };
        let (bundle, pattern) =
            bundle.and_then(|bundle| Some((bundle, bundle.get_message(key)?.value()?))).ok_or(Fault::Unknown)?;
        let mut gaps = Vec::new();
        let words = bundle.format_pattern(pattern, Some(args), &mut gaps).into_owned();
        if gaps.is_empty() { Ok(Cow::Owned(words)) } else { Err(Fault::Gaps(words)) }
    }
}

/// One language's messages; what is wrong with them is added to `faults`.
fn bundle(lang: &str, source: &str, faults: &mut Vec<String>) -> FluentBundle<FluentResource> {
    let id = lang.parse::<LanguageIdentifier>().unwrap_or_else(|error| {
        faults.push(format!("{lang}: {error}"));
        LanguageIdentifier::default()
    });
    let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(rest, errors)| {
        faults.extend(errors.iter().map(|error| {
            let line = 1 + source.bytes().take(error.pos.start).filter(|byte| *byte == b'\n').count();
            format!("{lang}, line {line}: {error}")
        }));
        rest
    });
    let mut seen = HashMap::new();
    for (line, key) in keys(source) {
        if let Some(first) = seen.insert(key, line) {
            faults.push(format!("{lang}, line {line}: {key} stands in line {first} already"));
        }
    }
    let mut bundle = FluentBundle::new_concurrent(vec![id]);
    // The marks would show as boxes in mails and logs, and in no language of ours is a
    // name's direction in doubt.
    bundle.set_use_isolating(false);
    bundle.add_resource_overriding(resource);
    bundle
}

/// The messages' keys with their lines. In Fluent only a message's key begins a line with a
/// letter: comments, terms, attributes and further lines of a text begin otherwise.
fn keys(source: &str) -> impl Iterator<Item = (usize, &str)> {
    source.lines().enumerate().filter_map(|(line, text)| {
        let (key, _) = text.split_once('=')?;
        key.starts_with(|first: char| first.is_ascii_alphabetic()).then_some((line + 1, key.trim_end()))
    })
}

/// How to keep a message: those whose pattern can do without arguments are resolved now.
fn message(bundle: &FluentBundle<FluentResource>, place: usize, key: &str) -> Option<Message> {
    let pattern = bundle.get_message(key)?.value()?;
    let mut gaps = Vec::new();
    let words = bundle.format_pattern(pattern, None, &mut gaps);
    Some(if gaps.is_empty() { Message::Plain(words.into_owned()) } else { Message::Pattern(place) })
}

/// Tera's function `t(key="rooms-found", count=3)`, with `lang="hi"` in that language.
///
/// A key that no language has, or an argument that the message needs and does not get, is an
/// error of the template. Django: `{% translate %}` and `{% blocktranslate %}`.
pub fn tera_function(catalogue: Arc<Catalogue>) -> impl tera::Function {
    move |given: &HashMap<String, Value>| -> tera::Result<Value> {
        let name = |argument: &str| given.get(argument).and_then(Value::as_str);
        let key = name("key").ok_or_else(|| tera::Error::msg("t() needs key=\"…\""))?;
        let mut args = FluentArgs::new();
        for (name, value) in given.iter().filter(|(name, _)| !matches!(name.as_str(), "key" | "lang")) {
            let value = fluent_value(value)
                .ok_or_else(|| tera::Error::msg(format!("t(key={key:?}): {name} is neither text nor number")))?;
            args.set(name.as_str(), value);
        }
        match catalogue.words(name("lang").unwrap_or(FALLBACK), key, &args) {
            Ok(words) => Ok(Value::String(words.into_owned())),
            Err(Fault::Unknown) => Err(tera::Error::msg(format!("t(key={key:?}): no message has this key"))),
            Err(Fault::Gaps(words)) => {
                Err(tera::Error::msg(format!("t(key={key:?}): an argument is missing: {words:?}")))
            }
        }
    }
}

fn fluent_value(value: &Value) -> Option<FluentValue<'_>> {
    match value {
        Value::String(words) => Some(words.as_str().into()),
        Value::Number(number) => number.as_i64().map(Into::into).or_else(|| number.as_f64().map(Into::into)),
        _ => None,
    }
}

/// How long ago something happened: "3 minutes ago", and its date after 30 days.
///
/// Django: the filter `timesince`.
pub fn ago(catalogue: &Catalogue, lang: &str, at: NaiveDateTime, now: NaiveDateTime) -> String {
    let passed = now - at;
    let text = match (passed.num_days(), passed.num_hours(), passed.num_minutes()) {
        // The clock of another process may be a little ahead of ours: that too is now.
        (_, _, ..1) => Text::new("ago-now"),
        (_, ..1, minutes) => Text::new("ago-minutes").with("n", minutes),
        (..1, hours, _) => Text::new("ago-hours").with("n", hours),
        (days @ ..=30, ..) => Text::new("ago-days").with("n", days),
        _ => Text::new("ago-date").with("date", at.format("%Y-%m-%d").to_string()),
    };
    catalogue.t(lang, &text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;
    use tera::{Context, Tera};

    const EN: &str = "\
### A comment = not a message
-site = Chaupal
welcome = Welcome to { -site }
rooms-found = { $count ->
    [0] No rooms
    [one] One room
   *[other] { $count } rooms
 } found
hello = Hello, { $name }!
    .title = Said to { $name }
long =
    First = line
    second line
only-english = English
ago-now = just now
ago-minutes = { $n ->
    [one] a minute ago
   *[other] { $n } minutes ago
 }
ago-hours = { $n } h ago
ago-days = { $n } d ago
ago-date = on { $date }
";
    const HI: &str = "\
welcome = चौपाल में स्वागत है
rooms-found = { $count ->
    [one] { $count } कक्ष मिला
   *[other] { $count } कक्ष मिले
 }
";

    fn catalogue() -> Catalogue {
        Catalogue::load(&[("en", EN), ("hi", HI)]).unwrap()
    }

    #[test]
    fn plain_messages() {
        let catalogue = catalogue();
        assert_eq!(catalogue.plain("en", "welcome"), "Welcome to Chaupal");
        assert_eq!(catalogue.plain("hi", "welcome"), "चौपाल में स्वागत है");
        assert_eq!(catalogue.plain("hi", "only-english"), "English");
        assert_eq!(catalogue.plain("fr", "welcome"), "Welcome to Chaupal");
        assert_eq!(catalogue.plain("en", "long"), "First = line\nsecond line");
        assert_eq!(catalogue.plain("en", "no-such-key"), "no-such-key");
        assert_eq!(catalogue.plain("en", "hello"), "hello", "it needs an argument");
    }

    #[test]
    fn arguments_and_plurals() {
        let catalogue = catalogue();
        let found = |lang, count: i64| catalogue.t(lang, &Text::new("rooms-found").with("count", count));
        assert_eq!(found("en", 0), "No rooms found");
        assert_eq!(found("en", 1), "One room found");
        assert_eq!(found("en", 12_345), "12345 rooms found", "no grouping");
        assert_eq!(found("hi", 0), "0 कक्ष मिला", "Hindi counts nothing as one");
        assert_eq!(found("hi", 2), "2 कक्ष मिले");
        let hello = Text::new("hello").with("name", "Asha { $x } <b>");
        assert_eq!(catalogue.t("en", &hello), "Hello, Asha { $x } <b>!", "arguments are no patterns, and no marks");
        assert_eq!(catalogue.t("hi", &hello), "Hello, Asha { $x } <b>!");
        assert_eq!(catalogue.t("en", &Text::new("hello")), "Hello, {$name}!");
        assert_eq!(catalogue.t("en", &Text::new("no-such-key").with("n", 1)), "no-such-key");
        assert_eq!(catalogue.t("en", &Text::new("welcome").with("spare", 1)), "Welcome to Chaupal");
    }

    #[test]
    fn languages_and_keys() {
        let catalogue = catalogue();
        assert_eq!(catalogue.languages(), ["en", "hi"]);
        let keys = catalogue.keys();
        assert_eq!(keys.len(), 10);
        assert!(keys.contains("rooms-found") && !keys.contains("-site") && !keys.contains("First"));
    }

    #[test]
    fn a_text_travels_as_json() {
        for (text, json) in [
            (Text::new("room-saved"), r#"{"key":"room-saved"}"#),
            (
                Text::new("too-long").with("max", 200).with("name", "7"),
                r#"{"key":"too-long","args":[["max",200],["name","7"]]}"#,
            ),
        ] {
            assert_eq!(serde_json::to_string(&text).unwrap(), json);
            assert_eq!(serde_json::from_str::<Text>(json).unwrap(), text);
        }
    }

    #[test]
    fn faults_are_named_by_line() {
        let error =
            Catalogue::load(&[("en", "a = A\n\nb = { $x\nc = C\na = again\n"), ("not a language", "")]).unwrap_err();
        let error = error.to_string();
        assert!(error.contains("en, line 3: ") || error.contains("en, line 4: "), "{error}");
        assert!(error.contains("en, line 5: a stands in line 1 already"), "{error}");
        assert!(error.contains("not a language: "), "{error}");
        let error = Catalogue::load(&[("hi", HI)]).unwrap_err();
        assert_eq!(error.to_string(), "en: this language must be there");
    }

    #[test]
    fn the_embedded_catalogue_is_sound() {
        let catalogue = Catalogue::embedded().unwrap();
        for key in ["ago-now", "ago-minutes", "ago-hours", "ago-days", "ago-date"] {
            assert!(catalogue.keys().contains(key), "{key}");
        }
    }

    #[test]
    fn in_templates() {
        let mut tera = Tera::default();
        tera.register_function("t", tera_function(Arc::new(catalogue())));
        let mut context = Context::new();
        context.insert("name", "<b>Asha</b>");
        context.insert("total", &3);
        let mut render = |template: &str| {
            tera.add_raw_template("page.html", template)?;
            tera.render("page.html", &context)
        };
        assert_eq!(render(r#"{{ t(key="welcome") }}"#).unwrap(), "Welcome to Chaupal");
        assert_eq!(render(r#"{{ t(key="welcome", lang="hi") }}"#).unwrap(), "चौपाल में स्वागत है");
        assert_eq!(render(r#"{{ t(key="rooms-found", count=total) }}"#).unwrap(), "3 rooms found");
        assert_eq!(render(r#"{{ t(key="rooms-found", count=1) }}"#).unwrap(), "One room found");
        assert_eq!(render(r#"{{ t(key="hello", name=name) }}"#).unwrap(), "Hello, &lt;b&gt;Asha&lt;&#x2F;b&gt;!");
        for wrong in [
            r#"{{ t(key="no-such") }}"#,
            r#"{{ t(key="hello") }}"#,
            "{{ t(name=name) }}",
            r#"{{ t(key="hello", name=[1]) }}"#,
        ] {
            let error = render(wrong).unwrap_err();
            let cause = std::error::Error::source(&error).and_then(std::error::Error::source).unwrap().to_string();
            assert!(cause.starts_with("t("), "{wrong}: {cause}");
        }
    }

    #[test]
    fn times_ago() {
        let catalogue = catalogue();
        let now = chrono::NaiveDate::from_ymd_opt(2026, 11, 21).unwrap().and_hms_opt(6, 50, 0).unwrap();
        for (seconds, words) in [
            (-90, "just now"),
            (0, "just now"),
            (59, "just now"),
            (60, "a minute ago"),
            (59 * 60 + 59, "59 minutes ago"),
            (3600, "1 h ago"),
            (86_399, "23 h ago"),
            (86_400, "1 d ago"),
            (31 * 86_400 - 1, "30 d ago"),
            (31 * 86_400, "on 2026-10-21"),
        ] {
            assert_eq!(ago(&catalogue, "en", now - TimeDelta::seconds(seconds), now), words, "{seconds}");
        }
    }
}
