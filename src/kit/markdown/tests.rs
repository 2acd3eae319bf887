//! What Markdown becomes, and what it never becomes.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::{GROWTH, LONGEST, as_typed, is_unmarked, plain, render, words_of};
use crate::kit::fuzz;

/// A link as it is written.
fn link(address: &str, words: &str) -> String {
    format!("<a href=\"{address}\" rel=\"nofollow ugc noopener\">{words}</a>")
}

#[test]
fn what_people_write_looks_as_they_expect() {
    for (source, html) in [
        ("hello", "<p>hello</p>"),
        (
            "**bold**, *soft*, ~~gone~~ and `a < b`",
            "<p><strong>bold</strong>, <em>soft</em>, <del>gone</del> and <code>a &lt; b</code></p>",
        ),
        ("one\ntwo\r\nthree\n\nfour", "<p>one<br />\ntwo<br />\nthree</p>\n<p>four</p>"),
        ("# Loud\n###### quiet\ntext", "<p><strong>Loud</strong></p>\n<p><strong>quiet</strong></p>\n<p>text</p>"),
        ("> said\n\nanswered", "<blockquote>\n<p>said</p>\n</blockquote>\n<p>answered</p>"),
        ("- a\n- b\n\n3. c", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>\n<ol start=\"3\">\n<li>c</li>\n</ol>"),
        ("- [ ] open\n- [x] done", "<ul>\n<li>☐ open</li>\n<li>☑ done</li>\n</ul>"),
        ("a\n\n---\n\nb", "<p>a</p>\n<hr />\n<p>b</p>"),
        ("snake_case_name and 2 * 3 * 4", "<p>snake_case_name and 2 * 3 * 4</p>"),
        ("", ""),
        (" \n ", ""),
        // What would show nothing.
        ("[a]: https://example.org", "<p>[a]: https://example.org</p>"),
        ("#", "<p>#</p>"),
        ("-\n>", "<p>-<br />\n&gt;</p>"),
    ] {
        assert_eq!(render(source), html, "{source:?}");
    }
}

#[test]
fn fenced_code_keeps_its_language_and_is_scrolled_by_keys() {
    assert_eq!(
        render("```rust\nlet a = &b[\"<i>\"];\n\n    c();\n```"),
        "<pre tabindex=\"0\"><code class=\"language-rust\">let a = &amp;b[\"&lt;i&gt;\"];\n\n    c();\n</code></pre>"
    );
    // More than a language beside the fence is shown as the first line.
    for (info, class, line) in [
        ("", "", ""),
        ("c++", " class=\"language-c++\"", ""),
        ("rust,ignore", " class=\"language-rust\"", "rust,ignore\n"),
        ("python title=\"x\"", " class=\"language-python\"", "python title=\"x\"\n"),
        ("a\"onclick=x", "", "a\"onclick=x\n"),
        ("&quot;><script>", "", "\"&gt;&lt;script&gt;\n"),
        ("print(1)", "", "print(1)\n"),
        ("क", "", "क\n"),
    ] {
        assert_eq!(
            render(&format!("~~~{info}\nx\n~~~")),
            format!("<pre tabindex=\"0\"><code{class}>{line}x\n</code></pre>"),
            "{info:?}"
        );
    }
    assert_eq!(
        render("a\n```hello"),
        "<p>a</p>\n<pre tabindex=\"0\"><code class=\"language-hello\">hello</code></pre>"
    );
    assert_eq!(render("    indented"), "<pre tabindex=\"0\"><code>indented</code></pre>");
}

#[test]
fn tables_have_heads_and_columns() {
    assert_eq!(
        render("| a | b | c |\n|---|:-:|--:|\n| 1 | **2** | https://x.org/|"),
        "<div class=\"table\" tabindex=\"0\"><table><thead><tr><th>a</th><th class=\"middle\">b</th>\
         <th class=\"end\">c</th></tr></thead><tbody>\n<tr><td>1</td><td class=\"middle\"><strong>2</strong></td>\
         <td class=\"end\">"
            .to_owned()
            + &link("https://x.org/", "https://x.org/")
            + "</td></tr>\n</tbody></table>\n</div>"
    );
}

