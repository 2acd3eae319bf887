//! Small files that settings name.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Largest file of settings, secrets or certificates.
const MAX_BYTES: u64 = 1 << 20;

/// Reads a text file. A device, a pipe or a huge file would be read for ever.
///
/// # Errors
/// Not a file, more than 1 MB, not UTF-8, or the system's reason.
pub fn read_text(path: &Path) -> io::Result<String> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut text = String::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 1 MB"));
    }
    Ok(text)
}
