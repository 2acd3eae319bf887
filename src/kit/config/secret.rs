//! What must not be shown: the secret key and the password in a database's address.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde::Deserialize;
use sha2::Sha256;

use super::file::read_text;
use super::{Config, ConfigError, make_data_dir};

/// Text that does not print itself.
#[derive(Clone, Deserialize, PartialEq, Eq)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The text. Do not log it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// The key from which all others of the site are made.
///
/// Django: `SECRET_KEY`, and the `salt` of `django.core.signing`.
#[derive(Clone)]
pub struct SecretKey(Hmac<Sha256>);

impl SecretKey {
    fn new(text: &str) -> Result<Self, ConfigError> {
        // HMAC takes a key of any length, so this cannot fail; the type does not know it.
        Hmac::new_from_slice(text.as_bytes()).map(Self).map_err(|error| ConfigError::new(error.to_string()))
    }

    /// The key for one purpose, such as `"csrf"`. One tells nothing about another.
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        self.0.clone().chain_update(purpose.as_bytes()).finalize().into_bytes().into()
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(***)")
    }
}

/// The configured secret key, or the one in the data folder, which the first start makes.
///
/// # Errors
/// When the file cannot be written or read, or holds no key.
pub fn secret_key(config: &Config) -> Result<SecretKey, ConfigError> {
    if let Some(configured) = &config.secret_key {
        return SecretKey::new(configured.expose());
    }
    make_data_dir(config)?;
    let path = config.data_dir.join("secret_key");
    let failed = |what: &str, error: io::Error| {
        let file = path.display();
        ConfigError::new(format!(
            "cannot {what} the secret key in {file}: {error}; mend its permissions or set secret_key"
        ))
    };
    match create_private(&path) {
        Ok(mut file) => {
            let written = new_key().and_then(|text| {
                file.write_all(text.as_bytes())?;
                file.sync_all()?;
                Ok(text)
            });
            let text = written.map_err(|error| {
                // Half a key would stop every later start.
                _ = fs::remove_file(&path);
                failed("write", error)
            })?;
            SecretKey::new(text.trim_end())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let text = read_whole(&path).map_err(|error| failed("read", error))?;
            let text = text.trim_end();
            if text.chars().count() < 32 {
                let file = path.display();
                return Err(ConfigError::new(format!(
                    "{file} holds no secret key; remove it and a new one is made at the next start"
                )));
            }
            SecretKey::new(text)
        }
        Err(error) => Err(failed("write", error)),
    }
}

/// 32 random bytes in hexadecimal, and the line's end by which a reader knows that they are all there.
fn new_key() -> io::Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).chain([String::from("\n")]).collect())
}

/// A new file that nobody but its owner could read at any moment. Of several processes one makes it.
fn create_private(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// The file's text. Another process may be writing it this very moment: wait for it a little.
fn read_whole(path: &Path) -> io::Result<String> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    for _ in 0..100 {
        let text = read_text(path)?;
        if text.ends_with('\n') {
            return Ok(text);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    // A key that a person wrote there may lack the line's end.
    read_text(path)
}

/// A database's address without its password, which may stand before the `@` or among the parameters.
pub fn mask_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return "***".to_owned();
    };
    // The last `@` of all: a password that was not encoded may hold `@`, `/` and `?`.
    let rest = match rest.rsplit_once('@') {
        Some((person, place)) => match person.split_once(':') {
            Some((name, _)) => format!("{name}:***@{place}"),
            None => format!("{person}@{place}"),
        },
        None => rest.to_owned(),
    };
    let Some((place, parameters)) = rest.split_once('?') else {
        return format!("{scheme}://{rest}");
    };
    let masked: Vec<_> = parameters
        .split('&')
        .map(|parameter| match parameter.split_once('=') {
            Some((name, _)) if name.to_ascii_lowercase().contains("pass") => format!("{name}=***"),
            _ => parameter.to_owned(),
        })
        .collect();
    format!("{scheme}://{place}?{}", masked.join("&"))
}
