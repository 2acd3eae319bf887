//! Markdown: what people write, made into HTML that can do no harm. It is made once, when a text is saved, and
//! kept beside its source.
//!
//! The parser and the writer are pulldown-cmark's; between them stand our rules, through which nothing goes that
//! a text has no use for. The writer escapes every word, and the only HTML that it takes as it is, is made here.
//!
//! Django: `markdown.markdown` and `nh3.clean`, which the template filter calls for each page

mod kept;
mod rules;

use std::borrow::Cow;
use std::net::Ipv6Addr;
use std::ops::Range;

use linkify::{LinkFinder, LinkKind};
use pulldown_cmark::{Event, Options, Parser, Tag, html};
use pulldown_cmark_escape::escape_html;
use unicode_normalization::char::is_combining_mark;

pub use kept::Kept;
use rules::{Rules, gap_before, is_inline, is_seen};

/// Raised with each change of what [`render`] makes of a text, so that what was kept is made again.
pub const RULES: i64 = 3;

/// A longer source, in bytes, is shown as it was typed.
const LONGEST: usize = 64 * 1024;

/// No honest text has HTML so many times as long as itself.
const GROWTH: usize = 32;

/// A text's HTML. Whatever it is given, the answer is well-formed, holds no script, picture, style, form or
/// identifier, and links only to other sites and to mail addresses.
///
/// Line breaks stay as typed, bare addresses become links, pictures become links, a heading is a bold paragraph (the
/// page has an outline of its own), HTML is shown as text. A text that would show nothing is shown as typed, and so is
/// every part that the parser passes by: no word of it is lost.
pub fn render(source: &str) -> String {
    let source = clean(source);
    if source.len() > LONGEST {
        return as_typed(&source);
    }
    let linked = link_addresses(&source);
    let Some(passed) = passed(&linked).filter(|passed| passed.iter().any(is_seen)) else {
        return as_typed(&source);
    };
    let mut made = String::with_capacity(source.len() * 2);
    html::push_html(&mut made, passed.into_iter());
    if made.len() > GROWTH * linked.len() + 1024 {
        return as_typed(&source);
    }
    made.truncate(made.trim_end().len());
    made
}

/// What the rules let pass of a text; none when it is out of all proportion.
fn passed(source: &str) -> Option<Vec<Event<'_>>> {
    let first = Rules::new(source).run()?;
    if !first.passed_by {
        return Some(first.passed);
    }
    // Which definitions are used is known only at the end; the others are shown where they stand.
    let mut second = Rules::new(source);
    second.used = Some(first.targets);
    second.run().map(|rules| rules.passed)
}

/// Maximum number of characters of a text's HTML on a page. An import brings texts of any length.
pub const LONGEST_HTML: i32 = 64_000;

/// Maximum number of characters of a text that a page shows as typed. No form takes a longer one.
pub const LONGEST_TYPED: i32 = 10_000;

/// What a page shows of a text: the HTML that was kept, or, where none was made yet or it is too long, the beginning of the
/// text as typed; and whether there is more of it. Reading one character beyond each limit is enough.
pub fn kept_or_typed(html: String, source: &str) -> (String, bool) {
    if !html.is_empty() && end_of(&html, LONGEST_HTML).is_none() {
        return (html, false);
    }
    match end_of(source, LONGEST_TYPED) {
        Some(end) => (as_typed(&format!("{}…", &source[..end])), true),
        None => (as_typed(source), false),
    }
}

/// Whether a text is longer than a page shows it as typed.
pub fn is_long(source: &str) -> bool {
    end_of(source, LONGEST_TYPED).is_some()
}

/// Where the first characters of a longer text end.
fn end_of(text: &str, characters: i32) -> Option<usize> {
    let characters = usize::try_from(characters).unwrap_or(usize::MAX);
    if text.len() <= characters { None } else { text.char_indices().nth(characters).map(|(end, _)| end) }
}

/// A text's HTML without any Markdown: escaped, lines broken as typed. Nothing for nothing.
pub fn as_typed(source: &str) -> String {
    let source = clean(source);
    if source.trim().is_empty() {
        return String::new();
    }
    let mut made = String::with_capacity(source.len() + 16);
    made.push_str("<p>");
    for (number, line) in source.trim_end().lines().enumerate() {
        if number > 0 {
            made.push_str("<br />\n");
        }
        escape(&mut made, line);
    }
    made.push_str("</p>");
    made
}

/// A text's words alone, in one line, for excerpts; not escaped. A text of marks alone stays as typed.
pub fn plain(source: &str) -> String {
    let source = clean(source);
    let in_one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    if source.len() > LONGEST || is_unmarked(&source) {
        return in_one_line(&source);
    }
    let words = in_one_line(&words_of(&source));
    if words.is_empty() { in_one_line(&source) } else { words }
}

fn words_of(source: &str) -> String {
    let mut words = String::with_capacity(source.len());
    for event in passed(source).unwrap_or_default() {
        match event {
            Event::Text(text) | Event::Code(text) => words.push_str(&text),
            // Tags of ours, around blocks.
            Event::SoftBreak | Event::HardBreak | Event::Html(_) => words.push(' '),
            Event::End(tag) if !is_inline(tag) => words.push(' '),
            _ => {}
        }
    }
    words
}

