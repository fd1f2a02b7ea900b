//! Every role with every permission, against the committed table; and whose rows.

use super::*;
use crate::{Authenticator, PeerIdentity, Refused, limits::Who};
use aitrading_error::Coded;
use aitrading_model::{AccountId, DeviceId, TenantId, Timestamp};
use rustls_pki_types::CertificateDer;
use std::time::Duration;

const NOW: Timestamp = Timestamp(1_767_225_600_000_000_000);
const SPEC: &str = include_str!("../../../../docs/specs/limits.md");
const HERE: TenantId = TenantId(1);
const MINE: AccountId = AccountId(42);
const ME: [u8; 16] = [1; 16];

fn fresh() -> Level {
    Level::StepUp { until: NOW.plus(Duration::from_secs(300)) }
}

fn person(role: Role, level: Level) -> Actor {
    Actor::person(HERE, ME, role, level, Some(MINE))
}

/// Own, foreign, and everything, with what the permit then opens.
fn reaches(role: Role, permission: Permission) -> Reach {
    let actor = person(role, fresh());
    let ask = |subject| permit(&actor, permission, subject, NOW);
    let (own, foreign) = (ask(Subject::Account(HERE, MINE)), ask(Subject::Account(HERE, AccountId(43))));
    let elsewhere = ask(Subject::Account(TenantId(2), MINE));
    match (own, foreign, ask(Subject::Any)) {
        (Ok(own), Ok(_), Ok(any)) => {
            assert_eq!((own.rows(), any.rows()), (Rows::Tenant(HERE), Rows::Tenant(HERE)));
            assert_eq!(elsewhere, Err(Denied::NotFound), "{role:?} {permission:?}");
            Reach::Tenant
        }
        (Ok(own), Err(Denied::NotFound), Ok(any)) => {
            let rows = Rows::Own { tenant: HERE, account: Some(MINE), user: Some(ME), device: None };
            assert_eq!((own.rows(), any.rows()), (rows, rows));
            assert_eq!(elsewhere, Err(Denied::NotFound), "{role:?} {permission:?}");
            assert_eq!(ask(Subject::Tenant(HERE)), Err(Denied::NotFound), "{role:?} {permission:?}");
            Reach::Own
        }
        (own, foreign, any) => {
            // The role never has it: that much may be told, of every id alike.
            let forbidden = Err(Denied::Forbidden { permission });
            assert_eq!((own, foreign, any), (forbidden, forbidden, forbidden), "{role:?} {permission:?}");
            assert_eq!(elsewhere, forbidden);
            Reach::Nothing
        }
    }
}

#[test]
fn t31_every_role_with_every_permission_is_as_the_specification_has_it() {
    for permission in Permission::ALL {
        let cells = Role::ALL.map(|role| {
            let reach = reaches(role, *permission);
            let (_, needed) = rule(role, *permission);
            match reach {
                Reach::Nothing => "-".to_owned(),
                Reach::Own => format!("own: {}", needed.name()),
                Reach::Tenant => format!("all: {}", needed.name()),
            }
        });
        let line = format!("| `{}` | {} |", permission.name(), cells.join(" | "));
        assert!(SPEC.contains(&line), "docs/specs/limits.md has to have\n{line}");
    }
    let rows = SPEC.lines().filter(|line| line.starts_with("| `") && line.contains('.') && line.contains(": ")).count();
    assert_eq!(rows, Permission::ALL.len(), "and no row of a permission that is none");
}

#[test]
fn t30_every_permission_at_every_level() {
    let levels = [Level::Certificate, Level::Password, Level::SecondFactor, fresh()];
    let over = Level::StepUp { until: NOW };
    for role in Role::ALL {
        for permission in Permission::ALL {
            let (reach, needed) = rule(role, *permission);
            if reach == Reach::Nothing {
                continue;
            }
            for (level, proved) in levels.into_iter().zip(Needed::ALL) {
                let asked = permit(&person(role, level), *permission, Subject::Account(HERE, MINE), NOW);
                let expected = if proved < needed { Err(Denied::LevelTooLow { needed }) } else { Ok(()) };
                assert_eq!(asked.map(|_| ()), expected, "{role:?} {permission:?} {level:?}");
            }
            let asked = permit(&person(role, over), *permission, Subject::Account(HERE, MINE), NOW);
            assert_eq!(asked.is_ok(), needed < Needed::StepUp, "a fresh proof that is over: {role:?} {permission:?}");
        }
    }
}

