//! Enrolments that do not come about.

use super::world::*;
use crate::identity::{SecurityKind, Wish};
use aitrading_channel::exchange;
use aitrading_model::AccountId;
use aitrading_security::{
    NoiseKeyPair,
    login::{EnrolmentCode, LoginName},
    signing::SigningKey,
};
use aitrading_store::{InviteId, LoginName as StoredName, UserRole};
use aitrading_wire::identity::{ENROL_DOMAIN, Enrol, EnrolAnswer, EnrolAsk, SecondFactorNeed, Timestamp};
use std::time::Duration;

fn device(account: u64) -> Wish {
    Wish::Device { account: AccountId(account), login: None }
}

async fn refused_code(world: &World, code: &EnrolmentCode) {
    let (client, server) = world.install(code, None, false).await;
    assert_eq!((told(client).as_str(), fault(server)), ("ENROLMENT_CODE_REFUSED", "HANDSHAKE_REFUSED"));
}

#[tokio::test]
async fn a_wrong_used_or_expired_code_fails_in_one_way() {
    let world = World::new().await;
    refused_code(&world, &EnrolmentCode::generate(world.env.rng.as_ref())).await;
    let used = world.invite(device(1)).await;
    world.install(&used, None, false).await.0.unwrap();
    refused_code(&world, &used).await;
    let expired = world.invite(device(1)).await;
    world.clock.advance(Duration::from_mins(15));
    refused_code(&world, &expired).await;
    assert_eq!(world.notes.of(SecurityKind::EnrolmentRefused).len(), 3);
    let first = world.notes.of(SecurityKind::EnrolmentRefused).remove(0);
    assert_eq!(first.origin, HOME);
}

#[tokio::test]
async fn the_key_of_an_invitation_goes_with_its_use() {
    let world = World::new().await;
    let code = world.invite(device(1)).await;
    let id = InviteId(code.id().0);
    let before = world.stores.invites.get(TENANT, id).await.unwrap().unwrap();
    assert!(!before.sealed.is_empty());
    let shown = format!("{before:?}");
    world.install(&code, None, false).await.0.unwrap();
    let after = world.stores.invites.get(TENANT, id).await.unwrap().unwrap();
    assert!(after.sealed.is_empty() && after.used.is_some());
    assert!(!shown.contains("sealed"), "{shown}");
}

#[tokio::test]
async fn a_sealed_key_opens_for_its_own_invitation_alone() {
    let world = World::new().await;
    let (one, two) = (world.invite(device(1)).await, world.invite(device(2)).await);
    let stored = world.stores.invites.get(TENANT, InviteId(one.id().0)).await.unwrap().unwrap();
    // An attacker who writes the store puts the key that he knows under another invitation.
    let fresh = aitrading_store::memory::MemoryInvites::default();
    let moved = aitrading_store::Invite { id: InviteId(two.id().0), ..stored };
    aitrading_store::InviteStore::put(&fresh, moved).await.unwrap();
    let world = World {
        stores: crate::identity::IdentityStores { invites: std::sync::Arc::new(fresh), ..world.stores.clone() },
        ..world
    };
    let other = world.other_process().await.unwrap();
    assert!(other.psk(two.id()).await.is_none());
}

#[tokio::test]
async fn one_of_two_who_hold_the_same_code_is_enrolled() {
    let world = World::new().await;
    let code = world.invite(device(1)).await;
    let enrol = async || {
        let (signing, noise) = (SigningKey::generate(&world.env), NoiseKeyPair::generate(&world.env));
        let ask = world.enrolment(&noise, &code, async |enrolling| {
            // Both are through the handshake before either asks.
            for _ in 0..64 {
                tokio::task::yield_now().await;
            }
            enrolling.device(&world.env, &signing, None, &world.facts()).await
        });
        ask.await.0
    };
    let (one, two) = tokio::join!(enrol(), enrol());
    let (winner, loser) = if one.is_ok() { (one, two) } else { (two, one) };
    winner.unwrap();
    assert_eq!(told(loser), "INVITE_USED");
    assert_eq!(world.stores.devices.of_tenant(TENANT, 9).await.unwrap().len(), 1);
}

