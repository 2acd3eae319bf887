//! When two texts are the same, and how one is found in another: decided here, alike on both databases.

use unicode_normalization::UnicodeNormalization;

diesel::define_sql_function! {
    /// Lower case in composed form (NFC), alike on both databases: for search by substring.
    /// No index may use it.
    fn fold(text: diesel::sql_types::Nullable<diesel::sql_types::Text>) -> diesel::sql_types::Nullable<diesel::sql_types::Text>;
}

/// What makes two spellings of a name the same: NFC, lower case, trimmed. Kept in `*_key` columns.
pub fn fold_key(text: &str) -> String {
    fold_text(text.trim())
}

/// The Rust side of the SQL function [`fold()`].
pub fn fold_text(text: &str) -> String {
    text.nfc().flat_map(char::to_lowercase).nfc().collect()
}

/// A `LIKE` pattern that finds `text` anywhere, with `%`, `_` and `\` taken literally.
/// Use it with `.escape('\\')` against a column under [`fold()`].
pub fn contains_pattern(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 2);
    pattern.push('%');
    for letter in fold_text(text).chars() {
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
        assert_ne!(fold_key("a b"), fold_key("a-b"));
    }

    #[test]
    fn patterns_take_wildcards_literally() {
        assert_eq!(contains_pattern(r"50%_\"), r"%50\%\_\\%");
    }
}
