//! From the layers to a checked [`Config`], or to one line that says what is wrong.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use figment::value::Value;
use figment::{Figment, Profile};
use rocket::http::uri::Absolute;
use url::Url;

use super::environment::{self, Environment};
use super::keys::{self, Key};
use super::layers::{self, Layer};
use super::{Config, ConfigError, Entry, Loaded, MailBackend, MediaBackend, Sources, mask_url};
use crate::kit::mail::is_address;
use crate::kit::storage::{self, Name};

/// Reads every layer, checks all, and says what is effective.
///
/// # Errors
/// One line: a broken or missing file, an unknown setting, variable or profile, a value that does not fit.
pub fn load(sources: &Sources) -> Result<Loaded, ConfigError> {
    load_from(sources, &environment::of_process()?, Path::new(""))
}

/// [`load`] with an environment and a working directory of one's own.
pub(super) fn load_from(sources: &Sources, env: &Environment, folder: &Path) -> Result<Loaded, ConfigError> {
    let env = &environment::without_empty(env);
    let asked = sources.config_file.as_deref().or(env.get("ROCKET_CONFIG").map(Path::new));
    let mut layers = vec![layers::defaults()?, layers::built_in()?];
    layers.extend(layers::on_disk(asked, folder)?);
    let profile = choose_profile(sources, env, &layers)?;
    layers.extend(environment::layers(env, folder)?);
    for (key, value) in &sources.overrides {
        let layer = Layer::of("command line", key, value.clone());
        layer.check_names()?;
        layers.push(layer);
    }

    let rocket = stack(layers.iter().cloned().map(Layer::only_rocket), &profile);
    rocket::Config::try_from(&rocket).map_err(|error| explain(&rocket, error))?;
    let figment = with_computed_defaults(stack(layers, &profile));
    let mut config: Config = figment.extract().map_err(|error| explain(&figment, error))?;
    check(&figment, &mut config)?;
    config.profile = profile.as_str().as_str().to_lowercase();
    check_mail(&figment, &mut config)?;
    check_media(&figment, &mut config)?;
    config.site_name_is_set = is_set(&figment, "site_name");
    config.site.access_is_set = is_set(&figment, "site.access");
    let entries = entries(&figment, &config);
    Ok(Loaded { config, figment: rocket, entries })
}

/// The profile that was asked for, if a file knows it.
fn choose_profile(sources: &Sources, env: &Environment, layers: &[Layer]) -> Result<Profile, ConfigError> {
    let (asked, source) = match (&sources.profile, env.get("ROCKET_PROFILE")) {
        (Some(flag), _) => (flag.as_str(), "--profile"),
        (None, Some(variable)) => (variable.as_str(), "ROCKET_PROFILE"),
        (None, None) if cfg!(debug_assertions) => ("debug", "default"),
        (None, None) => ("release", "default"),
    };
    let profile = Profile::from(asked);
    let known: Vec<String> = layers
        .iter()
        .flat_map(|layer| layer.profiles.keys())
        .filter(|known| **known != Profile::Global)
        .map(|known| known.as_str().as_str().to_lowercase())
        .collect();
    if known.contains(&asked.to_lowercase()) {
        return Ok(profile);
    }
    let advice = match keys::nearest(&asked.to_lowercase(), &known) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("a section [{asked}] in Rocket.toml would make it"),
    };
    Err(ConfigError::new(format!("unknown profile \"{asked}\" ({source}); {advice}")))
}

fn stack(layers: impl IntoIterator<Item = Layer>, profile: &Profile) -> Figment {
    layers.into_iter().fold(Figment::new(), Figment::merge).select(profile.clone())
}

/// The defaults that follow from other settings. What is missing or wrong there, `extract` tells.
fn with_computed_defaults(figment: Figment) -> Figment {
    let mut figment = figment;
    let address = figment.extract_inner::<IpAddr>("address");
    if let (Ok(address), Ok(port)) = (address, figment.extract_inner::<u16>("port")) {
        let scheme = if figment.contains("tls.certs") { "https" } else { "http" };
        let url = format!("{scheme}://{}", SocketAddr::new(address, port));
        figment = figment.join(Layer::default_of("site_url", url.into()));
    }
    if let Ok(folder) = figment.extract_inner::<PathBuf>("data_dir") {
        let url = format!("sqlite://{}", folder.join("chaupal.db").display());
        figment = figment.join(Layer::default_of("database.url", url.into()));
        figment = figment.join(Layer::default_of("media.root", folder.join("media").display().to_string().into()));
        figment = figment.join(Layer::default_of("mail.file_dir", folder.join("mail").display().to_string().into()));
    }
    figment
}

