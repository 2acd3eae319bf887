//! Where settings come from: each file and each variable becomes one [`Layer`],
//! and names that nobody knows are refused.

use std::path::{Path, PathBuf};

use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Metadata, Profile, Provider};

use super::ConfigError;
use super::file::read_text;
use super::keys::{self, KEYS, Key};

/// Where a value comes from that nobody set.
pub const DEFAULT: &str = "default";

/// What the embedded file is called when something is said of it.
const BUILT_IN: &str = "built-in Rocket.toml";

/// Some settings and the one place that they come from.
#[derive(Clone, Debug)]
pub struct Layer {
    /// The place, as people are told of it.
    pub name: String,
    /// The file, against whose folder Rocket resolves the paths in `tls`.
    file: Option<PathBuf>,
    /// The settings by profile.
    pub profiles: Map<Profile, Dict>,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        match &self.file {
            Some(file) => Metadata::from(self.name.clone(), file.as_path()),
            None => Metadata::named(self.name.clone()),
        }
    }

    fn data(&self) -> figment::Result<Map<Profile, Dict>> {
        Ok(self.profiles.clone())
    }
}

impl Layer {
    /// One value for every profile, above all that stands in files.
    pub fn of(source: &str, key: &str, value: Value) -> Self {
        Self::in_profile(source, Profile::Global, nest(key, value))
    }

    /// A default that follows from other settings: it goes below all layers.
    pub fn default_of(key: &str, value: Value) -> Self {
        Self::in_profile(DEFAULT, Profile::Default, nest(key, value))
    }

    fn in_profile(source: &str, profile: Profile, dict: Dict) -> Self {
        Self { name: source.to_owned(), file: None, profiles: Map::from([(profile, dict)]) }
    }

    /// Refuses a name that is no setting, in any profile.
    pub fn check_names(&self) -> Result<(), ConfigError> {
        self.profiles.values().try_for_each(|dict| check_names(dict, "", &self.name))
    }

    /// What of it is Rocket's own, so that a secret of ours never travels further than it must.
    pub fn only_rocket(mut self) -> Self {
        for dict in self.profiles.values_mut() {
            dict.retain(|name, _| KEYS.iter().any(|key| key.rocket && key.name.split('.').next() == Some(name)));
        }
        self
    }
}

/// The built-in defaults: Rocket's and ours.
pub fn defaults() -> Result<Layer, ConfigError> {
    let rocket = rocket::Config::default().data().map_err(|error| ConfigError::new(error.to_string()))?;
    let mut dict = rocket.into_values().next().unwrap_or_default();
    for key in KEYS {
        if let Some(value) = key.default.and_then(|text| key.parse(text)) {
            insert(&mut dict, key.name, value);
        }
    }
    Ok(Layer::in_profile(DEFAULT, Profile::Default, dict))
}

/// The embedded `Rocket.toml`.
pub fn built_in() -> Result<Layer, ConfigError> {
    parse(include_str!("../../../Rocket.toml"), BUILT_IN, None)
}

/// The file on disk: the one that was asked for, or a `Rocket.toml` in the folder if there is one.
pub fn on_disk(asked: Option<&Path>, folder: &Path) -> Result<Option<Layer>, ConfigError> {
    let path = asked.map_or_else(|| folder.join("Rocket.toml"), |file| folder.join(file));
    let shown = asked.unwrap_or(Path::new("Rocket.toml")).display().to_string();
    match read_text(&path) {
        Ok(text) => parse(&text, &shown, Some(path)).map(Some),
        Err(error) if asked.is_none() && error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(ConfigError::new(format!("cannot read the settings in {shown}: {error}"))),
    }
}

fn parse(text: &str, source: &str, file: Option<PathBuf>) -> Result<Layer, ConfigError> {
    let sections: Dict = Toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start).min(text.len());
        let line = text.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
        ConfigError::new(format!("{source}, line {line}: {}", error.message()))
    })?;
    let mut profiles = Map::new();
    for (name, section) in sections {
        let known = keys::find(&name).is_some() || keys::is_group(&name);
        match section {
            Value::Dict(_, _) if known => {
                return Err(ConfigError::new(format!(
                    "section [{name}] in {source} belongs to no profile: write [default.{name}]"
                )));
            }
            Value::Dict(_, dict) => {
                check_section(&name, source)?;
                profiles.insert(Profile::from(name), dict);
            }
            _ if known => {
                return Err(ConfigError::new(format!(
                    "setting \"{name}\" in {source} stands outside a section: put it below the line [default]"
                )));
            }
            _ => return Err(unknown(&name, source)),
        }
    }
    let layer = Layer { name: source.to_owned(), file, profiles };
    layer.check_names()?;
    Ok(layer)
}

