//! What stands behind the question mark: named values, each at most once, none that nobody asked for.

use crate::error::ApiError;
use aitrading_model::Timestamp;
use std::{borrow::Cow, str::FromStr};

#[cfg(test)]
mod tests;

/// Most bytes of a query.
const QUERY_MAX: usize = 4_096;
/// Most values in one.
const VALUES_MAX: usize = 32;
/// Rows of a page if the caller names no number.
pub(crate) const PAGE_DEFAULT: usize = 100;
/// Rows of a page at most.
pub(crate) const PAGE_MAX: usize = 1_000;

/// A query, taken apart. Values are taken out one by one; [`Query::done`] refuses what is left.
#[derive(Debug)]
pub(crate) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    /// Takes `text` apart.
    ///
    /// # Errors
    /// [`ApiError::Query`] if it is too long or names a value twice.
    pub(crate) fn parse(text: Option<&'a str>) -> Result<Self, ApiError> {
        let text = text.unwrap_or("");
        if text.len() > QUERY_MAX {
            return Err(ApiError::query("query", "it is longer than 4,096 bytes"));
        }
        let pairs: Vec<_> = form_urlencoded::parse(text.as_bytes()).take(VALUES_MAX + 1).collect();
        if pairs.len() > VALUES_MAX {
            return Err(ApiError::query("query", "it has more than 32 values"));
        }
        for (index, (name, _)) in pairs.iter().enumerate() {
            if pairs.iter().take(index).any(|(other, _)| other == name) {
                return Err(ApiError::query(name, "it is given twice; give it once"));
            }
        }
        Ok(Self(pairs))
    }

    /// A value as text.
    pub(crate) fn text(&mut self, name: &str) -> Option<Cow<'a, str>> {
        let at = self.0.iter().position(|(found, _)| found == name)?;
        Some(self.0.swap_remove(at).1)
    }

    /// A value of a type.
    ///
    /// # Errors
    /// [`ApiError::Query`] naming it, with `cure`.
    pub(crate) fn value<T: FromStr>(&mut self, name: &str, cure: &'static str) -> Result<Option<T>, ApiError> {
        match self.text(name) {
            None => Ok(None),
            Some(text) => text.parse().map(Some).map_err(|_| ApiError::query(name, cure)),
        }
    }

    /// A moment: milliseconds since 1970 in UTC.
    ///
    /// # Errors
    /// [`ApiError::Query`].
    pub(crate) fn moment(&mut self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        let cure = "write milliseconds since 1970-01-01 in UTC";
        let Some(ms) = self.value::<i64>(name, cure)? else { return Ok(None) };
        ms.checked_mul(1_000_000).map(|ns| Some(Timestamp(ns))).ok_or_else(|| ApiError::query(name, cure))
    }

    /// Rows of a page.
    ///
    /// # Errors
    /// [`ApiError::Query`].
    pub(crate) fn limit(&mut self) -> Result<usize, ApiError> {
        let cure = "write a number from 1 to 1000";
        let limit = self.value("limit", cure)?.unwrap_or(PAGE_DEFAULT);
        if (1..=PAGE_MAX).contains(&limit) { Ok(limit) } else { Err(ApiError::query("limit", cure)) }
    }

    /// Refuses what nobody took: a misspelt filter must not look like an unfiltered answer.
    ///
    /// # Errors
    /// [`ApiError::Query`] naming the first one.
    pub(crate) fn done(self) -> Result<(), ApiError> {
        match self.0.first() {
            None => Ok(()),
            Some((name, _)) => {
                Err(ApiError::query(name, "this question takes no such value; see /api/v1/openapi.json"))
            }
        }
    }
}
