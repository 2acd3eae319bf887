//! The rules between the parser and the writer: which events pass, changed or not, and what the parser passes by.

use std::net::Ipv6Addr;
use std::ops::Range;

use pulldown_cmark::{Alignment, CodeBlockKind, CowStr, Event, LinkType, Parser, Tag, TagEnd};
use pulldown_cmark_escape::escape_href;

use super::{escape, is_welcome, options};

/// Quotes in lists in quotes: what is nested deeper stands at this depth. A phone has no room for more, and browsers
/// and readers give up long before a hostile text does.
const DEEPEST: usize = 12;

/// No honest text has more pieces for each of its bytes. A table of empty cells has; it is shown as it was typed.
const PIECES_PER_BYTE: usize = 4;

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
    /// A link that leads nowhere: its signs stand as typed around its words.
    NoLink,
    /// Code whose first line, beside the fence, is shown if none came after this place.
    Code(usize, CowStr<'a>),
}

/// Lets the parser's events pass, changes them or holds them back.
#[derive(Default)]
pub(super) struct Rules<'a> {
    source: &'a str,
    pub(super) passed: Vec<Event<'a>>,
    open: Vec<Ending<'a>>,
    in_link: bool,
    in_table_head: bool,
    columns: Vec<Alignment>,
    column: usize,
    /// How far the source is covered by events.
    covered: usize,
    /// The end of the last event within a line, or of the last cell.
    inner_end: usize,
    /// The definitions by which links were made; as a setting, those that are not shown: all when there is none.
    pub(super) used: Option<Vec<Range<usize>>>,
    pub(super) targets: Vec<Range<usize>>,
    /// Whether the parser passed anything by.
    pub(super) passed_by: bool,
}

