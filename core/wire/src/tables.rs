//! Symbols share tables of sessions: a list of specifications carries each table once, behind the list, and a symbol names its
//! table by number. Whole lists fit their message that way.

use crate::{WireError, limits::SESSION_TABLES_MAX};
use aitrading_model::{SymbolSpec, TradeSessions};

/// The number of a symbol of which nobody knows when it trades.
const UNKNOWN: u8 = 0;

/// The tables of one list, in the order in which its symbols first name them.
pub(crate) struct Tables(Vec<TradeSessions>);

impl Tables {
    /// More tables than the limit: the symbols of the others say that their sessions are unknown, and are not traded.
    pub(crate) fn of(specs: &[SymbolSpec]) -> Self {
        let mut tables: Vec<TradeSessions> = Vec::new();
        for sessions in specs.iter().filter_map(|spec| spec.sessions) {
            if tables.len() < SESSION_TABLES_MAX && !tables.contains(&sessions) {
                tables.push(sessions);
            }
        }
        Self(tables)
    }

    pub(crate) fn all(&self) -> &[TradeSessions] {
        &self.0
    }

    /// The number by which a symbol names its table.
    pub(crate) fn number(&self, sessions: Option<&TradeSessions>) -> u8 {
        let place = sessions.and_then(|own| self.0.iter().position(|table| table == own));
        place.and_then(|place| u8::try_from(place.saturating_add(1)).ok()).unwrap_or(UNKNOWN)
    }

    /// Gives every symbol its table.
    ///
    /// # Errors
    /// [`WireError`] for a number without a table, and for tables that no sender would write so.
    pub(crate) fn give(read: Vec<TradeSessions>, specs: Vec<(SymbolSpec, u8)>) -> Result<Vec<SymbolSpec>, WireError> {
        let bad = || WireError::BadValue("sessions");
        let give = |(spec, number): (SymbolSpec, u8)| {
            let sessions = match usize::from(number).checked_sub(1) {
                None => None,
                Some(place) => Some(*read.get(place).ok_or_else(bad)?),
            };
            Ok(SymbolSpec { sessions, ..spec })
        };
        let specs = specs.into_iter().map(give).collect::<Result<Vec<_>, _>>()?;
        if Self::of(&specs).0 == read { Ok(specs) } else { Err(bad()) }
    }
}
