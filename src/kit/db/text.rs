//! When two texts are the same, and how one is found in another: decided here, alike on both databases.

use unicode_normalization::UnicodeNormalization;
use unicode_security::skeleton;

diesel::define_sql_function! {
    /// Lower case in composed form (NFC), alike on both databases (see [`fold_text`]): for search by substring.
    /// No index may use it.
    fn fold(text: diesel::sql_types::Nullable<diesel::sql_types::Text>) -> diesel::sql_types::Nullable<diesel::sql_types::Text>;
}

diesel::define_sql_function! {
    /// How a name looks, alike on both databases (see [`look_text`]): for migrations. No index may use it.
    fn look(text: diesel::sql_types::Nullable<diesel::sql_types::Text>) -> diesel::sql_types::Nullable<diesel::sql_types::Text>;
}

diesel::define_sql_function! {
    /// So many characters of a text from a place on, which counts from 1.
    fn substr(text: diesel::sql_types::Text, from: diesel::sql_types::Integer, count: diesel::sql_types::Integer) -> diesel::sql_types::Text;
}

diesel::define_sql_function! {
    /// The number of characters of a text.
    fn length(text: diesel::sql_types::Text) -> diesel::sql_types::Integer;
}

/// What makes two spellings of a name the same: NFC, lower case, trimmed. Kept in `*_key` columns.
pub fn fold_key(text: &str) -> String {
    fold_text(text.trim())
}

/// The Rust side of the SQL function [`fold()`].
pub fn fold_text(text: &str) -> String {
    // The same, twenty times as quick.
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfc().flat_map(char::to_lowercase).map(one_sigma).nfc().collect()
}

/// The two forms of the small sigma are one letter; databases choose by its place in the word, people type either.
fn one_sigma(letter: char) -> char {
    if letter == 'ς' { 'σ' } else { letter }
}

/// What makes two names look the same: compatible forms (NFKC), so that `ａｓｈａ` is `asha`; nothing unseen;
/// lower case; letters that look like others in their place (UTS 39), so that Cyrillic `а` is `a`; one space between
/// words. Kept in `*_look` columns.
///
/// The Rust side of the SQL function [`look()`], which only migrations use; PostgreSQL's knew no similar letters, and is gone.
pub fn look_text(text: &str) -> String {
    let seen = text.nfkc().filter(|letter| !is_unseen(*letter));
    let lower: String = seen.flat_map(char::to_lowercase).map(one_sigma).nfkc().collect();
    // Some letters look like capitals: the digit 0 like O.
    let similar: String = skeleton(&lower).flat_map(char::to_lowercase).collect();
    // The dot above takes the place of their own.
    let similar = similar.replace("i\u{307}", "i").replace("j\u{307}", "j");
    similar.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns every look that a name may be taken for, its own first: a capital `I` and a small `l` are one sign in many fonts.
pub fn looks(name: &str) -> Vec<String> {
    let name: String = name.nfkc().collect();
    let mut looks = vec![look_text(&name)];
    if name.contains('I') {
        looks.push(look_text(&name.replace('I', "l")));
    }
    if let Some(rest) = name.strip_prefix('l') {
        looks.push(look_text(&format!("i{rest}")));
    }
    looks
}

/// Letters and marks of which a page shows nothing: zero-width ones, direction marks, fillers, tags.
pub fn is_unseen(letter: char) -> bool {
    matches!(letter, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// What fonts draw nothing for, or whatever they like: places without a letter, and marks that only arrange
/// others in scripts of the past.
pub fn is_not_drawn(letter: char) -> bool {
    matches!(letter, '\u{70f}' | '\u{2d7f}' | '\u{e000}'..='\u{f8ff}' | '\u{fff0}'..='\u{fff8}' | '\u{1107f}'
        | '\u{13430}'..='\u{1345f}' | '\u{1d159}' | '\u{f0000}'..='\u{10ffff}')
}

/// So many characters of a search text count.
pub const LONGEST_SEARCH: usize = 200;

/// A `LIKE` pattern that finds `text` (its first [`LONGEST_SEARCH`] characters) anywhere, with `%`, `_` and `\` taken
/// literally. For a column under [`fold()`]; callers use [`icontains`](crate::kit::q::icontains).
pub fn contains_pattern(text: &str) -> String {
    // No text here has a U+0000, and PostgreSQL refuses to be asked for one.
    let text: String = text.chars().filter(|letter| *letter != '\0').take(LONGEST_SEARCH).collect();
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for letter in fold_text(&text).chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_ignore_case_spaces_and_composition() {
        assert_eq!(fold_key("  Élan "), fold_key("e\u{301}LAN"));
        assert_eq!(fold_key("STRASSE"), "strasse");
        assert_eq!(fold_key("ΟΔΟΣ"), fold_key("οδος"));
        assert_ne!(fold_key("a b"), fold_key("a-b"));
    }

    #[test]
    fn looks_see_through_width_case_spaces_and_what_is_unseen() {
        for same in
            ["ａｓｈａ  ｄｅｖｉ", "ASHA\u{a0}Devi", " as\u{200b}ha\t\u{2003}devi\u{202e} ", "Ａsha Dev\u{200d}i"]
        {
            assert_eq!(look_text(same), "asha devi", "{same:?}");
        }
        assert_eq!(look_text("ΟΔΟΣ"), look_text("οδος"));
        assert_eq!(look_text("\u{feff}\u{200d} "), "");
        assert_ne!(look_text("asha"), look_text("ásha"));
    }

    #[test]
    fn similar_letters_look_the_same() {
        for (one, other) in [
            ("asha", "аsha"),
            ("asha", "аѕһа"),
            ("root", "rооt"),
            ("root", "r00t"),
            ("all", "a11"),
            ("boss", "bоss"),
            ("Asha", "\u{ff21}sha\u{e0100}"),
            ("asha", "as\u{34f}ha"),
            ("asha", "asha\u{115f}"),
            ("priya", "pri\u{307}ya"),
            ("saroj", "saroj\u{307}"),
            ("istanbul", "İstanbul"),
        ] {
            assert_eq!(look_text(one), look_text(other), "{one} {other}");
        }
        for (one, other) in [("asha", "aśha"), ("आशा", "आषा"), ("ali", "all"), ("मीरा", "मिरा"), ("user1", "user2")]
        {
            assert_ne!(look_text(one), look_text(other), "{one} {other}");
        }
        let taken_for = |name: &str, other: &str| looks(name).contains(&look_text(other));
        assert!(taken_for("Iaksh", "laksh") && taken_for("lshan", "ishan") && taken_for("AII", "all"));
        assert!(!taken_for("Ali", "all") && !taken_for("isha", "lsha"));
    }

    #[test]
    fn patterns_take_wildcards_literally() {
        assert_eq!(contains_pattern(r"50%_\"), r"%50\%\_\\%");
    }

    #[test]
    fn patterns_are_cut() {
        assert_eq!(contains_pattern("a\0B"), "%ab%");
        assert_eq!(contains_pattern(&"%".repeat(1_000_000)).len(), 2 * LONGEST_SEARCH + 2);
    }
}
