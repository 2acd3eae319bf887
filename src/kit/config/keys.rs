//! The settings that exist: name, kind, default, and what one may write there.

use figment::value::Value;

/// How the text of a variable becomes a value. A site may be called `2024` and a password `true`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As it stands.
    Text,
    /// A whole number.
    Whole,
    /// `true` or `false`.
    Switch,
    /// `a, b` or `["a", "b"]`.
    List,
    /// Whatever figment makes of it: Rocket's own settings that take several kinds.
    Free,
}

/// One setting.
#[derive(Debug)]
pub struct Key {
    /// As in `Rocket.toml`, levels joined by dots.
    pub name: &'static str,
    /// How a variable's text is read.
    pub kind: Kind,
    /// The built-in default, in the form of a variable.
    pub default: Option<&'static str>,
    /// Completes "it wants …".
    pub wants: &'static str,
    /// Whether it is Rocket's own.
    pub rocket: bool,
}

const fn ours(name: &'static str, kind: Kind, default: Option<&'static str>, wants: &'static str) -> Key {
    Key { name, kind, default, wants, rocket: false }
}

const fn rocket(name: &'static str, kind: Kind, wants: &'static str) -> Key {
    Key { name, kind, default: None, wants, rocket: true }
}

const FILE: &str = "the name of a file";
const SIZE: &str = "a size such as \"256KiB\"";
const SECONDS: &str = "a whole number of seconds";
const TIMEOUT: &str = "a whole number of seconds from 1 to 3600";
const PER_PAGE: &str = "a whole number from 1 to 100";
const COUNT: &str = "a whole number above 0";
const SWITCH: &str = "true or false";
const RATE: &str = "a rate such as \"10/m\" (a count from 1 to 1000000, then s, m, h or d), or \"off\"";

