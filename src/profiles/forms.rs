//! The forms of profiles and skills.
//!
//! Django: `ProfileForm`, `SkillForm`

use rocket::FromForm;
use serde::{Deserialize, Serialize};

use crate::accounts::forms::{shown_name, username};
use crate::accounts::models::User;
use crate::kit::forms::{Cleaner, FieldErrors};
use crate::media::uploads::Wanted;
use crate::profiles::models::profile::{Links, Profile};
use crate::profiles::models::skill::Skill;

/// How the others see oneself, as typed.
#[derive(Default, Debug, FromForm, Serialize, Deserialize)]
#[serde(default)]
pub struct ProfileForm {
    /// The name that pages show; may stay empty.
    #[field(default = String::new())]
    pub name: String,
    /// As at the registration.
    pub username: Option<String>,
    /// At most 100 characters; may stay empty.
    #[field(default = String::new())]
    pub location: String,
    /// At most 200 characters; may stay empty.
    #[field(default = String::new())]
    pub short_intro: String,
    /// At most 5,000 characters; may stay empty.
    #[field(default = String::new())]
    pub bio: String,
    /// An address; may stay empty, as those below.
    #[field(default = String::new())]
    pub social_github: String,
    /// An address.
    #[field(default = String::new())]
    pub social_twitter: String,
    /// An address.
    #[field(default = String::new())]
    pub social_linkedin: String,
    /// An address.
    #[field(default = String::new())]
    pub social_youtube: String,
    /// An address.
    #[field(default = String::new())]
    pub social_website: String,
    /// The picture that it has, by name; see [`Wanted`].
    pub picture_kept: Option<String>,
    /// Whether it shall have none.
    pub picture_remove: Option<String>,
}

/// Names and words, cleaned.
#[derive(Debug)]
pub struct ProfileValues {
    /// See [`User::username`].
    pub username: String,
    /// See [`User::name`].
    pub name: String,
    /// All else.
    pub profile: Profile,
}

impl ProfileForm {
    /// As it is now.
    pub fn of(user: &User, profile: Profile) -> Self {
        let Profile { short_intro, location, bio, links } = profile;
        Self {
            name: user.name.clone(),
            username: Some(user.username.clone()),
            location,
            short_intro,
            bio,
            social_github: links.github,
            social_twitter: links.twitter,
            social_linkedin: links.linkedin,
            social_youtube: links.youtube,
            social_website: links.website,
            picture_kept: Some(user.picture.clone().unwrap_or_default()),
            picture_remove: None,
        }
    }

    /// Which picture the others are to see.
    pub fn picture(&self) -> Wanted {
        Wanted::read(self.picture_kept.as_deref(), self.picture_remove.is_some())
    }

    /// Names and words, or what is wrong. A form without a user name leaves `present` as it is.
    ///
    /// # Errors
    /// By field.
    pub fn clean(&self, present: &str) -> Result<ProfileValues, FieldErrors> {
        let mut clean = Cleaner::default();
        let name = shown_name(&mut clean, &self.name);
        let username = match &self.username {
            // What he has may be older than the rules.
            Some(typed) if typed != present => username(&mut clean, typed),
            _ => present.to_owned(),
        };
        let location = clean.optional_line("location", &self.location, 100);
        let short_intro = clean.optional_line("short_intro", &self.short_intro, 200);
        let bio = clean.text("bio", &self.bio, 0, 5000);
        let links = Links {
            github: clean.link("social_github", &self.social_github),
            twitter: clean.link("social_twitter", &self.social_twitter),
            linkedin: clean.link("social_linkedin", &self.social_linkedin),
            youtube: clean.link("social_youtube", &self.social_youtube),
            website: clean.link("social_website", &self.social_website),
        };
        clean.finish(ProfileValues { username, name, profile: Profile { short_intro, location, bio, links } })
    }
}

/// What was typed of a skill.
#[derive(Default, Debug, FromForm, Serialize, Deserialize)]
#[serde(default)]
pub struct SkillForm {
    /// At most 100 characters.
    #[field(default = String::new())]
    pub name: String,
    /// At most 1,000 characters; may stay empty.
    #[field(default = String::new())]
    pub description: String,
}

impl SkillForm {
    /// As it is now.
    pub fn of(skill: &Skill) -> Self {
        Self { name: skill.name.clone(), description: skill.description.clone() }
    }

    /// Name and description, or what is wrong.
    ///
    /// # Errors
    /// By field.
    pub fn clean(&self) -> Result<(String, String), FieldErrors> {
        let mut clean = Cleaner::default();
        let name = clean.line("name", &self.name, 100);
        let description = clean.text("description", &self.description, 0, 1000);
        clean.finish((name, description))
    }
}
