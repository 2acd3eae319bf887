//! Conditions that are put together (`kit::q`): what they find, on both databases.

use chaupal::kit::db::{Conn, LONGEST_SEARCH, MultiBackend, fold, fold_text};
use chaupal::kit::q::{Q, all, among, any, icontains, q};
use chaupal::schema::{messages, rooms, topics};
use diesel::dsl::{LeftJoinQuerySource, exists};
use diesel::prelude::*;

use crate::support::Site;

type Rooms = rooms::table;
type RoomsWithTopics = LeftJoinQuerySource<rooms::table, topics::table>;

/// Names of the rooms for which it holds, in their order.
fn found(site: &Site, condition: Q<RoomsWithTopics>) -> Vec<String> {
    let query = rooms::table.left_join(topics::table).select(rooms::name).order(rooms::id).filter(condition);
    site.db(|conn| query.into_boxed::<MultiBackend>().load(conn)).unwrap()
}

/// Rooms whose names say what they are: a person hosts those with an `h`, those with a `t` have a topic.
fn rooms_named(site: &Site, names: &[&str]) {
    let asha = site.person("asha");
    for name in names {
        let id = site.room(&asha, name, "Handloom");
        if !name.contains('h') {
            site.sql(&format!("UPDATE rooms SET host_id = NULL WHERE id = {id}"));
        }
        if !name.contains('t') {
            site.sql(&format!("UPDATE rooms SET topic_id = NULL WHERE id = {id}"));
        }
    }
}

fn named(part: &str) -> Q<RoomsWithTopics> {
    icontains(rooms::name, part)
}

both!(or_and_not_bind_as_in_rust, |site| {
    let names: Vec<String> = (0..8)
        .map(|bits| ["a", "b", "c"].iter().enumerate().map(|(n, x)| if bits >> n & 1 == 1 { x } else { "-" }).collect())
        .collect();
    rooms_named(site, &names.iter().map(String::as_str).collect::<Vec<_>>());
    let holding = |rule: fn(bool, bool, bool) -> bool| -> Vec<String> {
        let keep = |name: &&String| rule(name.contains('a'), name.contains('b'), name.contains('c'));
        names.iter().filter(keep).cloned().collect()
    };
    let (a, b, c) = (|| named("a"), || named("b"), || named("c"));
    assert_eq!(found(site, a() | b() & !c()), holding(|a, b, c| a || b && !c));
    assert_eq!(found(site, (a() | b()) & !c()), holding(|a, b, c| (a || b) && !c));
    assert_eq!(found(site, a() & b() | c()), holding(|a, b, c| a && b || c));
    assert_eq!(found(site, !(a() | b()) & c()), holding(|a, b, c| !(a || b) && c));
    assert_eq!(found(site, !!a()), holding(|a, _, _| a));
    assert_eq!(found(site, all([a(), b(), c()])), ["abc"]);
    assert_eq!(found(site, !any([a(), b(), c()])), ["---"]);
    assert_eq!(found(site, all([])).len(), 8);
    assert_eq!(found(site, any([])), Vec::<String>::new());

    // One condition among other filters stays one.
    let query = rooms::table.into_boxed::<MultiBackend>().filter(rooms::name.eq("ab-"));
    let query = query.filter(icontains(rooms::name, "a") | icontains(rooms::name, "c")).filter(rooms::id.gt(0));
    assert_eq!(site.db(|conn| query.select(rooms::name).load::<String>(conn)).unwrap(), ["ab-"]);
    // The same without a box, and in an update.
    let half = |conn: &mut Conn| rooms::table.filter(icontains::<Rooms, _>(rooms::name, "A")).count().get_result(conn);
    assert_eq!(site.db(half), Ok(4_i64));
    let of_c = icontains::<Rooms, _>(rooms::name, "c") & !q(rooms::name.eq("abc"));
    let update = diesel::update(rooms::table.filter(of_c)).set(rooms::description.eq("x"));
    assert_eq!(site.db(|conn| update.execute(conn)), Ok(3));
});

both!(what_is_null_does_not_hold_and_its_negation_does, |site| {
    rooms_named(site, &["ht", "h-", "-t", "--"]);
    let topic = || icontains(topics::name, "LOOM");
    let host = || q(rooms::host_id.gt(0));
    assert_eq!(found(site, topic()), ["ht", "-t"]);
    assert_eq!(found(site, !topic()), ["h-", "--"], "a room without a topic is not about it");
    assert_eq!(found(site, !!topic()), ["ht", "-t"]);
    assert_eq!(found(site, !icontains(topics::name, "zinc")).len(), 4);
    assert_eq!(found(site, !host()), ["-t", "--"]);
    assert_eq!(found(site, !(topic() & host())), ["h-", "-t", "--"]);
    assert_eq!(found(site, !(topic() | host())), ["--"]);
    assert_eq!(found(site, !(!topic() & host())), ["ht", "-t", "--"]);
    assert_eq!(found(site, !q(topics::name.nullable().eq("Handloom"))), ["h-", "--"]);
    assert_eq!(found(site, icontains(topics::name, "")), ["ht", "-t"], "as in Django: a name that is there");
});

