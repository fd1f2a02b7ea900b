//! What is known of an account's rights.

use crate::Sha256;
use aitrading_model::{AccountId, PolicyHash, Symbol, TenantId, Timestamp};
use std::{collections::BTreeSet, fmt, str::FromStr};

/// An account of a tenant.
pub type AccountKey = (TenantId, AccountId);

/// Most regions in a list; there are fewer countries.
pub const REGIONS_MAX: usize = 300;

/// May the account's owner be served at all?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UserState {
    /// Not enrolled yet.
    Invited,
    /// Yes.
    Active,
    /// Not until an operator says so.
    Locked,
    /// Never again.
    Closed,
}

/// Is the subscription in force?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SubscriptionState {
    /// Until [`Facts::valid_until`].
    Active,
    /// Ended.
    Lapsed,
    /// Stopped by an operator.
    Suspended,
}

/// Is it paid for?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Payment {
    /// Yes, or nothing is due.
    Settled,
    /// Not yet; it goes on until this moment.
    Grace {
        /// The first moment at which it is overdue.
        until: Timestamp,
    },
    /// No.
    Overdue,
}

/// The step of the price list. What the numbers are called is the operator's affair; a higher one includes the lower ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Tier(pub u8);

/// Something that can be part of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    /// Gets signals.
    Signals,
    /// Uses the interface by program.
    Api,
    /// Follows streams.
    Stream,
    /// Reads the history of ticks and bars.
    History,
    /// Asks in SQL.
    Sql,
    /// Sends signals in by webhook.
    Webhook,
}

impl Feature {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Signals, Self::Api, Self::Stream, Self::History, Self::Sql, Self::Webhook];

    const fn bit(self) -> u32 {
        1 << (self as u32)
    }
}

/// Which features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Features(u32);

impl Features {
    /// Is it among them?
    #[must_use]
    pub const fn has(self, feature: Feature) -> bool {
        self.0 & feature.bit() != 0
    }
}

impl FromIterator<Feature> for Features {
    fn from_iter<I: IntoIterator<Item = Feature>>(features: I) -> Self {
        Self(features.into_iter().fold(0, |bits, feature| bits | feature.bit()))
    }
}

/// A country: two capital letters of ISO 3166-1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Region([u8; 2]);

/// Text that names no country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a region: two capital letters of ISO 3166-1 are expected, such as `DE`")]
pub struct RegionInvalid;

impl FromStr for Region {
    type Err = RegionInvalid;

    fn from_str(text: &str) -> Result<Self, RegionInvalid> {
        match text.as_bytes() {
            [a @ b'A'..=b'Z', b @ b'A'..=b'Z'] => Ok(Self([*a, *b])),
            _ => Err(RegionInvalid),
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{}", char::from(*b)))
    }
}

/// Where a subscription may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Regions {
    /// Everywhere.
    All,
    /// There. A caller whose region nobody knows is not there.
    Only(BTreeSet<Region>),
}

/// For which symbols.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Symbols {
    /// Every one.
    All,
    /// These.
    Only(BTreeSet<Symbol>),
}

/// What an account is entitled to, as the store has it at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// May the owner be served?
    pub user: UserState,
    /// Is the subscription in force?
    pub subscription: SubscriptionState,
    /// Is it paid for?
    pub payment: Payment,
    /// The step of the price list.
    pub tier: Tier,
    /// What is part of it.
    pub features: Features,
    /// Where it may be used.
    pub regions: Regions,
    /// For which symbols.
    pub symbols: Symbols,
    /// May signals be executed without asking the owner?
    pub auto_trading: bool,
    /// The first moment at which it has ended.
    pub valid_until: Timestamp,
    /// The policy (limits, permissions, version) that the store says is in force for the account.
    pub policy: PolicyHash,
}

impl Facts {
    /// What a decision is bound to: SHA-256 over the rights and the policy, every length explicit. Time and money are not in
    /// it: that a subscription was renewed or a bill was paid between decision and sending is no reason not to send, and that
    /// they have ended is seen when they are looked at again.
    #[must_use]
    pub fn policy_hash(&self) -> PolicyHash {
        let mut hash = Sha256::default();
        hash.update(b"aitrading/entitlement/1\0");
        hash.update(&[self.user as u8, self.subscription as u8, self.tier.0, u8::from(self.auto_trading)]);
        hash.update(&self.features.0.to_be_bytes());
        match &self.regions {
            Regions::All => hash.update(&[0]),
            Regions::Only(regions) => {
                hash.update(&[1]);
                hash.update(&length(regions.len()));
                regions.iter().for_each(|region| hash.update(&region.0));
            }
        }
        match &self.symbols {
            Symbols::All => hash.update(&[0]),
            Symbols::Only(symbols) => {
                hash.update(&[1]);
                hash.update(&length(symbols.len()));
                for symbol in symbols {
                    hash.update(&length(symbol.as_str().len()));
                    hash.update(symbol.as_str().as_bytes());
                }
            }
        }
        hash.update(&self.policy.0);
        PolicyHash(hash.finish())
    }
}

fn length(len: usize) -> [u8; 8] {
    u64::try_from(len).unwrap_or(u64::MAX).to_be_bytes()
}
