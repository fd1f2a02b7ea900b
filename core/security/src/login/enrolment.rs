//! One-time enrolment codes, and the invitations that they redeem.
//!
//! From the 128 random bits of a code two values are derived that say nothing of each other or of the code: the id, by
//! which the server finds the invitation, and the pre-shared key of the Noise handshake (XXpsk3). The server keeps the
//! id, and the key sealed under the id as its path until the invitation is used; the code itself is kept nowhere.

use super::base32;
use super::{InviteRefused, LoginName};
use crate::{Secret, mac};
use aitrading_env::{Rng, RngExt};
use aitrading_model::{AccountId, TenantId, Timestamp};
use std::{fmt, time::Duration};
use zeroize::Zeroizing;

/// How long a code is good for.
pub const ENROLMENT_VALID: Duration = Duration::from_mins(15);
/// Symbols of 128 bits; the first has three of them. A check symbol follows.
const SYMBOLS: usize = 26;
const VERSION: u8 = 1;

/// A one-time code of 128 bits, to be read aloud or typed.
pub struct EnrolmentCode(Secret<[u8; 16]>);

impl fmt::Debug for EnrolmentCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EnrolmentCode(redacted)")
    }
}

impl EnrolmentCode {
    /// A new code.
    #[must_use]
    pub fn generate(rng: &dyn Rng) -> Self {
        Self(Secret::new(rng.bytes()))
    }

    /// What somebody typed: groups, case, O for 0 and I or L for 1 do not matter.
    ///
    /// # Errors
    /// [`InviteRefused::Mistyped`] unless it is 26 symbols of at most 128 bits and the check symbol that fits.
    pub fn parse(typed: &str) -> Result<Self, InviteRefused> {
        let values = base32::values(typed).ok_or(InviteRefused::Mistyped)?;
        let (&check, digits) = values.split_last().ok_or(InviteRefused::Mistyped)?;
        if digits.len() != SYMBOLS {
            return Err(InviteRefused::Mistyped);
        }
        let number = Zeroizing::new(base32::number(digits).ok_or(InviteRefused::Mistyped)?);
        if *number % 37 != u128::from(check) {
            return Err(InviteRefused::Mistyped);
        }
        Ok(Self(Secret::new(number.to_be_bytes())))
    }

    /// Six groups of four and one of three, the last symbol being the check.
    #[must_use]
    pub fn text(&self) -> Secret<String> {
        let number = Zeroizing::new(u128::from_be_bytes(*self.0.expose()));
        let symbols = base32::crockford(*number, 26);
        base32::grouped(symbols.iter().copied().chain([base32::check_symbol(*number)]))
    }

    /// By which the server finds the invitation; it may be sent and kept in the clear.
    #[must_use]
    pub fn id(&self) -> InviteId {
        InviteId(self.derive(b"aitrading/enrolment/id/1"))
    }

    /// The pre-shared key of the handshake.
    #[must_use]
    pub fn psk(&self) -> Secret<[u8; 32]> {
        Secret::new(self.derive(b"aitrading/enrolment/psk/1"))
    }

    fn derive<const N: usize>(&self, label: &[u8]) -> [u8; N] {
        let mut out = [0; N];
        // 16 and 32 bytes are far below what HKDF can give, so this cannot fail.
        let done = mac::hkdf_sha256(self.0.expose(), &[], label, &mut out);
        debug_assert!(done.is_ok());
        out
    }
}

/// Names an invitation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InviteId(pub [u8; 16]);

impl fmt::Display for InviteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for InviteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InviteId({self})")
    }
}

/// What an invited user will be. Administrators and devices have purposes of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InviteRole {
    /// Runs the desk.
    Operator,
    /// Sets and lifts limits.
    RiskOfficer,
    /// Reads proofs.
    Auditor,
    /// Receives signals.
    Subscriber,
}

impl InviteRole {
    const ALL: [Self; 4] = [Self::Operator, Self::RiskOfficer, Self::Auditor, Self::Subscriber];

    fn number(self) -> u8 {
        match self {
            Self::Operator => 1,
            Self::RiskOfficer => 2,
            Self::Auditor => 3,
            Self::Subscriber => 4,
        }
    }
}

/// What an invitation is for; it enrols nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// The first operator of a deployment, made at `init`.
    Admin {
        /// Its login name.
        login: LoginName,
    },
    /// A user with this role.
    User {
        /// Its login name.
        login: LoginName,
        /// What it will be.
        role: InviteRole,
    },
    /// A device that will speak for this account.
    Device {
        /// Which account.
        account: AccountId,
    },
}

