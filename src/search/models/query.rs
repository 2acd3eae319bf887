//! Words, as both databases tell them apart, and what somebody asks for.

use std::ops::Range;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::kit::db::contains_pattern;

/// So many words count.
const MOST_WORDS: usize = 8;

/// Of a longer word its beginning counts.
const LONGEST_WORD: usize = 64;

/// Where the words of a text are. Letters, digits and marks make words, as for the tokenizers of the migration `0014_search`.
pub fn words(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let mut begin = None;
        while let Some((is_of_word, length)) = letter_at(text, at) {
            match begin {
                None if is_of_word => begin = Some(at),
                Some(_) if !is_of_word => break,
                _ => {}
            }
            at += length;
        }
        begin.map(|begin| begin..at)
    })
}

/// Whether the letter there is of a word, and how many bytes it has. A page of results looks at some ten thousand.
fn letter_at(text: &str, at: usize) -> Option<(bool, usize)> {
    let byte = *text.as_bytes().get(at)?;
    if byte.is_ascii() {
        return Some((byte.is_ascii_alphanumeric(), 1));
    }
    let letter = text[at..].chars().next()?;
    // Marks begin at U+0300; looking for one takes longer than all else.
    let is_of_word = letter.is_alphanumeric() || (letter >= '\u{300}' && is_combining_mark(letter));
    Some((is_of_word, letter.len_utf8()))
}

/// What makes two spellings the same word: neither case nor the diacritics of Latin letters count.
pub fn fold_word(word: &str) -> String {
    if word.is_ascii() {
        return word.to_ascii_lowercase();
    }
    let mut is_latin = false;
    let bare = word.nfd().filter(|letter| {
        let is_diacritic = matches!(letter, '\u{300}'..='\u{36f}');
        is_latin = letter.is_ascii_alphabetic() || (is_latin && is_diacritic);
        !(is_latin && is_diacritic)
    });
    // The two forms of the small sigma are one letter.
    bare.nfc().flat_map(char::to_lowercase).map(|letter| if letter == 'ς' { 'σ' } else { letter }).collect()
}

/// How a word of a text answers to one that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// It is that word.
    Whole,
    /// It begins with it, or has it in it, as far as that was asked for.
    Part,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    /// The word alone.
    Whole,
    /// It, and what begins with it.
    Prefix,
    /// Whatever has it in it.
    Inside,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Term {
    folded: String,
    how: How,
}

/// What somebody asks for. Anything that can be typed is a query: there are no operators and no mistakes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// As typed, cut and cleaned.
    text: String,
    terms: Vec<Term>,
}

impl Query {
    /// All words must be there; the last may be the beginning of one. `text` comes from
    /// [`search_text`](crate::kit::paginate::search_text), cut already.
    pub fn new(text: &str) -> Self {
        let mut terms: Vec<Term> = Vec::new();
        for range in words(text) {
            let mut folded = fold_word(&text[range]);
            // Marks alone are no word.
            if !folded.contains(char::is_alphanumeric) || terms.iter().any(|term| term.folded == folded) {
                continue;
            }
            let mut how = How::Whole;
            if let Some((end, _)) = folded.char_indices().nth(LONGEST_WORD) {
                folded.truncate(end);
                how = How::Prefix;
            }
            terms.push(Term { folded, how });
            if terms.len() == MOST_WORDS {
                break;
            }
        }
        // One letter begins too many words.
        if let Some(last) = terms.last_mut().filter(|last| last.folded.chars().nth(1).is_some()) {
            last.how = How::Prefix;
        }
        Self { text: text.to_owned(), terms }
    }

    /// What was typed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Nothing was typed.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether it has words, without which no index of words can be asked.
    pub fn has_words(&self) -> bool {
        !self.terms.is_empty()
    }

    /// The same, where the last word must be a whole one.
    pub fn whole(&self) -> Self {
        let mut whole = self.clone();
        if let Some(last) = whole.terms.last_mut().filter(|last| last.folded.chars().nth(LONGEST_WORD - 1).is_none()) {
            last.how = How::Whole;
        }
        whole
    }

