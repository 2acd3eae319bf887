//! Codes that an app computes from a shared secret and the time (RFC 6238): six digits, a new one every half minute.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use crate::kit::codes::normalize_code;
use crate::kit::paginate::encode_query;
use crate::kit::random;

/// How long a code is shown, in seconds.
const STEP: i64 = 30;

/// As many steps the clock of a phone may be off, either way.
const TOLERANCE: i64 = 1;

/// The letters of base32.
const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A new secret, as apps take it: 160 random bits in base32.
pub fn new_secret() -> String {
    base32(&random::bytes::<20>())
}

/// The step at which this code is right for the secret, near `now` (seconds since 1970); none if it is wrong. The caller sees
/// to it that no step counts twice.
pub fn step_of(secret: &str, code: &str, now: i64) -> Option<i64> {
    let key = from_base32(secret)?;
    let code = normalize_code(code);
    let code: u32 =
        (code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit())).then(|| code.parse().ok())??;
    let present = now.div_euclid(STEP);
    (present - TOLERANCE..=present + TOLERANCE).find(|step| code_at(&key, *step) == Some(code))
}

/// RFC 4226: the code of one step.
fn code_at(key: &[u8], step: i64) -> Option<u32> {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).ok()?;
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let offset = usize::from(digest.last()? & 0x0f);
    let word = digest.get(offset..offset + 4)?.try_into().ok()?;
    Some((u32::from_be_bytes(word) & 0x7fff_ffff) % 1_000_000)
}

/// The address by which an app learns the secret: from a QR code, or by a tap on a phone.
pub fn uri(secret: &str, site: &str, username: &str) -> String {
    let (site, username) = (encode_query(site), encode_query(username));
    format!("otpauth://totp/{site}:{username}?secret={secret}&issuer={site}")
}

fn base32(bytes: &[u8]) -> String {
    let bit = |at: usize| bytes.get(at / 8).is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1);
    (0..bytes.len() * 8)
        .step_by(5)
        .map(|from| (from..from + 5).fold(0_usize, |value, at| value << 1 | usize::from(bit(at))))
        .map(|value| char::from(LETTERS[value]))
        .collect()
}

fn from_base32(text: &str) -> Option<Vec<u8>> {
    let (mut bytes, mut buffer, mut bits) = (Vec::new(), 0_u32, 0);
    for letter in text.bytes() {
        let value = LETTERS.iter().position(|known| *known == letter)?;
        buffer = (buffer << 5 | u32::try_from(value).ok()?) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(buffer >> bits & 0xff).ok()?);
        }
    }
    (!bytes.is_empty()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of the RFC's examples.
    const RFC: &[u8] = b"12345678901234567890";

    #[test]
    fn codes_are_those_of_the_rfc() {
        for (now, code) in [
            (59, 287_082),
            (1_111_111_109, 81_804),
            (1_111_111_111, 50_471),
            (1_234_567_890, 5_924),
            (2_000_000_000, 279_037),
            (20_000_000_000, 353_130),
        ] {
            assert_eq!(code_at(RFC, now / STEP), Some(code), "{now}");
        }
    }

    #[test]
    fn secrets_are_read_as_they_are_written() {
        assert_eq!(base32(RFC), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(base32(b"f"), "MY");
        assert_eq!(from_base32(&base32(RFC)).as_deref(), Some(RFC));
        for _ in 0..50 {
            let secret = new_secret();
            assert_eq!(secret.len(), 32);
            assert_eq!(base32(&from_base32(&secret).unwrap()), secret);
        }
        for rubbish in ["", "a", "1", "ABC-", "ÄB"] {
            assert_eq!(from_base32(rubbish), None, "{rubbish}");
        }
    }

    #[test]
    fn a_code_is_right_a_step_early_and_late_and_no_longer() {
        let secret = base32(RFC);
        for now in [30, 59, 60, 89] {
            assert_eq!(step_of(&secret, "287082", now), Some(1), "{now}");
        }
        assert_eq!(step_of(&secret, "287082", 90), None);
        for wrong in
            ["287083", "28708", "2870820", "+87082", " 87082", "", "२८७०८३", "28708二", "287082x", "28 70 8", "①87082"]
        {
            assert_eq!(step_of(&secret, wrong, 59), None, "{wrong}");
        }
        assert_eq!(step_of("", "287082", 59), None);
    }

    #[test]
    fn code_in_any_digits_and_groups_is_right() {
        let secret = base32(RFC);
        for same in [
            "287 082",
            "287-082",
            " 287082\n",
            "287\u{2009}082",
            "287\u{a0}082",
            "287\u{202f}082",
            "287\u{3000}082",
            "287\u{2011}082",
            "287\u{2013}082",
            "287\u{200b}082",
            "\u{2066}287082\u{2069}",
            "２８７０８２",
            "२८७०८२",
            "२८७ ०८२",
            "٢٨٧٠٨٢",
            "۲۸۷۰۸۲",
            "২৮৭০৮২",
            "௨௮௭௦௮௨",
            "𝟐𝟖𝟕𝟎𝟖𝟐",
            "28७०82",
        ] {
            assert_eq!(step_of(&secret, same, 59), Some(1), "{same:?}");
        }
    }

    #[test]
    fn an_app_learns_site_and_name() {
        let uri = uri("ABC", "The Neem Tree", "आशा");
        assert!(uri.starts_with("otpauth://totp/The%20Neem%20Tree:%E0%A4%86"), "{uri}");
        assert!(uri.ends_with("?secret=ABC&issuer=The%20Neem%20Tree"), "{uri}");
    }
}
