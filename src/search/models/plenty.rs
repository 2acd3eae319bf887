//! Words that are everywhere.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::kind::Kind;

/// For so long nobody looks whether "1,000+" is still right, unless there are less than a page of them.
const BELIEVED: Duration = Duration::from_secs(60);

/// So many are kept in mind.
const MOST_KEPT: usize = 1000;

/// What was looked for lately and found more often than is counted: it need not be counted again each time. Managed state.
#[derive(Default)]
pub struct Plenty(Mutex<HashMap<(Kind, String), Known>>);

/// One of them.
#[derive(Clone, Copy, Debug)]
struct Known {
    until: Instant,
    /// How many have it in the title, as far as they were counted.
    titled: i64,
}

impl Plenty {
    /// How many have these words in the title, if they were plenty a short while ago.
    pub(super) fn titled(&self, kind: Kind, words: &str) -> Option<i64> {
        let known = self.known().get(&(kind, words.to_owned())).copied()?;
        (Instant::now() < known.until).then_some(known.titled)
    }

    /// They are plenty now.
    pub(super) fn learn(&self, kind: Kind, words: &str, titled: i64) {
        let (mut known, now) = (self.known(), Instant::now());
        if known.len() >= MOST_KEPT {
            known.retain(|_, known| now < known.until);
        }
        // Somebody asks for very many different ones: better to begin anew than to learn nothing for a minute.
        if known.len() >= MOST_KEPT {
            known.clear();
        }
        known.insert((kind, words.to_owned()), Known { until: now + BELIEVED, titled });
    }

    /// They are not: all kinds are to be counted again. Whether anything was known of them.
    pub(super) fn forget(&self, words: &str) -> bool {
        let mut known = self.known();
        let before = known.len();
        known.retain(|(_, learned), _| learned != words);
        known.len() < before
    }

    fn known(&self) -> MutexGuard<'_, HashMap<(Kind, String), Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_plenty_is_kept_in_mind_within_bounds() {
        let plenty = Plenty::default();
        assert_eq!(plenty.titled(Kind::Room, "the"), None);
        plenty.learn(Kind::Room, "the", 7);
        assert_eq!(plenty.titled(Kind::Room, "the"), Some(7));
        assert_eq!(plenty.titled(Kind::Message, "the"), None);
        plenty.learn(Kind::Message, "and", 0);
        assert!(plenty.forget("and") && !plenty.forget("and"));
        assert_eq!(plenty.titled(Kind::Message, "and"), None);
        for n in 1..MOST_KEPT {
            plenty.learn(Kind::Message, &n.to_string(), 0);
        }
        assert_eq!(plenty.known().len(), MOST_KEPT);
        assert_eq!(plenty.titled(Kind::Room, "the"), Some(7));
        plenty.known().values_mut().take(400).for_each(|known| known.until = Instant::now());
        plenty.learn(Kind::Room, "and", 8);
        assert_eq!(plenty.known().len(), MOST_KEPT - 399, "only for a while");
        for n in 0..MOST_KEPT {
            plenty.learn(Kind::Person, &n.to_string(), 0);
        }
        assert!(plenty.known().len() <= MOST_KEPT);
        assert_eq!(plenty.titled(Kind::Person, &(MOST_KEPT - 1).to_string()), Some(0), "the newest is known");
    }
}