/// What the server says to a first question that `change` altered, and that nothing is enrolled then.
async fn check_first_question(change: impl FnOnce(&mut Enrol, &SigningKey), code: &str) {
    let world = World::new().await;
    let invitation = world.invite(device(1)).await;
    let (signing, noise) = (SigningKey::generate(&world.env), NoiseKeyPair::generate(&world.env));
    let (client, server, exporter) = world.pipe();
    let ask = async {
        let limits = exchange::ExchangeLimits::default();
        let mut asking =
            exchange::enrol_over(&world.env, limits, (client, exporter), &noise, &invitation).await.unwrap();
        let mut enrol = Enrol {
            public_key: signing.verifying_key().to_bytes(),
            proof: signing.sign_detached(ENROL_DOMAIN, &asking.hash()),
            login: String::new(),
            facts: vec![],
            clock: Timestamp(0),
        };
        change(&mut enrol, &signing);
        let answer = asking.ask(&EnrolAsk::Enrol(Box::new(enrol)).encode()).await.unwrap();
        match EnrolAnswer::decode(&answer).unwrap() {
            EnrolAnswer::Refused(refused) => refused.code,
            other => panic!("{other:?}"),
        }
    };
    let peer = peer(HOME, exporter, vec![]);
    let (said, served) = tokio::join!(ask, world.identity.serve_enrolment(server, &peer));
    assert_eq!((said.as_str(), fault(served)), (code, code));
    assert_eq!(world.stores.devices.of_tenant(TENANT, 9).await.unwrap(), []);
    // Nothing was used up by it.
    world.install(&invitation, None, false).await.0.unwrap();
}

#[tokio::test]
async fn a_key_that_is_not_proved_gets_no_certificate() {
    check_first_question(|enrol, _| enrol.proof[0] ^= 1, "IDENTITY_PROOF").await;
    check_first_question(|enrol, _| enrol.public_key = [0; 32], "IDENTITY_PROOF").await;
    // A proof of another channel, replayed.
    let of_other = |enrol: &mut Enrol, key: &SigningKey| enrol.proof = key.sign_detached(ENROL_DOMAIN, &[7; 32]);
    check_first_question(of_other, "IDENTITY_PROOF").await;
    check_first_question(|enrol, _| enrol.login = "anna".to_owned(), "IDENTITY_NAME").await;
    check_first_question(|enrol, _| enrol.login = "An na".to_owned(), "LOGIN_NAME").await;
}

#[tokio::test]
async fn a_name_is_the_invited_one_or_a_free_one() {
    let world = World::new().await;
    let user = |login: Option<&str>| Wish::User {
        role: UserRole::Subscriber,
        login: login.map(|login| StoredName::new(login).unwrap()),
        account: None,
    };
    let anna = world.subscriber("anna", false).await;
    let code = world.invite(user(Some("bert"))).await;
    assert_eq!(told(world.install(&code, Some("mallory"), false).await.0), "IDENTITY_NAME");
    assert_eq!(world.install(&code, Some("bert"), false).await.0.unwrap().enrolled.granted.login, "bert");
    let code = world.invite(user(None)).await;
    assert_eq!(told(world.install(&code, None, false).await.0), "IDENTITY_NAME");
    // A free choice never takes over somebody who is there.
    assert_eq!(told(world.install(&code, Some("anna"), false).await.0), "IDENTITY_NAME_TAKEN");
    let carl = world.install(&code, Some("Carl"), false).await.0.unwrap();
    assert_eq!((carl.enrolled.granted.login.as_str(), carl.enrolled.granted.account), ("carl", AccountId(0)));
    // Nor does an invitation with another role.
    let login = Some(StoredName::new("anna").unwrap());
    let code = world.invite(Wish::User { role: UserRole::Auditor, login, account: None }).await;
    assert_eq!(told(world.install(&code, None, false).await.0), "IDENTITY_NAME_TAKEN");
    assert_eq!(world.log_in(&anna, HOME).await.0.unwrap().granted.account, ACCOUNT);
}

#[tokio::test]
async fn a_second_device_of_a_user_is_named_by_the_operator() {
    let world = World::new().await;
    let anna = world.subscriber("anna", false).await;
    let login = Some(StoredName::new("anna").unwrap());
    let code = world.invite(Wish::Device { account: ACCOUNT, login }).await;
    let laptop = world.install(&code, None, false).await.0.unwrap();
    assert_eq!(laptop.enrolled.granted.second_factor, SecondFactorNeed::None);
    let signed_in =
        world.log_in_as(&laptop, (&anna.parties, PASSWORD), HOME, aitrading_wire::identity::Wanted::Session);
    let signed_in = signed_in.await.0.unwrap();
    world.admit(&signed_in.granted.token, &laptop).unwrap();
    let rows = world.stores.devices.of_tenant(TENANT, 9).await.unwrap();
    assert!(rows.len() == 2 && rows.iter().all(|row| row.user.is_some() && row.noise_key.is_some()));
    let ghost = Some(StoredName::new("ghost").unwrap());
    let code = world.invite(Wish::Device { account: ACCOUNT, login: ghost }).await;
    assert_eq!(told(world.install(&code, None, false).await.0), "IDENTITY_NAME");
}

