//! The one question: may this actor do this to that?

use super::{Actor, Denied, Permission, Reach, rule};
use aitrading_model::{AccountId, DeviceId, TenantId, Timestamp};

/// What is about to be touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Everything of a tenant: lists, settings, the log.
    Tenant(TenantId),
    /// What belongs to an account.
    Account(TenantId, AccountId),
    /// What belongs to a user.
    User(TenantId, [u8; 16]),
    /// An installation.
    Device(TenantId, DeviceId),
    /// What belongs to no tenant's rows in particular: the market's prices, a list that is cut to what the actor may see.
    /// The permit's [`Rows`] say what that is.
    Any,
}

impl Subject {
    const fn tenant(&self) -> Option<TenantId> {
        match self {
            Self::Tenant(tenant) | Self::Account(tenant, _) | Self::User(tenant, _) | Self::Device(tenant, _) => {
                Some(*tenant)
            }
            Self::Any => None,
        }
    }
}

/// The rows that a permit opens. Every query has to be cut to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// All of the tenant.
    Tenant(TenantId),
    /// Those of this tenant that belong to the actor.
    Own {
        /// Of this tenant.
        tenant: TenantId,
        /// Of this account, if it has one.
        account: Option<AccountId>,
        /// Of this user, if it is one.
        user: Option<[u8; 16]>,
        /// Of this installation, if it comes from one.
        device: Option<DeviceId>,
    },
}

/// The proof that somebody was asked and said yes. Only [`permit`] makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Permit {
    permission: Permission,
    subject: Subject,
    rows: Rows,
}

impl Permit {
    /// To do what.
    #[must_use]
    pub const fn permission(&self) -> Permission {
        self.permission
    }

    /// To what.
    #[must_use]
    pub const fn subject(&self) -> Subject {
        self.subject
    }

    /// On which rows.
    #[must_use]
    pub const fn rows(&self) -> Rows {
        self.rows
    }
}

/// May `actor` do `permission` to `subject` at `now`?
///
/// # Errors
/// [`Denied`]. What is of another tenant, or of another owner where the role reaches its own rows alone, is
/// [`Denied::NotFound`]: also with a proof that is too weak, since the id was a guess.
pub fn permit(actor: &Actor, permission: Permission, subject: Subject, now: Timestamp) -> Result<Permit, Denied> {
    let (reach, needed) = rule(actor.role(), permission);
    let tenant = actor.tenant();
    let rows = match reach {
        Reach::Nothing => return Err(Denied::Forbidden { permission }),
        Reach::Tenant => Rows::Tenant(tenant),
        Reach::Own => Rows::Own { tenant, account: actor.account(), user: actor.user(), device: actor.device() },
    };
    if subject.tenant().is_some_and(|of| of != tenant) {
        return Err(Denied::NotFound);
    }
    if reach == Reach::Own && !owns(actor, subject) {
        return Err(Denied::NotFound);
    }
    if actor.level().holds(now) < needed {
        return Err(Denied::LevelTooLow { needed });
    }
    Ok(Permit { permission, subject, rows })
}

fn owns(actor: &Actor, subject: Subject) -> bool {
    match subject {
        Subject::Any => true,
        Subject::Account(_, account) => actor.account() == Some(account),
        Subject::User(_, user) => actor.user() == Some(user),
        Subject::Device(_, device) => actor.device() == Some(device),
        // All of a tenant is nobody's own; a list is asked for as `Any`, and cut to the permit's rows.
        Subject::Tenant(_) => false,
    }
}
