//! Finds the endpoint of a path. Templates are taken apart once; a request is matched piece by piece, without allocating for
//! anything but the values in its path.

use crate::endpoint::{Endpoint, Verb};
use aitrading_http::Method;
use std::borrow::Cow;

#[cfg(test)]
mod tests;

/// Most pieces of a path.
const PIECES_MAX: usize = 8;
/// Most bytes of a piece that is a value.
const VALUE_MAX: usize = 128;

/// The values in a path, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct PathValues(Vec<(&'static str, String)>);

impl PathValues {
    /// The value of `name`; empty if the template has none, which no endpoint takes for a value.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(found, _)| *found == name).map_or("", |(_, value)| value)
    }
}

enum Piece {
    Word(&'static str),
    Value(&'static str),
}

/// Where a path leads.
pub(crate) enum Found {
    /// To this endpoint.
    Endpoint(&'static Endpoint, PathValues),
    /// To something that takes other methods.
    OtherMethods(&'static str),
    /// Nowhere.
    Nothing,
}

/// All endpoints.
pub(crate) struct Router(Vec<(Vec<Piece>, &'static Endpoint)>);

impl Router {
    /// Over `endpoints`.
    pub(crate) fn new(endpoints: &'static [Endpoint]) -> Self {
        Self(endpoints.iter().map(|endpoint| (pieces(endpoint.path), endpoint)).collect())
    }

    /// Where `method` of `path` leads. HEAD is answered as GET is.
    pub(crate) fn find(&self, method: &Method, path: &str) -> Found {
        let mut parts = [""; PIECES_MAX];
        let Some(parts) = split(path, &mut parts) else { return Found::Nothing };
        let verb = match *method {
            Method::GET | Method::HEAD => Some(Verb::Get),
            Method::POST => Some(Verb::Post),
            Method::PUT => Some(Verb::Put),
            Method::DELETE => Some(Verb::Delete),
            _ => None,
        };
        let mut allowed = 0_u8;
        for (template, endpoint) in &self.0 {
            if !fits(template, parts) {
                continue;
            }
            if Some(endpoint.verb) != verb {
                allowed |= endpoint.verb.bit();
                continue;
            }
            return match values(template, parts) {
                Some(values) => Found::Endpoint(endpoint, values),
                None => Found::Nothing,
            };
        }
        if allowed == 0 { Found::Nothing } else { Found::OtherMethods(Verb::list(allowed)) }
    }
}

fn pieces(template: &'static str) -> Vec<Piece> {
    let parts = template.trim_start_matches('/').split('/');
    let value = |part: &'static str| part.strip_prefix('{').and_then(|part| part.strip_suffix('}'));
    parts.map(|part| value(part).map_or(Piece::Word(part), Piece::Value)).collect()
}

/// The pieces of `path`; `None` if there are too many, or an empty one, as in `//` or behind a closing slash.
fn split<'a, 'b>(path: &'a str, parts: &'b mut [&'a str; PIECES_MAX]) -> Option<&'b [&'a str]> {
    let mut count = 0;
    for part in path.strip_prefix('/')?.split('/') {
        *parts.get_mut(count)? = part;
        count += 1;
        if part.is_empty() {
            return None;
        }
    }
    parts.get(..count)
}

fn fits(template: &[Piece], parts: &[&str]) -> bool {
    template.len() == parts.len()
        && template.iter().zip(parts).all(|(piece, part)| match piece {
            Piece::Word(word) => word == part,
            Piece::Value(_) => true,
        })
}

/// The values, decoded; `None` if one is too long or no text. A decoded slash stays a part of its value: it opens no other path.
fn values(template: &[Piece], parts: &[&str]) -> Option<PathValues> {
    let mut values = Vec::new();
    for (piece, part) in template.iter().zip(parts) {
        if let Piece::Value(name) = piece {
            let decoded: Cow<'_, str> = percent_encoding::percent_decode_str(part).decode_utf8().ok()?;
            if decoded.len() > VALUE_MAX || decoded.chars().any(char::is_control) {
                return None;
            }
            values.push((*name, decoded.into_owned()));
        }
    }
    Some(PathValues(values))
}
