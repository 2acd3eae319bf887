//! Any name as one segment of a path, and back. Letters, marks and digits of every script stay, `-` and `_` too;
//! every other byte becomes `~` and two hexadecimal digits. So `..`, `a/b`, `//evil.example` or `?x#y%` are segments
//! like others, which no browser and no proxy reads as anything else, and no two names share one.
//!
//! Django: `slugify`, which cannot be turned back and lets names collide.

use std::fmt::Write as _;

use unicode_normalization::char::is_combining_mark;

/// The segment of a name, as a person reads it in the address bar.
pub fn of(name: &str) -> String {
    let mut slug = String::with_capacity(name.len());
    for letter in name.chars() {
        if stays(letter) {
            slug.push(letter);
            continue;
        }
        for byte in letter.encode_utf8(&mut [0; 4]).bytes() {
            // Writing to a string cannot fail.
            let _ = write!(slug, "~{byte:02x}");
        }
    }
    slug
}

fn stays(letter: char) -> bool {
    letter.is_alphanumeric() || is_combining_mark(letter) || matches!(letter, '-' | '_')
}

/// The same as it stands in a path: ASCII alone.
pub fn in_path(name: &str) -> String {
    let mut path = String::with_capacity(name.len());
    for byte in of(name).bytes() {
        if byte.is_ascii() {
            path.push(char::from(byte));
        } else {
            let _ = write!(path, "%{byte:02X}");
        }
    }
    path
}

/// The name of a segment; none when a `~` is not followed by a byte, or the bytes are no text.
pub fn name(slug: &str) -> Option<String> {
    let mut pieces = slug.split('~');
    let mut bytes = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let (byte, rest) = piece.split_at_checked(2)?;
        if !byte.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(byte, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_a_segment_and_comes_back() {
        for strange in [
            "Maths",
            "..",
            ".",
            "a/b",
            "//evil.example",
            "/\\evil",
            "?x#y%",
            "a b",
            "a-b",
            "a_b",
            "~",
            "~2e",
            "%2e",
            "🌳 tree",
            "हिन्दी कक्षा",
            "a\0b",
            "a;b=c&d",
            "\u{202e}x",
            "e\u{301}",
        ] {
            let slug = of(strange);
            assert_eq!(name(&slug).as_deref(), Some(strange), "{slug}");
            assert!(slug.chars().all(|letter| stays(letter) || letter == '~'), "{slug}");
            assert!(in_path(strange).bytes().all(|b| b.is_ascii_alphanumeric() || b"-_~%".contains(&b)), "{slug}");
        }
        assert_eq!(of("हिन्दी"), "हिन्दी");
        assert_eq!(of(".."), "~2e~2e");
        assert_ne!(of("a b"), of("a-b"));
    }

    #[test]
    fn what_is_no_segment_has_no_name() {
        for wrong in ["~", "~2", "~zz", "~+1", "~ff", "a~é"] {
            assert_eq!(name(wrong), None, "{wrong}");
        }
    }
}
