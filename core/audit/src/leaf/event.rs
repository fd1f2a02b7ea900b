//! The events that the log knows, their numbers, and which facts each may carry.

use super::FieldKey::{self, *};

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident = $number:literal [$($field:ident),* $(,)?];)*) => {
        /// What happened. Numbers are part of the format: never reuse one.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u16)]
        pub enum EventKind { $($(#[$doc])* $name = $number,)* }

        impl EventKind {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The facts that this event may carry, apart from [`FieldKey::Tenant`], which all may.
            #[must_use]
            pub const fn allowed(self) -> &'static [FieldKey] {
                match self { $(Self::$name => &[$($field),*],)* }
            }
        }
    };
}

events! {
    /// A process began to use the log.
    SystemStarted = 1 [Version, ConfigHash, BootId];
    /// The log was opened over existing files.
    Recovered = 2 [BootId, Bytes, FromIndex, ToIndex];
    /// A process ends in order.
    SystemStopped = 3 [Code];
    /// The wall clock stepped against the monotonic one.
    ClockStep = 4 [OffsetNs];
    /// The disk is full: nothing with an effect is accepted.
    AuditStalled = 5 [Code];
    /// Space came back.
    AuditResumed = 6 [Code];
    /// A device opened a session.
    SessionOpened = 10 [SessionId, Account, Device, Epoch, KeyId, Version, Code];
    /// A session ended.
    SessionClosed = 11 [SessionId, Account, Device, Code, Count];
    /// A signal passed risk and is about to be signed and sent.
    SignalDecided = 20 [
        SignalId, Symbol, Side, Volume, Price, StopLoss, TakeProfit, ExpiresMs, Account, PolicyHash, BodyHash, Strategy,
        MarketMs, Sequence, Epoch,
    ];
    /// Risk refused a signal.
    SignalDenied = 21 [
        SignalId, Symbol, Side, Volume, Price, Account, PolicyHash, Code, Strategy, MarketMs, Value, Bound, Limit,
        LimitsVersion,
    ];
    /// A client confirmed that it holds a signal.
    SignalDelivered = 22 [SignalId, Account, Device, SessionId, Sequence];
    /// An execution report agrees with the signal, the ticks and the deadline.
    ReportAccepted = 23 [SignalId, Account, Symbol, Side, Volume, Price, Retcode, Ticket, Deal, BodyHash, Code];
    /// An execution report does not agree.
    ReportAnomaly = 24 [
        SignalId, Account, Symbol, Side, Volume, Price, Retcode, Ticket, Deal, BodyHash, Code, Value, Bound,
    ];
    /// No report came before the deadline: the outcome is unknown.
    SignalUnconfirmed = 25 [SignalId, Account, Code];
    /// Trading stopped, or may only reduce: everywhere, or for a tenant, an account, a strategy or a symbol.
    TradingHalted = 30 [Account, Code, Strategy, Symbol, State];
    /// Trading goes on there.
    TradingResumed = 31 [Account, Code, Strategy, Symbol, State];
    /// An operator's or the engine's command to a client.
    CommandIssued = 40 [Code, Account, SignalId, BodyHash];
    /// A key was made.
    KeyCreated = 41 [KeyId, Code];
    /// A configuration took effect.
    ConfigLoaded = 42 [ConfigHash, PolicyHash, Version, Count];
    /// Somebody asks for a change through the interface; the body hash is the request's.
    ChangeAsked = 43 [Code, BodyHash];
}

impl EventKind {
    /// The number in the leaf.
    #[must_use]
    pub const fn number(self) -> u16 {
        self as u16
    }

    /// The event with this number.
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.iter().copied().find(|event| event.number() == number)
    }

    /// May this event carry that fact?
    #[must_use]
    pub fn allows(self, key: FieldKey) -> bool {
        key == Tenant || self.allowed().contains(&key)
    }
}
