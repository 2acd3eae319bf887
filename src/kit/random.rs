//! Randomness from the operating system, and what is kept of a secret: its SHA-256 only.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use sha2::{Digest, Sha256};

/// `N` random bytes.
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut buffer = [0; N];
    #[allow(clippy::expect_used, reason = "a system without randomness cannot keep any secret: better to stop")]
    getrandom::fill(&mut buffer).expect("the system gives random bytes");
    buffer
}

/// A secret of `length` random bytes (at most 64), safe in URLs and cookies.
pub fn token(length: usize) -> String {
    let buffer = bytes::<64>();
    BASE64.encode(&buffer[..length.min(buffer.len())])
}

/// What the database keeps of a token: a stolen backup logs nobody in.
pub fn token_hash(token: &str) -> String {
    BASE64.encode(Sha256::digest(token))
}
