//! Pages of a long list: clamped, with a window of ±4 around the current one, the query kept. Of a very long one the first
//! [`COUNTED`] rows are counted; behind them one goes on from page to page.
//!
//! Django: `django.core.paginator`.

use std::num::{IntErrorKind, ParseIntError};

use rocket::http::RawStr;
use serde::Serialize;

use crate::kit::db::LONGEST_SEARCH;

/// One numbered link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PageLink {
    /// Counted from 1.
    pub number: i64,
    /// Where it leads.
    pub url: String,
    /// The page one is on.
    pub current: bool,
}

/// Rows are counted so far. A count of one more stands for "more", and the catalogues say it so ("1,000+").
pub const COUNTED: i64 = 1_000;

/// The page that somebody asked for, before it is known how many there are.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    page: i64,
    per_page: i64,
}

impl Asked {
    /// `page` as it came in the query: what is no number is page 1.
    pub fn new(page: Option<&str>, per_page: i64) -> Self {
        Self { page: page.map_or(1, number).max(1), per_page }
    }

    /// So many rows are to be counted: one more than stand on the pages as far as [`COUNTED`], or as far as the page asked for.
    pub fn most(self) -> i64 {
        self.known().saturating_add(1)
    }

    /// Rows on the pages that are known, if there are more than that.
    fn known(self) -> i64 {
        let pages = (COUNTED + self.per_page - 1) / self.per_page;
        self.page.max(pages).saturating_mul(self.per_page)
    }

    /// The page of a list of `counted` rows, counted as far as [`Asked::most`]. Too high is the last page.
    pub fn pager(self, path: &str, q: &str, counted: i64) -> Pager {
        let known = counted.min(self.known());
        let pages = ((known + self.per_page - 1) / self.per_page).max(1);
        let page = self.page.min(pages);
        let goes_on = page < pages || counted > known;
        let url = |number: i64| page_url(path, q, number);
        Pager {
            page,
            pages,
            total: counted.min(COUNTED + 1),
            per_page: self.per_page,
            prev_url: (page > 1).then(|| url(page - 1)),
            next_url: goes_on.then(|| url(page + 1)),
            window: ((page - 4).max(1)..=(page + 4).min(pages))
                .map(|number| PageLink { number, url: url(number), current: number == page })
                .collect(),
        }
    }
}

/// A page's number; one that is too large for a number is the largest.
fn number(text: &str) -> i64 {
    text.trim().parse().unwrap_or_else(|error: ParseIntError| match error.kind() {
        IntErrorKind::PosOverflow => i64::MAX,
        _ => 1,
    })
}

/// Where one is in a list.
#[derive(Clone, Debug, Serialize)]
pub struct Pager {
    /// The current page, counted from 1.
    pub page: i64,
    /// How many are known, at least 1. There may be more: then the last of them has a next one.
    pub pages: i64,
    /// All rows, on all pages; one more than [`COUNTED`] for more.
    pub total: i64,
    /// Rows a page.
    #[serde(skip)]
    pub per_page: i64,
    /// The page before, if any.
    pub prev_url: Option<String>,
    /// The page after, if any.
    pub next_url: Option<String>,
    /// The pages around the current one.
    pub window: Vec<PageLink>,
}

impl Pager {
    /// How many rows to pass over.
    pub fn offset(&self) -> i64 {
        (self.page - 1) * self.per_page
    }
}

/// `path?q=…&page=…`, without what is empty. `path` may have a query already.
pub fn page_url(path: &str, q: &str, page: i64) -> String {
    let mut parts = Vec::new();
    if !q.is_empty() {
        parts.push(format!("q={}", encode_query(q)));
    }
    if page > 1 {
        parts.push(format!("page={page}"));
    }
    let joint = if path.contains('?') { '&' } else { '?' };
    if parts.is_empty() { path.to_owned() } else { format!("{path}{joint}{}", parts.join("&")) }
}

/// Percent-encoded, as the value of a query field.
pub fn encode_query(text: &str) -> String {
    // Most names need nothing.
    if text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')) {
        return text.to_owned();
    }
    RawStr::new(text).percent_encode().as_str().replace('&', "%26").replace('+', "%2B").replace('=', "%3D")
}

/// A search text as it counts: trimmed, without U+0000, at most 200 characters.
pub fn search_text(q: Option<&str>) -> String {
    let text: String = q.unwrap_or_default().chars().filter(|c| *c != '\0').take(LONGEST_SEARCH).collect();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_clamped_and_keep_the_query() {
        let asked = |page| Asked::new(page, 4);
        let pager = asked(Some("99")).pager("/", "a&b", 41);
        assert_eq!((pager.page, pager.pages, pager.offset()), (11, 11, 40));
        assert_eq!(pager.prev_url.as_deref(), Some("/?q=a%26b&page=10"));
        assert_eq!(pager.next_url, None);
        assert_eq!(pager.window.iter().map(|link| link.number).collect::<Vec<_>>(), [7, 8, 9, 10, 11]);
        assert_eq!(asked(Some("banana")).pager("/", "", 41).page, 1);
        assert_eq!(asked(Some("-3")).pager("/", "", 41).page, 1);
        assert_eq!(asked(None).pager("/", "", 0).pages, 1);
        assert_eq!(page_url("/search?kind=rooms", "a", 2), "/search?kind=rooms&q=a&page=2");
    }

    #[test]
    fn a_list_goes_on_behind_what_is_counted() {
        let pager = |page: &str, rows: i64| {
            let asked = Asked::new(Some(page), 30);
            asked.pager("/", "", rows.min(asked.most()))
        };
        assert_eq!(Asked::new(None, 30).most(), 34 * 30 + 1);
        for (page, rows, is_on, pages, goes_on) in [
            ("1", 1_000, 1, 34, true),
            ("34", 1_000, 34, 34, false),
            ("34", 1_020, 34, 34, false),
            ("34", 1_021, 34, 34, true),
            ("35", 1_021, 35, 35, false),
            ("35", 1_020, 34, 34, false),
            ("36", 9_000, 36, 36, true),
            ("300", 9_000, 300, 300, false),
            ("9223372036854775807", 9_000, 300, 300, false),
            ("9223372036854775808", 9_000, 300, 300, false),
            (" 99999999999999999999999 ", 9_000, 300, 300, false),
            ("-9223372036854775809", 9_000, 1, 34, true),
        ] {
            let pager = pager(page, rows);
            assert_eq!(
                (pager.page, pager.pages, pager.next_url.is_some()),
                (is_on, pages, goes_on),
                "{page} of {rows}"
            );
        }
        assert_eq!((pager("1", 1_000).total, pager("1", 1_001).total, pager("40", 9_000).total), (1_000, 1_001, 1_001));
    }

    #[test]
    fn search_texts_are_cut_and_cleaned() {
        assert_eq!(search_text(Some(" a\0b ")), "ab");
        assert_eq!(search_text(Some(&"x".repeat(1_000_000))).len(), 200);
        assert_eq!(search_text(None), "");
    }
}
