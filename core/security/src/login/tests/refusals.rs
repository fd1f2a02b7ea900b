//! Bytes that no honest peer and no sound store would hand over.

use super::super::stretch::Stretch;
use super::super::{
    ClientLogin, ClientRegistration, Deployment, FactorRefused, InviteRefused, LevelRefused, LoginError, LoginFinish,
    LoginName, LoginRequest, LoginResponse, PasswordRecord, RegistrationRequest, RegistrationResponse,
    RegistrationUpload, ServerSetup,
};
use super::{CHANNEL, PASSWORD, World, anna, typed};
use aitrading_env::{Rng, sim::SeededRng};
use aitrading_error::Coded;
use std::collections::BTreeSet;

/// A message that is read from its bytes: sound ones are, and with `elements` at these places replaced they are not.
fn check_message<T: std::fmt::Debug>(
    sound: &[u8],
    elements: &[usize],
    read: impl Fn(&[u8]) -> Result<T, LoginError>,
    write: impl Fn(&T) -> Vec<u8>,
) {
    assert_eq!(write(&read(sound).unwrap()), sound);
    let longer = [sound, &[0; 2]].concat();
    for len in (0..longer.len()).filter(|len| *len != sound.len()) {
        assert!(matches!(read(&longer[..len]), Err(LoginError::MessageLength { .. })), "{len} bytes");
    }
    // The identity; a field element that is not reduced; one of the four torsion points that ristretto has no encoding
    // of.
    let minus_one = {
        let mut bytes = [0xff; 32];
        (bytes[0], bytes[31]) = (0xec, 0x7f);
        bytes
    };
    for (&at, bad) in elements.iter().flat_map(|at| [[0; 32], [0xff; 32], minus_one].map(|bad| (at, bad))) {
        let mut bytes = sound.to_vec();
        bytes[at..at + 32].copy_from_slice(&bad);
        assert!(matches!(read(&bytes), Err(LoginError::MessageMalformed(_))), "{bad:?} at {at}");
    }
    let rng = SeededRng::new(99);
    let mut noise = sound.to_vec();
    for _ in 0..500 {
        rng.fill(&mut noise);
        if let Ok(message) = read(&noise) {
            assert_eq!(write(&message), noise);
        }
    }
}

#[test]
fn messages_have_one_size_and_hold_no_identity() {
    let world = World::new(21);
    let (client, request) = ClientRegistration::start(&world.rng, typed(PASSWORD)).unwrap();
    check_message(&request.to_bytes(), &[0], RegistrationRequest::from_bytes, |m| m.to_bytes().to_vec());
    let response = world.server.register(&anna(), request).unwrap();
    check_message(&response.to_bytes(), &[0, 32], RegistrationResponse::from_bytes, |m| m.to_bytes().to_vec());
    let upload = client.finish(&world.rng, &anna(), response).unwrap().upload;
    check_message(&upload.to_bytes(), &[0], RegistrationUpload::from_bytes, |m| m.to_bytes().to_vec());

    let record = PasswordRecord::of(&upload);
    let (client, request) = ClientLogin::start(&world.rng, typed(PASSWORD)).unwrap();
    check_message(&request.to_bytes(), &[0, 64], LoginRequest::from_bytes, |m| m.to_bytes().to_vec());
    let (_, response) = world.server.respond(&world.rng, &anna(), &CHANNEL, Some(&record), request).unwrap();
    check_message(&response.to_bytes(), &[0, 224], LoginResponse::from_bytes, |m| m.to_bytes().to_vec());
    let finish = client.finish(&world.rng, &anna(), &CHANNEL, response).unwrap().finish;
    check_message(&finish.to_bytes(), &[], LoginFinish::from_bytes, |m| m.to_bytes().to_vec());
}

/// Not stretched on either side, for speed: what is seen here is the envelope and the server's proof.
#[test]
fn every_altered_byte_of_an_answer_is_refused_by_the_client() {
    let world = World::new(22);
    let bound = anna().bound_to(&CHANNEL);
    let (client, request) = ClientRegistration::start(&world.rng, typed(PASSWORD)).unwrap();
    let response = world.server.register(&anna(), request).unwrap();
    let upload = client.seal(Stretch::Identity, &world.rng, &bound, response).unwrap().upload;
    let record = PasswordRecord::of(&upload);
    let answered = |alter: &dyn Fn(&mut [u8])| {
        let (client, request) = ClientLogin::start(&world.rng, typed(PASSWORD)).unwrap();
        let (_, response) = world.server.respond(&world.rng, &anna(), &CHANNEL, Some(&record), request).unwrap();
        let mut bytes = response.to_bytes();
        alter(&mut bytes);
        LoginResponse::from_bytes(&bytes)
            .and_then(|response| client.open(Stretch::Identity, &world.rng, &bound, response))
    };
    answered(&|_| ()).unwrap();
    for at in 0..LoginResponse::LEN {
        assert!(answered(&|bytes| bytes[at] ^= 1).is_err(), "byte {at}");
    }
}

