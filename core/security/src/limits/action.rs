//! Everything that is limited. The list is closed: a door names the action of each of its routes.

/// Something that costs, or that somebody could guess at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// A login is begun. Guessing at one account is [`crate::lockout`]'s affair.
    Login,
    /// A session asks for its next token.
    Refresh,
    /// An enrolment code is presented.
    Enrol,
    /// A fresh proof is offered, or a second factor.
    StepUp,
    /// A request of the interface; each one counts here, whatever else it is.
    ApiRead,
    /// A request that changes something.
    ApiWrite,
    /// A batch of ticks.
    TickBatch,
    /// A signal leaves for an account.
    SignalSend,
    /// A question in SQL.
    Sql,
    /// A stream is opened.
    StreamOpen,
    /// A webhook calls.
    Webhook,
    /// An account's signals are suspended on suspicion.
    Suspension,
    /// A report or evidence is put together.
    Report,
}

impl Action {
    /// All of them, in the order of the numbers that [`Action::index`] gives.
    pub const ALL: [Self; 13] = [
        Self::Login,
        Self::Refresh,
        Self::Enrol,
        Self::StepUp,
        Self::ApiRead,
        Self::ApiWrite,
        Self::TickBatch,
        Self::SignalSend,
        Self::Sql,
        Self::StreamOpen,
        Self::Webhook,
        Self::Suspension,
        Self::Report,
    ];

    /// Its name in configuration, logs and metrics.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::Refresh => "refresh",
            Self::Enrol => "enrol",
            Self::StepUp => "step-up",
            Self::ApiRead => "api-read",
            Self::ApiWrite => "api-write",
            Self::TickBatch => "tick-batch",
            Self::SignalSend => "signal-send",
            Self::Sql => "sql",
            Self::StreamOpen => "stream-open",
            Self::Webhook => "webhook",
            Self::Suspension => "suspension",
            Self::Report => "report",
        }
    }

    /// What it is counted as besides: the 120 requests of a minute are one pool for everything that the interface takes.
    #[must_use]
    pub const fn counted_as(self) -> Option<Self> {
        match self {
            Self::ApiWrite | Self::Sql | Self::Report => Some(Self::ApiRead),
            Self::Login
            | Self::Refresh
            | Self::Enrol
            | Self::StepUp
            | Self::ApiRead
            | Self::TickBatch
            | Self::SignalSend
            | Self::StreamOpen
            | Self::Webhook
            | Self::Suspension => None,
        }
    }

    /// Its place in tables.
    pub(super) const fn index(self) -> usize {
        self as usize
    }
}