#[test]
fn bare_addresses_become_links_and_end_where_they_end() {
    for (source, before, address, after) in [
        ("see https://example.org/a.", "see ", "https://example.org/a", "."),
        ("(http://example.org/a_(b))", "(", "http://example.org/a_(b)", ")"),
        ("HTTPS://Example.org", "", "HTTPS://Example.org", ""),
        ("_https://example.org/x_", "<em>", "https://example.org/x", "</em>"),
        ("**https://example.org**", "<strong>", "https://example.org", "</strong>"),
        (
            "https://docs.example.org/model.html#object.__init__",
            "",
            "https://docs.example.org/model.html#object.__init__",
            "",
        ),
        ("https://example.org/*a*/_b_/~c~/", "", "https://example.org/*a*/_b_/~c~/", ""),
        ("देखो https://example.org/a।", "देखो ", "https://example.org/a", "।"),
        ("http://localhost:8000/x", "", "http://localhost:8000/x", ""),
        ("http://[2001:db8::1]:8000/x?y.", "", "http://[2001:db8::1]:8000/x?y", "."),
        ("(http://[::1])", "(", "http://[::1]", ")"),
    ] {
        assert_eq!(render(source), format!("<p>{before}{}{after}</p>", link(address, address)), "{source:?}");
    }
    for idn in ["https://उदाहरण.भारत/x", "https://müller.example", "http://пример.испытание:8080/?q"]
    {
        assert!(
            render(&format!("({idn}).")).contains(&format!(">{idn}</a>).")),
            "{idn}: {}",
            render(&format!("({idn})."))
        );
    }
    let escaped = link("https://a.org/?b=1&amp;c=&#x27;2", "https://a.org/?b=1&amp;c='2");
    assert_eq!(render("https://a.org/?b=1&c='2"), format!("<p>{escaped}</p>"));
    for inert in [
        "`https://example.org`",
        "    https://example.org",
        "```\nhttps://example.org\n```",
        "<b title=\"https://example.org\">",
        "ftp://example.org/a",
        "javascript://example.org/%0aalert(1)",
        "https://",
    ] {
        assert!(!render(inert).contains("<a"), "{inert:?}");
    }
}

#[test]
fn links_lead_to_other_sites_and_mail_addresses_alone() {
    for (source, html) in [
        (
            "[w](https://example.org/ \"a \\\"t\\\"\")",
            "<a href=\"https://example.org/\" title=\"a &quot;t&quot;\" rel=\"nofollow ugc noopener\">w</a>".to_owned(),
        ),
        ("[w][1]\n\n[1]: https://example.org/", link("https://example.org/", "w")),
        ("<mailto:a@example.org>", link("mailto:a@example.org", "mailto:a@example.org")),
        ("<a@example.org>", link("mailto:a@example.org", "a@example.org")),
        ("[https://a.org](https://b.org)", link("https://b.org", "https://a.org")),
        ("[](https://example.org)", link("https://example.org", "https://example.org")),
        ("[` `](https://example.org)", link("https://example.org", "<code> </code>https://example.org")),
        ("![a picture](https://example.org/a.png)", link("https://example.org/a.png", "a picture")),
        ("![](https://example.org/a.png)", link("https://example.org/a.png", "https://example.org/a.png")),
        ("[![badge](https://a.org/b.svg)](https://c.org)", link("https://c.org", "badge")),
        ("![[x](https://a.org)](https://b.org)", link("https://b.org", "x")),
    ] {
        assert_eq!(render(source), format!("<p>{html}</p>"), "{source:?}");
    }
    for refused in [
        "[w](javascript:alert(1))",
        "[w](JaVaScRiPt:alert(1))",
        "[w](&#106;avascript:alert(1))",
        "[w](java\\script:alert(1))",
        "[w](<java\tscript:alert(1)>)",
        "[w](<\u{1}javascript:alert(1)>)",
        "[w](data:text/html;base64,PHNjcmlwdD4=)",
        "[w](vbscript:x)",
        "[w](file:///etc/passwd)",
        "[w](//example.org)",
        "[w](/logout)",
        "[w](#top)",
        "[w](https:)",
        "[w]()",
        "![w](data:image/svg+xml,x)",
        "[](/x)",
        "[Phone](12345)",
    ] {
        assert_eq!(render(refused), as_typed(refused), "{refused:?}");
    }
    assert_eq!(render("[**w**](/x) a"), "<p>[<strong>w</strong>](/x) a</p>");
    assert_eq!(render("[w][1]\n\n[1]: javascript:alert(1)"), "<p>[w][1]</p>\n<p>[1]: javascript:alert(1)</p>");
    assert_eq!(render("<javascript:alert(1)>"), "<p>javascript:alert(1)</p>");
}

