//! Counts: those of topics, which the database keeps, and those of long lists, which end at "1,000+".

use chaupal::kit::i18n::Text;

use crate::support::{Site, says};

/// `name count` of each topic, in the order of the list.
fn topics(site: &Site) -> Vec<String> {
    let rows = site.db(|conn| chaupal::rooms::models::topic::list(conn, "", 0, 10)).unwrap();
    rows.into_iter().map(|topic| format!("{} {}", topic.link.name, topic.count)).collect()
}

both!(a_topic_knows_how_many_rooms_it_has, |site| {
    let asha = site.person("asha");
    let first = site.room(&asha, "One", "Weaving");
    site.room(&asha, "Two", "Weaving");
    site.room(&asha, "Three", "Dyeing");
    site.room(&asha, "Four", "Alum");
    assert_eq!(topics(site), ["Weaving 2", "Alum 1", "Dyeing 1"]);
    asha.post(&format!("/rooms/{first}/edit"), &[("name", "One"), ("topic", "dyeing"), ("description", "")]);
    assert_eq!(topics(site), ["Dyeing 2", "Alum 1", "Weaving 1"]);
    asha.post(&format!("/rooms/{first}/edit"), &[("name", "Uno"), ("topic", "Dyeing"), ("description", "")]);
    assert_eq!(topics(site), ["Dyeing 2", "Alum 1", "Weaving 1"], "the same topic again");
    asha.post(&format!("/rooms/{first}/delete"), &[]);
    assert_eq!(topics(site), ["Alum 1", "Dyeing 1", "Weaving 1"]);
    // Many at once, without a topic and back, and away.
    site.sql("UPDATE rooms SET topic_id = NULL");
    assert_eq!(topics(site), ["Alum 0", "Dyeing 0", "Weaving 0"]);
    site.sql("UPDATE rooms SET topic_id = (SELECT id FROM topics WHERE name = 'Alum')");
    assert_eq!(topics(site), ["Alum 3", "Dyeing 0", "Weaving 0"]);
    site.chat_room("lobby");
    site.sql("DELETE FROM topics WHERE name = 'Dyeing'");
    site.sql("DELETE FROM rooms");
    assert_eq!(topics(site), ["Alum 0", "Weaving 0"]);
});

both!(what_is_long_is_counted_to_a_thousand_and_goes_on, |site| {
    let asha = site.person("asha");
    let id = site.room(&asha, "The first", "Handloom");
    site.message(id, &asha, "indigo");
    let numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1040)";
    site.sql(&format!(
        "INSERT INTO rooms (name, topic_id, host_id, created, updated) {numbers} \
         SELECT 'Room', r.topic_id, r.host_id, r.created, r.updated FROM n, rooms r WHERE r.id = {id}"
    ));
    site.sql(&format!(
        "INSERT INTO messages (room_id, user_id, body, seq, version, created, updated) {numbers} \
         SELECT m.room_id, m.user_id, 'madder', m.seq + i, m.seq + i, m.created, m.updated FROM n, messages m WHERE m.body = 'indigo'"
    ));
    let counted = |key: &'static str| says(Text::new(key).with("count", 1_001_i64));
    assert_eq!((counted("rooms-count").as_str(), counted("count").as_str()), ("1,000+ rooms", "1,000+"));

    asha.get("/").see(&counted("rooms-count")).see_not(">1041<").see_not(">1001<").see_not("1001 rooms");
    asha.get("/?q=LOOM").see(&counted("rooms-found"));
    asha.get("/?q=first").see(&says(Text::new("rooms-found").with("count", 1_i64)));
    asha.get("/topics").see(&counted("rooms-count")).see_not(">1041<").see_not(">1001<").see_not("1001 rooms");
    assert_eq!(asha.get("/developers/asha").body.matches("<dd>1,000+</dd>").count(), 2, "rooms and messages");

    for (page, is_on, next) in [(2, 2, true), (100, 100, true), (101, 101, true), (105, 105, false), (999, 105, false)]
    {
        let answer = asha.get(&format!("/?q=loom&page={page}"));
        let current =
            answer.body.split("aria-current=\"page\"><span class=\"visually-hidden\">").nth(1).unwrap_or_default();
        assert!(current.contains(&format!("</span>{is_on}</a>")), "page {page}: {current:.60}");
        assert_eq!(answer.body.contains("rel=\"next\""), next, "page {page}");
    }
    let last = asha.get("/activity?page=35");
    assert!(!last.body.contains("rel=\"next\""), "1,041 messages are 35 pages");
    last.see("madder");
    assert!(asha.get("/activity?page=34").body.contains("rel=\"next\""));
});