impl<'a> Rules<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        Self { source, ..Self::default() }
    }

    /// Runs over the whole source; none when what passed is out of all proportion.
    pub(super) fn run(mut self) -> Option<Self> {
        let mut events = Parser::new_ext(self.source, options()).into_offset_iter();
        let mut names = Vec::new();
        for (event, range) in events.by_ref() {
            let gap = gap_before(&event, &range, &mut self.covered);
            let texts = self.texts_in(gap.clone());
            if texts.is_empty() {
                self.apply(event, range, &mut names);
            } else if matches!(event, Event::Start(Tag::Paragraph)) && !ends_with_blank_line(&self.source[gap]) {
                self.apply(event, range, &mut names);
                self.show(texts);
                self.passed.push(Event::HardBreak);
            } else {
                self.passed.push(Event::Start(Tag::Paragraph));
                self.show(texts);
                self.passed.push(Event::End(TagEnd::Paragraph));
                self.apply(event, range, &mut names);
            }
            if self.passed.len() > PIECES_PER_BYTE * self.source.len() + 64 {
                return None;
            }
        }
        let texts = self.texts_in(self.covered..self.source.len());
        if !texts.is_empty() {
            self.passed.push(Event::Start(Tag::Paragraph));
            self.show(texts);
            self.passed.push(Event::End(TagEnd::Paragraph));
        }
        let definitions = events.reference_definitions();
        self.targets = names.iter().filter_map(|name| Some(definitions.get(name)?.span.clone())).collect();
        self.targets.sort_by_key(|target| target.start);
        Some(self)
    }

    /// The lines that the parser passed by in this part of the source, but for definitions that links use. In the first run
    /// these are not known yet: it gives none.
    fn texts_in(&mut self, gap: Range<usize>) -> Vec<&'a str> {
        let source = self.source;
        // Signs of lists and quotes alone are by far the most.
        if !source[gap.clone()].contains(']') {
            return Vec::new();
        }
        self.passed_by = true;
        let Some(used) = &self.used else { return Vec::new() };
        let mut texts = Vec::new();
        let mut shown = gap.start;
        let first = used.partition_point(|used| used.end <= gap.start);
        let ends = std::iter::once(gap.end..gap.end);
        for used in used[first..].iter().take_while(|used| used.start < gap.end).cloned().chain(ends) {
            let lines = source[shown.min(used.start)..used.start].lines().map(without_block_signs);
            texts.extend(lines.filter(|line| !line.is_empty()));
            shown = used.end;
        }
        texts
    }

    /// Lines as typed.
    fn show(&mut self, lines: Vec<&'a str>) {
        for (number, line) in lines.into_iter().enumerate() {
            if number > 0 {
                self.passed.push(Event::HardBreak);
            }
            self.passed.push(Event::Text(line.into()));
        }
    }

    fn apply(&mut self, event: Event<'a>, range: Range<usize>, names: &mut Vec<CowStr<'a>>) {
        match event {
            Event::Start(tag) => {
                let has_room = self.has_room_for(&tag);
                let ending = match tag {
                    Tag::Link { link_type, dest_url, title, id } | Tag::Image { link_type, dest_url, title, id } => {
                        let ending = self.begin_link(link_type, dest_url, title, range.start, has_room);
                        if matches!(ending, Ending::Link(..)) {
                            names.push(id);
                        }
                        ending
                    }
                    tag if has_room => self.begin(tag),
                    Tag::CodeBlock(CodeBlockKind::Fenced(info)) if !is_language(&info) => {
                        self.passed.extend([Event::Text(info), Event::HardBreak]);
                        Ending::LeftOut
                    }
                    _ => Ending::LeftOut,
                };
                self.open.push(ending);
            }
            Event::End(tag) => self.end(tag, range),
            Event::Html(line) => {
                self.inner_end = range.end;
                if !matches!(self.passed.last(), Some(Event::Start(Tag::Paragraph))) {
                    self.passed.push(Event::HardBreak);
                }
                self.passed.push(Event::Text(line.trim_end().to_owned().into()));
            }
            Event::InlineHtml(text) => self.put(Event::Text(text), range),
            Event::SoftBreak => self.put(Event::HardBreak, range),
            Event::TaskListMarker(done) => self.passed.push(Event::Text(if done { "☑ " } else { "☐ " }.into())),
            Event::Text(_) | Event::Code(_) | Event::HardBreak | Event::Rule => self.put(event, range),
            // Of extensions that are not in use.
            Event::InlineMath(_) | Event::DisplayMath(_) | Event::FootnoteReference(_) => {}
        }
    }

    fn put(&mut self, event: Event<'a>, range: Range<usize>) {
        self.inner_end = range.end;
        self.passed.push(event);
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
                let CodeBlockKind::Fenced(info) = kind else { return Ending::Html(CODE_END) };
                let place = self.passed.len();
                if is_language(&info) {
                    return Ending::Code(place, info);
                }
                // More than a language stands beside the fence: code, most likely.
                self.passed.push(Event::Text(format!("{info}\n").into()));
                Ending::Html(CODE_END)
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
    fn begin_link(
        &mut self,
        link_type: LinkType,
        address: CowStr<'a>,
        title: CowStr<'a>,
        start: usize,
        has_room: bool,
    ) -> Ending<'a> {
        let href = if link_type == LinkType::Email { format!("mailto:{address}").into() } else { address.clone() };
        if self.in_link || matches!(link_type, LinkType::Autolink | LinkType::Email) && !(has_room && is_welcome(&href))
        {
            return Ending::Nothing;
        }
        if !has_room || !is_welcome(&href) {
            let sign = if self.source[start..].starts_with('!') { "![" } else { "[" };
            self.put(Event::Text(sign.into()), start..start + sign.len());
            return Ending::NoLink;
        }
        self.in_link = true;
        let mut begin = "<a href=\"".to_owned();
        // Writing into a string cannot fail.
        let host_end = ipv6_host_end(&href);
        begin.push_str(&href[..host_end]);
        let _ = escape_href(&mut begin, &href[host_end..]);
        if !title.is_empty() {
            begin.push_str("\" title=\"");
            escape(&mut begin, &title);
        }
        begin.push_str("\" rel=\"nofollow ugc noopener\">");
        self.passed.push(Event::InlineHtml(begin.into()));
        Ending::Link(self.passed.len(), address)
    }

    fn end(&mut self, tag: TagEnd, range: Range<usize>) {
        let ending = self.open.pop();
        if matches!(tag, TagEnd::TableRow) {
            self.show_excess_cells(range.end);
        }
        match ending {
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
            Some(Ending::Code(place, info)) => {
                if !self.passed[place..].iter().any(is_seen) {
                    self.passed.push(Event::Text(info));
                }
                self.passed.push(Event::Html(CODE_END.into()));
            }
            Some(Ending::Table) => {
                self.passed.extend([Event::End(TagEnd::Table), Event::Html("</div>\n".into())]);
            }
            Some(Ending::NoLink) => {
                self.passed.push(Event::Text(self.source[self.inner_end.min(range.end)..range.end].into()));
            }
            Some(Ending::Link(place, address)) => {
                self.in_link = false;
                if !self.passed[place..].iter().any(is_seen) {
                    self.passed.push(Event::Text(address));
                }
                self.passed.push(Event::InlineHtml("</a>".into()));
            }
        }
        if is_inline(tag) || tag == TagEnd::TableCell {
            self.inner_end = range.end;
        }
    }

    /// Cells of a row for which the head has no column stand in the last one.
    fn show_excess_cells(&mut self, row_end: usize) {
        let rest = &self.source[self.inner_end.min(row_end)..row_end];
        let rest = rest.trim_matches(|c: char| c == '|' || c.is_whitespace());
        if rest.is_empty() {
            return;
        }
        let cell_end = self.passed.pop_if(|last| matches!(last, Event::Html(end) if **end == *"</td>"));
        self.passed.push(Event::Text(format!(" | {rest}").into()));
        self.passed.extend(cell_end);
    }
}