#[test]
fn definition_that_no_link_uses_stays_as_typed() {
    let [docs, example] = ["docs", "example"].map(|name| link(&format!("https://{name}.org"), name));
    for (source, html) in [
        ("[ERROR]: timeout\nit stopped", "<p>[ERROR]: timeout<br />\nit stopped</p>"),
        ("It stopped:\n\n[ERROR]: timeout", "<p>It stopped:</p>\n<p>[ERROR]: timeout</p>"),
        ("[12:30]: ok\n[12:31]: ok\n\nend", "<p>[12:30]: ok<br />\n[12:31]: ok</p>\n<p>end</p>"),
        ("[12:30]: ok\n[12:30]: again\nend", "<p>[12:30]: ok<br />\n[12:30]: again<br />\nend</p>"),
        ("call [Phone]\n\n[Phone]: 12345", "<p>call [Phone]</p>\n<p>[Phone]: 12345</p>"),
        ("a[^1]\n\n[^1]: note", "<p>a[^1]</p>\n<p>[^1]: note</p>"),
        ("> [a]: b\n> c\n\nd", "<blockquote>\n<p>[a]: b<br />\nc</p>\n</blockquote>\n<p>d</p>"),
        ("- [a]: b\n- c", "<ul>\n<li>\n<p>[a]: b</p>\n</li>\n<li>c</li>\n</ul>"),
        ("[a]:\n<b>\n'c d'\n\ne", "<p>[a]:<br />\n&lt;b&gt;<br />\n'c d'</p>\n<p>e</p>"),
        ("# [a]\n[a]: /b", "<p><strong>[a]</strong></p>\n<p>[a]: /b</p>"),
    ] {
        assert_eq!(render(source), html, "{source:?}");
    }
    // One that a link uses is gone, and only that one.
    let both = "see [docs], [example]\n\n[docs]: https://docs.org\n[x]: https://y.org\n[EXAMPLE]: https://example.org\n[docs]: z";
    assert_eq!(render(both), format!("<p>see {docs}, {example}</p>\n<p>[x]: https://y.org<br />\n[docs]: z</p>"));
    assert_eq!(plain("[ERROR]: timeout\nit *stopped*"), "[ERROR]: timeout it stopped");
    assert_eq!(plain("[docs] here\n\n[docs]: https://docs.org"), "docs here");
}

#[test]
fn cells_beyond_the_head_of_a_table_are_shown() {
    let html = render("|a|b|\n|-|-|\n|c|d|e|f **g**|\n|h|");
    assert!(html.contains("<td>d | e|f **g**</td></tr>\n<tr><td>h</td><td></td></tr>"), "{html}");
}

/// Pieces of Markdown around a word, which stands where the sign is.
const AROUND_A_WORD: [&str; 44] = [
    "§",
    " § ",
    "*§*",
    "**§",
    "§**",
    "_§_",
    "~~§~~",
    "`§`",
    "``§",
    "```§\n",
    "```\n",
    "~~~ § §\n",
    "~~~\n",
    "# §\n",
    "§\n===\n",
    "> §\n",
    "- §\n",
    "1. §\n",
    "- [ ] §\n",
    "    §\n",
    "\t§",
    "\n",
    "\n\n",
    "|§|§|\n|-|-|\n|§|§|§|\n",
    "|§|",
    "§|\n-|\n§|§\n",
    "[§]: §\n",
    "[§]: § '§'\n",
    "[§]:\n§\n",
    "[a]: §\n",
    "[^1]: §\n",
    "[a]",
    "[§](§)",
    "[§][a]",
    "[§](https://x.org/§ \"§\")",
    "[§]",
    "<§>",
    "<!-- § -->",
    "<div>§\n",
    "</div>",
    "<b title=\"§\">",
    "https://x.org/§",
    "\\§",
    "\r\n",
];

