//! Settings: one typed [`Config`] out of many layers, each value with the place that it came from.
//!
//! Lowest first: built-in defaults, the embedded `Rocket.toml`, the one on disk, `DATABASE_URL`,
//! `ROCKET_…` for Rocket's own settings, `CHAUPAL_…`, flags. A setting that nobody knows is an
//! error in every layer, for a misspelt one would otherwise leave a door open without a word.
//!
//! Django: `settings.py`.

mod data_dir;
mod environment;
mod file;
mod keys;
mod layers;
mod load;
mod secret;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use figment::Figment;
use figment::value::Value;
use ipnet::IpNet;
use serde::{Deserialize, Deserializer};

use crate::kit::throttle::Rates;

pub use data_dir::{Exposed, close_data_dir, exposed, make_data_dir};
pub use file::read_text;
pub use keys::nearest;
pub use load::load;
pub use secret::{Secret, SecretKey, mask_url, secret_key};

/// Every setting of the site.
#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    /// Where the server listens.
    pub address: IpAddr,
    /// The port on which it listens.
    pub port: u16,
    /// The site's name, as its pages show it.
    pub site_name: String,
    /// Whether configuration names the site; a name kept in the database counts only if not.
    #[serde(skip)]
    pub site_name_is_set: bool,
    /// The site's address as browsers know it: scheme, host and port, no slash at its end.
    pub site_url: String,
    /// Who may read.
    pub site: Site,
    /// The folder of everything that the site keeps on disk, relative to the working directory.
    pub data_dir: PathBuf,
    /// The configured key; [`secret_key`] tells the effective one.
    #[serde(default)]
    pub secret_key: Option<Secret>,
    /// Where the rows are.
    pub database: Database,
    /// People's accounts.
    pub accounts: Accounts,
    /// Pictures that people bring.
    pub media: Media,
    /// Letters to people.
    #[serde(default)]
    pub mail: Mail,
    /// Chat rooms by name.
    pub lobby: Lobby,
    /// The proxies in front of the server.
    pub proxy: Proxy,
    /// How often one may log in, register and post.
    pub throttle: Rates,
    /// How much stands on one page of a list.
    pub per_page: PerPage,
    /// The log.
    pub log: Log,
    /// Figures for Prometheus.
    #[serde(default)]
    pub metrics: Metrics,
    /// Limits of client connections.
    pub connections: Connections,
    /// How the server stops.
    pub shutdown: Shutdown,
    /// The chosen profile: `debug`, `release` or one of the operator's own.
    #[serde(skip)]
    pub profile: String,
}

/// `per_page.*`: how much stands on one page of a list.
///
/// Django: `Paginator(profiles, 3)`
#[derive(Clone, Debug, Deserialize)]
pub struct PerPage {
    /// Of `/developers`.
    pub developers: u32,
    /// Of `/projects`.
    pub projects: u32,
}

/// `site.*`
#[derive(Clone, Debug, Deserialize)]
pub struct Site {
    /// Who may read.
    pub access: Access,
    /// Whether configuration sets it; a choice kept in the database counts only if not.
    #[serde(skip)]
    pub access_is_set: bool,
}

/// Who may read the site.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Everybody.
    Public,
    /// Those who are logged in.
    Members,
}

/// `database.*`
#[derive(Clone, Deserialize)]
pub struct Database {
    /// `sqlite://path`, `postgres://…` or `postgresql://…`, password and all.
    pub url: String,
    /// The most connections at once.
    pub pool_size: u32,
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("url", &mask_url(&self.url)).field("pool_size", &self.pool_size).finish()
    }
}

/// `accounts.*`
#[derive(Clone, Debug, Deserialize)]
pub struct Accounts {
    /// Whether strangers may make an account.
    pub registration: Registration,
    /// Whether an account is made only after a word from its e-mail address; where nothing is set, [`load()`] does by the
    /// way that mail goes.
    #[serde(default)]
    pub confirm_email: Option<bool>,
    /// Who must give a code of an app besides the password.
    #[serde(default)]
    pub second_factor: SecondFactor,
    /// How many days a session lives.
    pub session_days: u32,
}

/// Who must give a code of an app besides the password.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum SecondFactor {
    /// Who has chosen so.
    #[default]
    Optional,
    /// The staff, too.
    Staff,
}

impl Accounts {
    /// Whether the staff must have a second factor.
    pub fn staff_needs_code(&self) -> bool {
        self.second_factor == SecondFactor::Staff
    }

    /// Whether an account is made only after a word from its e-mail address.
    pub fn confirms_email(&self) -> bool {
        self.confirm_email == Some(true)
    }
}

/// Whether strangers may make an account.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Registration {
    /// They may.
    Open,
    /// They may not.
    Closed,
}

