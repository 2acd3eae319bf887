//! What pages show of people.

use diesel::prelude::*;
use serde::Serialize;
use unicode_normalization::char::is_combining_mark;

use crate::kit::db::{is_not_drawn, is_unseen};
use crate::kit::paginate::encode_query;
use crate::schema::users;

/// Whether a name shows all that it holds: no control characters, none that turn the direction of writing or are not
/// seen at all. What joins letters, as some scripts need it, or colours a sign may stand right behind what is seen and is
/// no plain letter.
pub fn is_seen(name: &str) -> bool {
    let mut after_seen = false;
    name.chars().all(|letter| {
        let joins = matches!(letter, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}');
        let fine = if joins { after_seen } else { !letter.is_control() && !is_unseen(letter) && !is_not_drawn(letter) };
        let is_joiner = matches!(letter, '\u{200c}' | '\u{200d}');
        after_seen = !letter.is_whitespace() && !letter.is_ascii_alphabetic() && !is_joiner;
        fine
    })
}

/// What somebody is called, never nothing: a name of before that holds what is not seen is none.
pub fn shown_name<'a>(username: &'a str, name: &'a str) -> &'a str {
    if name.trim().is_empty() || !is_seen(name) { username } else { name }
}

/// What is read of a person to show him.
pub const PERSON: (users::id, users::username, users::name, users::picture) =
    (users::id, users::username, users::name, users::picture);

/// What pages show of a person; read as [`PERSON`].
#[derive(Clone, Debug, PartialEq, Eq, Hash, Queryable)]
pub struct Person {
    /// Its number.
    pub id: i64,
    /// For the address of his page.
    pub username: String,
    /// May be empty; then the user name is shown.
    pub name: String,
    /// [`crate::kit::pictures::Picture`], if he brought one.
    pub picture: Option<String>,
}

impl Person {
    /// What he is called: [`shown_name`].
    pub fn shown_name(&self) -> &str {
        shown_name(&self.username, &self.name)
    }

    /// The address of his page.
    pub fn url(&self) -> String {
        format!("/developers/{}", encode_query(&self.username))
    }

    /// The first letters of the first two words.
    pub fn initials(&self) -> String {
        // A mark belongs to its letter: the virama of अर्जुन ends no word.
        let of_word = |c: char| c.is_alphanumeric() || is_combining_mark(c);
        let words = self.shown_name().split(|c| !of_word(c)).filter(|word| !word.is_empty());
        words.take(2).filter_map(|word| word.chars().next()).flat_map(char::to_uppercase).collect()
    }

    /// One of twelve colours, by the user name, so that it stays.
    pub fn hue(&self) -> u32 {
        self.username.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into())) % 12
    }
}

impl Serialize for Person {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut person = serializer.serialize_struct("Person", 7)?;
        person.serialize_field("id", &self.id)?;
        person.serialize_field("username", &self.username)?;
        person.serialize_field("name", self.shown_name())?;
        person.serialize_field("initials", &self.initials())?;
        person.serialize_field("hue", &self.hue())?;
        person.serialize_field("url", &self.url())?;
        person.serialize_field("picture", &self.picture)?;
        person.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(username: &str, name: &str) -> Person {
        Person { id: 1, username: username.into(), name: name.into(), picture: None }
    }

    #[test]
    fn people_without_a_name_show_their_user_name() {
        assert_eq!(person("asha", " ").shown_name(), "asha");
        assert_eq!(person("asha", "Boss\u{202e}").shown_name(), "asha");
        assert_eq!(person("asha", "Asha Rao").initials(), "AR");
        assert_eq!(person("asha", "आशा").initials(), "आ");
        assert_eq!(person("arjun", "अर्जुन").initials(), "अ");
        assert_eq!(person("a.b", "").initials(), "AB");
        assert_eq!(person("a b/c", "").url(), "/developers/a%20b%2Fc");
        assert!(person("asha", "").hue() < 12);
    }
}