#[test]
fn words_stay_visible_in_any_text() {
    let around = select(AROUND_A_WORD.to_vec()).prop_map(str::to_owned);
    // No sign of a place in what is arbitrary.
    let arbitrary = typed(3).prop_map(|text| text.replace('§', ""));
    fuzz::check(4_000, vec(prop_oneof![8 => around, 1 => arbitrary], 1..14), |pieces| {
        let mut words = Vec::new();
        let mut source = String::new();
        for part in pieces.iter().flat_map(|piece| piece.split_inclusive('§')) {
            source.push_str(part.trim_end_matches('§'));
            if part.ends_with('§') {
                words.push(format!("word{}x", words.len()));
                source.extend(words.last().map(String::as_str));
            }
        }
        let begun = Instant::now();
        let (html, in_one_line) = (render(&source), plain(&source));
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        for word in &words {
            assert!(html.contains(word), "{word} is not in {html:?} of {source:?}");
        }
        assert!(in_one_line.len() <= 2 * source.len() + 1024 && !in_one_line.contains(['\n', '\r']), "{in_one_line:?}");
    });
}

#[test]
fn html_is_shown_as_text() {
    for (source, html) in [
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
        ("a <b onclick=x>c</b>", "<p>a &lt;b onclick=x&gt;c&lt;/b&gt;</p>"),
        ("<div>\n*a*\n</div>\n\nb", "<p>&lt;div&gt;<br />\n*a*<br />\n&lt;/div&gt;</p>\n<p>b</p>"),
        ("> <!-- a\n> b -->", "<blockquote>\n<p>&lt;!-- a<br />\nb --&gt;</p>\n</blockquote>"),
        ("&lt;script&gt; &amp; &#60;b&#62;", "<p>&lt;script&gt; &amp; &lt;b&gt;</p>"),
    ] {
        assert_eq!(render(source), html, "{source:?}");
    }
}

#[test]
fn no_letter_is_lost_and_no_control_character_stays() {
    for text in ["🪔👨‍👩‍👧‍👦🏳️‍🌈", "क्षत्रिय नमस्ते।", "مرحبا بالعالم", "\u{202e}backwards", "e\u{301}", "\u{a0}x"]
    {
        assert_eq!(render(text), format!("<p>{text}</p>"));
    }
    assert_eq!(render("a\0b\u{1b}[31mc\u{85}d\u{c}"), "<p>ab[31mcd</p>");
    assert_eq!(as_typed("a < b\r\n\n\"c\"\n"), "<p>a &lt; b<br />\n<br />\n&quot;c&quot;</p>");
}

#[test]
fn an_excerpt_is_the_words_in_one_line() {
    for (source, words) in [
        ("# A **b** `c`\n\n- d\n- [e](https://f.org)\n\n> g\nh", "A b c d e g h"),
        ("```rust\nlet a = 1;\nlet b;\n```\nafter", "let a = 1; let b; after"),
        ("|a|b|\n|-|-|\n|c|d|", "a b c d"),
        ("![picture](https://x.org) <b>x</b> &amp;", "picture <b>x</b> &"),
        ("snake_case", "snake_case"),
        ("[a]: b\n[c]: d", "[a]: b [c]: d"),
        ("", ""),
    ] {
        assert_eq!(plain(source), words, "{source:?}");
    }
    assert_eq!(plain(&"a ".repeat(LONGEST)).len(), 2 * LONGEST - 1);
}

#[test]
fn words_without_a_sign_need_no_parser() {
    let pieces: [&str; 40] = [
        "a",
        "Zwei",
        "तीन",
        "4",
        " ",
        "  ",
        "    ",
        "\t",
        "\n",
        "\n\n",
        "\n    ",
        "\n   ",
        ".",
        ")",
        "1. ",
        "\n2) ",
        "(",
        "]",
        "{",
        "}",
        "!",
        "\"",
        "'",
        "\n# ",
        "\n- ",
        "+",
        "\n=",
        "-",
        "---",
        "\n---\n",
        "http://a.org",
        "a@b.org",
        ":",
        "\n:-:\n",
        "/",
        "#",
        ">",
        "$",
        "^",
        "\u{a0}",
    ];
    let in_one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (mut seed, mut unmarked) = (0x1234_5678_u64, 0);
    for _ in 0..50_000 {
        let mut text = String::new();
        for _ in 0..8 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(pieces[(seed >> 33) as usize % pieces.len()]);
        }
        if is_unmarked(&text) {
            unmarked += 1;
            assert_eq!(in_one_line(&text), in_one_line(&words_of(&text)), "{text:?}");
        }
    }
    assert!(unmarked > 5_000, "{unmarked}");
    assert!(["# a", "a\n- b", "a *b*", "1. a", "a\n---", "a_b_", "&lt;"].iter().all(|text| !is_unmarked(text)));
}

