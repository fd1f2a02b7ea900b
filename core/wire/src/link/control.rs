//! Messages of the control stream.

use crate::{
    Reader, WireError, Writer,
    limits::{SYMBOLS_PER_SESSION_MAX, TEXT_BYTES_MAX},
    values::{Value, get_specs, put_specs},
};
use aitrading_model::{AccountState, Cursor, Epoch, Fence, PolicyHash, Symbol, SymbolSpec, Timestamp};

/// How fast a replaying terminal may run ahead of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Pacing {
    /// The market does not wait.
    Live = 0,
    /// A batch ends where a one-minute bar ends, and the source waits for [`Control::Settled`] before its next tick: while a
    /// decision on a symbol is open, that symbol's feed stands still.
    LockStep = 1,
}

/// The client's first message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// [`super::LINK_VERSION`].
    pub version: u16,
    /// This run of the client program.
    pub instance: [u8; 16],
    /// Generation of the client's order ledger: lower than the server's record means "restored from a backup".
    pub ledger_generation: u64,
    /// Highest signal number in the ledger; 0 if none.
    pub last_signal_seq: u64,
    /// Account and open positions.
    pub state: AccountState,
    /// Specifications of the symbols that may be traded.
    pub specs: Vec<SymbolSpec>,
}

/// The bridge's answer to a hello that it accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// The device's fencing number for this account.
    pub fence: Fence,
    /// The policy under which signals will be decided.
    pub policy: PolicyHash,
    /// Ed25519 keys that sign signals: the current one, then the next one if there is one.
    pub signal_keys: Vec<[u8; 32]>,
    /// Highest report number that was accepted from this device; 0 if none.
    pub last_report_seq: u64,
    /// Server time.
    pub now: Timestamp,
    /// Pacing of replayed feeds.
    pub pacing: Pacing,
}

/// A control message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Control {
    /// Client: who and what it is.
    Hello(Box<Hello>),
    /// Bridge: come in.
    Welcome(Welcome),
    /// Bridge: no; the session ends.
    Refused {
        /// Stable code.
        code: String,
        /// Cause and cure.
        message: String,
    },
    /// Client: the account changed, or the time for a snapshot has come.
    Account(Box<AccountState>),
    /// Client: specifications changed or were added.
    Specs(Vec<SymbolSpec>),
    /// Client: where do these sources stand?
    TickOpen(Vec<Symbol>),
    /// Bridge: there.
    TickCursors(Vec<(Symbol, Cursor)>),
    /// Client: this source goes on in a new epoch, after the cursor that it was told.
    EpochStart {
        /// Which source.
        symbol: Symbol,
        /// Higher than the cursor's.
        epoch: Epoch,
        /// The cursor as told.
        from: Cursor,
    },
    /// Bridge: everything up to here is processed, and no decision on the symbol is open.
    Settled {
        /// Which source.
        symbol: Symbol,
        /// Epoch of `seq`.
        epoch: Epoch,
        /// Last tick processed.
        seq: u64,
    },
    /// Client: the replayed history ends here; nothing more will come of this source.
    FeedEnd {
        /// Which source.
        symbol: Symbol,
        /// Ticks that the terminal's history holds for it from its beginning.
        total: u64,
    },
}

impl Control {
    /// The frame's kind byte.
    #[must_use]
    pub const fn kind(&self) -> u8 {
        match self {
            Self::Hello(_) => 1,
            Self::Welcome(_) => 2,
            Self::Refused { .. } => 3,
            Self::Account(_) => 4,
            Self::Specs(_) => 5,
            Self::TickOpen(_) => 6,
            Self::TickCursors(_) => 7,
            Self::EpochStart { .. } => 8,
            Self::Settled { .. } => 9,
            Self::FeedEnd { .. } => 10,
        }
    }