    /// The same, where each word may stand anywhere in another.
    pub fn inside(&self) -> Self {
        let mut inside = self.clone();
        for term in &mut inside.terms {
            term.how = How::Inside;
        }
        inside
    }

    /// For `MATCH` of FTS5; `title`: the words must stand in the title.
    pub fn for_fts5(&self, title: bool) -> String {
        // Words have no quotes in them.
        let terms = self.terms.iter().map(|Term { folded, how }| match how {
            How::Prefix => format!("\"{folded}\" *"),
            How::Whole | How::Inside => format!("\"{folded}\""),
        });
        let all = terms.collect::<Vec<_>>().join(" AND ");
        if title { format!("title : ({all})") } else { all }
    }

    /// For `to_tsquery`.
    pub fn for_tsquery(&self) -> String {
        let terms = self.terms.iter().map(|Term { folded, how }| match how {
            How::Prefix => format!("'{folded}':*"),
            How::Whole | How::Inside => format!("'{folded}'"),
        });
        terms.collect::<Vec<_>>().join(" & ")
    }

    /// The patterns of `LIKE` that a text must fit, all of them: its words, or, without any, what was typed.
    pub fn patterns(&self) -> Vec<String> {
        if self.terms.is_empty() {
            return vec![contains_pattern(&self.text)];
        }
        self.terms.iter().map(|term| contains_pattern(&term.folded)).collect()
    }

    /// How many different words are asked for.
    pub fn len(&self) -> usize {
        self.terms.len()
    }

    /// Which of the words this one of a text answers to, and how.
    pub fn answer(&self, word: &str) -> Option<(usize, Match)> {
        // Most words of most texts begin otherwise, and need not be folded.
        if word.is_ascii() && self.terms.iter().all(|term| term.how != How::Inside && !begins_like(word, &term.folded))
        {
            return None;
        }
        let word = fold_word(word);
        let mut part = None;
        for (place, term) in self.terms.iter().enumerate() {
            if word == term.folded {
                return Some((place, Match::Whole));
            }
            let is_part = match term.how {
                How::Whole => false,
                How::Prefix => word.starts_with(&term.folded),
                How::Inside => word.contains(&term.folded),
            };
            if is_part && part.is_none() {
                part = Some((place, Match::Part));
            }
        }
        part
    }
}

fn begins_like(word: &str, folded: &str) -> bool {
    word.as_bytes().first().map(u8::to_ascii_lowercase) == folded.as_bytes().first().copied()
}

#[cfg(test)]
mod tests {
    use diesel::prelude::*;
    use diesel::sql_types::Text;
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;
    use crate::kit::fuzz;
    use crate::kit::paginate::search_text;

    fn split(text: &str) -> Vec<&str> {
        words(text).map(|range| &text[range]).collect()
    }

    #[test]
    fn words_are_whole_in_all_scripts() {
        assert_eq!(split("हिन्दी, नमस्ते। e\u{301}lan don't 2x"), ["हिन्दी", "नमस्ते", "e\u{301}lan", "don", "t", "2x"]);
        assert_eq!(split(" \" -- * "), Vec::<&str>::new());
        assert_eq!(split("ab"), ["ab"]);
    }

    #[test]
    fn folding_leaves_out_case_and_latin_diacritics() {
        for (one, other) in
            [("Élodie", "elodie"), ("MÜLLER", "muller"), ("e\u{301}", "E"), ("İstanbul", "istanbul"), ("ΟΔΟΣ", "οδος")]
        {
            assert_eq!(fold_word(one), fold_word(other), "{one} {other}");
        }
        for (one, other) in [("й", "и"), ("हिन्दी", "हनद"), ("ø", "o"), ("कि", "की")] {
            assert_ne!(fold_word(one), fold_word(other), "{one} {other}");
        }
    }

