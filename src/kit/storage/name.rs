//! Names of objects. They are made here, never by people.

use std::fmt;

/// A name such as `avatar/0a1b2c-64.jpg`: parts of small letters, digits, `-`, `_` and `.`, none of which begins with a dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    /// The longest, in bytes.
    const LONGEST: usize = 200;

    /// None where `text` is no name: no path leads out of a folder, and none means another in a different notation.
    pub fn new(text: &str) -> Option<Self> {
        let is_fine = |part: &str| {
            !part.is_empty()
                && !part.starts_with('.')
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.'))
        };
        (text.len() <= Self::LONGEST && text.split('/').all(is_fine)).then(|| Self(text.to_owned()))
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Name;

    #[test]
    fn no_name_leads_astray() {
        for fine in ["a", "avatar/0a1b-64.jpg", "a/b/c_d.webp", "a..b"] {
            assert_eq!(Name::new(fine).unwrap().as_str(), fine);
        }
        let long = "a".repeat(201);
        for bad in [
            "", "/", "a/", "/a", "a//b", ".", "..", "../a", "a/../b", "a/.b", "A", "a b", "a\\b", "a%2f", "ä", "a\0",
            &long,
        ] {
            assert_eq!(Name::new(bad), None, "{bad:?}");
        }
    }
}
