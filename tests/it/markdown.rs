//! What people write is Markdown: rendered when it is saved, kept beside its source, gone with it.

use crate::support::{Request, Site};

const TYPED: &str =
    "**bold** `a<b`\r\nhttps://example.org/ <script>alert(1)</script>\r\n\r\n```rust\r\nlet a = 1;\r\n```";
const RENDERED: &str = "<p><strong>bold</strong> <code>a&lt;b</code><br />\n\
    <a href=\"https://example.org/\" rel=\"nofollow ugc noopener\">https://example.org/</a> \
    &lt;script&gt;alert(1)&lt;/script&gt;</p>\n<pre tabindex=\"0\"><code class=\"language-rust\">let a = 1;\n</code></pre>";

/// Source and HTML of the only message.
fn kept(site: &Site) -> (String, String) {
    (site.text("SELECT body FROM messages"), site.text("SELECT body_html FROM messages"))
}

both!(a_message_is_rendered_when_it_is_posted_and_again_when_it_is_edited, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    let path = format!("/rooms/{room}");
    let mut ear = asha.listen(&format!("/events?rooms={room}:0"));
    asha.post(&format!("{path}/messages"), &[("body", TYPED)]).status(303);
    assert_eq!(kept(site), (TYPED.replace("\r\n", "\n"), RENDERED.to_owned()));
    asha.get(&path).status(200).hold(&format!("<div class=\"message-body markdown\">{RENDERED}</div>"));
    let heard = ear.next();
    assert!(heard.data["html"].as_str().unwrap().contains(RENDERED), "{heard:?}");

    let id = site.number("SELECT id FROM messages");
    let form = asha.get(&format!("/messages/{id}/edit"));
    form.status(200).see(&TYPED.replace("\r\n", "\n"));
    asha.get(&format!("/messages/{id}/delete")).status(200).hold(RENDERED);
    asha.post(&format!("/messages/{id}/edit"), &[("body", "*soft*\nnow")]).status(303);
    assert_eq!(kept(site).1, "<p><em>soft</em><br />\nnow</p>");
    assert!(ear.next().data["html"].as_str().unwrap().contains("<p><em>soft</em><br />\nnow</p>"));

    asha.post(&format!("/messages/{id}/delete"), &[]).status(303);
    assert_eq!(kept(site), (String::new(), String::new()), "nothing stays of it");
});

both!(who_leaves_takes_the_html_along, |site| {
    let (asha, ravi) = (site.person("asha"), site.person("ravi"));
    let room = site.room(&asha, "Weavers", "Craft");
    ravi.post(&format!("/rooms/{room}/messages"), &[("body", "**mine**")]).status(303);
    site.db(|conn| chaupal::rooms::models::room::forget_author(conn, ravi.id)).unwrap();
    assert_eq!(kept(site), (String::new(), String::new()));
});

both!(what_was_not_rendered_yet_shows_as_typed, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    asha.post(&format!("/rooms/{room}/messages"), &[("body", "**a**\n<img src=x>")]).status(303);
    site.sql("UPDATE messages SET body_html = ''");
    site.sql("UPDATE rooms SET description = '<b>*x*</b>'");
    asha.get(&format!("/rooms/{room}"))
        .hold("<p>**a**<br />\n&lt;img src=x&gt;</p>")
        .hold("<p>&lt;b&gt;*x*&lt;/b&gt;</p>");
});

both!(a_description_is_rendered_and_a_card_shows_its_words, |site| {
    let asha = site.person("asha");
    let fields = [("name", "Weavers"), ("topic", "Craft"), ("description", "# Warp\n- and *weft*")];
    let path = asha.post("/rooms/new", &fields).location();
    asha.get(&path).hold("<p><strong>Warp</strong></p>\n<ul>\n<li>and <em>weft</em></li>\n</ul>");
    asha.get("/").hold("<p class=\"room-card-text\">Warp and weft</p>");
    asha.get(&format!("{path}/edit")).see("# Warp\n- and *weft*");
    let fields = [("name", "Weavers"), ("topic", "Craft"), ("description", "`shuttle`")];
    asha.post(&format!("{path}/edit"), &fields).status(303);
    asha.get(&path).hold("<p><code>shuttle</code></p>").see_not("Warp");
});

both!(the_activity_shows_words_without_marks, |site| {
    let asha = site.person("asha");
    let room = site.room(&asha, "Weavers", "Craft");
    asha.post(&format!("/rooms/{room}/messages"), &[("body", "> said\n\n**Yes**, [there](https://example.org)")]);
    asha.get("/activity").see("said Yes, there").see_not("**");
});

both!(a_guest_and_a_chat_room_have_it_too, |site| {
    let meera = site.anonymous();
    let token = meera.token();
    let form = [("room_name", "Maths"), ("username", "Meera")];
    meera.send(Request::new("POST", "/chat").form(&form).header("X-CSRF-Token", &token)).status(303);
    meera.post("/chat/Maths/messages", &[("body", "**two**")]).status(303);
    meera.get("/chat/Maths").hold("<div class=\"message-body markdown\"><p><strong>two</strong></p></div>");
});
