//! Filling a raw configuration struct from layers, with every violation collected.

use crate::{Layers, Violation, Violations, layers::Layer, violation::is_secret};
use figment::{
    Figment,
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
    load_with(layers, |value, provenance| Ok(Loaded { value, provenance: provenance.clone() }))
}

/// As [`load`], and turns the raw values into settings: what `resolve` refuses is told together with what cannot be read, so
/// that one look shows everything.
///
/// # Errors
/// All violations of both.
pub fn load_with<T: DeserializeOwned, U>(
    layers: Layers,
    resolve: impl FnOnce(T, &Provenance) -> Result<U, Violations>,
) -> Result<U, Violations> {
    let Layers { mut layers, mut violations } = layers;
    let mut removed = BTreeSet::new();
    // serde stops at the first error: the offending key is taken out, and the rest is looked at again.
    while violations.len() < VIOLATIONS_MAX {
        let merged = layers.iter().fold(Figment::new(), |all, layer| all.merge(layer));
        let error = match merged.extract::<T>() {
            Ok(value) => {
                let resolved = resolve(value, &Provenance::of_all(&layers));
                match resolved {
                    Ok(resolved) if violations.is_empty() => return Ok(resolved),
                    Ok(_) => {}
                    // What is missing only because it was taken out is no news.
                    Err(Violations(more)) => violations.extend(more.into_iter().filter(|v| !is_of(&removed, &v.key))),
                }
                break;
            }
            Err(error) => error,
        };
        let (path, violation) = describe(&layers, error);
        if removed.contains(&path) {
            // A key that was taken out is missed now: that is no news, and there is no way around it.
            break;
        }
        violations.push(violation);
        let there = layers.iter_mut().fold(false, |there, layer| remove(&mut layer.values, &path) | there);
        if !there {
            break;
        }
        removed.insert(path);
    }
    Err(Violations(violations))
}

/// Is this dotted key one of the paths, or below one?
fn is_of(paths: &BTreeSet<Vec<String>>, key: &str) -> bool {
    let key: Vec<_> = key.split('.').collect();
    paths.iter().any(|path| path.len() <= key.len() && path.iter().zip(&key).all(|(a, b)| a == b))
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable(name) => write!(f, "environment variable {name}"),
            Self::Flag => f.write_str("command line"),
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

    fn of_all(layers: &[Layer]) -> Self {
        let mut all = BTreeMap::new();
        for layer in layers {
            collect("", &layer.values, &layer.origin, &mut all);
        }
        Self(all)
    }
}

fn collect(prefix: &str, dict: &Dict, origin: &Origin, all: &mut BTreeMap<String, Origin>) {
    for (name, value) in dict {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            Value::Dict(_, inner) => collect(&key, inner, origin, all),
            _ => {
                all.insert(key, origin.clone());
            }
        }
    }
}

fn find<'a>(dict: &'a Dict, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    match (dict.get(first)?, rest) {
        (value, []) => Some(value),
        (Value::Dict(_, inner), _) => find(inner, rest),
        _ => None,
    }
}

/// Takes out a key; was it there?
fn remove(dict: &mut Dict, path: &[String]) -> bool {
    match path {
        [] => false,
        [last] => dict.remove(last).is_some(),
        [first, rest @ ..] => match dict.get_mut(first) {
            Some(Value::Dict(_, inner)) => remove(inner, rest),
            _ => false,
        },
    }
}

/// The path that a serde error is about, and the violation that it stands for.
fn describe(layers: &[Layer], error: figment::Error) -> (Vec<String>, Violation) {
    let mut path = error.path;
    let may_be_secret = is_secret(&path.join("."));
    let (cause, cure) = match &error.kind {
        Kind::InvalidType(_, wanted) | Kind::InvalidValue(_, wanted) if may_be_secret => {
            ("it has the wrong type".to_owned(), format!("write {wanted}"))
        }
        Kind::UnknownField(name, known) => {
            end_with(&mut path, name);
            ("there is no such key".to_owned(), suggestion(name, known))
        }
        Kind::MissingField(name) => {
            end_with(&mut path, name);
            ("this key is required".to_owned(), "set it".to_owned())
        }
        Kind::UnknownVariant(name, known) => (format!("`{name}` is not known"), suggestion(name, known)),
        Kind::InvalidType(is, wanted) => (format!("it is {is}"), format!("write {wanted}{}", quote_hint(is, wanted))),
        Kind::InvalidValue(is, wanted) => (format!("it is {is}"), format!("write {wanted}")),
        Kind::InvalidLength(length, wanted) => (format!("it has {length} elements"), format!("write {wanted}")),
        Kind::Message(text) => (text.clone(), "correct it".to_owned()),
        other => (other.to_string(), "correct it".to_owned()),
    };
    let found = layers.iter().rev().find_map(|layer| Some((&layer.origin, find(&layer.values, &path)?)));
    let origin = found.map_or(Origin::Default, |(origin, _)| origin.clone());
    // A type's own message (that of `SecretRef`, say) says all that may be said of the value.
    let own_words = matches!(error.kind, Kind::Message(_));
    let value = found.filter(|_| !own_words).and_then(|(_, value)| shown(value));
    let violation = Violation::new(origin, &path.join("."), value, cause, cure);
    (path, violation)
}

/// serde names an unknown or missing field beside the path in some cases, and at its end in others.
fn end_with(path: &mut Vec<String>, name: &str) {
    if path.last().map(String::as_str) != Some(name) {
        path.push(name.to_owned());
    }
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
        Value::Num(_, n) => {
            let whole = n.to_u128().map(|n| n.to_string()).or_else(|| n.to_i128().map(|n| n.to_string()));
            whole.or_else(|| n.to_f64().map(|n| n.to_string()))
        }
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
