//! Registration and login through both halves.

use super::super::stretch::{LANES, MEMORY_KIB, PASSES, SUITE, Stretch};
use super::super::{
    ChannelHash, ClientLogin, ClientRegistration, LoginError, LoginFinish, LoginResponse, Parties, PasswordRecord,
};
use super::{CHANNEL, Counting, PASSWORD, Script, World, anna, parties, typed};
use std::sync::Mutex;

#[test]
fn who_has_the_password_logs_in_and_both_sides_share_a_key() {
    let world = World::new(1);
    let (record, export_key) = world.registered(&anna(), PASSWORD);
    let stored = PasswordRecord::from_bytes(&record.to_bytes()).unwrap();
    let login = || world.login((&anna(), CHANNEL), (&anna(), CHANNEL), Some(&stored), PASSWORD).unwrap();
    let (client, pending) = login();
    let shared = pending.check(client.finish).unwrap();
    assert_eq!(shared.expose(), client.session_key.expose());
    assert_eq!(client.export_key.expose(), export_key.expose(), "the export key is the registration's");
    let (again, _) = login();
    assert_ne!(again.session_key.expose(), client.session_key.expose(), "every login has a key of its own");
}

#[test]
fn a_server_that_comes_back_from_the_vault_knows_its_users() {
    let world = World::new(2);
    let (record, _) = world.registered(&anna(), PASSWORD);
    let bytes = world.server.to_bytes();
    let back = World { server: super::super::ServerSetup::from_bytes(bytes.expose()).unwrap(), ..World::new(3) };
    let (client, pending) = back.login((&anna(), CHANNEL), (&anna(), CHANNEL), Some(&record), PASSWORD).unwrap();
    pending.check(client.finish).unwrap();
    let other = World::new(4).login((&anna(), CHANNEL), (&anna(), CHANNEL), Some(&record), PASSWORD);
    assert_eq!(other.unwrap_err(), LoginError::Refused, "another deployment's secret opens nothing");
}

type End<'a> = (&'a Parties, ChannelHash);

fn check_refused(cases: &[(End<'_>, End<'_>, &str)]) {
    let world = World::new(5);
    let (record, _) = world.registered(&anna(), PASSWORD);
    for (client, server, password) in cases {
        let refused = world.login(*client, *server, Some(&record), password).unwrap_err();
        assert_eq!(refused, LoginError::Refused, "{client:?} {server:?}");
    }
}

#[test]
fn a_wrong_password_is_refused() {
    check_refused(&[((&anna(), CHANNEL), (&anna(), CHANNEL), "four words of nonsensE")]);
}

#[test]
fn a_record_stands_for_one_user_of_one_tenant_in_one_deployment() {
    for other in [parties(2, "anna", "desk.example"), parties(1, "bert", "desk.example"), parties(1, "anna", "other")] {
        let (anna, other) = ((&anna(), CHANNEL), (&other, CHANNEL));
        check_refused(&[(other, anna, PASSWORD), (anna, other, PASSWORD), (other, other, PASSWORD)]);
    }
}

#[test]
fn t27_login_that_is_relayed_between_two_channels_fails_at_the_client() {
    check_refused(&[((&anna(), CHANNEL), (&anna(), ChannelHash([8; 32])), PASSWORD)]);
}

/// The two answers are made with the same randomness, so that they differ by their channels and by nothing else.
#[test]
fn t27_proof_of_one_channel_fails_on_another_at_the_server() {
    let world = World::new(6);
    let (record, _) = world.registered(&anna(), PASSWORD);
    let (client, request) = ClientLogin::start(&world.rng, typed(PASSWORD)).unwrap();
    let respond = |channel| {
        let rng = Script::new(&[&[5; 64 + 4 * 32]]);
        world.server.respond(&rng, &anna(), channel, Some(&record), request.clone()).unwrap()
    };
    let ((here, response), (there, _)) = (respond(&CHANNEL), respond(&ChannelHash([8; 32])));
    let proof = client.finish(&world.rng, &anna(), &CHANNEL, response).unwrap().finish;
    assert_eq!(there.check(proof.clone()).unwrap_err(), LoginError::Refused);
    here.check(proof).unwrap();
}

#[test]
fn t26_unknown_user_gets_an_answer_of_the_same_size_along_the_same_way() {
    let world = World::new(7);
    let (record, _) = world.registered(&anna(), PASSWORD);
    let answer = |record| {
        let rng = Counting(&world.rng, Mutex::new(Vec::new()));
        let (_, request) = ClientLogin::start(&world.rng, typed(PASSWORD)).unwrap();
        let (_, response) = world.server.respond(&rng, &anna(), &CHANNEL, record, request).unwrap();
        (response.to_bytes().len(), rng.1.into_inner().unwrap())
    };
    let (known, unknown) = (answer(Some(&record)), answer(None));
    assert_eq!(known, unknown, "size, and every draw of randomness");
    assert_eq!(known.0, LoginResponse::LEN);
}

