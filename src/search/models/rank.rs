//! How well a text answers a query: the same number on both databases, whose own ranks differ, and one that can be compared between
//! rooms, people and messages.

use super::query::{Match, Query, words};

/// A word that comes again adds less each time; this is how soon.
const SATURATION: f64 = 1.2;

/// Half of that is by the text's length, in words, beside this one.
const USUAL_LENGTH: f64 = 30.0;

/// Each pair of words that stand side by side as they were asked for.
const SIDE_BY_SIDE: f64 = 0.5;

/// What somebody has only begun to type.
const PART: f64 = 0.4;

/// How well these texts, each with its weight, answer the query; higher is better.
pub fn score(query: &Query, texts: &[(f64, &str)]) -> f64 {
    texts.iter().map(|(weight, text)| weight * of_text(query, text)).sum()
}

/// BM25's share of how often each word comes, and of the text's length. How rare a word is does not matter where all must be there.
fn of_text(query: &Query, text: &str) -> f64 {
    let mut often = vec![0.0; query.len()];
    let (mut length, mut side_by_side, mut before) = (0.0, 0.0, None);
    for range in words(text) {
        length += 1.0;
        let answer = query.answer(&text[range]);
        if let Some((place, how)) = answer {
            often[place] += if how == Match::Whole { 1.0 } else { PART };
            if place > 0 && before == Some(place - 1) {
                side_by_side += 1.0;
            }
        }
        before = answer.map(|(place, _)| place);
    }
    let damping = SATURATION * (0.5 + 0.5 * length / USUAL_LENGTH);
    let found: f64 = often.iter().map(|often| often / (often + damping)).sum();
    found * (1.0 + SIDE_BY_SIDE * f64::min(side_by_side, 2.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(query: &str, text: &str) -> f64 {
        score(&Query::new(query), &[(1.0, text)])
    }

    #[test]
    fn better_answers_have_higher_scores() {
        for (query, better, worse) in [
            ("rust", "rust and rust again", "rust and iron again"),
            ("rust", "rust", "rust and a lot of other words"),
            ("rust", "rust here", "rusty here"),
            ("rust books", "some rust books", "books on some rust"),
            ("rust books", "rust books", "rust"),
        ] {
            assert!(of(query, better) > of(query, worse), "{query}: {better} / {worse}");
        }
        assert!(of("rust", "iron").abs() < f64::EPSILON);
        assert!(of("!", "iron").abs() < f64::EPSILON);
    }

    #[test]
    fn weights_count() {
        let query = Query::new("rust");
        assert!(score(&query, &[(8.0, "rust"), (1.0, "")]) > score(&query, &[(8.0, ""), (1.0, "rust rust")]));
    }
}