/// What types cannot tell.
fn check(figment: &Figment, config: &mut Config) -> Result<(), ConfigError> {
    let fits = |key, good| if good { Ok(()) } else { Err(bad(figment, key)) };
    fits("site_name", (1..=100).contains(&config.site_name.chars().count()) && is_plain(&config.site_name))?;
    config.site_url = site_url(&config.site_url).ok_or_else(|| bad(figment, "site_url"))?;
    fits("data_dir", !config.data_dir.as_os_str().is_empty())?;
    fits("secret_key", config.secret_key.as_ref().is_none_or(|key| key.expose().chars().count() >= 32))?;
    // Tokio panics without a thread.
    for key in ["workers", "max_blocking"] {
        fits(key, figment.extract_inner(key).is_ok_and(|threads: usize| threads > 0))?;
    }
    fits("database.url", is_database_url(&config.database.url))?;
    fits("database.pool_size", (1..=200).contains(&config.database.pool_size))?;
    fits("accounts.session_days", (1..=3650).contains(&config.accounts.session_days))?;
    fits("per_page.developers", (1..=100).contains(&config.per_page.developers))?;
    fits("per_page.projects", (1..=100).contains(&config.per_page.projects))?;
    fits("shutdown.drain_seconds", config.shutdown.drain_seconds <= 300)?;
    for (key, good) in config.connections.bounds() {
        fits(key, good)?;
    }
    fits("proxy.header", is_address_header(&config.proxy.header))
}

/// Mail that could not go out is found out now and not when somebody waits for it.
fn check_mail(figment: &Figment, config: &mut Config) -> Result<(), ConfigError> {
    let is_debug = config.is_debug();
    // Where letters reach people, an address that is somebody else's must not make an account.
    let by_smtp = config.mail.backend == Some(MailBackend::Smtp);
    let confirms = *config.accounts.confirm_email.get_or_insert(by_smtp);
    let mail = &mut config.mail;
    if mail.from.is_empty() {
        mail.from = default_sender(&config.site_url);
    }
    let fits = |key, good| if good { Ok(()) } else { Err(bad(figment, key)) };
    fits("mail.from", is_address(&mail.from))?;
    // Its letters let people in, and logs are read by many.
    fits("mail.backend", is_debug || mail.backend != Some(MailBackend::Console))?;
    fits("mail.smtp.port", mail.smtp.port != Some(0))?;
    fits("mail.smtp.username", mail.smtp.password.is_none() || mail.smtp.username.is_some())?;
    fits("mail.smtp.password", mail.smtp.username.is_none() || mail.smtp.password.is_some())?;
    fits("accounts.confirm_email", !confirms || mail.backend.is_some())?;
    fits("mail.smtp.host", mail.backend != Some(MailBackend::Smtp) || is_plain(&mail.smtp.host))
}

/// A bucket that cannot be asked is found out now and not when somebody brings a picture.
fn check_media(figment: &Figment, config: &mut Config) -> Result<(), ConfigError> {
    let fits = |key, good| if good { Ok(()) } else { Err(bad(figment, key)) };
    let media = &mut config.media;
    fits("media.root", !media.root.as_os_str().is_empty())?;
    fits("media.max_bytes", (1024..=100 << 20).contains(&media.max_bytes))?;
    fits("media.max_pixels", (10_000..=200_000_000).contains(&media.max_pixels))?;
    if let Some(endpoint) = &media.s3.endpoint {
        media.s3.endpoint = Some(public_url(endpoint).ok_or_else(|| bad(figment, "media.s3.endpoint"))?);
    }
    if let Some(url) = &media.s3.public_url {
        media.s3.public_url = Some(public_url(url).ok_or_else(|| bad(figment, "media.s3.public_url"))?);
    }
    let prefix = media.s3.prefix.trim_matches('/');
    fits("media.s3.prefix", prefix.is_empty() || Name::new(prefix).is_some())?;
    let is_s3 = media.backend == MediaBackend::S3;
    fits("media.s3.bucket", !is_s3 || is_bucket(&media.s3.bucket))?;
    fits("media.s3.access_key", !is_s3 || is_plain(&media.s3.access_key))?;
    fits("media.s3.secret_key", !is_s3 || media.s3.secret_key.is_some())?;
    if is_s3 { storage::check_region(&media.s3).map_err(ConfigError::new) } else { Ok(()) }
}