    #[test]
    fn whatever_is_typed_becomes_quoted_words() {
        let query = Query::new(r#"Rust" OR NEAR(x, -y) * AND 'drop"#);
        assert_eq!(query.for_fts5(false), r#""rust" AND "or" AND "near" AND "x" AND "y" AND "and" AND "drop" *"#);
        assert_eq!(query.for_tsquery(), "'rust' & 'or' & 'near' & 'x' & 'y' & 'and' & 'drop':*");
        assert_eq!(Query::new("rust C++").for_fts5(true), r#"title : ("rust" AND "c")"#);
        assert_eq!(Query::new("a b c d e f g h i j").len(), 8);
        assert_eq!(Query::new("go GO gö").len(), 1);
        assert!(!Query::new("🦀 !? \u{fe0f}").has_words());
        assert_eq!(Query::new("🦀").patterns(), ["%🦀%"]);
        let long = Query::new(&"x".repeat(200));
        assert_eq!(long.whole().for_tsquery(), format!("'{}':*", "x".repeat(64)));
    }

    #[test]
    fn a_word_answers_as_a_whole_or_in_part() {
        let query = Query::new("the well");
        assert_eq!(query.answer("WELL"), Some((1, Match::Whole)));
        assert_eq!(query.answer("wellspring"), Some((1, Match::Part)));
        assert_eq!(query.answer("then"), None);
        assert_eq!(query.whole().answer("wellspring"), None);
        assert!(query.whole() != query && Query::new("c").whole() == Query::new("c"));
        assert_eq!(query.inside().answer("dwells"), Some((1, Match::Part)));
    }

    /// Any text, with much of what is an operator of some search.
    fn typed() -> impl Strategy<Value = String> {
        let signs = vec![
            "\"", "'", "*", "(", ")", " AND ", " OR ", " NOT ", " NEAR(", "NEAR/2", ":", "^", "{", "}", "-", "+", "|",
            "&", "!", "<->", ":*", "%", "_", "\\", "title", "title : ", "warp", "\0", "\u{301}", "\u{345}", "\u{200d}",
            "क्", "İ", "ß", "ǅ",
        ];
        let piece = prop_oneof![
            8 => select(signs).prop_map(str::to_owned),
            2 => any::<String>(),
            1 => (r"\\PC", 1..2_000_usize).prop_map(|(letter, count)| letter.repeat(count)),
        ];
        vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    #[test]
    fn whatever_is_typed_is_a_bounded_query_that_fts5_answers() {
        let conn = std::cell::RefCell::new(SqliteConnection::establish(":memory:").unwrap());
        diesel::sql_query("CREATE VIRTUAL TABLE found USING fts5(title, body)")
            .execute(&mut *conn.borrow_mut())
            .unwrap();
        fuzz::check(1_000, typed(), |typed| {
            let query = Query::new(&search_text(Some(&typed)));
            for query in [query.whole(), query.inside(), query] {
                assert!(query.len() <= MOST_WORDS);
                for term in &query.terms {
                    assert!(term.folded.chars().count() <= LONGEST_WORD, "{}", term.folded);
                    assert!(term.folded.chars().any(char::is_alphanumeric), "{}", term.folded);
                    // Nothing in it ends a quotation, of FTS5 or of a `tsquery`.
                    assert!(!term.folded.contains(['"', '\'', '\\', '\0']), "{}", term.folded);
                }
                assert_eq!(query.has_words(), !query.for_tsquery().is_empty());
                for title in [false, true].into_iter().filter(|_| query.has_words()) {
                    let found = diesel::sql_query("SELECT 1 FROM found WHERE found MATCH ?");
                    found.bind::<Text, _>(query.for_fts5(title)).execute(&mut *conn.borrow_mut()).unwrap();
                }
                for pattern in query.patterns() {
                    let found = diesel::sql_query("SELECT 1 FROM found WHERE title LIKE ? ESCAPE '\\'");
                    found.bind::<Text, _>(pattern).execute(&mut *conn.borrow_mut()).unwrap();
                }
            }
        });
    }

    #[test]
    fn each_word_of_a_text_finds_the_text() {
        fuzz::check(1_000, typed(), |text| {
            for range in words(&text) {
                let word = &text[range];
                let query = Query::new(word);
                assert!(!query.has_words() || query.answer(word).is_some(), "{word:?} does not answer to itself");
            }
        });
    }
}
