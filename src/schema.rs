//! The tables, as Diesel sees them: one description that holds for SQLite and PostgreSQL alike.
//! The statements that make them live in `migrations/`.

#![allow(missing_docs, reason = "a column is named by its name; the migrations explain the rest")]

diesel::table! {
    /// People.
    users (id) {
        id -> BigInt,
        username -> Text,
        username_key -> Text,
        email -> Text,
        email_key -> Nullable<Text>,
        name -> Text,
        password -> Text,
        is_active -> Bool,
        is_staff -> Bool,
        is_superuser -> Bool,
        date_joined -> Timestamp,
        last_login -> Nullable<Timestamp>,
        username_look -> Text,
        name_look -> Text,
        reset_serial -> BigInt,
        email_confirmed -> Nullable<Timestamp>,
        inbox_unread -> BigInt,
        email_serial -> BigInt,
        picture -> Nullable<Text>,
    }
}

diesel::table! {
    /// Links that let somebody register on a closed site.
    invites (id) {
        id -> BigInt,
        token_hash -> Text,
        note -> Text,
        uses_left -> BigInt,
        created -> Timestamp,
        expires -> Timestamp,
    }
}

diesel::table! {
    /// Codes of an app, asked for besides the password.
    second_factors (user_id) {
        user_id -> BigInt,
        secret -> Text,
        confirmed -> Nullable<Timestamp>,
        last_step -> BigInt,
        made -> Nullable<Timestamp>,
    }
}

diesel::table! {
    /// For who has lost that app.
    recovery_codes (id) {
        id -> BigInt,
        user_id -> BigInt,
        code_hash -> Text,
    }
}

diesel::table! {
    /// Who wants an account and has to confirm his address first.
    registrations (id) {
        id -> BigInt,
        email -> Text,
        username -> Text,
        name -> Text,
        token_hash -> Nullable<Text>,
        invite_id -> Nullable<BigInt>,
        created -> Timestamp,
        expires -> Timestamp,
    }
}

diesel::table! {
    /// Letters that wait to be sent.
    outbox (id) {
        id -> BigInt,
        kind -> Text,
        params -> Text,
        created -> Timestamp,
        due -> Timestamp,
        expires -> Timestamp,
        attempts -> BigInt,
        claimed_until -> Nullable<Timestamp>,
        trouble -> Text,
        given_up -> Nullable<Timestamp>,
    }
}

diesel::table! {
    /// Log-ins that last.
    sessions (id) {
        id -> BigInt,
        token_hash -> Text,
        user_id -> BigInt,
        created -> Timestamp,
        last_seen -> Timestamp,
        expires -> Timestamp,
        user_agent -> Text,
        address -> Text,
    }
}

diesel::table! {
    /// What the site remembers of itself.
    settings (key) {
        key -> Text,
        value -> Text,
    }
}

diesel::table! {
    /// Texts that wait for their writer to log in.
    stash (token_hash) {
        token_hash -> Text,
        path -> Text,
        fields -> Text,
        expires -> Timestamp,
    }
}

diesel::table! {
    /// What rooms are about.
    topics (id) {
        id -> BigInt,
        name -> Text,
        name_key -> Text,
        created -> Timestamp,
        rooms_count -> BigInt,
    }
}

diesel::table! {
    /// Rooms.
    rooms (id) {
        id -> BigInt,
        name -> Text,
        description -> Text,
        host_id -> Nullable<BigInt>,
        topic_id -> Nullable<BigInt>,
        last_event -> BigInt,
        created -> Timestamp,
        updated -> Timestamp,
        lobby_key -> Nullable<Text>,
        description_html -> Text,
    }
}

diesel::table! {
    /// Who takes part in which room.
    participants (id) {
        id -> BigInt,
        room_id -> BigInt,
        user_id -> BigInt,
        joined -> Timestamp,
        removed -> Nullable<Timestamp>,
    }
}

diesel::table! {
    /// What is said in rooms.
    messages (id) {
        id -> BigInt,
        room_id -> BigInt,
        user_id -> Nullable<BigInt>,
        body -> Text,
        seq -> BigInt,
        version -> BigInt,
        client_id -> Nullable<Text>,
        created -> Timestamp,
        updated -> Timestamp,
        deleted -> Nullable<Timestamp>,
        in_lobby -> Bool,
        guest_name -> Nullable<Text>,
        body_html -> Text,
    }
}