/// The evaluated element depends on the name alone: it would tell who exists if it changed with a registration.
#[test]
fn t26_answer_begins_alike_before_and_after_the_registration() {
    let world = World::new(8);
    let (record, _) = world.registered(&anna(), PASSWORD);
    let (_, request) = ClientLogin::start(&world.rng, typed(PASSWORD)).unwrap();
    let element = |who: &Parties, record| {
        let (_, response) = world.server.respond(&world.rng, who, &CHANNEL, record, request.clone()).unwrap();
        response.to_bytes()[..32].to_vec()
    };
    assert_eq!(element(&anna(), None), element(&anna(), Some(&record)));
    assert_ne!(element(&anna(), None), element(&parties(1, "bert", "desk.example"), None));
}

#[test]
fn t26_unknown_user_and_wrong_password_are_refused_alike() {
    let world = World::new(9);
    let (record, _) = world.registered(&anna(), PASSWORD);
    for (record, password) in [(None, PASSWORD), (Some(&record), "another password")] {
        let refused = world.login((&anna(), CHANNEL), (&anna(), CHANNEL), record, password).unwrap_err();
        assert_eq!(refused, LoginError::Refused);
        let (_, request) = ClientLogin::start(&world.rng, typed(password)).unwrap();
        let (pending, _) = world.server.respond(&world.rng, &anna(), &CHANNEL, record, request).unwrap();
        let guess = LoginFinish::from_bytes(&[0; LoginFinish::LEN]).unwrap();
        assert_eq!(pending.check(guess).unwrap_err(), LoginError::Refused);
    }
    assert_eq!(
        aitrading_error::Coded::public_message(&LoginError::RecordDamaged),
        LoginError::Refused.to_string(),
        "a damaged record would say that the user exists"
    );
}

#[test]
fn t28_passwords_are_stretched_with_argon2id_of_at_least_19_mib() {
    assert_eq!(Stretch::default(), Stretch::Argon2id);
    const { assert!(MEMORY_KIB >= 19 * 1024) };
    assert_eq!((PASSES, LANES), (2, 1));
    assert!(SUITE.ends_with(format!("argon2id-{MEMORY_KIB}-{PASSES}-{LANES}").as_bytes()));
    // The known answer is that of the reference implementation with exactly these costs.
    Stretch::default().self_test().unwrap();
}

#[test]
fn t28_client_that_does_not_stretch_cannot_register() {
    let world = World::new(10);
    let (client, request) = ClientRegistration::start(&world.rng, typed(PASSWORD)).unwrap();
    let response = world.server.register(&anna(), request).unwrap();
    let refused = client.finish_tested(Stretch::Identity, &world.rng, &anna().bound(), response).unwrap_err();
    assert_eq!(refused, LoginError::WeakStretching);
}

/// What the public functions make is stretched: without stretching the same password does not open it.
#[test]
fn t28_registration_and_login_stretch_by_default() {
    let world = World::new(11);
    let (record, _) = world.registered(&anna(), PASSWORD);
    let (client, request) = ClientLogin::start(&world.rng, typed(PASSWORD)).unwrap();
    let (_, response) = world.server.respond(&world.rng, &anna(), &CHANNEL, Some(&record), request).unwrap();
    let bound = anna().bound_to(&CHANNEL);
    assert_eq!(client.open(Stretch::Identity, &world.rng, &bound, response).unwrap_err(), LoginError::Refused);
}

#[test]
fn nothing_of_a_login_shows_itself() {
    let world = World::new(12);
    let (record, export_key) = world.registered(&anna(), PASSWORD);
    let (client, request) = ClientLogin::start(&world.rng, typed(PASSWORD)).unwrap();
    let (pending, response) =
        world.server.respond(&world.rng, &anna(), &CHANNEL, Some(&record), request.clone()).unwrap();
    let (registration, _) = ClientRegistration::start(&world.rng, typed(PASSWORD)).unwrap();
    let shown = format!(
        "{:?} {record:?} {export_key:?} {client:?} {request:?} {pending:?} {response:?} {registration:?} {:?}",
        world.server,
        typed(PASSWORD)
    );
    assert_eq!(
        shown,
        "ServerSetup(redacted) PasswordRecord(redacted) Secret(redacted) ClientLogin(redacted) LoginRequest(96 bytes) \
         PendingLogin(redacted) LoginResponse(320 bytes) ClientRegistration(redacted) Password(Secret(redacted))"
    );
}
