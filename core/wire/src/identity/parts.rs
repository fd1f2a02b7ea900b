//! What both exchanges have in common.

use super::{FACT_BYTES_MAX, FACTS_MAX, Hidden, IDENTITY_VERSION, REFUSAL_CODE_BYTES_MAX, REFUSAL_TEXT_BYTES_MAX};
use crate::{Reader, WireError, Writer};

/// What a device says about itself: a sign of risk, never a proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// For instance `system`.
    pub name: String,
    /// For instance `windows 11`.
    pub value: String,
}

/// The server's no. It ends the exchange unless the answer's description says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Stable code, `A-Z`, `0-9` and `_`.
    pub code: String,
    /// Cause and cure, for a person.
    pub text: String,
}

impl Refused {
    pub(super) fn put(&self, w: &mut Writer) {
        w.text(cut(&self.code, REFUSAL_CODE_BYTES_MAX)).text(cut(&self.text, REFUSAL_TEXT_BYTES_MAX));
    }

    pub(super) fn get(r: &mut Reader<'_>) -> Result<Self, WireError> {
        let code = r.text("code", REFUSAL_CODE_BYTES_MAX)?;
        let good = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_';
        if code.is_empty() || !code.bytes().all(good) {
            return Err(WireError::BadValue("code"));
        }
        Ok(Self { code, text: r.text("text", REFUSAL_TEXT_BYTES_MAX)? })
    }
}

/// The beginning of a text, at a character's edge.
fn cut(text: &str, limit: usize) -> &str {
    text.get(..text.floor_char_boundary(limit)).unwrap_or_default()
}

pub(super) fn put_facts(w: &mut Writer, facts: &[Fact]) {
    w.list(facts, |w, fact| _ = w.text(&fact.name).text(&fact.value));
}

pub(super) fn get_facts(r: &mut Reader<'_>) -> Result<Vec<Fact>, WireError> {
    r.list("facts", FACTS_MAX, |r| {
        Ok(Fact { name: r.text("fact", FACT_BYTES_MAX)?, value: r.text("fact", FACT_BYTES_MAX)? })
    })
}

pub(super) fn get_hidden(r: &mut Reader<'_>, field: &'static str, limit: usize) -> Result<Hidden, WireError> {
    r.text(field, limit).map(Hidden::new)
}

pub(super) fn get_version(r: &mut Reader<'_>) -> Result<(), WireError> {
    match r.u16()? {
        IDENTITY_VERSION => Ok(()),
        other => Err(WireError::Version(other)),
    }
}

/// 0 or 1.
pub(super) fn get_flag(r: &mut Reader<'_>, field: &'static str) -> Result<bool, WireError> {
    match r.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(WireError::BadValue(field)),
    }
}

/// Reads one message and nothing behind it.
pub(super) fn whole<T>(
    bytes: &[u8],
    read: impl FnOnce(&mut Reader<'_>) -> Result<T, WireError>,
) -> Result<T, WireError> {
    let mut r = Reader::new(bytes);
    let message = read(&mut r)?;
    r.finish()?;
    Ok(message)
}