#[tokio::test]
async fn a_wrong_first_code_may_be_typed_again_and_nothing_is_active_before() {
    let world = World::new().await;
    let login = StoredName::new("root").unwrap();
    let code = world.invite(Wish::Admin { login }).await;
    let (signing, noise) = (SigningKey::generate(&world.env), NoiseKeyPair::generate(&world.env));
    let (client, served) = world
        .enrolment(&noise, &code, async |enrolling| {
            let enrolled = enrolling.device(&world.env, &signing, None, &world.facts()).await?;
            let deployment = aitrading_security::login::Deployment::new(&enrolled.granted.deployment).unwrap();
            let name = LoginName::new("root").unwrap();
            let parties = aitrading_security::login::Parties::new(TENANT, name, deployment);
            enrolling.password(&world.env, &parties, password(PASSWORD)).await?;
            let offer = enrolling.factor().await?;
            assert_eq!(told(enrolling.confirm("000000").await), "FACTOR_REFUSED");
            assert_eq!(told(enrolling.confirm("one").await), "FACTOR_REFUSED");
            let shown = aitrading_security::login::Authenticator::from_uri(offer.uri.expose()).unwrap();
            enrolling.confirm(shown.code(world.now()).unwrap().expose()).await
        })
        .await;
    client.unwrap();
    served.unwrap();
}

#[tokio::test]
async fn t29_the_first_code_counts_as_used() {
    let world = World::new().await;
    let login = Some(StoredName::new("anna").unwrap());
    let code = world.invite(Wish::User { role: UserRole::Subscriber, login, account: Some(ACCOUNT) }).await;
    let anna = world.install(&code, None, true).await.0.unwrap();
    // In the same half minute the authenticator still shows it.
    assert_eq!(told(world.log_in(&anna, HOME).await.0), "FACTOR_REFUSED");
    assert_eq!(world.notes.codes(SecurityKind::LoginRefused), ["FACTOR_USED"]);
}

#[tokio::test]
async fn questions_out_of_turn_end_an_enrolment() {
    let first = [
        EnrolAsk::Register([1; 32]),
        EnrolAsk::Upload([1; 192]),
        EnrolAsk::Factor,
        EnrolAsk::Confirm(aitrading_wire::identity::Hidden::new("123456")),
    ];
    for ask in first {
        let world = World::new().await;
        let code = world.invite(device(1)).await;
        let noise = NoiseKeyPair::generate(&world.env);
        let (client, server, exporter) = world.pipe();
        let asked = async {
            let limits = exchange::ExchangeLimits::default();
            let mut asking = exchange::enrol_over(&world.env, limits, (client, exporter), &noise, &code).await.unwrap();
            EnrolAnswer::decode(&asking.ask(&ask.encode()).await.unwrap()).unwrap()
        };
        let peer = peer(HOME, exporter, vec![]);
        let (answer, served) = tokio::join!(asked, world.identity.serve_enrolment(server, &peer));
        assert!(matches!(answer, EnrolAnswer::Refused(refused) if refused.code == "IDENTITY_OUT_OF_TURN"));
        assert_eq!(fault(served), "IDENTITY_OUT_OF_TURN");
    }
    // A device's invitation has no password to register.
    let world = World::new().await;
    let code = world.invite(device(1)).await;
    let (signing, noise) = (SigningKey::generate(&world.env), NoiseKeyPair::generate(&world.env));
    let (client, _) = world
        .enrolment(&noise, &code, async |enrolling| {
            enrolling.device(&world.env, &signing, None, &world.facts()).await?;
            let name = LoginName::new("mallory").unwrap();
            let deployment = aitrading_security::login::Deployment::new("desk.example").unwrap();
            let parties = aitrading_security::login::Parties::new(TENANT, name, deployment);
            enrolling.password(&world.env, &parties, password(PASSWORD)).await.map(drop)
        })
        .await;
    assert_eq!(told(client), "IDENTITY_OUT_OF_TURN");
}

#[tokio::test]
async fn t59_more_exchanges_than_there_are_places_are_turned_away_before_any_handshake() {
    let world = World::with(|settings, _| settings.exchanges_max = 0).await;
    let code = world.invite(device(1)).await;
    let (client, server) = world.install(&code, None, false).await;
    assert_eq!((told(client).as_str(), fault(server)), ("RESUME_CAPACITY", "IDENTITY_BUSY"));
}
