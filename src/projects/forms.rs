//! The forms of projects and reviews.
//!
//! Django: `ProjectForm`, `ReviewForm`

use rocket::FromForm;
use serde::{Deserialize, Serialize};

use crate::kit::db::is_unseen;
use crate::kit::forms::{Cleaner, FieldErrors, same};
use crate::kit::i18n::Text;
use crate::media::uploads::Wanted;
use crate::projects::models::project::{Project, ProjectValues};
use crate::projects::models::review::{Review, Vote};
use crate::projects::models::tag::{LONGEST, MOST};

/// What was typed of a project.
#[derive(Default, Debug, FromForm, Serialize, Deserialize)]
#[serde(default)]
pub struct ProjectForm {
    /// At most 200 characters.
    #[field(default = String::new())]
    pub title: String,
    /// At most 10,000 characters; may stay empty.
    #[field(default = String::new())]
    pub description: String,
    /// An address; may stay empty.
    #[field(default = String::new())]
    pub demo_link: String,
    /// An address; may stay empty.
    #[field(default = String::new())]
    pub source_link: String,
    /// With commas, or with spaces, between them.
    #[field(default = String::new())]
    pub tags: String,
    /// The picture that it has, by name; see [`Wanted`].
    pub picture_kept: Option<String>,
    /// Whether it shall have none.
    pub picture_remove: Option<String>,
}

impl ProjectForm {
    /// As the project is now.
    pub fn of(project: &Project) -> Self {
        let names: Vec<&str> = project.tags.iter().map(|tag| tag.name.as_str()).collect();
        Self {
            title: project.title.clone(),
            description: project.description.clone(),
            demo_link: project.demo_link.clone(),
            source_link: project.source_link.clone(),
            // A comma at the end keeps a single tag of two words whole.
            tags: names.iter().map(|name| format!("{name}, ")).collect::<String>().trim_end().to_owned(),
            picture_kept: Some(project.featured_image.clone().unwrap_or_default()),
            picture_remove: None,
        }
    }

    /// Which picture the project is to have.
    pub fn picture(&self) -> Wanted {
        Wanted::read(self.picture_kept.as_deref(), self.picture_remove.is_some())
    }

    /// The project's values, or what is wrong.
    ///
    /// # Errors
    /// By field.
    pub fn clean(&self) -> Result<ProjectValues, FieldErrors> {
        let mut clean = Cleaner::default();
        let title = clean.line("title", &self.title, 200);
        let description = clean.text("description", &self.description, 0, 10_000);
        let demo_link = clean.link("demo_link", &self.demo_link);
        let source_link = clean.link("source_link", &self.source_link);
        let tags = tags(&mut clean, &self.tags);
        clean.finish(ProjectValues { title, description, demo_link, source_link, tags })
    }
}

/// With a comma anywhere, commas part the tags (`machine learning, rust`); without, spaces do (`rust rocket`). The same tag
/// twice is one.
fn tags(clean: &mut Cleaner, typed: &str) -> Vec<String> {
    let parts: Vec<&str> = match typed.contains([',', '\n', '،', '、', '，']) {
        true => typed.split([',', '\n', '،', '、', '，']).collect(),
        false => typed.split_whitespace().collect(),
    };
    let mut tags: Vec<String> = Vec::new();
    for part in parts {
        let name =
            part.split_whitespace().collect::<Vec<_>>().join(" ").trim_start_matches('#').trim_start().to_owned();
        // What nobody can see is no tag.
        let is_seen = name.chars().any(|letter| !letter.is_whitespace() && !is_unseen(letter));
        if !is_seen || tags.iter().any(|tag| same(tag, &name)) {
            continue;
        }
        tags.push(name);
    }
    if tags.len() > MOST {
        clean.errors.add("tags", Text::new("error-tags-many").with("max", i64::try_from(MOST).unwrap_or(i64::MAX)));
    }
    // The first that is wrong is named: the field holds several.
    if let Some(tag) = tags.iter().find(|tag| tag.chars().count() > LONGEST) {
        let max = i64::try_from(LONGEST).unwrap_or(i64::MAX);
        let beginning: String = tag.chars().take(20).collect();
        clean.errors.add("tags", Text::new("error-tag-long").with("tag", beginning).with("max", max));
    } else if let Some(tag) = tags.iter().find(|tag| tag.contains('\0')) {
        clean.line("tags", tag, LONGEST);
    }
    tags
}

/// What was typed of a review.
#[derive(Default, Debug, FromForm, Serialize, Deserialize)]
#[serde(default)]
pub struct ReviewForm {
    /// `up` or `down`.
    #[field(default = String::new())]
    pub value: String,
    /// At most 4,000 characters; may stay empty.
    #[field(default = String::new())]
    pub body: String,
}

impl ReviewForm {
    /// As it is now.
    pub fn of(review: &Review) -> Self {
        Self { value: review.value.clone(), body: review.body.clone() }
    }

    /// Vote and words, or what is wrong.
    ///
    /// # Errors
    /// By field.
    pub fn clean(&self) -> Result<(Vote, String), FieldErrors> {
        let mut clean = Cleaner::default();
        let vote = Vote::read(&self.value);
        if vote.is_none() {
            clean.errors.add("value", Text::new("error-choice"));
        }
        let body = clean.text("body", &self.body, 0, 4000);
        // Without a vote there are errors, so this one is never given.
        clean.finish((vote.unwrap_or(Vote::Up), body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags_of(typed: &str) -> Result<Vec<String>, FieldErrors> {
        let mut clean = Cleaner::default();
        let tags = tags(&mut clean, typed);
        clean.finish(tags)
    }

    #[test]
    fn tags_are_parted_by_commas_or_else_by_spaces() {
        assert_eq!(tags_of("rust  rocket\trust").unwrap(), ["rust", "rocket"]);
        assert_eq!(tags_of(" machine  learning , Rust,, rust ,#web").unwrap(), ["machine learning", "Rust", "web"]);
        assert_eq!(tags_of("machine learning,").unwrap(), ["machine learning"]);
        assert_eq!(tags_of(" , ,").unwrap(), [""; 0]);
        assert_eq!(tags_of("हिन्दी, भाषा").unwrap(), ["हिन्दी", "भाषा"]);
        assert!(tags_of(&"क".repeat(40)).is_ok());
        assert!(tags_of(&"क".repeat(41)).is_err());
        assert!(tags_of("a b c d e f g h i j").is_ok());
        assert!(tags_of("a b c d e f g h i j k").is_err());
        assert!(tags_of("a\0b").is_err());
    }
}