#[test]
fn t31_what_is_somebody_elses_looks_like_nothing_whatever_was_proved() {
    let others = [
        Subject::Account(HERE, AccountId(43)),
        Subject::Account(TenantId(2), MINE),
        Subject::User(HERE, [2; 16]),
        Subject::User(TenantId(2), ME),
        Subject::Device(HERE, DeviceId([9; 16])),
        Subject::Tenant(HERE),
        Subject::Tenant(TenantId(2)),
    ];
    for level in [Level::Certificate, Level::Password, fresh()] {
        for subject in others {
            let asked = permit(&person(Role::Subscriber, level), Permission::AccountRead, subject, NOW);
            assert_eq!(asked, Err(Denied::NotFound), "{level:?} {subject:?}");
        }
    }
    assert_eq!(Denied::NotFound.dna().code, "NOT_FOUND", "as a path that is not there");
    assert!(permit(&person(Role::Subscriber, fresh()), Permission::UserRead, Subject::User(HERE, ME), NOW).is_ok());
}

#[test]
fn auditors_change_nothing_and_nobody_has_every_right() {
    let changes = |p: &Permission| !p.name().ends_with(".read") && *p != Permission::SqlAsk;
    for permission in Permission::ALL.iter().filter(|p| changes(p)) {
        assert_eq!(rule(Role::Auditor, *permission).0, Reach::Nothing, "{permission:?}");
    }
    for role in Role::ALL {
        assert!(Permission::ALL.iter().any(|p| rule(role, *p).0 == Reach::Nothing), "{role:?}");
    }
    // Who runs the deployment neither widens limits nor lets trading go on, and no program does.
    for permission in [Permission::LimitRaise, Permission::KillSwitchReset] {
        let holders = Role::ALL.into_iter().filter(|role| rule(*role, permission).0 != Reach::Nothing);
        assert_eq!(holders.collect::<Vec<_>>(), [Role::RiskOfficer]);
    }
}

/// An authenticator that knows one peer.
#[derive(Debug)]
struct Knows(Result<PeerIdentity, Refused>);

impl Authenticator for Knows {
    fn authenticate(&self, _: &[CertificateDer<'_>]) -> Result<PeerIdentity, Refused> {
        self.0.clone()
    }
}

#[test]
fn certificates_give_roles_and_the_lowest_level() {
    let service = |name: &str| PeerIdentity::Service { tenant: HERE, name: name.into() };
    let device = PeerIdentity::Device { tenant: HERE, device: DeviceId([7; 16]), account: MINE };
    for (peer, role, who) in [
        (service("operator"), Role::Operator, Who::service("operator")),
        (service("auditor"), Role::Auditor, Who::service("auditor")),
        (service("risk-officer"), Role::Service, Who::service("risk-officer")),
        (service("data-bridge"), Role::Service, Who::service("data-bridge")),
        (device, Role::Subscriber, Who::Account(MINE)),
    ] {
        let actor = authenticate(&Knows(Ok(peer)), &[]).unwrap();
        assert_eq!((actor.role(), actor.level(), actor.known().unwrap().who), (role, Level::Certificate, who));
    }
    assert_eq!(authenticate(&Knows(Err(Refused::NotAdmitted)), &[]), Err(Refused::NotAdmitted));
    // A device alone brings ticks and reports, and reads nothing.
    let device = PeerIdentity::Device { tenant: HERE, device: DeviceId([7; 16]), account: MINE };
    let actor = authenticate(&Knows(Ok(device)), &[]).unwrap();
    let ask = |permission| permit(&actor, permission, Subject::Account(HERE, MINE), NOW).map(|_| ());
    assert_eq!(ask(Permission::ReportSubmit), Ok(()));
    assert_eq!(ask(Permission::AccountRead), Err(Denied::LevelTooLow { needed: Needed::Password }));
}

#[test]
fn the_specification_has_the_codes() {
    let all = [
        Denied::Forbidden { permission: Permission::SqlAsk },
        Denied::NotFound,
        Denied::LevelTooLow { needed: Needed::StepUp },
    ];
    for denied in all {
        assert!(SPEC.contains(&format!("`{}`", denied.dna().code)), "{denied:?}");
    }
}
