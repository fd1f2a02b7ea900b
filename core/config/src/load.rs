//! Filling a raw configuration struct from layers, with every violation collected.

use crate::{Layers, Violation, Violations};
use figment::{
    Figment, Metadata, Source,
    error::Kind,
    value::{Dict, Value},
};
use serde::de::DeserializeOwned;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::PathBuf,
};

/// Violations after which no more are looked for.
const VIOLATIONS_MAX: usize = 100;
/// Names of the two origins that are no file.
const VARIABLE: &str = "environment variable ";
const FLAG: &str = "command line";

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A configuration file.
    File(PathBuf),
    /// An environment variable.
    Variable(String),
    /// The command line.
    Flag,
    /// Nobody set it.
    Default,
}

/// Of every value that is set, where it comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Provenance(BTreeMap<String, Origin>);

/// A filled raw configuration.
#[derive(Debug, Clone)]
pub struct Loaded<T> {
    /// The values.
    pub value: T,
    /// Where they come from.
    pub provenance: Provenance,
}

/// Lays the layers over each other and fills `T`. `T` should deny unknown fields and give every field a default: then all
/// violations are found in one go.
///
/// # Errors
/// All violations: unreadable files, bad syntax, unknown and misspelt keys, wrong types.
pub fn load<T: DeserializeOwned>(layers: Layers) -> Result<Loaded<T>, Violations> {
    let Layers { layers, mut violations } = layers;
    let mut merged = layers.into_iter().fold(Figment::new(), |all, layer| all.merge(layer));
    let mut removed = BTreeSet::new();
    // serde stops at the first error: the offending key is taken out, and the rest is looked at again.
    while violations.len() < VIOLATIONS_MAX {
        let error = match merged.extract::<T>() {
            Ok(value) if violations.is_empty() => return Ok(Loaded { value, provenance: Provenance::of_all(&merged) }),
            Ok(_) => break,
            Err(error) => error,
        };
        let (key, violation) = describe(&merged, error);
        // A key that was taken out may be missed now: that is no news.
        let known = removed.contains(&key);
        if !known {
            violations.push(violation);
        }
        match without(&merged, &key) {
            Some(rest) if !known && removed.insert(key) => merged = rest,
            _ => break,
        }
    }
    Err(Violations(violations))
}

impl Origin {
    pub(crate) fn to_metadata(&self) -> Metadata {
        match self {
            Self::File(path) => Metadata::named("file").source(Source::File(path.clone())),
            Self::Variable(name) => Metadata::named(format!("{VARIABLE}{name}")),
            Self::Flag | Self::Default => Metadata::named(FLAG),
        }
    }

    fn from_metadata(metadata: Option<&Metadata>) -> Self {
        let Some(metadata) = metadata else { return Self::Default };
        match (&metadata.source, metadata.name.strip_prefix(VARIABLE)) {
            (Some(Source::File(path)), _) => Self::File(path.clone()),
            (_, Some(name)) => Self::Variable(name.to_owned()),
            _ => Self::Flag,
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable(name) => write!(f, "{VARIABLE}{name}"),
            Self::Flag => f.write_str(FLAG),
            Self::Default => f.write_str("default"),
        }
    }
}

impl Provenance {
    /// Where the value of a dotted key comes from.
    #[must_use]
    pub fn of(&self, key: &str) -> Origin {
        self.0.get(key).cloned().unwrap_or(Origin::Default)
    }

    /// All keys that are set, with their origins.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Origin)> {
        self.0.iter().map(|(key, origin)| (key.as_str(), origin))
    }

    fn of_all(merged: &Figment) -> Self {
        let mut all = BTreeMap::new();
        if let Ok(dict) = merged.extract::<Dict>() {
            collect(merged, "", &dict, &mut all);
        }
        Self(all)
    }
}

fn collect(merged: &Figment, prefix: &str, dict: &Dict, all: &mut BTreeMap<String, Origin>) {
    for (name, value) in dict {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Dict(_, inner) => collect(merged, &key, inner, all),
            _ => {
                all.insert(key.clone(), Origin::from_metadata(merged.find_metadata(&key)));
            }
        }
    }
}