/// Every setting, in the order of the manual.
pub const KEYS: &[Key] = &[
    ours("site_name", Kind::Text, Some("Chaupal"), "1 to 100 characters"),
    ours("site_url", Kind::Text, None, "an address such as \"https://chat.example.org\", without path or query"),
    ours("site.access", Kind::Text, Some("public"), "\"public\" or \"members\""),
    ours("data_dir", Kind::Text, Some("data"), "the name of a folder"),
    ours("secret_key", Kind::Text, None, "at least 32 characters"),
    ours(
        "database.url",
        Kind::Text,
        None,
        "\"sqlite://path/to/file.db\" or \"postgres://user:password@host/database\"",
    ),
    ours("database.pool_size", Kind::Whole, Some("10"), "a whole number from 1 to 200"),
    ours("accounts.registration", Kind::Text, Some("open"), "\"open\" or \"closed\""),
    ours("accounts.confirm_email", Kind::Switch, None, "true or false; true needs mail.backend"),
    ours("accounts.second_factor", Kind::Text, Some("optional"), "\"optional\" or \"staff\""),
    ours("accounts.session_days", Kind::Whole, Some("14"), "a whole number from 1 to 3650"),
    ours("mail.backend", Kind::Text, None, "\"console\" (with the profile debug alone), \"file\" or \"smtp\""),
    ours("mail.from", Kind::Text, None, "an e-mail address such as \"square@example.org\""),
    ours("mail.file_dir", Kind::Text, None, "the name of a folder"),
    ours("mail.smtp.host", Kind::Text, None, "the name of a mail server, which mail.backend = \"smtp\" needs"),
    ours("mail.smtp.port", Kind::Whole, None, "a whole number from 1 to 65535"),
    ours("mail.smtp.username", Kind::Text, None, "a name, together with mail.smtp.password"),
    ours("mail.smtp.password", Kind::Text, None, "a password, together with mail.smtp.username"),
    ours("mail.smtp.security", Kind::Text, Some("starttls"), "\"starttls\", \"tls\" or \"none\""),
    ours("mail.smtp.ca_file", Kind::Text, None, FILE),
    ours("media.backend", Kind::Text, Some("local"), "\"local\" or \"s3\""),
    ours("media.root", Kind::Text, None, "the name of a folder"),
    ours("media.max_bytes", Kind::Whole, Some("5242880"), "a whole number of bytes from 1024 to 104857600"),
    ours("media.max_pixels", Kind::Whole, Some("24000000"), "a whole number of pixels from 10000 to 200000000"),
    ours("media.s3.bucket", Kind::Text, None, "the name of a bucket, which media.backend = \"s3\" needs"),
    ours(
        "media.s3.region",
        Kind::Text,
        None,
        "a region of Amazon's such as \"eu-central-1\", or that of an own server such as \"garage\"",
    ),
    ours("media.s3.endpoint", Kind::Text, None, "an address such as \"https://s3.example.org\", without query"),
    ours("media.s3.access_key", Kind::Text, None, "the name of a key, which media.backend = \"s3\" needs"),
    ours("media.s3.secret_key", Kind::Text, None, "the key's secret, which media.backend = \"s3\" needs"),
    ours("media.s3.path_style", Kind::Switch, None, SWITCH),
    ours("media.s3.public_url", Kind::Text, None, "an address such as \"https://media.example.org\", without query"),
    ours("media.s3.prefix", Kind::Text, None, "a folder of small letters, digits, \"-\", \"_\", \".\" and \"/\""),
    ours("lobby.enabled", Kind::Switch, Some("false"), SWITCH),
    ours("proxy.trusted", Kind::List, Some(""), "a list of networks such as [\"127.0.0.1\", \"10.0.0.0/8\"]"),
    ours(
        "proxy.header",
        Kind::Text,
        Some("X-Forwarded-For"),
        "the name of a header that lists addresses, such as \"X-Forwarded-For\" or \"X-Real-IP\"",
    ),
    ours("throttle.login", Kind::Text, Some("10/m"), RATE),
    ours("throttle.code", Kind::Text, Some("10/h"), RATE),
    ours("throttle.register", Kind::Text, Some("30/h"), RATE),
    ours("throttle.post", Kind::Text, Some("60/m"), RATE),
    ours("throttle.reset", Kind::Text, Some("5/h"), RATE),
    ours("throttle.contact", Kind::Text, Some("10/h"), RATE),
    ours("throttle.upload", Kind::Text, Some("60/h"), RATE),
    ours("throttle.away", Kind::Text, Some("60/m"), RATE),
    ours("per_page.developers", Kind::Whole, Some("12"), PER_PAGE),
    ours("per_page.projects", Kind::Whole, Some("12"), PER_PAGE),
    ours("log.format", Kind::Text, Some("pretty"), "\"pretty\" or \"json\""),
    ours("metrics.address", Kind::Text, None, "an address with a port such as \"127.0.0.1:9100\""),
    ours("shutdown.drain_seconds", Kind::Whole, Some("5"), "a whole number of seconds from 0 to 300"),
    ours("connections.head_seconds", Kind::Whole, Some("10"), TIMEOUT),
    ours("connections.stall_seconds", Kind::Whole, Some("30"), TIMEOUT),
    ours("connections.idle_seconds", Kind::Whole, Some("60"), TIMEOUT),
    ours("connections.total", Kind::Whole, None, COUNT),
    ours("connections.per_address", Kind::Whole, None, COUNT),
    ours("connections.streams_total", Kind::Whole, None, COUNT),
    ours("connections.streams_per_address", Kind::Whole, None, COUNT),
    rocket("address", Kind::Text, "an IP address such as \"127.0.0.1\", \"0.0.0.0\" or \"::\""),
    rocket("port", Kind::Whole, "a whole number from 0 to 65535"),
    rocket("workers", Kind::Whole, COUNT),
    rocket("max_blocking", Kind::Whole, COUNT),
    rocket("ident", Kind::Free, "false, or the text of the header Server"),
    rocket("ip_header", Kind::Free, "false, or the name of a header"),
    rocket("keep_alive", Kind::Whole, SECONDS),
    rocket("limits.form", Kind::Free, SIZE),
    rocket("limits.data-form", Kind::Free, SIZE),
    rocket("limits.string", Kind::Free, SIZE),
    rocket("limits.bytes", Kind::Free, SIZE),
    rocket("limits.json", Kind::Free, SIZE),
    rocket("limits.msgpack", Kind::Free, SIZE),
    rocket("limits.file", Kind::Free, SIZE),
    rocket("tls.certs", Kind::Text, FILE),
    rocket("tls.key", Kind::Text, FILE),
    rocket("tls.ciphers", Kind::List, "a list of cipher suites"),
    rocket("tls.prefer_server_cipher_order", Kind::Switch, SWITCH),
    rocket("temp_dir", Kind::Text, "the name of a folder"),
    rocket("log_level", Kind::Text, "\"off\", \"critical\", \"normal\" or \"debug\""),
    rocket("cli_colors", Kind::Switch, SWITCH),
    rocket("shutdown.ctrlc", Kind::Switch, SWITCH),
    rocket("shutdown.signals", Kind::List, "a list of signals such as [\"term\", \"hup\"]"),
    rocket("shutdown.grace", Kind::Whole, SECONDS),
    rocket("shutdown.mercy", Kind::Whole, SECONDS),
    rocket("shutdown.force", Kind::Switch, SWITCH),
];

