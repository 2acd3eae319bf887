//! The piece of a text that shows why it was found.

use std::ops::Range;

use serde::Serialize;

use super::query::{Query, words};
use crate::kit::markdown::escape;

/// So long is an excerpt, in bytes of the text; cut between words.
const LENGTH: usize = 240;

/// So much stands before the first word that was asked for.
const BEFORE: usize = 60;

/// A text as HTML: escaped, with `<mark>` around what was asked for. A template puts it in its place with `| safe`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Marked(String);

impl Marked {
    /// Nothing of it was asked for.
    pub fn not(text: &str) -> Self {
        Self::with(text, &[])
    }

    fn with(text: &str, matches: &[Range<usize>]) -> Self {
        let (mut html, mut at) = (String::with_capacity(text.len() + 16), 0);
        for found in matches {
            escape(&mut html, &text[at..found.start]);
            html.push_str("<mark>");
            escape(&mut html, &text[found.clone()]);
            html.push_str("</mark>");
            at = found.end;
        }
        escape(&mut html, &text[at..]);
        Self(html)
    }
}

/// The whole text, marked.
pub fn marked(query: &Query, text: &str) -> Marked {
    Marked::with(text, &matches(query, text))
}

/// Of the first text that has any of what was asked for, or the first that has any words at all: the stretch with the most of it, marked;
/// the beginning, when nothing of it is there. One line.
pub fn excerpt(query: &Query, texts: &[&str]) -> Marked {
    let lines = texts.iter().map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    let looked_at = lines.filter(|line| !line.is_empty()).map(|line| (matches(query, &line), line));
    let mut first = None;
    for (matches, line) in looked_at {
        if !matches.is_empty() {
            return cut(&line, matches);
        }
        first.get_or_insert(line);
    }
    cut(&first.unwrap_or_default(), Vec::new())
}

fn cut(line: &str, matches: Vec<Range<usize>>) -> Marked {
    let window = window(line, &matches);
    let inside = matches.into_iter().filter(|found| found.start >= window.start && found.end <= window.end);
    let inside: Vec<Range<usize>> = inside.map(|found| found.start - window.start..found.end - window.start).collect();
    let Marked(mut html) = Marked::with(&line[window.clone()], &inside);
    if window.start > 0 {
        html.insert(0, '…');
    }
    if window.end < line.len() {
        html.push('…');
    }
    Marked(html)
}

fn matches(query: &Query, text: &str) -> Vec<Range<usize>> {
    if query.has_words() {
        return words(text).filter(|range| query.answer(&text[range.clone()]).is_some()).collect();
    }
    if query.is_empty() {
        return Vec::new();
    }
    text.match_indices(query.text()).map(|(begin, found)| begin..begin + found.len()).collect()
}

/// The part of `line` to show.
fn window(line: &str, matches: &[Range<usize>]) -> Range<usize> {
    if line.len() <= LENGTH {
        return 0..line.len();
    }
    let within = |begin: usize| {
        matches.iter().filter(|found| found.start >= begin && found.end <= begin + LENGTH - BEFORE).count()
    };
    // Of the first of equals: later ones are no better. Few are looked at: a text may have thousands.
    let best = matches.iter().take(50).rev().max_by_key(|found| within(found.start)).map_or(0, |found| found.start);
    let begin = if best <= BEFORE { 0 } else { word_start(line, best - BEFORE, best) };
    let end = if begin + LENGTH >= line.len() { line.len() } else { word_end(line, begin, begin + LENGTH) };
    begin..end
}

/// The beginning of the first word at or after `from`, but not beyond `most`.
fn word_start(line: &str, from: usize, most: usize) -> usize {
    let from = (from..most).find(|at| line.is_char_boundary(*at)).unwrap_or(most);
    line[from..most].find(' ').map_or(from, |space| from + space + 1)
}

/// The end of the last word before `to`; where words are that long, the last whole letter.
fn word_end(line: &str, begin: usize, to: usize) -> usize {
    let to = (begin..=to).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(begin);
    line[begin..to].rfind(' ').filter(|space| *space > LENGTH / 2).map_or(to, |space| begin + space)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(query: &str, text: &str) -> String {
        let Marked(html) = excerpt(&Query::new(query), &[text]);
        html.replace("<mark>", "[").replace("</mark>", "]")
    }

    #[test]
    fn what_was_asked_for_is_marked() {
        assert_eq!(shown("elod was", "Yes,\n Élodie  WAS here"), "Yes, Élodie [WAS] here");
        assert_eq!(shown("was elod", "Yes, Élodie WAS here"), "Yes, [Élodie] [WAS] here");
        assert_eq!(shown("हिन्", "यह हिन्दी है"), "यह [हिन्दी] है");
        assert_eq!(shown("🦀", "a🦀b"), "a[🦀]b");
        assert_eq!(shown("x", ""), "");
    }

    #[test]
    fn the_first_text_that_answers_is_shown_or_the_first() {
        let shown = |texts: &[&str]| excerpt(&Query::new("b"), texts).0;
        assert_eq!(shown(&["a", "b c", "b d"]), "<mark>b</mark> c");
        assert_eq!(shown(&[" ", "c", "d"]), "c");
        assert_eq!(shown(&[]), "");
    }

    #[test]
    fn all_else_is_escaped() {
        assert_eq!(shown("b", "<b>&</b>"), "&lt;[b]&gt;&amp;&lt;/[b]&gt;");
        assert_eq!(shown("&!", "a<&!>"), "a&lt;[&amp;!]&gt;");
        assert_eq!(Marked::not("<mark>").0, "&lt;mark&gt;");
        let long = format!("{} <i> needle <i> {}", "straw ".repeat(100), "straw ".repeat(100));
        assert!(shown("needle", &long).contains("&lt;i&gt; [needle] &lt;i&gt;"), "{}", shown("needle", &long));
    }

    #[test]
    fn the_window_is_where_the_words_are_and_cuts_none() {
        let text = format!("{} needle in hay {}", "straw ".repeat(100), "straw ".repeat(100));
        let shown = shown("needle", &text);
        assert!(shown.starts_with("…straw") && shown.ends_with("straw…"), "{shown}");
        assert!(shown.contains("[needle] in hay"), "{shown}");
        for text in ["é".repeat(1000), "हिन्दी".repeat(300), format!("x{}", "😀".repeat(500))] {
            assert!(shown_len(&text) <= LENGTH + 8, "{}", shown_len(&text));
        }
    }

    fn shown_len(text: &str) -> usize {
        shown("needle", text).len()
    }
}
