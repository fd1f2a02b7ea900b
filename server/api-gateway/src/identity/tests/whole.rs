//! The whole way, as a user goes it.

use super::world::*;
use crate::identity::{SecurityKind, Wish};
use aitrading_security::{
    access::Role,
    login::Level,
    token::{RefreshBody, TokenRefused},
};
use aitrading_store::{LoginName as StoredName, UserRole, UserStatus};
use aitrading_wire::identity::{LoginLevel, Wanted};
use std::time::Duration;

#[tokio::test]
async fn invite_enrol_register_log_in_refresh_log_out() {
    let world = World::new().await;
    let anna = world.subscriber("anna", true).await;
    assert_eq!(anna.enrolled.granted.account, ACCOUNT);
    assert_eq!(anna.recovery.len(), 10);

    let (signed_in, served) = world.log_in(&anna, HOME).await;
    let signed_in = signed_in.unwrap();
    served.unwrap();
    assert_eq!(signed_in.granted.level, LoginLevel::SecondFactor);
    assert_eq!(signed_in.granted.recovery_left, 10);
    let verified = world.admit(&signed_in.granted.token, &anna).unwrap();
    let grant = &verified.claims().grant;
    assert_eq!((grant.role, grant.level, grant.account), (Role::Subscriber, Level::SecondFactor, Some(ACCOUNT)));
    assert_eq!(grant.device, Some(anna.enrolled.granted.device));
    let elsewhere = world.stranger().await;
    assert_eq!(world.admit(&signed_in.granted.token, &elsewhere).unwrap_err(), TokenRefused::Binding);

    world.later(600).await;
    let mut holder = signed_in.holder.unwrap();
    let asked = holder.ask(1, world.env.rng.as_ref()).unwrap();
    let body = RefreshBody { secret: asked.secret, successor: asked.successor };
    let body = RefreshBody::decode(body.encode().unwrap().expose().as_bytes()).unwrap();
    let refreshed = world.identity.refresh(body, &anna.peer(HOME)).await.unwrap();
    holder.granted();
    let hash = anna.certificate_hash();
    let admitted = world.admit_at(&world.identity, refreshed.token.expose(), &hash).unwrap();
    assert_eq!((refreshed.level, admitted.claims().grant.level), (Level::SecondFactor, Level::SecondFactor));

    world.identity.logout(admitted.claims()).await.unwrap();
    let refused = world.admit_at(&world.identity, refreshed.token.expose(), &hash).unwrap_err();
    assert_eq!(refused, TokenRefused::Revoked);
    let asked = holder.ask(2, world.env.rng.as_ref()).unwrap();
    let body = RefreshBody { secret: asked.secret, successor: asked.successor };
    assert_eq!(fault(world.identity.refresh(body, &anna.peer(HOME)).await), "REFRESH_REVOKED");
    let kinds = [SecurityKind::DeviceEnrolled, SecurityKind::LoggedIn, SecurityKind::LoggedOut];
    for (kind, told) in kinds.into_iter().zip([2, 1, 1]) {
        assert_eq!(world.notes.of(kind).len(), told, "{kind:?}");
    }
}

#[tokio::test]
async fn the_first_administrator_needs_a_second_factor_to_become_active() {
    let world = World::new().await;
    let login = StoredName::new("root").unwrap();
    let code = world.invite(Wish::Admin { login: login.clone() }).await;
    // Leaves after the password.
    let (signing, noise) = (
        aitrading_security::signing::SigningKey::generate(&world.env),
        aitrading_security::NoiseKeyPair::generate(&world.env),
    );
    let parties = aitrading_security::login::Parties::new(
        TENANT,
        aitrading_security::login::LoginName::new("root").unwrap(),
        aitrading_security::login::Deployment::new("desk.example").unwrap(),
    );
    let (active, served) = world
        .enrolment(&noise, &code, async |enrolling| {
            enrolling.device(&world.env, &signing, None, &world.facts()).await?;
            Ok(enrolling.password(&world.env, &parties, password(PASSWORD)).await?.0)
        })
        .await;
    assert_eq!((active.unwrap(), fault(served)), (false, "TRUNCATED"));
    let user = world.stores.users.by_login(TENANT, &login).await.unwrap().unwrap().value;
    assert_eq!((user.status, user.opaque.len(), user.role), (UserStatus::Invited, 0, UserRole::Operator));

    // The next invitation goes on with the same user.
    let code = world.invite(Wish::Admin { login: login.clone() }).await;
    let (root, served) = world.install(&code, None, false).await;
    served.unwrap();
    let root = root.unwrap();
    let after = world.stores.users.by_login(TENANT, &login).await.unwrap().unwrap().value;
    assert_eq!((after.status, after.id), (UserStatus::Active, user.id));
    world.later(30).await;
    let signed_in = world.log_in(&root, HOME).await.0.unwrap();
    let verified = world.admit(&signed_in.granted.token, &root).unwrap();
    assert_eq!((verified.claims().grant.role, verified.claims().grant.account), (Role::Operator, None));
}

