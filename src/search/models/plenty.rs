//! Words that are everywhere.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::kind::Kind;

/// For so long nobody looks whether "1,000+" is still right, unless there are not even as many as are shown; nor whether an old
/// title has the words now that none had.
const BELIEVED: Duration = Duration::from_secs(10);

/// So many searches are kept in mind.
const MOST_KEPT: usize = 1000;

/// How common words are among all of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Often {
    /// More than is counted have them; in the title so many, as far as they were counted.
    Plenty {
        /// At most one more than the titles that are few.
        titled: i64,
    },
    /// Not that many, and the number may be another next time.
    Seldom,
}

/// How common the words are that were looked for lately: what was found more often than is counted need not be counted again each
/// time. Managed state.
#[derive(Default)]
pub struct Plenty(Mutex<HashMap<String, Known>>);

/// What is known of the same words.
#[derive(Debug)]
struct Known {
    until: Instant,
    /// In the order of [`Kind::ALL`].
    often: [Option<Often>; 4],
}

impl Plenty {
    /// What was found out about these words a short while ago, in the order of [`Kind::ALL`].
    pub(super) fn of(&self, words: &str) -> [Option<Often>; 4] {
        let known = self.known();
        known.get(words).filter(|known| Instant::now() < known.until).map(|known| known.often).unwrap_or_default()
    }

    /// So common they are now.
    pub(super) fn learn(&self, words: &str, learned: &[(Kind, Often)]) {
        if learned.is_empty() {
            return;
        }
        let (mut known, now) = (self.known(), Instant::now());
        let is_full = |known: &HashMap<String, Known>| known.len() >= MOST_KEPT && !known.contains_key(words);
        if is_full(&known) {
            known.retain(|_, known| now < known.until);
        }
        // Somebody asks for very many different ones: what is seldom is counted soon.
        if is_full(&known) {
            known.retain(|_, known| known.often.iter().any(|often| matches!(often, Some(Often::Plenty { .. }))));
        }
        // Better to begin anew than to learn nothing for a while.
        if is_full(&known) {
            known.clear();
        }
        let anew = || Known { until: now + BELIEVED, often: [None; 4] };
        let known = known.entry(words.to_owned()).or_insert_with(anew);
        if known.until <= now {
            *known = anew();
        }
        for (kind, often) in learned {
            known.often[*kind as usize] = Some(*often);
        }
    }

    /// It is true no more.
    pub(super) fn forget(&self, words: &str) {
        self.known().remove(words);
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_plenty_is_kept_in_mind_within_bounds() {
        let plenty = Plenty::default();
        let often = Often::Plenty { titled: 7 };
        assert_eq!(plenty.of("the"), [None; 4]);
        plenty.learn("the", &[]);
        assert!(plenty.known().is_empty());
        plenty.learn("the", &[(Kind::Room, often), (Kind::Person, Often::Seldom)]);
        plenty.learn("the", &[(Kind::Message, often)]);
        let all = [Some(often), Some(often), Some(Often::Seldom), None];
        assert_eq!(plenty.of("the"), all);
        plenty.learn("and", &[(Kind::Message, often)]);
        plenty.forget("and");
        assert_eq!(plenty.of("and"), [None; 4]);
        for n in 1..MOST_KEPT {
            plenty.learn(&n.to_string(), &[(Kind::Message, often)]);
        }
        assert_eq!(plenty.of("the"), all);
        assert_eq!(plenty.known().len(), MOST_KEPT);
        plenty.learn("the", &[(Kind::Room, often)]);
        assert_eq!(plenty.known().len(), MOST_KEPT, "it had its place");
        plenty.known().values_mut().take(400).for_each(|known| known.until = Instant::now());
        plenty.learn("and", &[(Kind::Room, often)]);
        assert_eq!(plenty.known().len(), MOST_KEPT - 399, "only for a while");
        plenty.known().values_mut().for_each(|known| known.until = Instant::now());
        assert_eq!(plenty.of("and"), [None; 4]);
        plenty.learn("and", &[(Kind::Person, often)]);
        assert_eq!(plenty.of("and"), [None, None, Some(often), None], "what is old is not mixed with what is new");
        for n in 0..MOST_KEPT {
            plenty.learn(&n.to_string(), &[(Kind::Person, often)]);
        }
        assert!(plenty.known().len() <= MOST_KEPT);
        assert_eq!(plenty.of(&(MOST_KEPT - 1).to_string())[2], Some(often), "the newest is known");
        for n in 0..MOST_KEPT {
            plenty.learn(&format!("rare {n}"), &[(Kind::Person, Often::Seldom)]);
        }
        assert_eq!(plenty.of(&(MOST_KEPT - 1).to_string())[2], Some(often), "what is seldom goes first");
        assert!(plenty.known().len() <= MOST_KEPT);
    }
}