/// An invitation as a store keeps it, to be changed by compare-and-set alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invite {
    /// Its key in the store.
    pub id: InviteId,
    /// Whose.
    pub tenant: TenantId,
    /// For what.
    pub purpose: Purpose,
    /// When it was made.
    pub issued_at: Timestamp,
    /// The first moment at which it is no longer good.
    pub expires_at: Timestamp,
    /// When it was used.
    pub used: Option<Timestamp>,
}

/// A new invitation: the code for the invited, the key for the vault (sealed, with the id as its path), the state for
/// the store.
#[derive(Debug)]
pub struct Issued {
    /// Shown once.
    pub code: EnrolmentCode,
    /// Sealed, until the invitation is used or expires.
    pub psk: Secret<[u8; 32]>,
    /// For the store.
    pub invite: Invite,
}

impl Invite {
    /// Makes an invitation that is good for [`ENROLMENT_VALID`].
    #[must_use]
    pub fn issue(rng: &dyn Rng, tenant: TenantId, purpose: Purpose, now: Timestamp) -> Issued {
        let code = EnrolmentCode::generate(rng);
        let expires_at = now.plus(ENROLMENT_VALID);
        let invite = Self { id: code.id(), tenant, purpose, issued_at: now, expires_at, used: None };
        Issued { psk: code.psk(), code, invite }
    }

    /// The state after its one use. Only who then wins the store's compare-and-set has used it.
    ///
    /// # Errors
    /// [`InviteRefused::Used`], [`InviteRefused::Expired`], [`InviteRefused::Clock`] before its issue or if it would
    /// last longer than any may.
    pub fn redeem(&self, now: Timestamp) -> Result<Self, InviteRefused> {
        if self.used.is_some() {
            return Err(InviteRefused::Used);
        }
        if now >= self.expires_at {
            return Err(InviteRefused::Expired);
        }
        if now < self.issued_at || self.expires_at > self.issued_at.plus(ENROLMENT_VALID) {
            return Err(InviteRefused::Clock);
        }
        Ok(Self { used: Some(now), ..self.clone() })
    }

    /// For the store: `version u8 | id 16 | tenant u64 | issued i64 | expires i64 | used u8 and i64 | purpose u8 | the
    /// rest`, numbers big-endian; the rest is a login name, a role and a login name, or an account.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend_from_slice(&self.id.0);
        out.extend_from_slice(&self.tenant.0.to_be_bytes());
        out.extend_from_slice(&self.issued_at.0.to_be_bytes());
        out.extend_from_slice(&self.expires_at.0.to_be_bytes());
        out.push(u8::from(self.used.is_some()));
        out.extend_from_slice(&self.used.map_or(0, |at| at.0).to_be_bytes());
        match &self.purpose {
            Purpose::Admin { login } => {
                out.push(1);
                out.extend_from_slice(login.as_str().as_bytes());
            }
            Purpose::User { login, role } => {
                out.extend_from_slice(&[2, role.number()]);
                out.extend_from_slice(login.as_str().as_bytes());
            }
            Purpose::Device { account } => {
                out.push(3);
                out.extend_from_slice(&account.0.to_be_bytes());
            }
        }
        out
    }

    /// From the store. One state has one encoding; every other is refused.
    ///
    /// # Errors
    /// [`InviteRefused::Damaged`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, InviteRefused> {
        let read = Self::read(bytes).filter(|invite| invite.to_bytes() == bytes);
        read.ok_or(InviteRefused::Damaged)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (&[version], rest) = bytes.split_first_chunk()?;
        let (id, rest) = rest.split_first_chunk()?;
        let (tenant, rest) = rest.split_first_chunk()?;
        let (issued, rest) = rest.split_first_chunk()?;
        let (expires, rest) = rest.split_first_chunk()?;
        let (&[used], rest) = rest.split_first_chunk()?;
        let (used_at, rest) = rest.split_first_chunk()?;
        let (&[kind], rest) = rest.split_first_chunk()?;
        let login = |bytes: &[u8]| LoginName::new(std::str::from_utf8(bytes).ok()?).ok();
        let purpose = match kind {
            1 => Purpose::Admin { login: login(rest)? },
            2 => {
                let (&role, name) = rest.split_first()?;
                let role = InviteRole::ALL.into_iter().find(|known| known.number() == role)?;
                Purpose::User { login: login(name)?, role }
            }
            3 => Purpose::Device { account: AccountId(u64::from_be_bytes(rest.try_into().ok()?)) },
            _ => return None,
        };
        (version == VERSION).then_some(())?;
        Some(Self {
            id: InviteId(*id),
            tenant: TenantId(u64::from_be_bytes(*tenant)),
            purpose,
            issued_at: Timestamp(i64::from_be_bytes(*issued)),
            expires_at: Timestamp(i64::from_be_bytes(*expires)),
            used: (used == 1).then(|| Timestamp(i64::from_be_bytes(*used_at))),
        })
    }
}
