//! The variables of the process as layers: `DATABASE_URL`, `ROCKET_…`, `CHAUPAL_…`.

use std::collections::BTreeMap;
use std::path::Path;

use super::ConfigError;
use super::file::read_text;
use super::keys::{self, KEYS};
use super::layers::{Layer, bad_value};

/// The variables of a process.
pub type Environment = BTreeMap<String, String>;

/// Variables with our prefix that are no settings: `createsuperuser` reads them.
const NO_SETTINGS: [&str; 2] = ["CHAUPAL_SUPERUSER_PASSWORD", "CHAUPAL_SUPERUSER_PASSWORD_FILE"];

/// Variables with Rocket's prefix that are no settings: the profile, the file, the compiler's.
const ROCKET_NO_SETTINGS: [&str; 3] = ["ROCKET_PROFILE", "ROCKET_CONFIG", "ROCKET_CODEGEN_DEBUG"];

/// The variables of this process. Ours must be Unicode; others are none of our business.
pub fn of_process() -> Result<Environment, ConfigError> {
    let mut found = Environment::new();
    for (name, value) in std::env::vars_os() {
        let Ok(name) = name.into_string() else {
            continue;
        };
        match value.into_string() {
            Ok(value) => _ = found.insert(name, value),
            Err(_) if name.starts_with("CHAUPAL_") || name.starts_with("ROCKET_") || name == "DATABASE_URL" => {
                return Err(ConfigError::new(format!("environment variable {name} is not valid UTF-8")));
            }
            Err(_) => {}
        }
    }
    Ok(found)
}

/// Without the variables that are empty: compose files and units pass one on for what is not set.
pub fn without_empty(env: &Environment) -> Environment {
    env.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// The layers of the environment, lowest first: `DATABASE_URL`, `ROCKET_…`, `CHAUPAL_…`.
pub fn layers(env: &Environment, folder: &Path) -> Result<Vec<Layer>, ConfigError> {
    let mut layers = Vec::new();
    if let Some(url) = env.get("DATABASE_URL") {
        layers.push(Layer::of("DATABASE_URL", "database.url", url.as_str().into()));
    }
    for (variable, text) in env {
        let Some(name) = variable.strip_prefix("ROCKET_") else {
            continue;
        };
        if ROCKET_NO_SETTINGS.contains(&variable.as_str()) {
            continue;
        }
        let key = keys::from_variable(name);
        let rocket = keys::find(&key).is_some_and(|key| key.rocket)
            || (keys::is_group(&key) && KEYS.iter().all(|known| known.rocket || !known.name.starts_with(&key)));
        if !rocket {
            return Err(unknown_variable(variable, &key));
        }
        layers.push(variable_layer(variable, &key, text)?);
    }
    for (variable, text) in env {
        let Some(name) = variable.strip_prefix("CHAUPAL_") else {
            continue;
        };
        if NO_SETTINGS.contains(&variable.as_str()) {
            continue;
        }
        let key = keys::from_variable(name);
        if keys::find(&key).is_some() || keys::is_group(&key) {
            layers.push(variable_layer(variable, &key, text)?);
            continue;
        }
        let plain = variable.strip_suffix("_FILE").zip(name.strip_suffix("_FILE"));
        let Some((plain, key)) = plain.map(|(plain, name)| (plain, keys::from_variable(name))) else {
            return Err(unknown_variable(variable, &key));
        };
        if keys::find(&key).is_none() {
            return Err(unknown_variable(variable, &key));
        }
        if env.contains_key(plain) {
            return Err(ConfigError::new(format!("both {plain} and {variable} are set: unset one of them")));
        }
        let text = read_text(&folder.join(text))
            .map_err(|error| ConfigError::new(format!("cannot read the file {text} that {variable} names: {error}")))?;
        let text = text.strip_suffix('\n').unwrap_or(&text);
        layers.push(variable_layer(variable, &key, text.strip_suffix('\r').unwrap_or(text))?);
    }
    Ok(layers)
}

fn variable_layer(variable: &str, name: &str, text: &str) -> Result<Layer, ConfigError> {
    let Some(key) = keys::find(name) else {
        // A whole group at once, as Rocket understands it: ROCKET_LIMITS={form="1MiB"}.
        let layer = Layer::of(variable, name, keys::toml_like(text));
        layer.check_names()?;
        return Ok(layer);
    };
    let value = key.parse(text).ok_or_else(|| bad_value(key, name, variable, &keys::toml_like(text)))?;
    Ok(Layer::of(variable, name, value))
}

fn unknown_variable(variable: &str, key: &str) -> ConfigError {
    if variable == "CHAUPAL_PROFILE" {
        return ConfigError::new(
            "unknown environment variable CHAUPAL_PROFILE; ROCKET_PROFILE or --profile chooses the profile",
        );
    }
    // An underscore too few is the commonest slip, so names are compared as variables.
    let names = KEYS.iter().map(|key| keys::variable_part(key.name));
    let wanted = keys::variable_part(key);
    let advice = match keys::nearest(&wanted, names.chain([String::from("PROFILE")])) {
        Some(near) if near == "PROFILE" => "did you mean ROCKET_PROFILE?".to_owned(),
        Some(near) => format!("did you mean CHAUPAL_{near}?"),
        None => "docs/configuration.md lists them all".to_owned(),
    };
    ConfigError::new(format!("unknown environment variable {variable}; {advice}"))
}