/// As Amazon names buckets; other servers are no stricter.
fn is_bucket(name: &str) -> bool {
    let is_fine = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.');
    (3..=63).contains(&name.len()) && name.bytes().all(is_fine) && !name.starts_with(['-', '.'])
}

/// An address of http or https that may have a path; without a slash at its end.
fn public_url(text: &str) -> Option<String> {
    let url = Absolute::parse(text).ok()?;
    let is_fine = matches!(url.scheme(), "http" | "https")
        && url.query().is_none()
        && url.authority().is_some_and(|authority| authority.user_info().is_none() && !authority.host().is_empty());
    is_fine.then(|| text.trim_end_matches('/').to_owned())
}

/// `noreply@` the site's own host; an address of numbers is no domain.
fn default_sender(site_url: &str) -> String {
    let host = site_url.split("://").nth(1).unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    let is_name = host.contains(char::is_alphabetic) && !host.contains(['[', ':']);
    format!("noreply@{}", if is_name { host } else { "localhost" })
}

/// One line of text that is not blank.
fn is_plain(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains(char::is_control)
}

/// The address as browsers write it in `Origin`: lower case, the letters of all scripts in Punycode, no slash, no port that
/// goes without saying.
fn site_url(text: &str) -> Option<String> {
    // Browsers mend what is not quite an address; here it would be a slip.
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '\\' | '@')) || !text.contains("://")
    {
        return None;
    }
    let url = Url::parse(text).ok()?;
    let is_bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    let is_fine = matches!(url.scheme(), "http" | "https") && is_bare && url.has_host();
    is_fine.then(|| url.origin().ascii_serialization())
}

/// A file, or a server whose address libpq can at least take apart.
fn is_database_url(url: &str) -> bool {
    if url.contains(char::is_control) {
        return false;
    }
    match url.split_once("://") {
        // Every connection to :memory: would be a database of its own.
        Some(("sqlite", path)) => !path.is_empty() && path != ":memory:",
        Some(("postgres" | "postgresql", server)) => !server.is_empty() && !server.contains(char::is_whitespace),
        _ => false,
    }
}

/// The name of a header; not `Forwarded`, which has a syntax of its own.
fn is_address_header(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
        && !name.eq_ignore_ascii_case("forwarded")
}

/// Our own words for figment's error: the key's table knows what is wanted.
fn explain(figment: &Figment, error: figment::Error) -> ConfigError {
    let mut path = error.path.clone();
    while !path.is_empty() {
        let name = path.join(".");
        if keys::find(&name).is_some() {
            return bad(figment, &name);
        }
        path.pop();
    }
    ConfigError::new(format!("the settings do not fit: {error}"))
}

/// The value of `name` is not what its key wants.
fn bad(figment: &Figment, name: &str) -> ConfigError {
    match (keys::find(name), figment.find_value(name)) {
        (Some(key), Ok(value)) => layers::bad_value(key, name, &source(figment, name), &value),
        _ => ConfigError::new(format!("setting \"{name}\" is missing")),
    }
}

fn source(figment: &Figment, name: &str) -> String {
    figment.find_metadata(name).map_or_else(|| layers::DEFAULT.to_owned(), |metadata| metadata.name.to_string())
}

fn is_set(figment: &Figment, name: &str) -> bool {
    source(figment, name) != layers::DEFAULT
}

fn entries(figment: &Figment, config: &Config) -> Vec<Entry> {
    let of = |key: &Key| {
        let value = match (key.name, figment.find_value(key.name).ok()) {
            ("site_url", _) => config.site_url.clone(),
            ("secret_key", None) => "(made and kept in the data folder)".to_owned(),
            ("secret_key" | "mail.smtp.password" | "media.s3.secret_key", Some(_)) => "***".to_owned(),
            ("mail.from", None) => config.mail.from.clone(),
            ("accounts.confirm_email", None) => config.accounts.confirms_email().to_string(),
            (_, None | Some(Value::Empty(_, _))) => return None,
            ("database.url", Some(Value::String(_, url))) => mask_url(&url),
            // The key itself may stand there in place of a file's name.
            ("tls.key", Some(Value::Array(_, _))) => "***".to_owned(),
            (_, Some(Value::String(_, text))) => text,
            (_, Some(value)) => layers::quoted(&value),
        };
        Some(Entry { key: key.name.to_owned(), value, source: source(figment, key.name), secret: key.is_secret() })
    };
    keys::KEYS.iter().filter_map(of).collect()
}