/// Whether an empty line stands at the end.
fn ends_with_blank_line(gap: &str) -> bool {
    let end = &gap[gap.trim_end_matches(|c: char| c.is_whitespace() || c == '>').len()..];
    end.bytes().filter(|&byte| byte == b'\n').count() > 1
}

/// Whether a reader sees something of it.
pub(super) fn is_seen(event: &Event<'_>) -> bool {
    match event {
        Event::Text(text) | Event::Code(text) => !text.trim().is_empty(),
        Event::Rule => true,
        _ => false,
    }
}

/// Whether a tag stands within a line.
pub(super) fn is_inline(tag: TagEnd) -> bool {
    matches!(tag, TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough | TagEnd::Link | TagEnd::Image)
}

/// What stands behind code.
const CODE_END: &str = "</code></pre>\n";

/// The language of fenced code, as style sheets and scripts know it: ` class="language-rust"`.
fn class_of(kind: &CodeBlockKind<'_>) -> String {
    let CodeBlockKind::Fenced(info) = kind else { return String::new() };
    let language = info.split([' ', '\t', ',', '{']).next().unwrap_or_default();
    if is_language(language) && !language.is_empty() {
        format!(" class=\"language-{language}\"")
    } else {
        String::new()
    }
}

/// Whether what stands beside a fence is the name of a language, or nothing.
fn is_language(info: &str) -> bool {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '#' | '.' | '_');
    info.len() <= 32 && info.chars().all(is_name)
}

/// What stands between the text of the events so far, which ends at `covered`, and that of this event: the signs of lists
/// and quotes, and what the parser passes by, such as definitions of links.
pub(super) fn gap_before(event: &Event<'_>, range: &Range<usize>, covered: &mut usize) -> Range<usize> {
    let (start, end) = match event {
        Event::Start(Tag::BlockQuote(_) | Tag::List(_) | Tag::Item) => (range.start, range.start),
        Event::End(TagEnd::BlockQuote(_) | TagEnd::List(_) | TagEnd::Item) => (range.end, range.end),
        _ => (range.start, range.end),
    };
    let gap = *covered..start.max(*covered);
    *covered = end.max(*covered);
    gap
}

/// A line without the signs of lists and quotes before it.
fn without_block_signs(line: &str) -> &str {
    let mut rest = line.trim();
    loop {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let sign = match rest.as_bytes().get(digits) {
            Some(b'.' | b')') if digits > 0 => digits + 1,
            Some(b'>') if digits == 0 => 1,
            Some(b'-' | b'+' | b'*') if digits == 0 => 1,
            _ => return rest,
        };
        let after = &rest[sign..];
        if !after.is_empty() && !after.starts_with([' ', '\t']) && !rest.starts_with('>') {
            return rest;
        }
        rest = after.trim_start();
    }
}

/// The end of an IPv6 address that is the host of this address, else 0. Its brackets must not be encoded.
fn ipv6_host_end(href: &str) -> usize {
    let end = || {
        let (scheme, rest) = href.split_once("://[")?;
        let (host, _) = rest.split_once(']')?;
        let is_web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
        (is_web && host.parse::<Ipv6Addr>().is_ok()).then_some(scheme.len() + "://[".len() + host.len() + 1)
    };
    end().unwrap_or(0)
}
