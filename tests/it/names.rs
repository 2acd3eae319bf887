//! When two names are the same: in whatever case, and by whatever form of a letter.

use chaupal::kit::migrations;

use crate::support::{PASSWORD, Site, percent};

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
