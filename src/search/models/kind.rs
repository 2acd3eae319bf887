//! What can be found, and where it stands.

use serde::Serialize;

/// What can be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A room; none of the lobby.
    Room,
    /// Something said in one.
    Message,
    /// Somebody, unless he is disabled.
    Person,
    /// Something that somebody made.
    Project,
}

impl Kind {
    /// All of them, in the order in which a page names them.
    pub const ALL: [Self; 4] = [Self::Room, Self::Message, Self::Person, Self::Project];

    /// As it stands in an address.
    pub fn key(self) -> &'static str {
        match self {
            Self::Room => "rooms",
            Self::Message => "messages",
            Self::Person => "people",
            Self::Project => "projects",
        }
    }

    /// The kind of this [`key`](Self::key).
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.key() == key)
    }

    /// The first word of the names of its table of words and its view of texts; its table.
    pub(super) fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Room => ("room", "rooms"),
            Self::Message => ("message", "messages"),
            Self::Person => ("person", "users"),
            Self::Project => ("project", "projects"),
        }
    }

    /// What a [`Row`](super::hit::Row) is read from, for those whose numbers are `f.id`. `GROUPED` is each database's own function
    /// that joins texts.
    pub(super) fn columns(self) -> &'static str {
        match self {
            Self::Room => {
                "r.id, r.name AS title, substr(r.description, 1, 4000) AS text, coalesce(t.name, '') AS labels, '' AS intro, \
                 u.id AS who_id, u.username, u.name, u.picture, r.id AS room_id, r.created \
                 FROM f JOIN rooms r ON r.id = f.id LEFT JOIN topics t ON t.id = r.topic_id \
                 LEFT JOIN users u ON u.id = r.host_id"
            }
            Self::Message => {
                "m.id, r.name AS title, substr(m.body, 1, 4000) AS text, '' AS labels, '' AS intro, \
                 u.id AS who_id, u.username, u.name, u.picture, m.room_id, m.created \
                 FROM f JOIN messages m ON m.id = f.id JOIN rooms r ON r.id = m.room_id LEFT JOIN users u ON u.id = m.user_id"
            }
            Self::Person => {
                "u.id, u.name AS title, substr(coalesce(p.bio, ''), 1, 4000) AS text, \
                 coalesce((SELECT GROUPED(s.name, ', ') FROM skills s WHERE s.user_id = u.id), '') AS labels, \
                 coalesce(p.short_intro, '') AS intro, \
                 u.id AS who_id, u.username, u.name, u.picture, u.id AS room_id, u.date_joined AS created \
                 FROM f JOIN users u ON u.id = f.id LEFT JOIN profiles p ON p.user_id = u.id"
            }
            Self::Project => {
                "p.id, p.title, substr(p.description, 1, 4000) AS text, \
                 coalesce((SELECT GROUPED(t.name, ', ') FROM project_tags pt JOIN tags t ON t.id = pt.tag_id \
                           WHERE pt.project_id = p.id), '') AS labels, '' AS intro, \
                 u.id AS who_id, u.username, u.name, u.picture, p.id AS room_id, p.created \
                 FROM f JOIN projects p ON p.id = f.id LEFT JOIN users u ON u.id = p.owner_id"
            }
        }
    }
}