/// What a sanitizer that many others use lets pass, with our rules.
fn second_opinion() -> ammonia::Builder<'static> {
    let mut builder = ammonia::Builder::empty();
    builder
        .tags(HashSet::from([
            "p",
            "br",
            "strong",
            "em",
            "del",
            "code",
            "pre",
            "blockquote",
            "ul",
            "ol",
            "li",
            "hr",
            "a",
            "div",
            "table",
            "thead",
            "tbody",
            "tr",
            "th",
            "td",
        ]))
        .tag_attributes(HashMap::from([
            ("a", HashSet::from(["href", "title"])),
            ("ol", HashSet::from(["start"])),
            ("code", HashSet::from(["class"])),
            ("pre", HashSet::from(["tabindex"])),
            ("div", HashSet::from(["tabindex"])),
        ]))
        .allowed_classes(HashMap::from([
            ("div", HashSet::from(["table"])),
            ("td", HashSet::from(["middle", "end"])),
            ("th", HashSet::from(["middle", "end"])),
        ]))
        .attribute_filter(|tag, attribute, value| {
            let is_name =
                |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-#_.".contains(&byte));
            let is_fine = (tag, attribute) != ("code", "class") || value.strip_prefix("language-").is_some_and(is_name);
            is_fine.then_some(value.into())
        })
        .link_rel(Some("nofollow ugc noopener"))
        .url_schemes(HashSet::from(["http", "https", "mailto"]))
        .url_relative(ammonia::UrlRelative::Deny);
    builder
}

/// Pieces of attacks and of Markdown, to be put together at random.
const PIECES: &[&str] = &[
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "\"><svg onload=alert(1)>",
    "'-alert(1)-'",
    "<a href=\"javascript:alert(1)\">x</a>",
    "<iframe srcdoc='<script>'>",
    "</p></div></li>",
    "</textarea><style>*{display:none}</style>",
    "[x](javascript:alert(1))",
    "![x](data:image/svg+xml,<svg>)",
    "[x](https://a.org/\"onmouseover=\"alert(1))",
    "[x](<https://a.org/'><b>)",
    "<https://a.org/\"onclick=\"x>",
    "<javascript:alert(1)>",
    "https://a.org/<script>",
    "https://a.org/\"onclick=x",
    "https://a.org/`x`",
    "[a]: https://b.org/\"x",
    "[a]",
    "[a][a]",
    "```rust\n",
    "```\n",
    "~~~c++ \"x\n",
    "```\"onclick=x\n",
    "`",
    "``",
    "*",
    "**",
    "_",
    "__",
    "~~",
    "# ",
    "> ",
    "- ",
    "1. ",
    "9999999999. ",
    "    ",
    "\t",
    "\n",
    "\n\n",
    "|a|b|\n|:-:|-:|\n|",
    "|",
    "[",
    "]",
    "(",
    ")",
    "!",
    "<",
    ">",
    "&",
    "&lt;",
    "&#0;",
    "&#x3c;",
    "\\",
    "\0",
    "\u{1b}",
    "\u{202e}",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?",
    "?>",
    "{{ x }}",
    "{% raw %}",
    "क",
    "🪔",
    "---",
    "===",
    "\r\n",
    "- [x] ",
    "<b>",
    "</b>",
    "<math><mtext><table><mglyph><style>",
    "<p title=\"</p>",
    " ",
    "a",
    "word",
];

