//! What a new password must be: long enough, not common, not all digits, not like its owner.
//!
//! Django: `AUTH_PASSWORD_VALIDATORS`

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::kit::i18n::Text;

/// The least number of characters in a new password.
pub const MIN_LENGTH: usize = 8;

/// The greatest number of characters in a new password.
pub const MAX_LENGTH: usize = 256;

/// What is wrong with a new password: a message for each rule that it breaks, of
/// `password-too-short` (`min`), `password-too-long` (`max`), `password-nul`,
/// `password-digits`, `password-common`, `password-like-username`, `password-like-name` and
/// `password-like-email`.
///
/// Django: `AUTH_PASSWORD_VALIDATORS`.
pub fn rules(password: &str, username: &str, name: &str, email: &str) -> Vec<Text> {
    let mut broken = Vec::new();
    if password.chars().count() > MAX_LENGTH {
        // The other rules are slow on long texts, and a shorter one comes anyway.
        broken.push(Text::new("password-too-long").with("max", MAX_LENGTH));
        return broken;
    }
    if password.chars().count() < MIN_LENGTH {
        broken.push(Text::new("password-too-short").with("min", MIN_LENGTH));
    }
    if password.contains('\0') {
        broken.push(Text::new("password-nul"));
    }
    if !password.is_empty() && password.chars().all(char::is_numeric) {
        broken.push(Text::new("password-digits"));
    } else if is_common(password) {
        broken.push(Text::new("password-common"));
    }
    let folded = fold(password);
    for (key, value) in
        [("password-like-username", username), ("password-like-name", name), ("password-like-email", email)]
    {
        if is_like(&folded, value) {
            broken.push(Text::new(key));
        }
    }
    broken
}

/// Fewer guesses than this (its logarithm to base ten) are as good as none. It refuses one word
/// of a dictionary with the usual ornaments, a keyboard row, a repetition or a date, and
/// allows two rare words.
const COMMON_GUESSES: f64 = 5.0;

/// The characters that are estimated at a time: the estimate's time grows with the cube of
/// their number, up to half a second for a hostile hundred.
const COMMON_WINDOW: usize = 30;

/// Whether a guesser would come upon the password early. Of a long one its beginning and its
/// end must both be weak: the estimate of a part is a lower bound for the whole.
fn is_common(password: &str) -> bool {
    let chars: Vec<char> = password.nfkc().collect();
    let first: String = chars.iter().take(COMMON_WINDOW).collect();
    let last: String = chars.iter().skip(chars.len().saturating_sub(COMMON_WINDOW)).collect();
    let weak = |part: &str| !part.is_empty() && zxcvbn::zxcvbn(part, &[]).guesses_log10() < COMMON_GUESSES;
    weak(&first) && (first == last || weak(&last))
}

/// From this ratio on two texts are alike; the same as Django's.
const ALIKE: f64 = 0.7;

/// Shorter parts of a name are in many a password by chance.
const SHORTEST_PART: usize = 3;

/// Whether a folded password is like a value of the person's, or like one of its parts.
fn is_like(password: &[char], value: &str) -> bool {
    let value = fold(value);
    value
        .split(|c| !c.is_alphanumeric() && !is_combining_mark(*c))
        .chain([value.as_slice()])
        .any(|part| part.len() >= SHORTEST_PART && ratio(password, part) >= ALIKE)
}

/// One form for all ways to write a text: compatibility forms and case make no difference.
fn fold(text: &str) -> Vec<char> {
    text.nfkc().flat_map(char::to_lowercase).collect()
}

