//! `import-django` of several copies of one database: a course's repository holds a file, each student goes on from it.

use chaupal::import_django::report::{Kind, Report};

use crate::import::Source;
use crate::support::imports::{remarks, tally};
use crate::support::{DJANGO_HASH, Site};

/// Everything that an import could touch.
const TOUCHED: [&str; 6] = ["users", "topics", "rooms", "participants", "messages", "import_ids"];

/// The file as it is shipped, and what one student added.
fn copy(sql: &str) -> Source {
    let source = Source::small();
    source.sql(sql);
    source
}

/// A student who registered in a copy and opened a room there, at the same moment as all others do.
fn student(name: &str) -> Source {
    let source = copy(&format!(
        "INSERT INTO base_room VALUES (8, 'Room of {name}', 'About {name}', '2022-05-01 10:00:00', '2022-05-01 10:00:00', 3, 1);
         INSERT INTO base_message VALUES (4, '{name} was here', '2022-05-02 10:00:00', '2022-05-02 10:00:00', 8, 3)"
    ));
    source.user(3, name, &format!("{name}@example.org"), DJANGO_HASH);
    source
}

/// A copy in which user 1 was replaced by somebody who opened a room.
fn replaced(name: &str) -> Source {
    copy(&format!(
        "UPDATE base_user SET username = '{name}', email = '{name}@example.org', name = 'Name of {name}', date_joined = '2022-06-01 10:00:00' WHERE id = 1;
         INSERT INTO base_room VALUES (8, 'Room of {name}', '', '2022-06-02 10:00:00', '2022-06-02 10:00:00', 1, 1);
         INSERT INTO base_message VALUES (4, '{name} was here', '2022-06-02 10:00:00', '2022-06-02 10:00:00', 8, 1)"
    ))
}

/// Whose rooms of this name there are, in order.
fn hosts(site: &Site, room: &str) -> String {
    let hosts = match site.backend {
        crate::support::Backend::Sqlite => "group_concat(username, ' ')",
        crate::support::Backend::Postgres => "string_agg(username, ' ')",
    };
    site.text(&format!(
        "SELECT coalesce({hosts}, '') FROM (SELECT u.username FROM rooms r JOIN users u ON u.id = r.host_id WHERE r.name = '{room}' ORDER BY 1) AS t"
    ))
}

/// Who wrote a message, and in which room.
fn place(site: &Site, body: &str) -> String {
    site.text(&format!(
        "SELECT u.username || ' in ' || r.name FROM messages m JOIN users u ON u.id = m.user_id JOIN rooms r ON r.id = m.room_id WHERE m.body = '{body}'"
    ))
}

fn count(site: &Site, what: &str) -> i64 {
    site.number(&format!("SELECT count(*) FROM {what}"))
}

/// However the copies follow each other, everybody has what is theirs.
fn everybody_has_what_is_theirs(site: &Site, copies: &[&Source]) {
    for source in copies {
        source.import(site);
    }
    for name in ["cara", "dora", "egon"] {
        assert_eq!(hosts(site, &format!("Room of {name}")), name);
        assert_eq!(place(site, &format!("{name} was here")), format!("{name} in Room of {name}"));
    }
    assert_eq!(count(site, "users WHERE username <> 'boss'"), 5, "asha, ben, cara, dora, egon");
    assert_eq!(
        hosts(site, "Beginners"),
        "asha egon",
        "the room came twice to those who share a host, once more to the other"
    );
    let before = site.rows(&TOUCHED);
    for source in copies.iter().rev().chain(copies) {
        source.import(site);
    }
    assert_eq!(site.rows(&TOUCHED), before, "nothing is doubled, whatever comes again");
}

both!(copies_where_the_last_replaced_a_person_keep_people_apart, |site| {
    everybody_has_what_is_theirs(site, &[&student("cara"), &student("dora"), &replaced("egon")]);
});

both!(copies_in_the_opposite_order_keep_people_apart, |site| {
    everybody_has_what_is_theirs(site, &[&replaced("egon"), &student("dora"), &student("cara")]);
});

both!(copies_with_the_replaced_person_between_keep_people_apart, |site| {
    everybody_has_what_is_theirs(site, &[&student("dora"), &replaced("egon"), &student("cara")]);
});

both!(copy_after_two_that_added_one_person_gives_nobody_anothers_room, |site| {
    // Both copies know asha and ben; the third has another user 1, and so neither asha's room nor her name.
    Source::small().import(site);
    let more = Source::small();
    more.user(3, "cara", "cara@example.org", DJANGO_HASH);
    let mut report = more.import(site);
    assert_eq!(*report.tally("base_user"), tally(1, 2, 0, 0));
    assert_eq!(*report.tally("base_room"), tally(0, 1, 0, 0));
    let mut report = replaced("egon").import(site);
    assert_eq!(*report.tally("base_user"), tally(1, 1, 0, 0));
    assert_eq!(hosts(site, "Room of egon"), "egon");
    assert_eq!(hosts(site, "Beginners"), "asha egon");
    let apart = remarks(&report, Kind::Apart);
    assert!(apart.iter().any(|text| text.starts_with("base_user 1: ") && text.contains("asha")), "{apart:?}");
    assert!(apart.iter().any(|text| text.starts_with("base_room 7: ")), "{apart:?}");
});

both!(forks_whose_rows_share_id_and_time_lose_nothing, |site| {
    student("cara").import(site);
    let mut report = student("dora").import(site);
    assert_eq!(*report.tally("base_user"), tally(1, 2, 0, 0));
    assert_eq!(*report.tally("base_room"), tally(1, 1, 0, 0));
    assert_eq!(*report.tally("base_message"), tally(1, 3, 0, 0));
    assert_eq!((hosts(site, "Room of cara"), hosts(site, "Room of dora")), ("cara".into(), "dora".into()));
    assert_eq!(remarks(&report, Kind::Apart).len(), 3, "a person, a room, a message: {:?}", report.remarks);
});