/// The same configuration without one key; `None` if it is not there.
fn without(merged: &Figment, key: &str) -> Option<Figment> {
    let layers = merged.extract::<Dict>().ok()?;
    let mut keys = Vec::new();
    flatten("", &layers, &mut keys);
    let within = |k: &String| k == key || k.strip_prefix(key).is_some_and(|rest| rest.starts_with('.'));
    if !keys.iter().any(|(k, _)| within(k)) {
        return None;
    }
    // Every value is laid down again under its own origin, so that later violations still name the right place.
    keys.retain(|(k, _)| !within(k));
    let rest = keys.into_iter().fold(Figment::new(), |all, (k, value)| {
        let origin = Origin::from_metadata(merged.find_metadata(&k));
        let nested = k.rsplit('.').fold(value, |inner, part| Value::from(Dict::from([(part.to_owned(), inner)])));
        let Value::Dict(_, values) = nested else { return all };
        all.merge(crate::layers::Layer { origin, values })
    });
    Some(rest)
}

fn flatten(prefix: &str, dict: &Dict, out: &mut Vec<(String, Value)>) {
    for (name, value) in dict {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Dict(_, inner) if !inner.is_empty() => flatten(&key, inner, out),
            other => out.push((key, other.clone())),
        }
    }
}

/// The key that a serde error is about, and the violation that it stands for.
fn describe(merged: &Figment, error: figment::Error) -> (String, Violation) {
    let mut path = error.path.clone();
    let (cause, cure) = match &error.kind {
        Kind::UnknownField(name, known) => {
            if path.last() != Some(name) {
                path.push(name.clone());
            }
            ("there is no such key".to_owned(), suggestion(name, known))
        }
        Kind::UnknownVariant(name, known) => (format!("`{name}` is not known"), suggestion(name, known)),
        Kind::MissingField(name) => {
            if path.last().map(String::as_str) != Some(name) {
                path.push(name.to_string());
            }
            ("this key is required".to_owned(), "set it".to_owned())
        }
        Kind::InvalidType(actual, wanted) => (format!("it is {actual}"), format!("write {wanted}{}", quote_hint(actual, wanted))),
        Kind::InvalidValue(actual, wanted) => (format!("it is {actual}"), format!("write {wanted}")),
        Kind::InvalidLength(length, wanted) => (format!("it has {length} elements"), format!("write {wanted}")),
        Kind::Message(text) => (text.clone(), "correct it".to_owned()),
        other => (other.to_string(), "correct it".to_owned()),
    };
    let key = path.join(".");
    let origin = merged.find_metadata(&key).or(error.metadata.as_ref());
    let value = merged.find_value(&key).ok().as_ref().and_then(shown);
    let violation = Violation::new(Origin::from_metadata(origin), &key, value, cause, cure);
    (key, violation)
}

fn quote_hint(actual: &figment::error::Actual, wanted: &str) -> &'static str {
    let text = wanted.contains("string") && !matches!(actual, figment::error::Actual::Str(_));
    if text { " (in quotes)" } else { "" }
}

fn shown(value: &Value) -> Option<String> {
    match value {
        Value::String(_, text) => Some(text.clone()),
        Value::Char(_, c) => Some(c.to_string()),
        Value::Bool(_, b) => Some(b.to_string()),
        Value::Num(_, n) => n.to_u128().map(|n| n.to_string()).or_else(|| n.to_f64().map(|n| n.to_string())),
        Value::Empty(..) | Value::Dict(..) | Value::Array(..) => None,
    }
}

fn suggestion(name: &str, known: &[&str]) -> String {
    let best = known.iter().map(|k| (distance(name, k), k)).min();
    match best {
        Some((distance, k)) if distance <= 1 + name.len() / 4 => format!("did you mean `{k}`?"),
        _ if known.is_empty() => "remove it".to_owned(),
        _ => format!("known here: {}", known.join(", ")),
    }
}

/// Levenshtein's edit distance, by rows.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (y, above) in b.chars().zip(row.iter().skip(1)) {
            let value = (diagonal + usize::from(x != y)).min(above + 1).min(left + 1);
            diagonal = *above;
            left = value;
            next.push(value);
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}