/// How much two texts have in common, from 0 to 1: twice the length of their longest common
/// subsequence by their lengths.
fn ratio(a: &[char], b: &[char]) -> f64 {
    // The ratio's upper bound by the lengths alone spares most of the work.
    let total = (a.len() + b.len()) as f64;
    if 2.0 * (a.len().min(b.len()) as f64) < ALIKE * total {
        return 0.0;
    }
    // One row of the usual table: row[j] is the length for what was read of `a` and b[..j].
    let mut row = vec![0_usize; b.len() + 1];
    for x in a {
        let mut diagonal = 0;
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = if x == y { diagonal + 1 } else { above.max(row[j]) };
            diagonal = above;
        }
    }
    2.0 * (row[b.len()] as f64) / total
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;
    use std::time::Instant;

    use super::*;

    const PASSWORD: &str = "blue-mango-42";

    fn keys(password: &str) -> Vec<String> {
        rules(password, "asha_rao", "Asha Rao Deshpande", "asha.d@mangotree.example")
            .iter()
            .map(|text| text.key.to_string())
            .collect()
    }

    #[test]
    fn good_passwords() {
        for password in [
            PASSWORD,
            "Str0ng-pass-99",
            "correct horse",
            "चौपाल-मेला-२०२६",
            "testpass123",
            "samosachai",
            "x7Kp2mQz",
            "🪷🪷🦚🦚🐘🐘🥭🥭",
            "tr0ub4dour&3",
            &format!("{}{}", "a".repeat(100), "x7Kp2mQz w9Lr4nTv"),
            &"चौपाल और आम ".repeat(20),
            &"x7Kp2mQz".repeat(32),
        ] {
            assert_eq!(keys(password), [""; 0], "{password}");
        }
    }

    #[test]
    fn common_passwords() {
        for password in [
            "password",
            "password1",
            "Password123",
            "p@ssword123",
            "P@ssw0rd",
            "Passw0rd!",
            "qwerty123",
            "qwertyuiop",
            "1qaz2wsx",
            "1q2w3e4r5t",
            "iloveyou1",
            "12345678a",
            "letmein1",
            "aaaaaaaa",
            "abc12345",
            "abcdefgh",
            "drowssap",
            "changeme1",
            "welcome1",
            "football12",
            "summer2026",
            "india123",
            "elephant",
            "        ",
            "ｐａｓｓｗｏｒｄ１",
            &"a".repeat(256),
            &"password".repeat(3),
        ] {
            assert_eq!(keys(password), ["password-common"], "{password}");
        }
    }

    #[test]
    fn lengths_digits_and_nul() {
        assert_eq!(keys(""), ["password-too-short"]);
        assert_eq!(keys("x7Kp2mQ"), ["password-too-short"]);
        assert_eq!(keys("कमलनयनर"), ["password-too-short"]);
        assert_eq!(keys("कमलनयनरथ"), [""; 0]);
        assert_eq!(keys(&"x7Kp2mQz".repeat(33)), ["password-too-long"]);
        assert_eq!(keys(&format!("{}क", "x7Kp2mQz".repeat(32))), ["password-too-long"]);
        assert_eq!(keys("83510274659912"), ["password-digits"]);
        assert_eq!(keys("८३५१०२७४६५"), ["password-digits"]);
        assert_eq!(keys("x7Kp2mQz\0w9Lr"), ["password-nul"]);
        let short = &rules("abc", "", "", "")[0];
        assert_eq!(short, &Text::new("password-too-short").with("min", 8));
    }

    #[test]
    fn like_the_person() {
        assert_eq!(keys("asha_rao"), ["password-like-username"]);
        assert_eq!(keys("Asha-Rao-9"), ["password-like-username"]);
        assert_eq!(keys("deshpande77"), ["password-like-name"]);
        assert_eq!(keys("DESHPANDE_x"), ["password-like-name"]);
        assert_eq!(keys("mangotree5!"), ["password-like-email"]);
        assert_eq!(keys("asha.d@mangotree.example"), ["password-like-email"]);
        let like = |password, name| rules(password, "", name, "").iter().any(|text| text.key == "password-like-name");
        assert!(like("राष्ट्रपति१", "राष्ट्रपति भवन"));
        assert!(like("ＤＥＳＨＰＡＮＤＥ９", "deshpande"));
        assert!(!like("blue-mango-42", "Al Bo"), "short parts are ignored");
        assert!(!like("blue-mango-42", ""));
    }

    /// What the estimate sees is cut, so a password of any length costs no more than one of some dozens.
    #[test]
    fn length_costs_nothing() {
        zxcvbn::zxcvbn("its tables are made at first use", &[]);
        let cost = |password: &str| {
            let tries = (0..3).map(|_| {
                let start = Instant::now();
                black_box(rules(password, "asha", "", ""));
                start.elapsed()
            });
            tries.min().unwrap()
        };
        let hostile = "4@8({[<369!1|7$052%+2".repeat(4);
        assert!(cost(&hostile.repeat(1000)) < 4 * cost(&hostile));
    }
}