#[test]
fn an_element_that_comes_back_unchanged_is_refused() {
    let world = World::new(23);
    let (client, request) = ClientRegistration::start(&world.rng, typed(PASSWORD)).unwrap();
    let mut reflected = world.server.register(&anna(), request.clone()).unwrap().to_bytes();
    reflected[..32].copy_from_slice(&request.to_bytes());
    let response = RegistrationResponse::from_bytes(&reflected).unwrap();
    let refused = client.finish(&world.rng, &anna(), response).unwrap_err();
    assert_eq!(refused, LoginError::MessageMalformed("registration response"));
}

#[test]
fn a_setup_that_is_damaged_is_refused() {
    let world = World::new(24);
    let sound = world.server.to_bytes();
    let sound = sound.expose();
    assert_eq!(sound.len(), ServerSetup::LEN);
    assert_eq!(ServerSetup::from_bytes(sound).unwrap().to_bytes().expose(), sound);
    let changed = |range: std::ops::Range<usize>, value: u8| {
        let mut bytes = sound.clone();
        bytes[range].fill(value);
        bytes
    };
    let longer = [&sound[..], &[0]].concat();
    let cuts = (0..sound.len()).map(|len| sound[..len].to_vec());
    let bad = [longer, changed(0..1, 2), changed(65..97, 0), changed(65..97, 0xff), changed(97..129, 0)];
    for bytes in cuts.chain(bad) {
        assert_eq!(ServerSetup::from_bytes(&bytes).unwrap_err(), LoginError::SetupDamaged, "{bytes:?}");
    }
}

#[test]
fn a_record_that_is_damaged_is_refused() {
    let world = World::new(25);
    let (record, _) = world.registered(&anna(), PASSWORD);
    let sound = record.to_bytes();
    let longer = [&sound[..], &[0]].concat();
    let wrong_version = [&[2], &sound[1..]].concat();
    for bytes in (0..sound.len()).map(|len| sound[..len].to_vec()).chain([longer, wrong_version]) {
        assert_eq!(PasswordRecord::from_bytes(&bytes).unwrap_err(), LoginError::RecordDamaged);
    }
    let identity = [&[1][..], &[0; 192]].concat();
    let record = PasswordRecord::from_bytes(&identity).unwrap();
    let (_, request) = ClientLogin::start(&world.rng, typed(PASSWORD)).unwrap();
    let refused = world.server.respond(&world.rng, &anna(), &CHANNEL, Some(&record), request).unwrap_err();
    assert_eq!(refused, LoginError::RecordDamaged);
}

#[test]
fn names_have_one_spelling() {
    assert_eq!(LoginName::new(" Anna@Example.COM ").unwrap().as_str(), "anna@example.com");
    let long = "a".repeat(129);
    for bad in ["", " ", "an na", "anna/1", "änna", "anna\0", "a\u{430}nna", &long] {
        assert_eq!(LoginName::new(bad).unwrap_err(), LoginError::BadName, "{bad:?}");
    }
    for bad in ["", "Desk", "desk/1", "d esk", &"a".repeat(254)] {
        assert_eq!(Deployment::new(bad).unwrap_err(), LoginError::BadDeployment, "{bad:?}");
    }
}

#[test]
fn every_refusal_has_a_code_of_its_own_and_says_what_to_do() {
    let length = LoginError::MessageLength { what: "x", expected: 1, got: 2 };
    let login = [
        LoginError::BadName,
        LoginError::BadDeployment,
        LoginError::PasswordShort,
        LoginError::PasswordEmpty,
        LoginError::PasswordLong,
        LoginError::PasswordIsLogin,
        length,
        LoginError::MessageMalformed("x"),
        LoginError::Refused,
        LoginError::WeakStretching,
        LoginError::StretchingFailed,
        LoginError::SetupDamaged,
        LoginError::RecordDamaged,
    ];
    let factor = [
        FactorRefused::Malformed,
        FactorRefused::Wrong,
        FactorRefused::Used,
        FactorRefused::NotConfirmed,
        FactorRefused::AlreadyConfirmed,
        FactorRefused::Clock,
        FactorRefused::Damaged,
    ];
    let invite = [
        InviteRefused::Mistyped,
        InviteRefused::Expired,
        InviteRefused::Clock,
        InviteRefused::Used,
        InviteRefused::Damaged,
    ];
    let level = [LevelRefused::NeedsSecondFactor, LevelRefused::NeedsStepUp, LevelRefused::StepUpOver];
    let all: Vec<&dyn Coded> = login
        .iter()
        .map(|e| e as &dyn Coded)
        .chain(factor.iter().map(|e| e as &dyn Coded))
        .chain(invite.iter().map(|e| e as &dyn Coded))
        .chain(level.iter().map(|e| e as &dyn Coded))
        .collect();
    let codes: BTreeSet<&str> = all.iter().map(|error| error.dna().code).collect();
    assert_eq!(codes.len(), all.len());
    for error in all {
        assert!(error.to_string().contains([';', ',']), "cause and cure: {error}");
    }
}
