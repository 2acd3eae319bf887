//! Pages of a long list: clamped, with a window of ±4 around the current one, the query kept.
//!
//! Django: `django.core.paginator`.

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

/// Where one is in a list of `total` rows.
#[derive(Clone, Debug, Serialize)]
pub struct Pager {
    /// The current page, counted from 1.
    pub page: i64,
    /// How many there are, at least 1.
    pub pages: i64,
    /// All rows, on all pages.
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
    /// `asked` as it came in the query: no number is page 1, too high is the last page.
    pub fn new(path: &str, q: &str, asked: Option<&str>, total: i64, per_page: i64) -> Self {
        let pages = ((total + per_page - 1) / per_page).max(1);
        let page = asked.and_then(|text| text.trim().parse::<i64>().ok()).unwrap_or(1).clamp(1, pages);
        let url = |number: i64| page_url(path, q, number);
        Self {
            page,
            pages,
            total,
            per_page,
            prev_url: (page > 1).then(|| url(page - 1)),
            next_url: (page < pages).then(|| url(page + 1)),
            window: ((page - 4).max(1)..=(page + 4).min(pages))
                .map(|number| PageLink { number, url: url(number), current: number == page })
                .collect(),
        }
    }

    /// How many rows to pass over.
    pub fn offset(&self) -> i64 {
        (self.page - 1) * self.per_page
    }
}

/// `path?q=…&page=…`, without what is empty.
pub fn page_url(path: &str, q: &str, page: i64) -> String {
    let mut parts = Vec::new();
    if !q.is_empty() {
        parts.push(format!("q={}", encode_query(q)));
    }
    if page > 1 {
        parts.push(format!("page={page}"));
    }
    if parts.is_empty() { path.to_owned() } else { format!("{path}?{}", parts.join("&")) }
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
        let pager = Pager::new("/", "a&b", Some("99"), 41, 4);
        assert_eq!((pager.page, pager.pages, pager.offset()), (11, 11, 40));
        assert_eq!(pager.prev_url.as_deref(), Some("/?q=a%26b&page=10"));
        assert_eq!(pager.next_url, None);
        assert_eq!(pager.window.iter().map(|link| link.number).collect::<Vec<_>>(), [7, 8, 9, 10, 11]);
        assert_eq!(Pager::new("/", "", Some("banana"), 41, 4).page, 1);
        assert_eq!(Pager::new("/", "", Some("-3"), 41, 4).page, 1);
        assert_eq!(Pager::new("/", "", None, 0, 4).pages, 1);
    }

    #[test]
    fn search_texts_are_cut_and_cleaned() {
        assert_eq!(search_text(Some(" a\0b ")), "ab");
        assert_eq!(search_text(Some(&"x".repeat(1_000_000))).len(), 200);
        assert_eq!(search_text(None), "");
    }
}
