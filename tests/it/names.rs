//! When two names are the same: in whatever case, and by whatever form of a letter.

use chaupal::kit::migrations;

use crate::support::{Answer, PASSWORD, Site, percent};

both!(the_two_forms_of_the_small_sigma_are_one_letter, |site| {
    let nikos = site.person("Νίκος");
    for typed in ["ΝΊΚΟΣ", "νίκος", "νίκοσ"] {
        site.anonymous().log_in(typed, PASSWORD).leads_to("/");
        site.anonymous().get(&format!("/developers/{}", percent(typed))).status(200);
    }
    site.project(&nikos, "ΟΔΟΣ ΑΒΓ", &["δρόμος"]);
    site.project(&nikos, "Οδος στο τέλος", &["ΔΡΌΜΟΣ"]);
    assert_eq!(site.number("SELECT count(*) FROM tags"), 1);
    for typed in ["ΟΔΟΣ", "οδος", "οδοσ", "ΔΡΌΜΟΣ"] {
        let found = site.anonymous().get(&format!("/projects?q={}", percent(typed))).cards();
        assert_eq!(found, ["ΟΔΟΣ ΑΒΓ", "Οδος στο τέλος"], "{typed}");
    }
});

/// Back to the schema before this migration.
fn before(site: &Site, name: &str) {
    let names: Vec<String> = site.db(|conn| migrations::all(conn)).into_iter().map(|known| known.name).collect();
    let before = &names[names.iter().position(|known| known == name).unwrap() - 1];
    site.db(|conn| migrations::run(conn, Some(before), |_| {})).unwrap();
}

// Keys of before hold the letter that was typed. Where two differ by it alone, each keeps his.
both!(the_migration_mends_the_keys_of_before_where_they_are_free, |site| {
    let nikos = site.person("Νίκος");
    for topic in ["Δρόμος", "Άλλος", "Τρίτος", "Τρίτοσσ"] {
        site.room(&nikos, "A room", topic);
    }
    before(site, "0016_sigma");
    site.sql("UPDATE users SET username_key = 'νίκος' WHERE username = 'Νίκος'");
    site.sql("UPDATE topics SET name_key = 'δρόμος' WHERE name = 'Δρόμος'");
    site.sql("UPDATE topics SET name_key = 'άλλος' WHERE name = 'Άλλος'");
    site.sql("UPDATE topics SET name_key = 'τρίτςσ' WHERE name = 'Τρίτος'");
    site.sql("UPDATE topics SET name_key = 'τρίτσς' WHERE name = 'Τρίτοσσ'");
    site.sql("INSERT INTO topics (name, name_key, created) SELECT 'Άλλοσ', 'άλλοσ', created FROM topics WHERE name = 'Άλλος'");
    site.db(|conn| migrations::run(conn, None, |_| {})).unwrap();
    assert_eq!(site.text("SELECT username_key FROM users WHERE username = 'Νίκος'"), "νίκοσ");
    let keys = |name: &str| site.text(&format!("SELECT name_key FROM topics WHERE name = '{name}'"));
    assert_eq!(["Δρόμος", "Άλλος", "Άλλοσ"].map(keys), ["δρόμοσ", "άλλος", "άλλοσ"]);
    assert_eq!(["Τρίτος", "Τρίτοσσ"].map(keys), ["τρίτςσ", "τρίτσς"], "neither could be mended alone");
    site.anonymous().log_in("ΝΊΚΟΣ", PASSWORD).leads_to("/");
});

#[test]
fn names_are_ordered_by_their_letters_numbers_on_postgres_too() {
    if crate::support::is_quick() {
        return;
    }
    let site = Site::start(crate::support::Backend::Postgres, &[]);
    for table in ["topics", "tags"] {
        let collation = format!(
            "SELECT collation_name FROM information_schema.columns WHERE table_name = '{table}' AND column_name = 'name_key'"
        );
        assert_eq!(site.text(&collation), "C", "{table}");
    }
}

/// Signs up with this user name.
fn sign_up(site: &Site, username: &str, number: usize) -> Answer {
    let email = format!("person{number}@example.org");
    let fields = [("username", username), ("email", &email), ("password1", PASSWORD), ("password2", PASSWORD)];
    site.anonymous().post("/register", &fields)
}

const SIMILAR: &str = "This username looks like the username of another account. Choose a different one.";
const RESERVED: &str = "This name is reserved. Choose a different one.";