#[test]
fn a_sanitizer_finds_nothing_to_take_away() {
    let sanitizer = second_opinion();
    // The two write some signs in different ways; apart from that, nothing may differ.
    let alike = |html: &str| {
        html.replace("&#x27;", "'")
            .replace("&#39;", "'")
            .replace("&quot;", "\"")
            .replace("&nbsp;", "\u{a0}")
            .replace(" />", ">")
    };
    let check = |source: &str| {
        for html in [render(source), as_typed(source)] {
            assert_eq!(alike(&sanitizer.clean(&html).to_string()), alike(&html));
            assert!(html.len() <= GROWTH * (source.len() + 1024), "{} bytes became {}", source.len(), html.len());
        }
    };
    PIECES.iter().copied().for_each(check);
    fuzz::check(2_000, typed(24), |source| check(&source));
}

/// Texts of such pieces, with some arbitrary ones between them.
fn typed(most: usize) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        20 => select(PIECES).prop_map(str::to_owned),
        2 => any::<char>().prop_map(String::from),
        1 => any::<String>(),
        1 => (select(PIECES), 2..60_usize).prop_map(|(piece, count)| piece.repeat(count)),
    ];
    vec(piece, 0..=most).prop_map(|pieces| pieces.concat())
}

#[test]
fn what_is_nested_too_deeply_stands_at_the_deepest_level() {
    let html = render(&format!("{}a\n{}**b**", "> ".repeat(30), "> ".repeat(30)));
    assert_eq!(html.matches("<blockquote>").count(), 12);
    assert!(html.contains("\na<br />\nb<br />\n</blockquote>"), "{html}");
}

#[test]
fn hostile_texts_take_little_time_and_stay_small() {
    let filled = |piece: &str| piece.repeat(LONGEST / piece.len());
    let mut texts: Vec<String> = [
        ">",
        "> ",
        "- ",
        "* ",
        "1. ",
        "[",
        "![",
        "![a](",
        "[a](",
        "](",
        "*",
        "**a ",
        "*a **b ",
        "_a __b ",
        "~~a ",
        "`",
        "`a",
        "<",
        "<a ",
        "<!--",
        "<a href=\"",
        "&",
        "\\",
        "#",
        "# a\n",
        "|",
        "|a",
        "a|b\n-|-\n",
        "-\n",
        "[a]: b\n",
        "[a]\n",
        "a\n",
        "https://a.org ",
        "https://",
        "://",
        "a://",
        "***",
        "* a\n> b\n",
        "```\n",
        "~~~",
        "\t",
        "\n",
        " ",
        "\u{202e}",
        "<b>",
        "<div>\n",
        "x@y.z ",
        "a**b",
        "]",
        "(",
        "\"",
        "![",
    ]
    .into_iter()
    .map(filled)
    .collect();
    let half = |piece: &str| piece.repeat(LONGEST / 2 / piece.len() - 8);
    texts.extend([
        half("[") + &half("]"),
        half("[") + "a" + &half("](b)"),
        half(">") + "\n" + &half("a\n"),
        half("> ") + &half("\n> "),
        half("*a ") + &half(" a*"),
        half("`a") + "\n" + &half("``b"),
        half("|") + "\n" + &half("-|"),
        format!("{}\n{}\n{}", "|a".repeat(8_000), "|-".repeat(8_000), "|\n".repeat(16_000)),
        format!("[a]: https://a.org/{}\n\n{}", "b".repeat(30_000), "[a]".repeat(10_000)),
        (0..350).map(|depth| " ".repeat(depth) + "- a\n").collect(),
        "x".repeat(2 * LONGEST),
        "<".repeat(2 * LONGEST),
    ]);
    for text in texts {
        let start = Instant::now();
        let html = render(&text);
        let words = plain(&text);
        let beginning: String = text.chars().take(20).collect();
        // A debug build on a busy machine; what grows with the square of the length takes minutes.
        assert!(start.elapsed() < Duration::from_secs(30), "{beginning:?} took {:?}", start.elapsed());
        assert!(html.len() <= GROWTH * (text.len() + 1024), "{beginning:?} became {} bytes", html.len());
        assert!(words.len() <= 2 * text.len() + 1024, "{beginning:?}");
        let depth = html.split('<').fold((0_i64, 0_i64), |(depth, most), tag| {
            let step = match tag.chars().next() {
                Some('/') => -1,
                Some('b' | 'h') if tag.starts_with("br") || tag.starts_with("hr") => 0,
                Some(_) => 1,
                None => 0,
            };
            (depth + step, most.max(depth + step))
        });
        assert!(depth.1 < 20, "{beginning:?} is nested {} deep", depth.1);
    }
}