/// `media.*`
///
/// Django: `MEDIA_ROOT`, `MEDIA_URL`, `STORAGES`
#[derive(Clone, Debug, Deserialize)]
pub struct Media {
    /// Where they are kept.
    pub backend: MediaBackend,
    /// The folder of [`MediaBackend::Local`].
    #[serde(default)]
    pub root: PathBuf,
    /// The largest file that one may bring, in bytes.
    pub max_bytes: u64,
    /// The largest picture that one may bring, in pixels.
    pub max_pixels: u64,
    /// The bucket of [`MediaBackend::S3`].
    #[serde(default)]
    pub s3: MediaS3,
}

impl Media {
    /// What stands before the name of an object in its address for browsers.
    pub fn base_url(&self) -> String {
        match (&self.backend, &self.s3.public_url) {
            (MediaBackend::S3, Some(url)) => match self.s3.prefix.trim_matches('/') {
                "" => format!("{url}/"),
                prefix => format!("{url}/{prefix}/"),
            },
            _ => "/media/".to_owned(),
        }
    }

    /// The other host from which browsers fetch pictures, if they do.
    pub fn foreign_origin(&self) -> Option<String> {
        let base = self.base_url();
        let (scheme, rest) = base.split_once("://")?;
        Some(format!("{scheme}://{}", rest.split('/').next()?))
    }
}

/// Where media are kept.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum MediaBackend {
    /// In a folder.
    Local,
    /// In a bucket of an S3 server.
    S3,
}

/// `media.s3.*`
#[derive(Clone, Debug, Default, Deserialize)]
pub struct MediaS3 {
    /// The bucket's name.
    #[serde(default)]
    pub bucket: String,
    /// Where it is; see [`MediaS3::region`].
    #[serde(default)]
    pub region: Option<String>,
    /// The address of a server other than Amazon's.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// Who asks.
    #[serde(default)]
    pub access_key: String,
    /// What proves it.
    #[serde(default)]
    pub secret_key: Option<Secret>,
    /// Whether the bucket stands in the path of an address, not before its host; see [`MediaS3::path_style`].
    #[serde(default)]
    pub path_style: Option<bool>,
    /// Where browsers find the bucket's objects; by the site itself unless set.
    #[serde(default)]
    pub public_url: Option<String>,
    /// A folder in the bucket.
    #[serde(default)]
    pub prefix: String,
}

impl MediaS3 {
    /// The configured region, or the one that most servers call themselves.
    pub fn region(&self) -> &str {
        self.region.as_deref().unwrap_or("us-east-1")
    }

    /// As configured; else so for every server but Amazon's, since few have a name for each bucket.
    pub fn path_style(&self) -> bool {
        self.path_style.unwrap_or(self.endpoint.is_some())
    }
}

/// `mail.*`
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Mail {
    /// How mail leaves the site; none: it does not, and the pages that need it say so.
    #[serde(default)]
    pub backend: Option<MailBackend>,
    /// The sender's address.
    #[serde(default)]
    pub from: String,
    /// The folder of [`MailBackend::File`].
    #[serde(default)]
    pub file_dir: PathBuf,
    /// The server of [`MailBackend::Smtp`].
    #[serde(default)]
    pub smtp: Smtp,
}

/// How mail leaves the site.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum MailBackend {
    /// It is written to the log, secrets and all.
    Console,
    /// Each is a file in a folder.
    File,
    /// It goes to a mail server.
    Smtp,
}

/// `mail.smtp.*`
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Smtp {
    /// The server's name.
    #[serde(default)]
    pub host: String,
    /// Its port; the usual one of [`Smtp::security`] unless set.
    #[serde(default)]
    pub port: Option<u16>,
    /// Whom to log in as; nobody unless set.
    #[serde(default)]
    pub username: Option<String>,
    /// His password.
    #[serde(default)]
    pub password: Option<Secret>,
    /// How the connection is kept from others.
    #[serde(default)]
    pub security: SmtpSecurity,
    /// A file of certificates to trust besides the usual ones.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
}

impl Smtp {
    /// The server's name or address, without the brackets that an IPv6 address may have as in a URL.
    pub fn host(&self) -> &str {
        let host = self.host.as_str();
        host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host)
    }

    /// The configured port, or the usual one.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.security {
            SmtpSecurity::Starttls => 587,
            SmtpSecurity::Tls => 465,
            SmtpSecurity::None => 25,
        })
    }
}

/// How the connection to a mail server is kept from others.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum SmtpSecurity {
    /// It begins in the open and must turn to TLS before anything is said.
    #[default]
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// Not at all: for a server on the same machine.
    None,
}

/// `lobby.*`
#[derive(Clone, Debug, Deserialize)]
pub struct Lobby {
    /// Whether there are chat rooms by name, where guests without an account may write.
    pub enabled: bool,
}

