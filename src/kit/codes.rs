//! Codes of authenticator apps and recovery codes, as they are typed.

use unicode_normalization::UnicodeNormalization;

use crate::kit::db::is_unseen;

/// The zeros of the scripts that have digits of their own; the other nine follow each. Full-width and mathematical digits
/// are compatible forms of ASCII's (NFKC).
const ZEROS: [u32; 67] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50, 0xed0, 0xf20,
    0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0,
    0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0x104a0, 0x10d30, 0x10d40, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0,
    0x11450, 0x114d0, 0x11650, 0x116c0, 0x116d0, 0x116da, 0x11730, 0x118e0, 0x11950, 0x11bf0, 0x11c50, 0x11d50,
    0x11da0, 0x11f50, 0x16130, 0x16a60, 0x16ac0, 0x16b50, 0x16d70, 0x1e140, 0x1e2f0, 0x1e4f0, 0x1e5f1, 0x1e950,
];

/// Returns a code without the spaces and hyphens that apps show in it, in ASCII digits and small letters, whatever digits
/// it was typed in. Everything else stays, and makes it wrong.
pub fn normalize_code(typed: &str) -> String {
    let dashes = ['-', '\u{2212}', '\u{2043}'];
    let is_gap = |sign: char| {
        sign.is_whitespace() || is_unseen(sign) || ('\u{2010}'..='\u{2015}').contains(&sign) || dashes.contains(&sign)
    };
    typed
        .nfkc()
        .filter(|sign| !is_gap(*sign))
        .map(|sign| ascii_digit(sign).unwrap_or(sign.to_ascii_lowercase()))
        .collect()
}

/// Returns the ASCII digit of the same value.
fn ascii_digit(sign: char) -> Option<char> {
    let sign = u32::from(sign);
    let zero = ZEROS.iter().rfind(|zero| **zero <= sign)?;
    char::from_digit(sign - zero, 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_every_script_have_their_value() {
        for zero in ZEROS {
            for value in 0..10 {
                let sign = char::from_u32(zero + value).unwrap();
                assert!(sign.is_numeric(), "{sign:?}");
                assert_eq!(ascii_digit(sign), char::from_digit(value, 10), "{sign:?}");
            }
        }
        assert!(ZEROS.is_sorted());
    }
}
