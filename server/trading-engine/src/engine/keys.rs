//! Idempotency keys: what each was used for and what came of it.
//!
//! A memory has an end, and a key that is asked for again after it must not become a second order. So a key carries its time (it
//! is a UUID of version 7), and every key up to the newest one that was forgotten is refused: what is not remembered is denied.
//! The memory is the sum of journaled decisions and denials, so that a restart forgets nothing.

use aitrading_model::{SignalId, Timestamp};
use aitrading_risk::{Action, Denied, KeyState, Sizing};
use aitrading_wire::Writer;
use std::collections::BTreeMap;

use super::io::ManualOrder;

/// A key is good for so long after it was made.
pub(crate) const KEY_LIFE_MS: i64 = 24 * 60 * 60 * 1_000;
/// So far the caller's clock may be ahead of ours.
const KEY_AHEAD_MS: i64 = 60_000;
/// Most keys remembered for an account; beyond it the oldest are forgotten before their time, and refused.
pub(crate) const KEYS_MAX: usize = 1_024;
/// Purpose and version of the encoding that is hashed.
const DOMAIN: &[u8] = b"atp-order-v1\0";
/// Room for an order.
const ORDER_BYTES: usize = 160;

/// A key.
pub(crate) type Key = [u8; 16];

/// What an order was asked for with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) key: Key,
    /// [`ManualOrder::content`]; `None` in records of before it was kept, which no order equals.
    pub(crate) content: Option<[u8; 32]>,
}

/// What came of an order.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kept {
    Issued(SignalId),
    Denied(Denied),
}

/// What is known of a key.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Known {
    /// The same order was decided.
    Kept(Kept),
    /// It is to be checked, and this is what the check needs.
    Check(KeyState),
}

/// The keys of one account.
#[derive(Debug, Default)]
pub(crate) struct KeyBook {
    /// Sorted by time: a key begins with it.
    kept: BTreeMap<Key, (Option<[u8; 32]>, Kept)>,
    /// Time of the newest key that was forgotten.
    forgotten: Option<i64>,
}

/// The time in a UUID of version 7, milliseconds since 1970.
pub(crate) const fn time_of(key: &Key) -> Option<i64> {
    let [a, b, c, d, e, f, version, _, variant, ..] = *key;
    if version >> 4 != 7 || variant >> 6 != 2 {
        return None;
    }
    Some(i64::from_be_bytes([0, 0, a, b, c, d, e, f]))
}

const fn millis(at: Timestamp) -> i64 {
    at.0.div_euclid(1_000_000)
}

impl KeyBook {
    pub(crate) fn look_up(&self, request: &Request, now: Timestamp) -> Known {
        let Some(time) = time_of(&request.key) else { return Known::Check(KeyState::Malformed) };
        if let Some((content, kept)) = self.kept.get(&request.key) {
            let same = content.is_some() && *content == request.content;
            return if same { Known::Kept(*kept) } else { Known::Check(KeyState::Reused) };
        }
        let oldest = millis(now).saturating_sub(KEY_LIFE_MS);
        Known::Check(if time < oldest || self.forgotten.is_some_and(|newest| time <= newest) {
            KeyState::TooOld
        } else if time > millis(now).saturating_add(KEY_AHEAD_MS) {
            KeyState::Ahead
        } else {
            KeyState::Unused
        })
    }

    /// Keeps the first outcome of a key, and forgets what is over at `at`.
    pub(crate) fn keep(&mut self, request: &Request, kept: Kept, at: Timestamp) {
        if time_of(&request.key).is_some() {
            self.kept.entry(request.key).or_insert((request.content, kept));
        }
        let oldest = millis(at).saturating_sub(KEY_LIFE_MS);
        while let Some((key, _)) = self.kept.first_key_value() {
            let time = time_of(key);
            if self.kept.len() <= KEYS_MAX && time.is_some_and(|time| time >= oldest) {
                return;
            }
            // Refused from now on, whatever the clock says: it may be set back.
            self.forgotten = self.forgotten.max(time);
            self.kept.pop_first();
        }
    }
}

impl ManualOrder {
    /// SHA-256 over every field that makes it this order: one order has one encoding. The key is what it is kept under, and
    /// the trace belongs to the question, not to the order: who asks again may do so under another.
    pub(crate) fn content(&self) -> [u8; 32] {
        // Taken apart by name, so that a new field cannot be forgotten here.
        let Self { account: (tenant, account), strategy, symbol, side, action, price, key: _, trace: _ } = self;
        let mut w = Writer::with_capacity(ORDER_BYTES);
        w.raw(DOMAIN).u64(tenant.0).u64(account.0).u32(strategy.0).text(symbol.as_str()).u8(*side as u8);
        w.i64(price.raw());
        match action {
            Action::Open { stop_loss, take_profit, sizing } => {
                w.u8(1).i64(stop_loss.raw()).i64(take_profit.raw());
                match sizing {
                    Sizing::Fraction(ppm) => w.u8(1).u32(*ppm),
                    Sizing::Lots(lots) => w.u8(2).i64(lots.raw()),
                };
            }
            Action::Close { position } => {
                w.u8(2).u64(position.0);
            }
        }
        aitrading_security::sha256(&w.into_bytes())
    }
}
