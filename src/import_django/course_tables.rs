//! The courses' tables and columns, and the other names that students gave them.

/// A table of a course.
pub struct CourseTable {
    /// Its name in the course, which is also the one in a map file.
    pub name: &'static str,
    /// The model's name behind that of an app, for apps with another name.
    pub endings: &'static [&'static str],
    /// A table with such an ending is this one when it has a column of each of these groups.
    pub needs: &'static [&'static [&'static str]],
    /// Its columns, but for the primary key `id`.
    pub columns: &'static [CourseColumn],
}

/// A column of a course's table.
pub struct CourseColumn {
    /// Its name in the course.
    pub name: &'static str,
    /// Other names that mean the same.
    pub variants: &'static [&'static str],
    /// Not every stage of the course has it, so nobody is told that it is missing.
    pub is_optional: bool,
    /// The table whose rows it names.
    pub points_at: Option<&'static str>,
}

const fn column(name: &'static str, variants: &'static [&'static str]) -> CourseColumn {
    CourseColumn { name, variants, is_optional: false, points_at: None }
}

const fn optional(name: &'static str, variants: &'static [&'static str]) -> CourseColumn {
    CourseColumn { name, variants, is_optional: true, points_at: None }
}

const fn pointer(name: &'static str, table: &'static str, variants: &'static [&'static str]) -> CourseColumn {
    CourseColumn { name, variants, is_optional: false, points_at: Some(table) }
}

pub const CUSTOM_PEOPLE: &str = "base_user";
pub const DJANGO_PEOPLE: &str = "auth_user";
pub const TOPICS: &str = "base_topic";
pub const ROOMS: &str = "base_room";
pub const PARTICIPANTS: &str = "base_room_participants";
pub const MESSAGES: &str = "base_message";
pub const PROFILES: &str = "users_profile";
pub const SKILLS: &str = "users_skill";
pub const PROFILE_SKILLS: &str = "users_profile_skills";
pub const INBOX: &str = "users_message";
pub const PROJECTS: &str = "projects_project";
pub const TAGS: &str = "projects_tag";
pub const PROJECT_TAGS: &str = "projects_project_tags";
pub const REVIEWS: &str = "projects_review";
pub const CHAT_ROOMS: &str = "chat_room";
pub const CHAT_MESSAGES: &str = "chat_message";

/// In a pointer to a person: whichever of the two tables the project has.
pub const PEOPLE: &str = "people";

const CREATED: CourseColumn = column(
    "created",
    &[
        "created_at",
        "create",
        "created_on",
        "date_created",
        "created_date",
        "creation_date",
        "create_at",
        "creation_time",
        "timestamp",
        "date_posted",
        "posted_at",
        "sent_at",
        "date_sent",
        "pub_date",
        "date",
        "time",
        "added",
        "date_added",
        "created_time",
    ],
);
const UPDATED: CourseColumn = column(
    "updated",
    &[
        "updated_at",
        "update",
        "updated_on",
        "date_updated",
        "updated_date",
        "update_at",
        "modified",
        "modified_at",
        "date_modified",
        "last_updated",
        "last_modified",
        "edited",
        "edited_at",
        "updated_time",
    ],
);
const BODY: CourseColumn = column(
    "body",
    &["message", "text", "content", "contents", "msg", "value", "comment", "review", "description", "desc"],
);
const DESCRIPTION: CourseColumn = column(
    "description",
    &["desc", "descr", "descriptions", "details", "detail", "about", "summary", "content", "body", "text", "info"],
);
const PICTURES: &[&str] = &[
    "profile_pic",
    "profile_picture",
    "profile_image",
    "profile_photo",
    "profile_img",
    "avatar",
    "image",
    "picture",
    "photo",
    "pic",
    "img",
    "featured_image",
];
const BIO: &[&str] = &["about", "about_me", "biography", "description", "desc", "bio_data"];
const NAMES: &[&str] = &["full_name", "fullname", "display_name", "names"];

const PASSWORD: CourseColumn = column("password", &[]);
const LAST_LOGIN: CourseColumn = column("last_login", &[]);
const IS_SUPERUSER: CourseColumn = column("is_superuser", &["is_admin"]);
const USERNAME: CourseColumn = column("username", &["user_name", "login", "nickname"]);
const FIRST_NAME: CourseColumn = optional("first_name", &["firstname"]);
const LAST_NAME: CourseColumn = optional("last_name", &["lastname", "surname"]);
const EMAIL: CourseColumn = column("email", &["email_address", "mail"]);
const IS_STAFF: CourseColumn = column("is_staff", &[]);
const IS_ACTIVE: CourseColumn = column("is_active", &["active"]);
const DATE_JOINED: CourseColumn =
    column("date_joined", &["joined", "created_at", "created", "date_created", "registered"]);
const NAME: CourseColumn = optional("name", NAMES);

/// All of them; what others point at comes first.
pub const COURSE_TABLES: &[CourseTable] = &[
    CourseTable {
        name: CUSTOM_PEOPLE,
        endings: &[],
        needs: &[&["password"], &["username", "email"], &["last_login", "is_active"]],
        columns: &[
            PASSWORD,
            LAST_LOGIN,
            IS_SUPERUSER,
            USERNAME,
            FIRST_NAME,
            LAST_NAME,
            EMAIL,
            IS_STAFF,
            IS_ACTIVE,
            DATE_JOINED,
            NAME,
            column("bio", BIO),
            column("avatar", PICTURES),
        ],
    },
    CourseTable {
        name: DJANGO_PEOPLE,
        endings: &[],
        needs: &[],
        columns: &[
            PASSWORD,
            LAST_LOGIN,
            IS_SUPERUSER,
            USERNAME,
            FIRST_NAME,
            LAST_NAME,
            EMAIL,
            IS_STAFF,
            IS_ACTIVE,
            DATE_JOINED,
            NAME,
            optional("bio", BIO),
            optional("avatar", PICTURES),
        ],
    },
    CourseTable {
        name: ROOMS,
        endings: &["room", "rooms", "studyroom", "chatroom"],
        needs: &[&["name"], &["host_id", "topic_id", "description"]],
        columns: &[
            column("name", &["names", "room_name", "roomname", "title", "subject"]),
            DESCRIPTION,
            UPDATED,
            CREATED,
            pointer(
                "host_id",
                PEOPLE,
                &["owner_id", "user_id", "creator_id", "author_id", "created_by_id", "admin_id", "hosts_id", "host"],
            ),
            pointer("topic_id", TOPICS, &["topics_id", "category_id", "subject_id", "tag_id", "topic"]),
        ],
    },
    CourseTable {
        name: TOPICS,
        endings: &["topic", "topics", "category"],
        needs: &[&["name"]],
        columns: &[column("name", &["names", "title", "topic", "topic_name", "label", "category"])],
    },
    CourseTable {
        name: PARTICIPANTS,
        endings: &["room_participants", "room_participant", "room_members", "room_users", "rooms_participants"],
        needs: &[&["room_id"], &["user_id"]],
        columns: &[
            pointer("room_id", ROOMS, &["rooms_id", "chatroom_id", "studyroom_id"]),
            pointer(
                "user_id",
                PEOPLE,
                &["customuser_id", "profile_id", "participant_id", "member_id", "myuser_id", "account_id"],
            ),
        ],
    },
    CourseTable {
        name: MESSAGES,
        endings: &["message", "messages", "comment"],
        needs: &[&["room_id"], &["body"], &["user_id"]],
        columns: &[
            BODY,
            UPDATED,
            CREATED,
            pointer("room_id", ROOMS, &["rooms_id", "chat_room_id", "chatroom_id", "group_id", "room"]),
            pointer(
                "user_id",
                PEOPLE,
                &["author_id", "sender_id", "owner_id", "writer_id", "created_by_id", "host_id", "users_id", "user"],
            ),
        ],
    },
    CourseTable {
        name: PROFILES,
        endings: &["profile", "profiles", "userprofile", "developer"],
        needs: &[&["user_id"], &["short_intro", "bio", "social_github", "profile_image", "location"]],
        columns: &[
            pointer("user_id", PEOPLE, &["account_id", "owner_id", "users_id", "user"]),
            column("name", NAMES),
            optional("email", &[]),
            optional("username", &["user_name"]),
            column("location", &["city", "address", "country", "place"]),
            column(
                "short_intro",
                &[
                    "short_bio",
                    "intro",
                    "headline",
                    "tagline",
                    "short_introduction",
                    "shortintro",
                    "title",
                    "profession",
                ],
            ),
            column("bio", BIO),
            column("profile_image", PICTURES),
            column(
                "social_github",
                &["github", "github_url", "github_link", "social_git", "git_hub", "github_profile"],
            ),
            column("social_twitter", &["twitter", "twitter_url", "twitter_link", "social_x", "social_twiter"]),
            column(
                "social_linkedin",
                &["linkedin", "linkedin_url", "linkedin_link", "social_linkdin", "social_linked_in", "linkdin"],
            ),
            column("social_youtube", &["youtube", "youtube_url", "youtube_link", "social_you_tube"]),
            column(
                "social_website",
                &[
                    "website",
                    "website_url",
                    "web_site",
                    "portfolio",
                    "social_portfolio",
                    "personal_website",
                    "homepage",
                    "blog",
                    "site",
                ],
            ),
            optional("social_instagram", &["instagram", "instagram_url", "instagram_link", "social_insta", "insta"]),
            optional("social_facebook", &["facebook", "facebook_url", "facebook_link", "social_fb"]),
            optional("social_stackoverflow", &["stackoverflow", "social_stack_overflow", "stack_overflow"]),
            CourseColumn { is_optional: true, ..CREATED },
        ],
    },
    CourseTable {
        name: SKILLS,
        endings: &["skill", "skills"],
        needs: &[&["name"]],
        columns: &[
            pointer("owner_id", PROFILES, &["profile_id", "user_id", "developer_id", "owner"]),
            column("name", &["names", "title", "skill", "skill_name"]),
            DESCRIPTION,
            CREATED,
        ],
    },
    CourseTable {
        name: PROFILE_SKILLS,
        endings: &["profile_skills", "profile_skill", "userprofile_skills", "developer_skills"],
        needs: &[&["profile_id"], &["skill_id"]],
        columns: &[
            pointer("profile_id", PROFILES, &["userprofile_id", "developer_id", "user_id", "owner_id"]),
            pointer("skill_id", SKILLS, &["skills_id"]),
        ],
    },
    CourseTable {
        name: INBOX,
        endings: &["message", "messages", "inbox"],
        needs: &[&["recipient_id"], &["body", "subject"]],
        columns: &[
            pointer(
                "sender_id",
                PROFILES,
                &[
                    "from_user_id",
                    "from_id",
                    "author_id",
                    "sender_profile_id",
                    "sent_by_id",
                    "user_id",
                    "owner_id",
                    "sender",
                ],
            ),
            pointer(
                "recipient_id",
                PROFILES,
                &[
                    "recepient_id",
                    "recipent_id",
                    "receipient_id",
                    "recipeint_id",
                    "reciepient_id",
                    "recipients_id",
                    "receiver_id",
                    "reciever_id",
                    "receiver_profile_id",
                    "to_user_id",
                    "to_id",
                    "recipient_profile_id",
                    "recipient",
                    "receiver",
                ],
            ),
            column("name", &["sender_name", "full_name", "names"]),
            column("email", &["sender_email", "email_address"]),
            column("subject", &["title", "topic", "heading", "subjects"]),
            BODY,
            column("is_read", &["read", "is_seen", "seen", "isread", "opened", "is_opened"]),
            CREATED,
        ],
    },
    CourseTable {
        name: PROJECTS,
        endings: &["project", "projects"],
        needs: &[&["title"], &["description", "source_link", "demo_link", "vote_total"]],
        columns: &[
            pointer(
                "owner_id",
                PROFILES,
                &["user_id", "author_id", "profile_id", "creator_id", "developer_id", "created_by_id", "owner"],
            ),
            column("title", &["name", "names", "titles", "project_name", "project_title", "heading"]),
            DESCRIPTION,
            column(
                "featured_image",
                &[
                    "feature_image",
                    "featured_img",
                    "image",
                    "img",
                    "picture",
                    "photo",
                    "pic",
                    "project_image",
                    "project_img",
                    "thumbnail",
                    "cover",
                    "cover_image",
                ],
            ),
            column(
                "demo_link",
                &["demo", "demo_url", "demolink", "live_link", "live_url", "live_demo", "website", "link", "url"],
            ),
            column(
                "source_link",
                &[
                    "source",
                    "source_url",
                    "sourcelink",
                    "source_code",
                    "github_link",
                    "github_url",
                    "github",
                    "repository",
                    "repo",
                    "code_link",
                    "git_link",
                ],
            ),
            column("vote_total", &["total_votes", "votes_total", "vote_count", "votes", "total_vote"]),
            column("vote_ratio", &["votes_ratio", "ratio", "vote_percent", "positive_ratio"]),
            CREATED,
        ],
    },
    CourseTable {
        name: TAGS,
        endings: &["tag", "tags"],
        needs: &[&["name"]],
        columns: &[column("name", &["names", "title", "tag", "tag_name"]), CREATED],
    },
    CourseTable {
        name: PROJECT_TAGS,
        endings: &["project_tags", "project_tag", "projects_tags", "projects_tag"],
        needs: &[&["project_id"], &["tag_id"]],
        columns: &[pointer("project_id", PROJECTS, &["projects_id"]), pointer("tag_id", TAGS, &["tags_id"])],
    },
    CourseTable {
        name: REVIEWS,
        endings: &["review", "reviews", "comment"],
        needs: &[&["project_id"], &["body", "value"]],
        columns: &[
            pointer(
                "owner_id",
                PROFILES,
                &["user_id", "author_id", "profile_id", "reviewer_id", "created_by_id", "owner"],
            ),
            pointer("project_id", PROJECTS, &["projects_id", "project"]),
            BODY,
            column("value", &["vote", "votes", "vote_type", "vote_value", "rating"]),
            CREATED,
        ],
    },
    CourseTable {
        name: CHAT_ROOMS,
        endings: &["room", "rooms", "chatroom"],
        needs: &[&["name"]],
        columns: &[column("name", &["names", "room_name", "roomname", "title", "room"])],
    },
    CourseTable {
        name: CHAT_MESSAGES,
        endings: &["message", "messages", "chat"],
        needs: &[&["room"], &["value"], &["user"]],
        columns: &[
            column("value", &["body", "message", "text", "content", "msg", "chat"]),
            column(
                "date",
                &[
                    "created",
                    "created_at",
                    "timestamp",
                    "date_added",
                    "date_sent",
                    "sent_at",
                    "time",
                    "date_created",
                    "datetime",
                ],
            ),
            column("user", &["username", "sender", "name", "author", "user_name", "user_id", "sender_id", "author_id"]),
            column("room", &["room_id", "rooms_id", "chat_room_id", "chatroom_id", "group_id"]),
        ],
    },
];

/// The course's table of this name.
pub fn course_table(name: &str) -> Option<&'static CourseTable> {
    COURSE_TABLES.iter().find(|table| table.name == name)
}