/// Whether there is no sign that could mean more than itself: most of what people say, and ten times faster to see
/// than to parse.
fn is_unmarked(source: &str) -> bool {
    let is_sign = |b: u8| matches!(b, b'\\' | b'`' | b'*' | b'_' | b'[' | b'<' | b'&' | b'~' | b'|');
    let begins_block = |b: u8| matches!(b, b'#' | b'+' | b'-' | b'=' | b'>' | b':' | b'0'..=b'9');
    !source.bytes().any(is_sign)
        && !source.lines().any(|line| line.trim_start().bytes().next().is_some_and(begins_block))
}

fn options() -> Options {
    Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS
}

/// Without control characters, lines ended alike.
fn clean(source: &str) -> Cow<'_, str> {
    let is_wanted = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    if source.chars().all(is_wanted) {
        return Cow::Borrowed(source);
    }
    Cow::Owned(source.replace("\r\n", "\n").replace('\r', "\n").chars().filter(|c| is_wanted(*c)).collect())
}

/// Puts `<` and `>` around bare addresses, which is Markdown for a link; so an underscore in one is no emphasis.
/// What is a link, code or HTML already is left alone.
fn link_addresses(source: &str) -> Cow<'_, str> {
    if !source.contains("://") {
        return Cow::Borrowed(source);
    }
    let mut finder = LinkFinder::new();
    finder.kinds(&[LinkKind::Url]);
    let mut taken = taken(source).into_iter().peekable();
    let mut linked = String::with_capacity(source.len() + 64);
    let mut copied = 0;
    let plain = with_plain_hosts(source);
    for link in finder.links(&plain) {
        while taken.next_if(|taken| taken.end <= link.start()).is_some() {}
        let end = taken.peek().map_or(link.end(), |taken| taken.start.clamp(link.start(), link.end()));
        let address = without_marks(&source[..link.start()], &source[link.start()..end]);
        if is_welcome(address) {
            linked.extend([&source[copied..link.start()], "<", address, ">"]);
            copied = link.start() + address.len();
        }
    }
    linked.push_str(&source[copied..]);
    Cow::Owned(linked)
}

/// The source with letters in place of the hosts that the finder does not take for ones: IPv6, and domains of other scripts.
/// Every byte keeps its place.
fn with_plain_hosts(source: &str) -> Cow<'_, str> {
    let mut plain = Cow::Borrowed(source);
    for (at, mark) in source.match_indices("://") {
        let rest = &source[at + mark.len()..];
        let ends = |c: char| c.is_whitespace() || matches!(c, '/' | '?' | '#' | '<' | '>' | '"' | '`' | '(' | ')');
        let host = &rest[..rest.find(ends).unwrap_or(rest.len())];
        let ipv6 = host.strip_prefix('[').and_then(|host| host.split_once(']')).map(|(address, _)| address);
        let letters = match ipv6 {
            Some(address) if address.parse::<Ipv6Addr>().is_ok() => format!("aa.{}", "a".repeat(address.len() - 1)),
            _ if host.is_ascii() => continue,
            _ => {
                let is_letter = |c: char| !c.is_ascii() && (c.is_alphanumeric() || is_combining_mark(c));
                host.chars().map(|c| if is_letter(c) { "a".repeat(c.len_utf8()) } else { c.to_string() }).collect()
            }
        };
        let start = at + mark.len();
        plain.to_mut().replace_range(start..start + letters.len(), &letters);
    }
    plain
}

/// Where no address is to become a link: in order, apart from each other.
fn taken(source: &str) -> Vec<Range<usize>> {
    let mut taken: Vec<Range<usize>> = Vec::new();
    let mut covered = 0;
    for (event, range) in Parser::new_ext(source, options()).into_offset_iter() {
        let gap = gap_before(&event, &range, &mut covered);
        let is_taken = matches!(
            event,
            Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::CodeBlock(_) | Tag::HtmlBlock)
                | Event::Code(_)
                | Event::InlineHtml(_)
        );
        for range in [Some(gap), is_taken.then_some(range)].into_iter().flatten() {
            if !range.is_empty() && taken.last().is_none_or(|last| last.end <= range.start) {
                taken.push(range);
            }
        }
    }
    taken.push(covered..source.len());
    taken
}

/// Without the marks around an address that are not its own: `_https://example.org_`, and the full stop of Hindi.
fn without_marks<'a>(before: &str, address: &'a str) -> &'a str {
    let address = match before.chars().next_back() {
        Some(mark @ ('_' | '~')) => address.trim_end_matches(mark),
        _ => address,
    };
    address.trim_end_matches(|c: char| !c.is_ascii() && !c.is_alphanumeric())
}

/// Whether a link may lead there.
fn is_welcome(address: &str) -> bool {
    ["https://", "http://", "mailto:"].iter().any(|scheme| {
        address.len() > scheme.len() && address.as_bytes()[..scheme.len()].eq_ignore_ascii_case(scheme.as_bytes())
    })
}

/// Puts a text behind what is made already, as HTML that shows it.
pub fn escape(made: &mut String, text: &str) {
    // Writing into a string cannot fail.
    let _ = escape_html(made, text);
}

#[cfg(test)]
mod tests;