both!(forks_with_messages_at_the_same_second_keep_both, |site| {
    let message = |body: &str| {
        copy(&format!(
            "INSERT INTO base_message VALUES (4, '{body}', '2022-05-02 10:00:00', '2022-05-02 10:00:00', 7, 2)"
        ))
    };
    message("of the first").import(site);
    let second = message("of the second");
    assert_eq!(*second.import(site).tally("base_message"), tally(1, 3, 0, 0));
    assert_eq!(place(site, "of the first"), "ben in Beginners");
    assert_eq!(place(site, "of the second"), "ben in Beginners");
    assert_eq!(*second.import(site).tally("base_message"), tally(0, 4, 0, 0));
});

both!(forks_with_rooms_of_one_host_at_the_same_second_keep_both, |site| {
    let room = |name: &str| {
        copy(&format!(
            "INSERT INTO base_room VALUES (8, '{name}', 'On {name}', '2022-05-01 10:00:00', '2022-05-01 10:00:00', 2, 1)"
        ))
    };
    room("Knots").import(site);
    assert_eq!(*room("Looms").import(site).tally("base_room"), tally(1, 1, 0, 0));
    assert_eq!((hosts(site, "Knots"), hosts(site, "Looms")), ("ben".into(), "ben".into()));
});

/// Imports the shipped file, then a copy in which `change` was done to ben; whether ben is taken for the same person.
fn is_same(site: &Site, shipped: &str, change: &str) -> (bool, Report) {
    let first = copy(shipped);
    first.import(site);
    let second = copy(shipped);
    second.sql(change);
    let mut report = second.import(site);
    let people = *report.tally("base_user");
    assert!(people == tally(0, 2, 0, 0) || people == tally(1, 1, 0, 0), "{people:?}");
    (people.new == 0, report)
}

both!(renamed_user_with_the_same_email_is_the_same_person, |site| {
    assert!(is_same(site, "", "UPDATE base_user SET username = 'benjamin' WHERE id = 2").0);
});

both!(user_with_a_new_email_and_the_old_password_is_the_same_person, |site| {
    assert!(is_same(site, "", "UPDATE base_user SET email = 'ben@new.example' WHERE id = 2").0);
});

both!(user_who_gave_an_email_later_is_the_same_person, |site| {
    let shipped = "UPDATE base_user SET email = '' WHERE id = 2";
    assert!(is_same(site, shipped, "UPDATE base_user SET email = 'ben@example.org' WHERE id = 2").0);
});

both!(user_with_a_new_password_is_the_same_person, |site| {
    assert!(is_same(site, "", "UPDATE base_user SET password = '!none' WHERE id = 2").0);
});

both!(user_with_another_join_time_is_joined_by_email_alone, |site| {
    let first = Source::small();
    first.import(site);
    let second = copy("UPDATE base_user SET date_joined = '2022-09-09 10:00:00' WHERE id = 2");
    assert_eq!(*second.import(site).tally("base_user"), tally(0, 1, 1, 0));
    let third = copy("UPDATE base_user SET date_joined = '2022-10-10 10:00:00', email = '' WHERE id = 2");
    let mut report = third.import(site);
    assert_eq!(*report.tally("base_user"), tally(1, 1, 0, 0));
    assert_eq!(remarks(&report, Kind::Renamed).len(), 1, "{:?}", report.remarks);
});

both!(user_with_other_email_and_password_is_another_person, |site| {
    // As when a student makes the shipped administrator their own.
    let change = "UPDATE base_user SET email = 'ben@other.example', password = '!mine' WHERE id = 2";
    let (same, report) = is_same(site, "", change);
    assert!(!same);
    assert_eq!(count(site, "users WHERE username = 'ben-2'"), 1);
    assert!(remarks(&report, Kind::Apart).iter().any(|text| text.starts_with("base_user 2: ")), "{:?}", report.remarks);
});

both!(renamed_user_without_email_is_another_person, |site| {
    let shipped = "UPDATE base_user SET email = '' WHERE id = 2";
    assert!(!is_same(site, shipped, "UPDATE base_user SET username = 'benjamin' WHERE id = 2").0);
});

both!(edited_rows_stay_as_they_are_here, |site| {
    let source = Source::small();
    source.import(site);
    let before = site.rows(&TOUCHED);
    source.sql(
        "UPDATE base_room SET name = 'Renamed', description = 'Told anew', updated = '2022-07-01 10:00:00';
         UPDATE base_message SET body = 'edited', updated = '2022-07-01 10:00:00' WHERE id = 1;
         UPDATE base_topic SET name = 'PYTHON'",
    );
    let mut report = source.import(site);
    assert_eq!(*report.tally("base_room"), tally(0, 1, 0, 0));
    assert_eq!(*report.tally("base_message"), tally(0, 3, 0, 0));
    assert_eq!(site.rows(&TOUCHED), before);
    assert_eq!(count(site, "messages WHERE body = 'third'"), 1);
});

both!(email_that_only_an_unconfirmed_account_has_joins_nobody, |site| {
    // The account came with an import, but the address was typed here afterwards.
    Source::small().import(site);
    site.sql("UPDATE users SET email = 'egon@example.org', email_key = 'egon@example.org' WHERE username = 'ben'");
    let mut report = replaced("egon").import(site);
    assert_eq!(*report.tally("base_user"), tally(1, 1, 0, 0));
    assert_eq!(hosts(site, "Room of egon"), "egon");
});
