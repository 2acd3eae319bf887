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
        bio -> Text,
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
        email_key -> Text,
        username -> Text,
        name -> Text,
        password -> Text,
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
    /// Which row of a Django database became which row here.
    import_ids (id) {
        id -> BigInt,
        source -> Text,
        source_table -> Text,
        source_id -> BigInt,
        target_id -> BigInt,
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

diesel::allow_tables_to_appear_in_same_query!(users, sessions, topics, rooms, participants, messages, visits,);
