//! The layers that a configuration is made of; later ones win.

use crate::{Origin, Violation};
use aitrading_env::Fs;
use figment::{
    Metadata, Profile, Provider,
    value::{Dict, Empty, Map, Value},
};
use serde::Serialize;
use std::{collections::BTreeMap, path::Path};

/// Bytes that a configuration file may have.
const FILE_BYTES: u64 = 1024 * 1024;
/// Start of the environment variables that are settings.
const PREFIX: &str = "AITRADING_";
/// Between the names of a nested key, since names themselves hold single underscores.
const NESTING: &str = "__";

/// The process's environment as the binary hands it over.
pub type Environment = BTreeMap<String, String>;

/// Layers in rising order of precedence. What is wrong with one is kept and reported by [`crate::load`].
#[derive(Debug, Default)]
pub struct Layers {
    pub(crate) layers: Vec<Layer>,
    pub(crate) violations: Vec<Violation>,
}

#[derive(Debug, Clone)]
pub(crate) struct Layer {
    /// One origin per layer, except for the environment, where each variable is its own.
    pub(crate) origin: Origin,
    pub(crate) values: Dict,
}

impl Layers {
    /// No layer: defaults alone.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A TOML file that must exist.
    #[must_use]
    pub fn file(mut self, fs: &dyn Fs, path: &Path) -> Self {
        let origin = Origin::File(path.to_owned());
        match fs.read(path, FILE_BYTES).map(String::from_utf8) {
            Ok(Ok(text)) => self.toml(origin, &text),
            Ok(Err(_)) => self.violation(origin, "it is not UTF-8 text", "save it as UTF-8"),
            Err(error) => self.violation(origin, format!("it cannot be read ({error})"), "check path and permissions"),
        }
        self
    }

    /// A TOML file that may be absent. Any other trouble with it is a violation.
    #[must_use]
    pub fn optional_file(self, fs: &dyn Fs, path: &Path) -> Self {
        match fs.metadata(path) {
            Ok(None) => self,
            Ok(Some(_)) | Err(_) => self.file(fs, path),
        }
    }

    /// TOML text under a name, for built-in samples and tests.
    #[must_use]
    pub fn text(mut self, name: &str, text: &str) -> Self {
        self.toml(Origin::File(name.into()), text);
        self
    }

    /// Environment variables: `AITRADING_DATA_BRIDGE__LISTEN` is `data_bridge.listen`. All that begin with `AITRADING_`
    /// count, except those in `not_settings`; so a misspelt one is an error.
    #[must_use]
    pub fn environment(mut self, variables: &Environment, not_settings: &[&str]) -> Self {
        for (name, text) in variables {
            let Some(key) = name.strip_prefix(PREFIX).filter(|_| !not_settings.contains(&name.as_str())) else {
                continue;
            };
            let key = key.to_ascii_lowercase();
            let origin = Origin::Variable(name.clone());
            if key.split(NESTING).any(str::is_empty) {
                self.violation(origin, "it names no key", "write AITRADING_SECTION__KEY");
                continue;
            }
            let value = parse_value(text);
            let nested =
                key.rsplit(NESTING).fold(value, |inner, part| Value::from(Dict::from([(part.to_owned(), inner)])));
            self.push(origin, nested);
        }
        self
    }

    /// Command-line flags as a serializable value of the configuration's shape; what is `None` is not set.
    #[must_use]
    pub fn flags(mut self, flags: &impl Serialize) -> Self {
        match Value::serialize(flags) {
            Ok(value) => self.push(Origin::Flag, without_empty(value)),
            Err(error) => self.violation(Origin::Flag, error.to_string(), "this is a defect, please report it"),
        }
        self
    }

    fn toml(&mut self, origin: Origin, text: &str) {
        match text.parse::<toml::Table>() {
            Ok(table) => match Value::serialize(&table) {
                Ok(value) => self.push(origin, value),
                Err(error) => {
                    self.violation(origin, error.to_string(), "use strings, numbers, booleans, lists and tables")
                }
            },
            Err(error) => {
                let at = error.span().map(|span| position(text, span.start)).unwrap_or_default();
                self.violation(
                    origin,
                    format!("{at}{}", error.message()),
                    "write valid TOML: key = value, text in quotes",
                );
            }
        }
    }

    fn push(&mut self, origin: Origin, value: Value) {
        if let Value::Dict(_, values) = value {
            self.layers.push(Layer { origin, values });
        }
    }

    fn violation(&mut self, origin: Origin, cause: impl Into<String>, cure: &str) {
        self.violations.push(Violation::new(origin, "", None, cause, cure));
    }
}

impl Provider for &Layer {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.origin.to_string())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Map::from([(Profile::Default, self.values.clone())]))
    }
}

/// A variable's text in the sense of TOML if it has one (`8001`, `true`, `["a"]`, `"quoted"`), as plain text otherwise.
fn parse_value(text: &str) -> Value {
    let parsed = format!("v = {text}").parse::<toml::Table>().ok().filter(|table| table.len() == 1);
    let value = parsed.and_then(|mut table| table.remove("v")).filter(|v| !v.is_datetime());
    value.and_then(|v| Value::serialize(&v).ok()).unwrap_or_else(|| Value::from(text))
}

fn without_empty(value: Value) -> Value {
    match value {
        Value::Dict(tag, dict) => {
            let kept = dict.into_iter().filter(|(_, v)| !matches!(v, Value::Empty(_, Empty::None | Empty::Unit)));
            Value::Dict(tag, kept.map(|(key, v)| (key, without_empty(v))).collect())
        }
        other => other,
    }
}

fn position(text: &str, byte: usize) -> String {
    let before = text.get(..byte).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}: ")
}
