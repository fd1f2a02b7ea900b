//! How an error of a store travels: as the same variant with the same fields, without what the library behind it said, which is
//! for the log of the service alone.

use aitrading_store::{ErrorSource, JournalMark, StoreError, Version};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

/// Texts of errors that are kept for the life of the process. Those of the ports are fixed texts in the service's program, some
/// two hundred of them, so this is a bound against a service that makes up new ones.
const TEXTS_MAX: usize = 1_024;
/// Bytes of such a text.
const TEXT_MAX: usize = 256;
/// What is said beyond these bounds.
const OTHER: &str = "the database service says why in its log";

/// An error of a store as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Told {
    Unavailable { doing: String },
    Conflict { what: String },
    AlreadyDone { stored: JournalMark },
    AlreadyImported { parts: u64 },
    Stale { expected: Version, stored: Version },
    Unauthorised { doing: String },
    ReadOnly { doing: String },
    TooSlow { doing: String },
    VersionTooOld { server: String, found: String, needed: String },
    UsedUp,
    Invalid { what: String },
    Corrupt { what: String },
    SchemaBroken { place: String, what: String },
    SchemaNewer { place: String, found: i64, known: i64 },
    Full { doing: String },
    InUse,
}

impl From<&StoreError> for Told {
    fn from(error: &StoreError) -> Self {
        use StoreError as E;
        let own = |text: &'static str| text.to_owned();
        match error {
            E::Unavailable { doing, .. } => Self::Unavailable { doing: own(doing) },
            E::Conflict { what } => Self::Conflict { what: own(what) },
            E::AlreadyDone { stored } => Self::AlreadyDone { stored: *stored },
            E::AlreadyImported { parts } => Self::AlreadyImported { parts: *parts },
            E::Stale { expected, stored } => Self::Stale { expected: *expected, stored: *stored },
            E::Unauthorised { doing, .. } => Self::Unauthorised { doing: own(doing) },
            E::ReadOnly { doing, .. } => Self::ReadOnly { doing: own(doing) },
            E::TooSlow { doing } => Self::TooSlow { doing: own(doing) },
            E::VersionTooOld { server, found, needed } => {
                Self::VersionTooOld { server: own(server), found: found.clone(), needed: own(needed) }
            }
            E::UsedUp => Self::UsedUp,
            E::Invalid { what } => Self::Invalid { what: own(what) },
            E::Corrupt { what, .. } => Self::Corrupt { what: what.clone() },
            E::SchemaBroken { place, what, .. } => Self::SchemaBroken { place: own(place), what: what.clone() },
            E::SchemaNewer { place, found, known } => {
                Self::SchemaNewer { place: own(place), found: *found, known: *known }
            }
            E::Full { doing, .. } => Self::Full { doing: own(doing) },
            E::InUse { .. } | E::CatalogueLost { .. } => Self::InUse,
        }
    }
}

impl From<Told> for StoreError {
    fn from(told: Told) -> Self {
        let doing = |text: String| fixed(&text);
        match told {
            Told::Unavailable { doing: text } => Self::Unavailable { doing: doing(text), source: said() },
            Told::Conflict { what } => Self::Conflict { what: fixed(&what) },
            Told::AlreadyDone { stored } => Self::AlreadyDone { stored },
            Told::AlreadyImported { parts } => Self::AlreadyImported { parts },
            Told::Stale { expected, stored } => Self::Stale { expected, stored },
            Told::Unauthorised { doing: text } => Self::Unauthorised { doing: doing(text), source: said() },
            Told::ReadOnly { doing: text } => Self::ReadOnly { doing: doing(text), source: said() },
            Told::TooSlow { doing: text } => Self::TooSlow { doing: doing(text) },
            Told::VersionTooOld { server, found, needed } => Self::too_old(fixed(&server), &found, fixed(&needed)),
            Told::UsedUp => Self::UsedUp,
            Told::Invalid { what } => Self::Invalid { what: fixed(&what) },
            Told::Corrupt { what } => Self::Corrupt { what, source: Some(said()) },
            Told::SchemaBroken { place, what } => {
                Self::SchemaBroken { place: fixed(&place), what, source: Some(said()) }
            }
            Told::SchemaNewer { place, found, known } => Self::SchemaNewer { place: fixed(&place), found, known },
            Told::Full { doing: text } => Self::Full { doing: doing(text), source: said() },
            // Whose directory it is, and what lies there, is the service's own affair.
            Told::InUse => Self::Unavailable { doing: "opening the database", source: said() },
        }
    }
}

fn said() -> ErrorSource {
    "the database service says so; the cause is in its log".into()
}

/// The same text as the errors of the ports hold it, which are made of fixed texts.
pub(crate) fn fixed(text: &str) -> &'static str {
    static TEXTS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = texts.get(text) {
        return known;
    }
    if text.len() > TEXT_MAX || texts.len() >= TEXTS_MAX {
        return OTHER;
    }
    let kept: &'static str = Box::leak(text.to_owned().into_boxed_str());
    texts.insert(kept);
    kept
}

#[cfg(test)]
mod tests {
    use super::{OTHER, TEXT_MAX, Told, fixed};
    use aitrading_error::Coded;
    use aitrading_store::{JournalMark, StoreError, Version};

    fn all() -> Vec<StoreError> {
        let (doing, source) = ("writing", || "a driver's words with a password".into());
        vec![
            StoreError::Unavailable { doing, source: source() },
            StoreError::Conflict { what: "a contradiction" },
            StoreError::AlreadyDone { stored: JournalMark { segment: u64::MAX, offset: u64::MAX - 1 } },
            StoreError::AlreadyImported { parts: u64::MAX },
            StoreError::Stale { expected: Version(u64::MAX), stored: Version(0) },
            StoreError::Unauthorised { doing, source: source() },
            StoreError::ReadOnly { doing, source: source() },
            StoreError::TooSlow { doing },
            StoreError::too_old("PostgreSQL", "12.1", "15"),
            StoreError::UsedUp,
            StoreError::Invalid { what: "a rule" },
            StoreError::Corrupt { what: "a file".to_owned(), source: Some(source()) },
            StoreError::SchemaBroken { place: "a server", what: "a step".to_owned(), source: Some(source()) },
            StoreError::SchemaNewer { place: "a server", found: i64::MAX, known: i64::MIN },
            StoreError::Full { doing, source: source() },
        ]
    }

    #[test]
    fn every_error_comes_back_as_itself_without_the_drivers_words() {
        for error in all() {
            let text = serde_json::to_string(&Told::from(&error)).unwrap();
            assert!(!text.contains("password"), "{text}");
            let back = StoreError::from(serde_json::from_str::<Told>(&text).unwrap());
            assert_eq!((back.dna(), back.to_string()), (error.dna(), error.to_string()), "{text}");
        }
    }

    #[test]
    fn texts_are_kept_once_and_only_so_long() {
        assert!(std::ptr::eq(fixed("a text of this test"), fixed(&String::from("a text of this test"))));
        assert_eq!(fixed(&"x".repeat(TEXT_MAX + 1)), OTHER);
    }
}
