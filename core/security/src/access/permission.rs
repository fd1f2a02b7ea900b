//! Everything that somebody may be permitted to do.

macro_rules! permissions {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// Something that a role may do. The list is closed: a route names its permission, and what has none is refused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Permission {
            $($(#[$doc])* $name,)*
        }

        impl Permission {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its name in tables, audit leaves and logs.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

permissions! {
    /// Reads ticks and bars.
    MarketRead = "market.read";
    /// Asks in SQL.
    SqlAsk = "sql.ask";
    /// Brings ticks in.
    TicksIngest = "ticks.ingest";
    /// Reads an account's state, positions and orders.
    AccountRead = "account.read";
    /// Reads an account's signals.
    SignalRead = "signal.read";
    /// Proposes a trade.
    SignalPropose = "signal.propose";
    /// Delivers signals to sessions.
    SignalDeliver = "signal.deliver";
    /// Hands in reports of executions.
    ReportSubmit = "report.submit";
    /// Switches automatic trading of an account on and off.
    AutoTradingSet = "auto-trading.set";
    /// Reads risk limits.
    LimitRead = "limit.read";
    /// Makes a limit narrower.
    LimitLower = "limit.lower";
    /// Makes a limit wider.
    LimitRaise = "limit.raise";
    /// Stops trading.
    KillSwitchPull = "kill-switch.pull";
    /// Lets trading go on.
    KillSwitchReset = "kill-switch.reset";
    /// Holds an account's signals, or lets them go on.
    SignalSuspend = "signal.suspend";
    /// Reads a user.
    UserRead = "user.read";
    /// Invites, changes, locks and unlocks users, and gives roles.
    UserManage = "user.manage";
    /// Erases a person's data.
    UserErase = "user.erase";
    /// Reads subscriptions.
    SubscriptionRead = "subscription.read";
    /// Makes and changes subscriptions.
    SubscriptionManage = "subscription.manage";
    /// Reads installations.
    DeviceRead = "device.read";
    /// Revokes an installation.
    DeviceRevoke = "device.revoke";
    /// Reads sessions and tokens in force.
    SessionRead = "session.read";
    /// Ends sessions.
    SessionEnd = "session.end";
    /// Reads the audit log and its proofs.
    AuditRead = "audit.read";
    /// Appends to the audit log.
    AuditAppend = "audit.append";
    /// Keeps data from erasure, or releases them.
    LegalHold = "legal-hold.set";
    /// Reads logs.
    LogRead = "log.read";
    /// Reads security events and reports.
    SecurityRead = "security.read";
    /// Reads the configuration without its secrets.
    ConfigRead = "config.read";
    /// Changes the configuration.
    ConfigChange = "config.change";
    /// Replaces keys and secrets.
    KeyRotate = "key.rotate";
    /// Takes a key out of the vault.
    KeyExport = "key.export";
    /// Uses the stores' ports from another process.
    StoreUse = "store.use";
}