impl Key {
    /// Whether its value may hold a secret.
    pub fn is_secret(&self) -> bool {
        matches!(self.name, "secret_key" | "database.url" | "mail.smtp.password" | "media.s3.secret_key")
    }

    /// Reads a variable's text as this key wants it; `None` if it does not fit.
    pub fn parse(&self, text: &str) -> Option<Value> {
        Some(match self.kind {
            Kind::Text => text.into(),
            Kind::Whole => text.trim().parse::<i64>().ok()?.into(),
            Kind::Switch => match text.trim().to_ascii_lowercase().as_str() {
                "true" | "on" | "yes" | "1" => true.into(),
                "false" | "off" | "no" | "0" => false.into(),
                _ => return None,
            },
            Kind::List if text.trim_start().starts_with('[') => toml_like(text),
            Kind::List => text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>().into(),
            Kind::Free => toml_like(text),
        })
    }
}

/// Figment's own reading of a variable: numbers, `true`, lists and tables, else text.
pub fn toml_like(text: &str) -> Value {
    match text.parse() {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

/// The key of that name. A limit may name a kind of file too, as `limits.file/png`.
pub fn find(name: &str) -> Option<&'static Key> {
    let name = if name.starts_with("limits.file/") { "limits.file" } else { name };
    KEYS.iter().find(|key| key.name == name)
}

pub fn is_group(name: &str) -> bool {
    KEYS.iter().any(|key| key.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
}

/// The dotted name behind a variable's name without its prefix: `LIMITS__DATA_FORM` is
/// `limits.data-form`, for a shell knows no hyphens in names.
pub fn from_variable(name: &str) -> String {
    let dotted = name.to_ascii_lowercase().replace("__", ".");
    match KEYS.iter().find(|key| key.name.replace('-', "_") == dotted) {
        Some(key) => key.name.to_owned(),
        None => dotted,
    }
}

/// A dotted name as a variable's name, without a prefix.
pub fn variable_part(name: &str) -> String {
    name.replace('-', "_").replace('.', "__").to_ascii_uppercase()
}

/// The candidate most like `word`, if any is like it at all.
pub fn nearest<S: AsRef<str>>(word: &str, candidates: impl IntoIterator<Item = S>) -> Option<S> {
    candidates
        .into_iter()
        .map(|candidate| (likeness(word, candidate.as_ref()), candidate))
        .filter(|(score, _)| *score >= 0.6)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

/// Who writes `pool_size` means `database.pool_size`, so the last level alone counts almost as much.
fn likeness(word: &str, candidate: &str) -> f64 {
    let last = candidate.rsplit('.').next().unwrap_or(candidate);
    let whole = strsim::normalized_damerau_levenshtein(word, candidate);
    whole.max(0.9 * strsim::normalized_damerau_levenshtein(word, last))
}
