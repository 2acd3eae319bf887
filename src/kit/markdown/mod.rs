//! Markdown: what people write, made into HTML that can do no harm. It is made once, when a text is saved, and
//! kept beside its source.
//!
//! The parser and the writer are pulldown-cmark's; between them stand our rules, through which nothing goes that
//! a text has no use for. The writer escapes every word, and the only HTML that it takes as it is, is made here.
//!
//! Django: `markdown.markdown` and `nh3.clean`, which the template filter calls for each page

mod kept;

use std::borrow::Cow;
use std::ops::Range;

use linkify::{LinkFinder, LinkKind};
use pulldown_cmark::{Alignment, CodeBlockKind, CowStr, Event, LinkType, Options, Parser, Tag, TagEnd, html};
use pulldown_cmark_escape::{escape_href, escape_html};

pub use kept::Kept;

/// Raised with each change of what [`render`] makes of a text, so that what was kept is made again.
pub const RULES: i64 = 1;

/// A longer source, in bytes, is shown as it was typed.
const LONGEST: usize = 64 * 1024;

/// Quotes in lists in quotes: what is nested deeper stands at this depth. A phone has no room for more, and browsers
/// and readers give up long before a hostile text does.
const DEEPEST: usize = 12;

/// No honest text has more pieces for each of its bytes. A table of empty cells has; it is shown as it was typed.
const PIECES_PER_BYTE: usize = 4;

/// The same for the HTML, in bytes.
const GROWTH: usize = 32;

/// A text's HTML. Whatever it is given, the answer is well-formed, holds no script, picture, style, form or
/// identifier, and links only to other sites and to mail addresses.
///
/// Line breaks stay as typed, bare addresses become links, pictures become links, a heading is a bold paragraph (the
/// page has an outline of its own), HTML is shown as text. A text that would show nothing is shown as typed.
pub fn render(source: &str) -> String {
    let source = clean(source);
    if source.len() > LONGEST {
        return as_typed(&source);
    }
    let linked = link_addresses(&source);
    let mut rules = Rules::default();
    for event in Parser::new_ext(&linked, options()) {
        rules.apply(event);
        if rules.passed.len() > PIECES_PER_BYTE * linked.len() + 64 {
            return as_typed(&source);
        }
    }
    if !rules.passed.iter().any(is_seen) {
        return as_typed(&source);
    }
    let mut made = String::with_capacity(source.len() * 2);
    html::push_html(&mut made, rules.passed.into_iter());
    if made.len() > GROWTH * linked.len() + 1024 {
        return as_typed(&source);
    }
    made.truncate(made.trim_end().len());
    made
}

