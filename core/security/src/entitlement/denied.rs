//! Why an account is not entitled. The codes are closed, and each has one cure.

use aitrading_error::{Category, Coded, Dna, FaultSide, Retry, Severity};

macro_rules! denied {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $text:literal;)*) => {
        /// Why an account is not entitled.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
        pub enum Denied {
            $($(#[$doc])* #[error($text)] $name,)*
        }

        impl Denied {
            /// All of them, in the order in which they are looked for.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its code.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }
        }
    };
}

denied! {
    /// Nobody could say what the account is entitled to, for a minute or since something changed.
    Unknown = "ENTITLEMENT_UNKNOWN",
        "what this account is entitled to cannot be read at the moment, so nothing is sent to it; wait until the store answers again";
    /// There is no subscription.
    Absent = "SUBSCRIPTION_ABSENT", "there is no subscription for this account; take one out";
    /// The owner has not enrolled.
    UserNotEnrolled = "USER_NOT_ENROLLED", "the owner of this account has not enrolled yet; finish the enrolment";
    /// The owner is locked.
    UserLocked = "USER_LOCKED", "the owner of this account is locked; ask the operator";
    /// The owner has left.
    UserClosed = "USER_CLOSED", "the owner of this account has left; nothing is sent to it any more";
    /// Stopped by an operator.
    Suspended = "SUBSCRIPTION_SUSPENDED", "the subscription was suspended; ask the operator";
    /// Ended, or past its end.
    Lapsed = "SUBSCRIPTION_LAPSED", "the subscription has ended; renew it";
    /// Not paid.
    PaymentOverdue = "PAYMENT_OVERDUE", "the payment for this subscription is overdue; settle it";
    /// Not there.
    RegionDenied = "REGION_DENIED", "this subscription may not be used from this region, or the region is not known; ask the operator";
    /// Not at this step.
    TierTooLow = "TIER_TOO_LOW", "this is not part of the subscription's tier; take a higher one";
    /// Not part of it.
    FeatureOff = "FEATURE_OFF", "this is not part of the subscription; add it";
    /// Not for this symbol.
    SymbolNotCovered = "SYMBOL_NOT_COVERED", "the subscription does not cover this symbol; add it";
    /// The owner wants to be asked.
    AutoTradingOff = "AUTO_TRADING_OFF", "automatic trading is switched off for this account; its owner can switch it on";
    /// Decided under rights that have changed since.
    PolicyChanged = "POLICY_CHANGED", "what this account is entitled to has changed since this was decided; decide again";
}

impl Coded for Denied {
    fn dna(&self) -> Dna {
        let dna = Dna::new("security", self.code(), Category::Access).severity(Severity::Info);
        match self {
            Self::Unknown => dna.side(FaultSide::Dependency).severity(Severity::Error).retry(Retry::Later),
            Self::PolicyChanged => dna.side(FaultSide::Own).retry(Retry::Never),
            _ => dna.side(FaultSide::Caller).retry(Retry::Never),
        }
    }
}