both!(username_that_looks_like_anothers_is_refused_at_sign_up_and_renaming, |site| {
    site.person("asha");
    let ravi = site.person("ravi");
    for (number, similar) in ["аsha", "аѕһа", "αsha", "ａｓhа"].into_iter().enumerate() {
        sign_up(site, similar, number).status(422).see(SIMILAR);
        ravi.post("/account/edit", &[("username", similar)]).status(422).see(SIMILAR);
    }
    sign_up(site, "ＡＳＨＡ", 9).status(422);
    for unseen in
        ["asha\u{fe0f}", "as\u{34f}ha", "asha\u{e0100}", "asha\u{115f}", "asha\u{3164}", "asha\u{ffa0}", "as\u{200d}ha"]
    {
        let told = "Only letters, digits and . _ - are possible, with at least one letter or digit.";
        sign_up(site, unseen, 9).status(422).see(told);
        ravi.post("/account/edit", &[("username", unseen)]).status(422).see(told);
        let name = [("name", unseen), ("username", "ravi")];
        ravi.post("/account/edit", &name).status(422).see("Something in this name cannot be seen");
    }
    assert_eq!(site.number("SELECT count(*) FROM users"), 3);
    // A name of another script that looks like nobody's is as good as any.
    sign_up(site, "आशा", 10).status(303);
    ravi.post("/account/edit", &[("username", "Ravi")]).leads_to("/developers/Ravi");
});

both!(account_with_a_similar_name_of_before_keeps_it, |site| {
    site.person("asha");
    let other = site.person("meera");
    site.sql(
        "UPDATE users SET username = 'аsha', username_key = 'аsha', username_look = 'asha' WHERE username = 'meera'",
    );
    other.post("/account/edit", &[("username", "аsha"), ("location", "Pune")]).status(303);
    assert_eq!(site.number("SELECT count(*) FROM users WHERE username_look = 'asha'"), 2);
});

both!(of_similar_names_at_once_one_is_taken, |site| {
    // Each letter in Latin and in Cyrillic: sixteen names that look the same.
    let names: Vec<String> = (0..16)
        .map(|bits| {
            let pairs = [('a', 'а'), ('s', 'ѕ'), ('h', 'һ'), ('a', 'а')];
            pairs
                .iter()
                .enumerate()
                .map(|(at, (latin, cyrillic))| if bits >> at & 1 == 0 { latin } else { cyrillic })
                .collect()
        })
        .collect();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let all: Vec<_> =
            names.iter().enumerate().map(|(n, name)| scope.spawn(move || sign_up(site, name, n).status)).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 422).count(), 15, "{statuses:?}");
});

both!(reserved_name_is_refused_to_users_and_guests, |site| {
    let ravi = site.person("ravi");
    let words = ["admin", "rооt", "Support", "staff", "moderator", "everyone", "here", "a11"];
    let own = ["rooms", "login", "password-reset", "developers", "chat", "static", "healthz", "TestSquare"];
    for name in words.into_iter().chain(own) {
        sign_up(site, name, 1).status(422).see(RESERVED);
        ravi.post("/account/edit", &[("username", name)]).status(422).see(RESERVED);
        ravi.post("/account/edit", &[("username", "ravi"), ("name", name)]).status(422).see(RESERVED);
        site.anonymous().post("/chat", &[("room_name", "Maths"), ("username", name)]).status(422).see(RESERVED);
    }
    ravi.post("/account/edit", &[("username", "ravi"), ("name", "Me")]).status(422).see(RESERVED);
    assert_eq!(site.number("SELECT count(*) FROM users"), 2);
    // The staff may say that they are the staff.
    site.superuser().post("/account/edit", &[("username", "boss"), ("name", "Support")]).status(303);
    // A guest who took a name before it was reserved, or before a member looked like it.
    site.anonymous().post("/chat", &[("room_name", "Maths"), ("username", "rаvi")]).status(422);
});

both!(looks_of_before_are_computed_anew, |site| {
    site.person("meera");
    site.sql("UPDATE users SET username_look = '', name_look = 'x'");
    site.db(chaupal::accounts::models::look::fill).unwrap();
    assert_eq!(site.text("SELECT username_look || '|' || name_look FROM users WHERE username = 'meera'"), "rneera|");
});
