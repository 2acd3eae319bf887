//! Names that visitors would take for the site itself.

use std::collections::HashSet;

use crate::kit::db::{look_text, looks};

/// Words that stand for who runs a site, or for a group of its people.
const WORDS: [&str; 14] = [
    "admin",
    "administrator",
    "root",
    "system",
    "security",
    "support",
    "staff",
    "moderator",
    "moderators",
    "everyone",
    "here",
    "all",
    "me",
    "webmaster",
];

/// The names that no sign-up, renaming or guest may take: [`WORDS`], and the first segments of the site's own paths.
pub struct ReservedNames(HashSet<String>);

impl ReservedNames {
    /// Collects the words, and the first segments of these paths.
    pub fn new<'a>(paths: impl IntoIterator<Item = &'a str>) -> Self {
        let segments = paths.into_iter().filter_map(|path| path.trim_start_matches('/').split('/').next());
        let fixed = segments.filter(|segment| !segment.is_empty() && !segment.starts_with('<'));
        Self(WORDS.into_iter().chain(fixed).map(|word| bare(&look_text(word))).collect())
    }

    /// Returns whether `name` looks like one of them, or like the site's own name.
    pub fn holds(&self, name: &str, site_name: &str) -> bool {
        let site = bare(&look_text(site_name));
        looks(name).iter().map(|look| bare(look)).any(|look| look == site && !look.is_empty() || self.0.contains(&look))
    }
}

/// The letters and digits alone: `a.d-m_i_n` looks like `admin`, `TheNeemTree` like `The Neem Tree`.
fn bare(look: &str) -> String {
    look.chars().filter(|letter| letter.is_alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_words_and_paths_are_known_by_their_look() {
        let reserved =
            ReservedNames::new(["/", "/rooms/<id>", "/password-reset/<uid>/<token>", "/<path..>", "/static/<path..>"]);
        for held in [
            "admin",
            "ADMIN",
            "Admin_",
            "a.d.m.i.n",
            "rооt",
            "r00t",
            "ａｄｍｉｎ",
            "a11",
            "AII",
            "Everyone",
            "me",
            "rooms",
            "Room\u{455}",
            "password-reset",
            "static",
            "The Neem Tree",
            "the_neem_tree",
            "TheNeemTree",
        ] {
            assert!(reserved.holds(held, "The Neem Tree"), "{held}");
        }
        for free in ["asha", "Ali", "administra", "roomy", "neem", "path", "आशा", "..."] {
            assert!(!reserved.holds(free, "The Neem Tree"), "{free}");
        }
        assert!(!reserved.holds("...", "!!!"), "a site's name without letters reserves nothing");
    }
}