/// The HTML that was kept, or, where none was made yet, the text as typed.
pub fn kept_or_typed(html: String, source: &str) -> String {
    if html.is_empty() { as_typed(source) } else { html }
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
    for event in Parser::new_ext(source, options()) {
        match event {
            Event::Text(text) | Event::Code(text) | Event::Html(text) | Event::InlineHtml(text) => {
                words.push_str(&text);
            }
            Event::SoftBreak | Event::HardBreak => words.push(' '),
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
    for link in finder.links(source) {
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

/// Where no address is to become a link: in order, apart from each other.
fn taken(source: &str) -> Vec<Range<usize>> {
    let mut taken: Vec<Range<usize>> = Vec::new();
    let mut events = Parser::new_ext(source, options()).into_offset_iter();
    for (event, range) in events.by_ref() {
        let is_taken = matches!(
            event,
            Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::CodeBlock(_) | Tag::HtmlBlock)
                | Event::Code(_)
                | Event::InlineHtml(_)
        );
        if is_taken && taken.last().is_none_or(|last| last.end <= range.start) {
            taken.push(range);
        }
    }
    taken.extend(events.reference_definitions().iter().map(|(_, definition)| definition.span.clone()));
    taken.sort_by_key(|range| range.start);
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

/// What is to be written when a tag ends.
enum Ending<'a> {
    /// Nothing: the tag itself was not written.
    Nothing,
    /// Nothing either, and no tag within was: it was nested too deeply.
    LeftOut,
    Tag(TagEnd),
    Heading,
    Html(&'static str),
    Table,
    /// The link's address stands for its words if none of them came after this place.
    Link(usize, CowStr<'a>),
}

/// Lets the parser's events pass, changes them or holds them back.
#[derive(Default)]
struct Rules<'a> {
    passed: Vec<Event<'a>>,
    open: Vec<Ending<'a>>,
    in_link: bool,
    in_table_head: bool,
    columns: Vec<Alignment>,
    column: usize,
}

impl<'a> Rules<'a> {
    fn apply(&mut self, event: Event<'a>) {
        match event {
            Event::Start(tag) => {
                let ending = if self.has_room_for(&tag) { self.begin(tag) } else { Ending::LeftOut };
                self.open.push(ending);
            }
            Event::End(tag) => self.end(tag),
            Event::Html(line) => {
                if !matches!(self.passed.last(), Some(Event::Start(Tag::Paragraph))) {
                    self.passed.push(Event::HardBreak);
                }
                self.passed.push(Event::Text(line.trim_end().to_owned().into()));
            }
            Event::InlineHtml(text) => self.passed.push(Event::Text(text)),
            Event::SoftBreak => self.passed.push(Event::HardBreak),
            Event::TaskListMarker(done) => self.passed.push(Event::Text(if done { "☑ " } else { "☐ " }.into())),
            Event::Text(_) | Event::Code(_) | Event::HardBreak | Event::Rule => self.passed.push(event),
            // Of extensions that are not in use.
            Event::InlineMath(_) | Event::DisplayMath(_) | Event::FootnoteReference(_) => {}
        }
    }

    /// Whether a tag, and those that must stand in it, may be opened here.
    fn has_room_for(&self, tag: &Tag<'_>) -> bool {
        let levels = match tag {
            Tag::Table(_) => 3,
            Tag::List(_) | Tag::TableHead | Tag::TableRow => 2,
            _ => 1,
        };
        self.open.len() + levels <= DEEPEST && !matches!(self.open.last(), Some(Ending::LeftOut))
    }

    fn begin(&mut self, tag: Tag<'a>) -> Ending<'a> {
        match tag {
            Tag::Link { link_type, dest_url, .. } | Tag::Image { link_type, dest_url, .. } => {
                self.begin_link(link_type, dest_url)
            }
            Tag::Heading { .. } => {
                self.passed.extend([Event::Start(Tag::Paragraph), Event::Start(Tag::Strong)]);
                Ending::Heading
            }
            Tag::HtmlBlock => {
                self.passed.push(Event::Start(Tag::Paragraph));
                Ending::Tag(TagEnd::Paragraph)
            }
            Tag::CodeBlock(kind) => {
                // What is too wide is scrolled, by keys too.
                self.passed.push(Event::Html(format!("<pre tabindex=\"0\"><code{}>", class_of(&kind)).into()));
                Ending::Html("</code></pre>\n")
            }
            Tag::Table(columns) => {
                self.columns = columns;
                let scrolled = Event::Html("<div class=\"table\" tabindex=\"0\">".into());
                self.passed.extend([scrolled, Event::Start(Tag::Table(Vec::new()))]);
                Ending::Table
            }
            Tag::TableCell => {
                let align = match self.columns.get(self.column) {
                    Some(Alignment::Center) => " class=\"middle\"",
                    Some(Alignment::Right) => " class=\"end\"",
                    _ => "",
                };
                self.column += 1;
                let (name, end) = if self.in_table_head { ("th", "</th>") } else { ("td", "</td>") };
                self.passed.push(Event::Html(format!("<{name}{align}>").into()));
                Ending::Html(end)
            }
            Tag::TableHead | Tag::TableRow => {
                self.in_table_head = tag == Tag::TableHead;
                self.column = 0;
                self.pass(tag)
            }
            Tag::Paragraph
            | Tag::BlockQuote(None)
            | Tag::List(_)
            | Tag::Item
            | Tag::Emphasis
            | Tag::Strong
            | Tag::Strikethrough => self.pass(tag),
            // Of extensions that are not in use.
            _ => Ending::Nothing,
        }
    }

    fn pass(&mut self, tag: Tag<'a>) -> Ending<'a> {
        let end = tag.to_end();
        self.passed.push(Event::Start(tag));
        Ending::Tag(end)
    }

    /// A link in a link, as a picture may be, is a part of the outer one.
    fn begin_link(&mut self, link_type: LinkType, address: CowStr<'a>) -> Ending<'a> {
        let href = if link_type == LinkType::Email { format!("mailto:{address}").into() } else { address.clone() };
        if self.in_link || !is_welcome(&href) {
            return Ending::Nothing;
        }
        self.in_link = true;
        let mut begin = "<a href=\"".to_owned();
        // Writing into a string cannot fail.
        let _ = escape_href(&mut begin, &href);
        begin.push_str("\" rel=\"nofollow ugc noopener\">");
        self.passed.push(Event::InlineHtml(begin.into()));
        Ending::Link(self.passed.len(), address)
    }

    fn end(&mut self, tag: TagEnd) {
        match self.open.pop() {
            None | Some(Ending::Nothing) => {}
            Some(Ending::LeftOut) => {
                if !is_inline(tag) && self.passed.last() != Some(&Event::HardBreak) {
                    self.passed.push(Event::HardBreak);
                }
            }
            Some(Ending::Tag(end)) => self.passed.push(Event::End(end)),
            Some(Ending::Heading) => {
                self.passed.extend([Event::End(TagEnd::Strong), Event::End(TagEnd::Paragraph)]);
            }
            Some(Ending::Html(end)) => self.passed.push(Event::Html(end.into())),
            Some(Ending::Table) => {
                self.passed.extend([Event::End(TagEnd::Table), Event::Html("</div>\n".into())]);
            }
            Some(Ending::Link(place, address)) => {
                self.in_link = false;
                if !self.passed[place..].iter().any(is_seen) {
                    self.passed.push(Event::Text(address));
                }
                self.passed.push(Event::InlineHtml("</a>".into()));
            }
        }
    }
}

/// Whether a reader sees something of it.
fn is_seen(event: &Event<'_>) -> bool {
    match event {
        Event::Text(text) | Event::Code(text) => !text.trim().is_empty(),
        Event::Rule => true,
        _ => false,
    }
}

/// Whether a tag stands within a line.
fn is_inline(tag: TagEnd) -> bool {
    matches!(tag, TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link | TagEnd::Image)
}

/// The language of fenced code, as style sheets and scripts know it: ` class="language-rust"`.
fn class_of(kind: &CodeBlockKind<'_>) -> String {
    let CodeBlockKind::Fenced(info) = kind else { return String::new() };
    let language = info.split([' ', '\t', ',', '{']).next().unwrap_or_default();
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '#' | '.' | '_');
    if language.is_empty() || language.len() > 32 || !language.chars().all(is_name) {
        return String::new();
    }
    format!(" class=\"language-{language}\"")
}

/// Puts a text behind what is made already, as HTML that shows it.
pub fn escape(made: &mut String, text: &str) {
    // Writing into a string cannot fail.
    let _ = escape_html(made, text);
}

#[cfg(test)]
mod tests;
