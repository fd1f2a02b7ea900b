//! The one table of who may do what.

use super::{Needed, Permission, Role};

/// Whose rows a role reaches with a permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// None: the role does not have it.
    Nothing,
    /// Its own.
    Own,
    /// Everybody's of its tenant.
    Tenant,
}

/// What `role` reaches with `permission`, and what has to be proved for it. Complete, without a default: a new permission does
/// not compile before somebody has thought about every role.
#[must_use]
pub const fn rule(role: Role, permission: Permission) -> (Reach, Needed) {
    let [operator, risk_officer, auditor, subscriber, service] = row(permission);
    let reach = match role {
        Role::Operator => operator,
        Role::RiskOfficer => risk_officer,
        Role::Auditor => auditor,
        Role::Subscriber => subscriber,
        Role::Service => service,
    };
    (reach, needed(role, permission))
}

/// Operator, risk officer, auditor, subscriber, service.
const fn row(permission: Permission) -> [Reach; 5] {
    use Permission as P;
    use Reach::{Nothing as N, Own as O, Tenant as T};
    match permission {
        P::MarketRead => [T, T, T, T, T],
        P::SqlAsk => [T, N, T, N, N],
        P::TicksIngest => [N, N, N, O, T],
        P::AccountRead | P::SignalRead => [T, T, T, O, T],
        P::SignalPropose => [T, N, N, N, T],
        P::SignalDeliver | P::AuditAppend | P::StoreUse => [N, N, N, N, T],
        P::ReportSubmit => [N, N, N, O, T],
        // Only its owner lets an account be traded on; the desk can but stop it.
        P::AutoTradingSet => [N, N, N, O, N],
        P::LimitRead => [T, T, T, O, T],
        P::LimitLower => [T, T, N, O, N],
        P::LimitRaise => [N, T, N, N, N],
        P::KillSwitchPull => [T, T, N, O, T],
        P::KillSwitchReset => [N, T, N, N, N],
        P::SignalSuspend => [T, T, N, N, T],
        P::UserRead | P::SubscriptionRead | P::DeviceRead => [T, T, T, O, T],
        P::SessionRead => [T, N, T, O, N],
        P::UserManage | P::UserErase | P::SubscriptionManage => [T, N, N, N, N],
        P::DeviceRevoke | P::SessionEnd => [T, T, N, O, N],
        P::AuditRead => [T, T, T, N, N],
        P::LegalHold => [T, N, N, N, N],
        P::LogRead => [T, N, T, N, N],
        P::SecurityRead => [T, T, T, N, N],
        P::ConfigRead => [T, T, T, N, N],
        P::ConfigChange | P::KeyRotate | P::KeyExport => [T, N, N, N, N],
    }
}

/// What a person or an installation has to prove. Programs have nothing but their certificates.
const fn needed(role: Role, permission: Permission) -> Needed {
    use Permission as P;
    if matches!(role, Role::Service) {
        return Needed::Certificate;
    }
    match permission {
        // What installations do by themselves; the questions of the desk's own tools; and the brake, which must not wait.
        P::TicksIngest | P::ReportSubmit | P::SqlAsk | P::KillSwitchPull => Needed::Certificate,
        P::MarketRead | P::AccountRead | P::SignalRead | P::LimitRead => Needed::Password,
        P::UserRead | P::SubscriptionRead | P::DeviceRead | P::SessionRead | P::SessionEnd => Needed::Password,
        P::AuditRead | P::LogRead | P::SecurityRead | P::ConfigRead => Needed::SecondFactor,
        P::AutoTradingSet | P::LimitLower | P::DeviceRevoke | P::SignalPropose | P::SignalSuspend => {
            Needed::SecondFactor
        }
        P::UserManage | P::SubscriptionManage | P::ConfigChange => Needed::SecondFactor,
        P::LimitRaise | P::KillSwitchReset | P::UserErase | P::LegalHold | P::KeyRotate | P::KeyExport => {
            Needed::StepUp
        }
        // No person has these; whoever gives one of them to a role decides here what it costs.
        P::SignalDeliver | P::AuditAppend | P::StoreUse => Needed::StepUp,
    }
}