diesel::table! {
    /// How far each person has looked in each room.
    visits (id) {
        id -> BigInt,
        room_id -> BigInt,
        user_id -> BigInt,
        last_seq -> BigInt,
    }
}

diesel::table! {
    /// What people tell of themselves.
    profiles (user_id) {
        user_id -> BigInt,
        short_intro -> Text,
        location -> Text,
        bio -> Text,
        bio_html -> Text,
        social_github -> Text,
        social_twitter -> Text,
        social_linkedin -> Text,
        social_youtube -> Text,
        social_website -> Text,
        created -> Timestamp,
    }
}

diesel::table! {
    /// What people brought, by [`crate::kit::pictures::Picture`].
    pictures (name) {
        name -> Text,
        created -> Timestamp,
        unused_since -> Nullable<Timestamp>,
        doomed -> Nullable<Timestamp>,
    }
}

diesel::table! {
    /// What people can do.
    skills (id) {
        id -> BigInt,
        user_id -> BigInt,
        name -> Text,
        description -> Text,
        created -> Timestamp,
        name_key -> Text,
    }
}

diesel::table! {
    /// What people made.
    projects (id) {
        id -> BigInt,
        owner_id -> Nullable<BigInt>,
        title -> Text,
        title_key -> Text,
        description -> Text,
        description_html -> Text,
        featured_image -> Nullable<Text>,
        demo_link -> Text,
        source_link -> Text,
        votes_up -> BigInt,
        vote_total -> BigInt,
        vote_ratio -> BigInt,
        created -> Timestamp,
        updated -> Timestamp,
    }
}

diesel::table! {
    /// What projects are made with.
    tags (id) {
        id -> BigInt,
        name -> Text,
        name_key -> Text,
        created -> Timestamp,
    }
}

diesel::table! {
    /// Which project has which tag.
    project_tags (project_id, tag_id) {
        project_id -> BigInt,
        tag_id -> BigInt,
    }
}

diesel::table! {
    /// What others think of a project.
    reviews (id) {
        id -> BigInt,
        project_id -> BigInt,
        owner_id -> Nullable<BigInt>,
        value -> Text,
        body -> Text,
        body_html -> Text,
        created -> Timestamp,
        updated -> Timestamp,
    }
}

diesel::table! {
    /// What people write to one.
    inbox_messages (id) {
        id -> BigInt,
        recipient_id -> BigInt,
        sender_id -> Nullable<BigInt>,
        name -> Text,
        email -> Text,
        subject -> Text,
        body -> Text,
        body_html -> Text,
        is_read -> Bool,
        created -> Timestamp,
    }
}

diesel::table! {
    /// Which row of a Django database became which row here.
    import_ids (id) {
        id -> BigInt,
        source -> Text,
        source_table -> Text,
        source_id -> BigInt,
        target_id -> BigInt,
        evidence -> Text,
    }
}

diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(rooms -> topics (topic_id));
diesel::joinable!(rooms -> users (host_id));
diesel::joinable!(participants -> rooms (room_id));
diesel::joinable!(participants -> users (user_id));
diesel::joinable!(messages -> rooms (room_id));
diesel::joinable!(messages -> users (user_id));
diesel::joinable!(visits -> rooms (room_id));
diesel::joinable!(profiles -> users (user_id));
diesel::joinable!(skills -> users (user_id));
diesel::joinable!(projects -> users (owner_id));
diesel::joinable!(project_tags -> projects (project_id));
diesel::joinable!(project_tags -> tags (tag_id));
diesel::joinable!(reviews -> users (owner_id));
diesel::joinable!(reviews -> projects (project_id));
diesel::joinable!(inbox_messages -> users (sender_id));

diesel::allow_tables_to_appear_in_same_query!(
    users,
    sessions,
    topics,
    rooms,
    participants,
    messages,
    visits,
    pictures,
    profiles,
    skills,
    projects,
    tags,
    project_tags,
    reviews,
    inbox_messages,
);