    /// The frame's body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::with_capacity(128);
        match self {
            Self::Hello(hello) => {
                w.u16(hello.version).raw(&hello.instance).u64(hello.ledger_generation).u64(hello.last_signal_seq);
                hello.state.put(&mut w);
                put_specs(&mut w, &hello.specs);
            }
            Self::Welcome(welcome) => {
                w.u64(welcome.fence.0).raw(&welcome.policy.0);
                w.list(&welcome.signal_keys, |w, key| _ = w.raw(key));
                w.u64(welcome.last_report_seq).i64(welcome.now.0).u8(welcome.pacing as u8);
            }
            Self::Refused { code, message } => _ = w.text(code).text(message),
            Self::Account(state) => state.put(&mut w),
            Self::Specs(specs) => put_specs(&mut w, specs),
            Self::TickOpen(symbols) => _ = w.list(symbols, |w, symbol| symbol.put(w)),
            Self::TickCursors(cursors) => {
                w.list(cursors, |w, (symbol, cursor)| {
                    symbol.put(w);
                    cursor.put(w);
                });
            }
            Self::EpochStart { symbol, epoch, from } => {
                symbol.put(&mut w);
                w.u64(epoch.0);
                from.put(&mut w);
            }
            Self::Settled { symbol, epoch, seq } => {
                symbol.put(&mut w);
                w.u64(epoch.0).u64(*seq);
            }
            Self::FeedEnd { symbol, total } => {
                symbol.put(&mut w);
                w.u64(*total);
            }
        }
        w.into_bytes()
    }

    /// Reads a frame of the control stream.
    ///
    /// # Errors
    /// [`WireError`] if the body is not exactly one message of that kind.
    pub fn decode(kind: u8, body: &[u8]) -> Result<Self, WireError> {
        let r = &mut Reader::new(body);
        let symbols = SYMBOLS_PER_SESSION_MAX;
        let message = match kind {
            1 => Self::Hello(Box::new(hello(r)?)),
            2 => Self::Welcome(welcome(r)?),
            3 => Self::Refused { code: r.text("code", TEXT_BYTES_MAX)?, message: r.text("message", TEXT_BYTES_MAX)? },
            4 => Self::Account(Box::new(AccountState::get(r)?)),
            5 => Self::Specs(get_specs(r)?),
            6 => Self::TickOpen(r.list("symbols", symbols, Symbol::get)?),
            7 => Self::TickCursors(r.list("cursors", symbols, |r| Ok((Symbol::get(r)?, Cursor::get(r)?)))?),
            8 => Self::EpochStart { symbol: Symbol::get(r)?, epoch: Epoch(r.u64()?), from: Cursor::get(r)? },
            9 => Self::Settled { symbol: Symbol::get(r)?, epoch: Epoch(r.u64()?), seq: r.u64()? },
            10 => Self::FeedEnd { symbol: Symbol::get(r)?, total: r.u64()? },
            _ => return Err(WireError::BadValue("control kind")),
        };
        if r.remaining() == 0 { Ok(message) } else { Err(WireError::Trailing) }
    }
}

fn hello(r: &mut Reader<'_>) -> Result<Hello, WireError> {
    let version = r.u16()?;
    if version != super::LINK_VERSION {
        return Err(WireError::Version(version));
    }
    Ok(Hello {
        version,
        instance: r.array()?,
        ledger_generation: r.u64()?,
        last_signal_seq: r.u64()?,
        state: AccountState::get(r)?,
        specs: get_specs(r)?,
    })
}

fn welcome(r: &mut Reader<'_>) -> Result<Welcome, WireError> {
    Ok(Welcome {
        fence: Fence(r.u64()?),
        policy: PolicyHash(r.array()?),
        signal_keys: r.list("signal keys", 2, Reader::array)?,
        last_report_seq: r.u64()?,
        now: Timestamp(r.i64()?),
        pacing: match r.u8()? {
            0 => Pacing::Live,
            1 => Pacing::LockStep,
            _ => return Err(WireError::BadValue("pacing")),
        },
    })
}