both!(a_text_is_looked_for_as_it_is, |site| {
    let names = ["100% wool", "1000 wool", r"c:\looms", "snake_case", "snakeXcase", "it's \"q\""];
    rooms_named(site, &names);
    for (text, name) in [("0%", names[0]), (r"\", names[2]), (r":\L", names[2]), ("E_c", names[3]), ("'s \"", names[5])]
    {
        assert_eq!(found(site, named(text)), [name], "{text}");
    }
    assert_eq!(found(site, named("%")), [names[0]]);
    assert_eq!(found(site, named("_")), [names[3]]);
    assert_eq!(found(site, named("c\0ase")).len(), 2, "what no text has is passed over");
});

both!(case_does_not_matter_in_any_script, |site| {
    let names = ["ÄÖ über", "ΩΜΕΓΑ", "हिन्दी में", "Привет", "e\u{301}lan"];
    rooms_named(site, &names);
    for (text, name) in [
        ("äö Ü", names[0]),
        ("ω", names[1]),
        ("ωμεγ", names[1]),
        ("न्दी", names[2]),
        ("ПРИВЕТ", names[3]),
        ("Él", names[4]),
    ] {
        assert_eq!(found(site, named(text)), [name], "{text}");
    }
    assert_eq!(found(site, named("ao")), Vec::<String>::new(), "an accent does");
});

both!(two_hundred_characters_count, |site| {
    let long = "ü".repeat(LONGEST_SEARCH);
    rooms_named(site, &[&long, &long[2..]]);
    assert_eq!(found(site, named(&format!("{long}zzz"))), std::slice::from_ref(&long));
    assert_eq!(found(site, named(&"%".repeat(1_000_000))), Vec::<String>::new());
});

both!(many_rows_on_the_other_side_give_no_duplicates, |site| {
    rooms_named(site, &["first", "second", "third"]);
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    let ids: Vec<i64> = site.db(|conn| rooms::table.order(rooms::id).select(rooms::id).load(conn)).unwrap();
    // In the first room one message is both, in the second one is this and another that.
    for _ in 0..3 {
        site.message(ids[0], &asha, "indigo");
    }
    site.message(ids[1], &asha, "madder");
    site.message(ids[1], &ravi, "indigo");

    let of = |condition: Q<messages::table>| messages::table.filter(condition).select(messages::room_id);
    let indigo = || icontains(messages::body, "INDIGO");
    let by_asha = || q(messages::user_id.eq(asha.id));
    assert_eq!(found(site, q(rooms::id.eq_any(of(indigo())))), ["first", "second"]);
    assert_eq!(found(site, q(rooms::id.eq_any(of(indigo() & by_asha())))), ["first"], "one message that is both");
    assert_eq!(
        found(site, q(rooms::id.eq_any(of(indigo()))) & q(rooms::id.eq_any(of(by_asha())))),
        ["first", "second"],
        "one that is this, and one that is that"
    );
    assert_eq!(found(site, !among(rooms::id, of(indigo()))), ["third"]);
    let of_first = rooms::table.filter(rooms::name.eq("first")).select(rooms::id);
    assert_eq!(found(site, among(rooms::id, of_first)), ["first"], "the same table within");
    let said = || q(exists(messages::table.filter(messages::room_id.eq(rooms::id)).filter(indigo())));
    assert_eq!(found(site, said()), ["first", "second"]);
    assert_eq!(found(site, !said()), ["third"]);
    assert_eq!(found(site, !q(rooms::id.eq_any(of(indigo()))) | icontains(rooms::name, "first")), ["first", "third"]);
});

both!(a_condition_in_words_of_the_database_stays_whole, |site| {
    rooms_named(site, &["h", "ht", "t"]);
    let either = || q(diesel::dsl::sql::<diesel::sql_types::Bool>("rooms.name = 'h' OR rooms.name = 't'"));
    assert_eq!(found(site, either() & q(rooms::topic_id.is_not_null())), ["t"]);
    assert_eq!(found(site, !either()), ["ht"]);
});

both!(the_database_folds_as_rust_does, |site| {
    let ascii: String = (1..128_u8).map(char::from).collect();
    for text in ["", &ascii, "ÉTÉ e\u{301}", "ΟΔΟΣ οδός", "STRASSE straße", "ЁЛКА", "हिन्दी", "A🧵B", "ABC\u{ad}"]
    {
        let folded: Option<String> = site.db(|conn| diesel::select(fold(Some(text))).get_result(conn)).unwrap();
        assert_eq!(folded.as_deref(), Some(fold_text(text).as_str()), "{text}");
    }
    let none: Option<String> = site.db(|conn| diesel::select(fold(None::<&str>)).get_result(conn)).unwrap();
    assert_eq!(none, None);
});
