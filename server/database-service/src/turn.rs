//! Whose turn it is to write: the writers of one store follow each other, also those of several instances.

/// The constant key of all our advisory locks; the second key is the store's. Migrations lock in a key space of their own.
macro_rules! turns {
    ($($(#[$doc:meta])* $store:ident = $key:literal,)*) => {
        /// A store whose writers follow each other.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Turn {
            $($(#[$doc])* $store,)*
        }

        impl Turn {
            /// Begins a transaction that writes on PostgreSQL, once every earlier one of the store has ended.
            ///
            /// READ COMMITTED on purpose: each statement sees what was committed before it began, so what the earlier
            /// holder of the lock wrote is seen. A snapshot of the whole transaction would be taken while waiting.
            pub(crate) const fn begin(self) -> &'static str {
                match self {
                    $(Self::$store => concat!(
                        "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock(1634300532, ", $key, ")"
                    ),)*
                }
            }
        }
    };
}

// A number once given is never given to another store: instances of two releases may run side by side.
turns! {
    /// Stores without a turn of their own.
    Others = 0,
    /// Signals, denials, reports.
    Signals = 1,
    /// Subscriptions.
    Subscriptions = 2,
    /// Account snapshots and specifications.
    Accounts = 3,
    /// Devices.
    Devices = 4,
    /// Facts about the deployment.
    Meta = 5,
    /// Users.
    Users = 6,
    /// Orders and their events.
    Orders = 7,
    /// Positions.
    Positions = 8,
    /// Limits and what is used of them.
    Risk = 9,
    /// Sequences.
    Sequences = 10,
    /// Logs.
    Logs = 11,
    /// The rules for logs.
    LogPolicies = 12,
    /// Security events.
    SecurityEvents = 13,
    /// The audit log's copy.
    AuditMirror = 14,
    /// Chains.
    Chains = 15,
    /// Traces along chains.
    ChainTraces = 16,
    /// Invitations.
    Invites = 17,
    /// Login sessions.
    LoginSessions = 18,
    /// Revocations.
    Revocations = 19,
    /// Lockouts.
    Lockouts = 20,
    /// Idempotency keys.
    Idempotency = 21,
}