/// An operator may name profiles of his own, but `[relase]` is a slip that would go unnoticed.
fn check_section(name: &str, source: &str) -> Result<(), ConfigError> {
    let shipped = ["default", "global", "debug", "release"];
    let lower = name.to_lowercase();
    if shipped.contains(&lower.as_str()) {
        return Ok(());
    }
    match shipped.iter().find(|known| strsim::damerau_levenshtein(&lower, known) <= 2) {
        Some(near) if !lower.starts_with(near) => {
            Err(ConfigError::new(format!("unknown profile [{name}] in {source}; did you mean [{near}]?")))
        }
        _ => Ok(()),
    }
}

/// Looks at every depth.
fn check_names(dict: &Dict, above: &str, source: &str) -> Result<(), ConfigError> {
    for (name, value) in dict {
        let full = if above.is_empty() { name.clone() } else { format!("{above}.{name}") };
        if keys::find(&full).is_some() {
            continue;
        }
        match value {
            Value::Dict(_, inner) if keys::is_group(&full) => check_names(inner, &full, source)?,
            _ if keys::is_group(&full) => {
                let first = KEYS.iter().find(|key| key.name.starts_with(&format!("{full}.")));
                return Err(ConfigError::new(format!(
                    "setting \"{full}\" in {source} wants settings of its own, such as \"{}\"",
                    first.map_or("", |key| key.name)
                )));
            }
            _ => return Err(unknown(&full, source)),
        }
    }
    Ok(())
}

fn unknown(name: &str, source: &str) -> ConfigError {
    let advice = match keys::nearest(name, KEYS.iter().map(|key| key.name)) {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => "docs/configuration.md lists them all".to_owned(),
    };
    ConfigError::new(format!("unknown setting \"{name}\" in {source}; {advice}"))
}

/// `setting "port" (ROCKET_PORT) wants …, not "abc"`; what may be secret is not repeated.
pub fn bad_value(key: &Key, name: &str, source: &str, found: &Value) -> ConfigError {
    let found = if key.is_secret() { String::new() } else { format!(", not {}", quoted(found)) };
    ConfigError::new(format!("setting \"{name}\" ({source}) wants {}{found}", key.wants))
}

/// A value as one would write it in TOML.
pub fn quoted(value: &Value) -> String {
    match value {
        Value::String(_, text) => format!("{text:?}"),
        Value::Char(_, letter) => format!("{:?}", letter.to_string()),
        Value::Bool(_, on) => on.to_string(),
        Value::Num(_, number) => match (number.to_i128(), number.to_u128(), number.to_f64()) {
            (Some(whole), _, _) => whole.to_string(),
            (None, Some(whole), _) => whole.to_string(),
            (None, None, broken) => broken.unwrap_or(f64::NAN).to_string(),
        },
        Value::Empty(_, _) => "nothing".to_owned(),
        Value::Array(_, items) => format!("[{}]", items.iter().map(quoted).collect::<Vec<_>>().join(", ")),
        Value::Dict(_, dict) => {
            let inner: Vec<_> = dict.iter().map(|(name, value)| format!("{name} = {}", quoted(value))).collect();
            format!("{{{}}}", inner.join(", "))
        }
    }
}

/// `a.b` and a value as tables in one another.
pub fn nest(key: &str, value: Value) -> Dict {
    let mut dict = Dict::new();
    insert(&mut dict, key, value);
    dict
}

fn insert(dict: &mut Dict, key: &str, value: Value) {
    match key.split_once('.') {
        None => _ = dict.insert(key.to_owned(), value),
        Some((group, rest)) => {
            let inner = dict.entry(group.to_owned()).or_insert_with(|| Value::from(Dict::new()));
            if let Value::Dict(_, inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}