/// `proxy.*`
#[derive(Clone, Debug, Deserialize)]
pub struct Proxy {
    /// The networks whose header is believed.
    #[serde(deserialize_with = "networks")]
    pub trusted: Vec<IpNet>,
    /// The header in which they tell the client's address.
    pub header: String,
}

/// `log.*`
#[derive(Clone, Debug, Deserialize)]
pub struct Log {
    /// For people or for programs.
    pub format: LogFormat,
}

/// What a line of the log looks like.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// A line that people read.
    Pretty,
    /// An object that programs read.
    Json,
}

/// `metrics.*`
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Metrics {
    /// Where they are served; nowhere unless set, for they are nobody's business outside.
    #[serde(default)]
    pub address: Option<SocketAddr>,
}

/// `connections.*`: how long a client may keep the server waiting, and how many may be connected.
#[derive(Clone, Debug, Deserialize)]
pub struct Connections {
    /// Time for a complete request head.
    head_seconds: u32,
    /// Time without progress in a request body or a response.
    stall_seconds: u32,
    /// Time without a request.
    idle_seconds: u32,
    /// Maximum number of connections; unless set, it follows from the number of descriptors.
    #[serde(default)]
    pub total: Option<usize>,
    /// Maximum number of connections of one client address.
    #[serde(default)]
    pub per_address: Option<usize>,
    /// Maximum number of live streams.
    #[serde(default)]
    pub streams_total: Option<usize>,
    /// Maximum number of live streams of one client address.
    #[serde(default)]
    pub streams_per_address: Option<usize>,
}

impl Connections {
    /// Time for a complete request head.
    pub fn head(&self) -> Duration {
        Duration::from_secs(self.head_seconds.into())
    }

    /// Time without progress in a request body or a response.
    pub fn stall(&self) -> Duration {
        Duration::from_secs(self.stall_seconds.into())
    }

    /// Time without a request.
    pub fn idle(&self) -> Duration {
        Duration::from_secs(self.idle_seconds.into())
    }

    /// Returns, for each key, whether its value is within its bounds.
    fn bounds(&self) -> [(&'static str, bool); 7] {
        let seconds = |seconds| (1..=3600).contains(&seconds);
        let count = |count: Option<usize>| count != Some(0);
        [
            ("connections.head_seconds", seconds(self.head_seconds)),
            ("connections.stall_seconds", seconds(self.stall_seconds)),
            ("connections.idle_seconds", seconds(self.idle_seconds)),
            ("connections.total", count(self.total)),
            ("connections.per_address", count(self.per_address)),
            ("connections.streams_total", count(self.streams_total)),
            ("connections.streams_per_address", count(self.streams_per_address)),
        ]
    }
}

/// `shutdown.*`, as far as it is ours; Rocket reads its own keys itself.
#[derive(Clone, Debug, Deserialize)]
pub struct Shutdown {
    /// So long the server goes on serving after it was told to stop, while it says that it is not
    /// ready any more: time for a load balancer to look away. In seconds.
    pub drain_seconds: u64,
}

impl Config {
    /// Whether browsers reach the site by https, so that cookies may insist on it.
    pub fn is_https(&self) -> bool {
        self.site_url.starts_with("https://")
    }

    /// Whether the profile `debug` is chosen.
    pub fn is_debug(&self) -> bool {
        self.profile == "debug"
    }
}

/// What the command line says about where settings come from.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// `--config`: this file, which must exist, in place of a `Rocket.toml` that need not.
    pub config_file: Option<PathBuf>,
    /// `--profile`, before `ROCKET_PROFILE`.
    pub profile: Option<String>,
    /// Flags that set a key, such as `("port", 5000.into())`. They win over everything.
    pub overrides: Vec<(String, Value)>,
}

/// What [`load()`] found.
#[derive(Debug)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// Rocket's own settings, for `rocket::custom`.
    pub figment: Figment,
    /// Every effective setting in the order of the manual, for `config show`.
    pub entries: Vec<Entry>,
}

impl Loaded {
    /// Whether somebody set this key; defaults do not count.
    pub fn is_set(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key && entry.source != "default")
    }
}

/// One line of `config show`. Secrets are masked in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key, as `database.url`.
    pub key: String,
    /// Its value, without what must not be shown.
    pub value: String,
    /// The layer that it came from: `default`, a file, a variable, `command line`.
    pub source: String,
    /// Whether something of the value is masked or may be.
    pub secret: bool,
}

/// What is wrong with the settings, in one line that says what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

impl ConfigError {
    /// A line break in a value or in a parser's message would make two lines of one.
    fn new(line: impl AsRef<str>) -> Self {
        Self(line.as_ref().split(['\n', '\r']).collect::<Vec<_>>().join("; "))
    }
}

/// Networks, in which a lone address is a network of one.
fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    Vec::<String>::deserialize(deserializer)?
        .iter()
        .map(|text| text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).map_err(serde::de::Error::custom))
        .collect()
}
