//! Turning raw into resolved: checks that go on after the first violation.

use crate::{Provenance, SecretRef, Violation, Violations};
use std::{fmt, net::SocketAddr, ops::RangeInclusive, str::FromStr};

/// Collects the violations of one resolution. Every check returns its value if it is good, and remembers the violation if
/// not; [`Collector::finish`] lets the result through only if there was none.
#[derive(Debug)]
pub struct Collector<'a> {
    provenance: &'a Provenance,
    section: String,
    violations: Vec<Violation>,
}

impl<'a> Collector<'a> {
    /// Starts at the root of the configuration.
    #[must_use]
    pub fn new(provenance: &'a Provenance) -> Self {
        Self { provenance, section: String::new(), violations: Vec::new() }
    }

    /// Keys of `body`'s checks are below `name`.
    pub fn section<T>(&mut self, name: &str, body: impl FnOnce(&mut Self) -> T) -> T {
        let inner = self.key(name);
        let outer = std::mem::replace(&mut self.section, inner);
        let out = body(self);
        self.section = outer;
        out
    }

    /// Remembers a violation.
    pub fn refuse(&mut self, key: &str, value: impl fmt::Display, cause: impl Into<String>, cure: impl Into<String>) {
        self.add(key, Some(value.to_string()), cause.into(), cure.into());
    }

    /// A value without which nothing works and that has no default.
    pub fn required<T>(&mut self, key: &str, value: Option<T>, cure: &str) -> Option<T> {
        if value.is_none() {
            self.add(key, None, "this key is required".to_owned(), cure.to_owned());
        }
        value
    }

    /// A number within bounds.
    pub fn within<T: PartialOrd + fmt::Display>(
        &mut self,
        key: &str,
        value: T,
        bounds: RangeInclusive<T>,
    ) -> Option<T> {
        if bounds.contains(&value) {
            return Some(value);
        }
        let cure = format!("write a number from {} to {}", bounds.start(), bounds.end());
        self.refuse(key, value, "it is out of bounds", cure);
        None
    }

    /// A text with a form; `form` says which, for the cure: `an address like 127.0.0.1:8000`.
    pub fn parse<T: FromStr>(&mut self, key: &str, value: &str, form: &str) -> Option<T> {
        let parsed = value.parse().ok();
        if parsed.is_none() {
            self.refuse(key, value, "it has the wrong form", format!("write {form}"));
        }
        parsed
    }

    /// An address with a port.
    pub fn address(&mut self, key: &str, value: &str) -> Option<SocketAddr> {
        self.parse(key, value, "an address like 127.0.0.1:8000")
    }

    /// A reference to a secret.
    pub fn secret(&mut self, key: &str, value: &str) -> Option<SecretRef> {
        let parsed = value.parse().ok();
        if parsed.is_none() {
            // The text may be the secret itself: it is not shown.
            let cure = "write env:NAME, file:PATH or sealed:TEXT, never the secret itself";
            self.add(key, None, "it is not a reference to a secret".to_owned(), cure.to_owned());
        }
        parsed
    }

    /// Takes over the violations of a part that was resolved by itself.
    pub fn absorb<T>(&mut self, part: Result<T, Violations>) -> Option<T> {
        part.map_err(|Violations(more)| self.violations.extend(more)).ok()
    }

    /// The resolved value, if nothing was refused.
    ///
    /// # Errors
    /// All violations.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Violations> {
        match value {
            Some(value) if self.violations.is_empty() => Ok(value),
            _ => Err(Violations(self.violations)),
        }
    }

    fn add(&mut self, key: &str, value: Option<String>, cause: String, cure: String) {
        let key = self.key(key);
        self.violations.push(Violation::new(self.provenance.of(&key), &key, value, cause, cure));
    }

    fn key(&self, name: &str) -> String {
        if self.section.is_empty() { name.to_owned() } else { format!("{}.{name}", self.section) }
    }
}
