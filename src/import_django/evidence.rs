//! What proves that two rows of two copies of one database are the same row.

use std::fmt;

use sha2::{Digest, Sha256};

/// What a row says of itself, as hashes. 0 stands for nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// What never changes: when it was made, and to what it belongs.
    fixed: u64,
    /// What changes with each edit.
    edited: u64,
    /// What people typed.
    facts: [u64; FACTS],
}

/// So much that people typed is compared.
const FACTS: usize = 3;

impl Evidence {
    /// Of what never changes.
    pub fn of(fixed: &[&dyn fmt::Display]) -> Self {
        let mut hash = Sha256::new();
        for part in fixed {
            let part = part.to_string();
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self { fixed: short(hash), ..Self::default() }
    }

    /// With what changes when the row is edited.
    pub fn edited(self, time: &str) -> Self {
        Self { edited: fact(time), ..self }
    }

    /// With what people typed.
    pub fn facts(self, texts: &[&str]) -> Self {
        let mut facts = [0; FACTS];
        for (slot, text) in facts.iter_mut().zip(texts) {
            *slot = fact(text);
        }
        Self { facts, ..self }
    }

    /// Reads what [`Evidence`] prints.
    pub fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('.').map(|part| u64::from_str_radix(part, 16).ok());
        let (fixed, edited) = (parts.next()??, parts.next()??);
        let mut facts = [0; FACTS];
        for slot in &mut facts {
            *slot = parts.next()??;
        }
        Some(Self { fixed, edited, facts })
    }

    /// Whether both are plainly of one row. What never changes is the same, and either something that people typed is the
    /// same as well, or an edit is on record. In doubt they are two rows.
    pub fn proves(&self, earlier: &Self) -> bool {
        let is_edited = self.edited != 0 && earlier.edited != 0 && self.edited != earlier.edited;
        let shares = (0..FACTS).any(|at| self.is_shared(earlier, at));
        self.fixed == earlier.fixed && (self.facts == earlier.facts || shares || is_edited)
    }

    /// Whether both were made at the same moment and belong to the same.
    pub fn has_same_origin(&self, earlier: &Self) -> bool {
        self.fixed == earlier.fixed
    }

    /// Whether both say the same at `at`, and not nothing.
    pub fn is_shared(&self, earlier: &Self, at: usize) -> bool {
        self.facts.get(at).is_some_and(|fact| *fact != 0 && earlier.facts.get(at) == Some(fact))
    }

    /// Whether both say something at `at`, and not the same.
    pub fn is_contrary(&self, earlier: &Self, at: usize) -> bool {
        let pair = self.facts.get(at).zip(earlier.facts.get(at));
        pair.is_some_and(|(fact, other)| *fact != 0 && *other != 0 && fact != other)
    }

    /// Whether this row says `text` at `at`.
    pub fn says(&self, at: usize, text: &str) -> bool {
        self.facts.get(at).is_some_and(|found| *found != 0 && *found == fact(text))
    }

    /// Whether both say the same of all.
    pub fn says_all(&self, earlier: &Self) -> bool {
        self.facts == earlier.facts
    }
}

/// A text's hash; 0 for nothing but blanks.
fn fact(text: &str) -> u64 {
    let text = text.trim();
    if text.is_empty() { 0 } else { short(Sha256::new_with_prefix(text)).max(1) }
}

fn short(hash: Sha256) -> u64 {
    hash.finalize().iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}.{:x}", self.fixed, self.edited)?;
        self.facts.iter().try_for_each(|fact| write!(f, ".{fact:x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evidence_is_read_as_it_was_written() {
        let evidence = Evidence::of(&[&"2022-01-01", &7]).edited("2022-01-02").facts(&["name", "", "text"]);
        assert_eq!(Evidence::read(&evidence.to_string()), Some(evidence));
        assert_eq!((Evidence::read(""), Evidence::read("1.2.3"), Evidence::read("x.0.0.0.0")), (None, None, None));
    }

    #[test]
    fn rows_are_one_when_origin_and_a_text_or_an_edit_say_so() {
        let row = |edited: &str, facts: &[&str]| Evidence::of(&[&"made", &1]).edited(edited).facts(facts);
        let earlier = row("then", &["name", "description"]);
        assert!(row("then", &["renamed", "description"]).proves(&earlier));
        assert!(row("later", &["renamed", "told anew"]).proves(&earlier));
        assert!(!row("then", &["renamed", "told anew"]).proves(&earlier));
        assert!(!Evidence::of(&[&"made", &2]).edited("then").facts(&["name", "description"]).proves(&earlier));
        assert!(row("", &[]).proves(&row("", &[])), "nothing is said and nothing else can be");
        assert!(!row("", &["one"]).proves(&row("", &["two"])));
    }

    #[test]
    fn parts_are_kept_apart() {
        assert_ne!(Evidence::of(&[&"ab", &"c"]), Evidence::of(&[&"a", &"bc"]));
    }
}