#[tokio::test]
async fn a_step_up_lasts_five_minutes_within_the_same_session() {
    let world = World::new().await;
    let anna = world.subscriber("anna", true).await;
    let signed_in = world.log_in(&anna, HOME).await.0.unwrap();
    let family = world.admit(&signed_in.granted.token, &anna).unwrap().claims().grant.family;
    world.later(30).await;
    let wanted = Wanted::StepUp(family.0);
    let (up, served) = world.log_in_as(&anna, (&anna.parties, PASSWORD), HOME, wanted).await;
    let up = up.unwrap();
    served.unwrap();
    assert!(up.holder.is_none(), "the session stays as it is");
    let until = world.now().plus(Duration::from_mins(5));
    assert_eq!(up.granted.level, LoginLevel::StepUp { until });
    let verified = world.admit(&up.granted.token, &anna).unwrap();
    assert_eq!(verified.claims().grant.family, family);
    assert_eq!(verified.claims().level(world.now()), Level::StepUp { until });
    assert_eq!(verified.claims().level(until), Level::SecondFactor);

    // In no session, another user's, or one that has ended, nothing is proved.
    let bert = world.subscriber("bert", true).await;
    let (client, _) = world.log_in_as(&bert, (&bert.parties, PASSWORD), HOME, wanted).await;
    assert_eq!(told(client), "IDENTITY_NO_SESSION");
    world.identity.logout(verified.claims()).await.unwrap();
    world.later(30).await;
    let (client, _) = world.log_in_as(&anna, (&anna.parties, PASSWORD), HOME, wanted).await;
    assert_eq!(told(client), "IDENTITY_NO_SESSION");
}

#[tokio::test]
async fn t30_who_has_no_second_factor_steps_up_to_nothing() {
    let world = World::new().await;
    let anna = world.subscriber("anna", false).await;
    let signed_in = world.log_in(&anna, HOME).await.0.unwrap();
    assert_eq!(signed_in.granted.level, LoginLevel::Password);
    let claims = world.admit(&signed_in.granted.token, &anna).unwrap();
    assert_eq!(claims.claims().grant.level, Level::Password);
    let wanted = Wanted::StepUp(claims.claims().grant.family.0);
    let (client, server) = world.log_in_as(&anna, (&anna.parties, PASSWORD), HOME, wanted).await;
    assert_eq!((told(client).as_str(), fault(server)), ("FACTOR_MISSING", "FACTOR_MISSING"));
}

#[tokio::test]
async fn who_registers_anew_loses_what_was_before() {
    let world = World::new().await;
    let anna = world.subscriber("anna", true).await;
    let before = world.log_in(&anna, HOME).await.0.unwrap();
    world.later(1).await;
    let again = world.subscriber("anna", false).await;
    assert_eq!(world.admit(&before.granted.token, &anna).unwrap_err(), TokenRefused::Revoked);
    let signed_in = world.log_in(&again, HOME).await.0.unwrap();
    assert_eq!(signed_in.granted.subject, before.granted.subject, "the same user");
    assert_eq!(signed_in.granted.level, LoginLevel::Password, "without the old second factor");
}
