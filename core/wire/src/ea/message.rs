//! All messages of the link as one enumeration, each kind with its number.

use super::{
    fields::{Field, Take, layout},
    frame::{Frame, push_frame},
    handshake::{Accept, Challenge, Hello, Refuse},
    history::{HistoryEnd, HistoryRequest, HistoryTicks},
    orders::{Lookup, LookupResult, OrderRequest, OrderResult, Transaction},
    ticks::{FeedNumber, TickEnd, TickRefused, TickRewritten, TickSubscribe, Ticks},
    values::Specs,
};
use crate::WireError;
use aitrading_model::{AccountState, Permissions};

/// Numbers that are needed outside the table below.
pub(super) mod kind {
    pub(in crate::ea) const TICKS: u8 = 21;
}

/// Either side, on every connection: still here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heartbeat {
    /// Counts from 1 on each connection.
    pub number: u64,
}
layout!(Heartbeat { number });

/// Terminal: may it trade, and how well is it connected?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalInfo {
    /// The five flags.
    pub permissions: Permissions,
    /// Build of the terminal.
    pub build: u32,
    /// Last measured round trip to the trade server in microseconds.
    pub ping_us: u32,
}
layout!(TerminalInfo { permissions, build, ping_us });

impl Field for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }
    fn take(from: &mut Take<'_>) -> Result<Self, WireError> {
        match u8::take(from)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(WireError::BadValue("flag")),
        }
    }
}

impl<T: Field> Field for Box<T> {
    fn put(&self, out: &mut Vec<u8>) {
        T::put(self, out);
    }
    fn take(from: &mut Take<'_>) -> Result<Self, WireError> {
        T::take(from).map(Self::new)
    }
}

macro_rules! messages {
    ($($number:literal $variant:ident($payload:ty) $doc:literal;)*) => {
        /// One message.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Message { $(#[doc = $doc] $variant($payload),)* }

        impl Message {
            /// The frame's kind byte.
            #[must_use]
            pub const fn kind(&self) -> u8 {
                match self { $(Self::$variant(_) => $number,)* }
            }

            fn put(&self, out: &mut Vec<u8>) {
                match self { $(Self::$variant(payload) => payload.put(out),)* }
            }

            fn take(kind: u8, from: &mut Take<'_>) -> Result<Self, WireError> {
                match kind {
                    $($number => Ok(Self::$variant(Field::take(from)?)),)*
                    _ => Err(WireError::BadValue("message kind")),
                }
            }
        }
    };
}

messages! {
    1 Challenge(Challenge) "Connector: prove yourself.";
    2 Hello(Box<Hello>) "Terminal: who it is.";
    3 Accept(Accept) "Connector: come in.";
    4 Refuse(Refuse) "Either: no.";
    5 Heartbeat(Heartbeat) "Either: still here.";
    10 Account(Box<AccountState>) "Terminal: the account and its positions.";
    11 Specs(Specs) "Terminal: specifications.";
    12 TerminalInfo(TerminalInfo) "Terminal: permissions and connection.";
    20 TickSubscribe(TickSubscribe) "Connector: start a feed.";
    21 Ticks(Ticks) "Terminal: ticks.";
    22 TickContinue(FeedNumber) "Connector: go on behind a tick that stands.";
    23 TickStop(FeedNumber) "Connector: end a feed.";
    24 TickEnd(TickEnd) "Terminal: the history ends.";
    25 TickRewritten(TickRewritten) "Terminal: the history was rewritten.";
    26 TickRefused(TickRefused) "Terminal: no such feed.";
    30 OrderRequest(Box<OrderRequest>) "Connector: do this.";
    31 OrderResult(Box<OrderResult>) "Terminal: done, or not.";
    40 Transaction(Transaction) "Terminal: something happened.";
    50 Lookup(Lookup) "Connector: what is known?";
    51 LookupResult(Box<LookupResult>) "Terminal: this.";
    52 HistoryRequest(HistoryRequest) "Connector: which ticks were there?";
    53 HistoryTicks(HistoryTicks) "Terminal: these.";
    54 HistoryEnd(HistoryEnd) "Terminal: and no others.";
}

impl Message {
    /// Appends the message as a frame. `role` is the number of the connection's role, 0 before the hello.
    pub fn push_frame(&self, out: &mut Vec<u8>, role: u8) {
        push_frame(out, self.kind(), role, 0, |out| self.put(out));
    }

    /// The message as a frame.
    #[must_use]
    pub fn frame(&self, role: u8) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        self.push_frame(&mut out, role);
        out
    }

    /// Reads a frame's message.
    ///
    /// # Errors
    /// [`WireError`] if the body is not exactly one message of that kind.
    pub fn decode(frame: &Frame<'_>) -> Result<Self, WireError> {
        let mut from = Take::new(frame.body);
        let message = Self::take(frame.kind, &mut from)?;
        if from.is_at_end() { Ok(message) } else { Err(WireError::Trailing) }
    }
}
