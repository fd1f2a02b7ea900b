//! Damaged and foreign questions: refused with a code, never a panic, and nothing is enrolled or granted by them.

use super::world::*;
use crate::identity::{IdentityFault, Wish};
use aitrading_channel::exchange;
use aitrading_error::Coded;
use aitrading_model::AccountId;
use aitrading_security::{NoiseKeyPair, login::ClientLogin, signing::SigningKey};
use aitrading_wire::identity::{
    ENROL_DOMAIN, Enrol, EnrolAnswer, EnrolAsk, Fact, Hidden, LoginAnswer, LoginAsk, LoginStart, Proof, Timestamp,
    Wanted,
};

/// What the server answers to these bytes as a first question of a login.
async fn login_says(world: &World, device: &Installed, question: &[u8]) -> (LoginAnswer, Result<(), IdentityFault>) {
    let (client, server) = world
        .exchange((device, HOME), async |asking| Ok(LoginAnswer::decode(&asking.ask(question).await?).unwrap()))
        .await;
    (client.unwrap(), server)
}

async fn enrolment_says(
    world: &World,
    code: &aitrading_security::login::EnrolmentCode,
    question: &[u8],
) -> EnrolAnswer {
    let noise = NoiseKeyPair::generate(&world.env);
    let (client, server, exporter) = world.pipe();
    let ask = async {
        let limits = exchange::ExchangeLimits::default();
        let mut asking = exchange::enrol_over(&world.env, limits, (client, exporter), &noise, code).await.unwrap();
        EnrolAnswer::decode(&asking.ask(question).await.unwrap()).unwrap()
    };
    let peer = peer(HOME, exporter, vec![]);
    let (answer, served) = tokio::join!(ask, world.identity.serve_enrolment(server, &peer));
    assert!(served.is_err());
    answer
}

#[tokio::test]
async fn every_truncation_of_every_question_is_refused() {
    let world = World::new().await;
    let anna = world.subscriber("anna", false).await;
    let code = world.invite(Wish::Device { account: AccountId(1), login: None }).await;
    let (_, request) = ClientLogin::start(world.env.rng.as_ref(), password(PASSWORD)).unwrap();
    let facts = vec![Fact { name: "a".into(), value: "b".into() }];
    let start = LoginAsk::Start(Box::new(LoginStart {
        wanted: Wanted::StepUp([1; 16]),
        login: "anna".into(),
        request: request.to_bytes(),
        facts: facts.clone(),
        clock: Timestamp(0),
    }));
    let login = [start, LoginAsk::Finish([1; 64]), LoginAsk::Factor(Proof::Code(Hidden::new("123456")))];
    for question in login.iter().map(LoginAsk::encode) {
        for end in 0..question.len() {
            let (answer, served) = login_says(&world, &anna, &question[..end]).await;
            let LoginAnswer::Refused(refused) = answer else { panic!("{end}: {answer:?}") };
            assert!(refused.code.starts_with("WIRE_"), "{end}: {refused:?}");
            assert_eq!(served.unwrap_err().dna().code, refused.code);
        }
    }
    let key = SigningKey::generate(&world.env);
    let enrol = EnrolAsk::Enrol(Box::new(Enrol {
        public_key: key.verifying_key().to_bytes(),
        proof: key.sign_detached(ENROL_DOMAIN, &[0; 32]),
        login: "anna".into(),
        facts,
        clock: Timestamp(0),
    }));
    let confirm = EnrolAsk::Confirm(Hidden::new("123456"));
    for question in [enrol, EnrolAsk::Register([1; 32]), EnrolAsk::Upload([1; 192]), confirm].map(|ask| ask.encode()) {
        for end in 0..question.len() {
            let answer = enrolment_says(&world, &code, &question[..end]).await;
            let EnrolAnswer::Refused(refused) = answer else { panic!("{end}: {answer:?}") };
            assert!(refused.code.starts_with("WIRE_"), "{end}: {refused:?}");
        }
    }
    // After all that the code is unused, and the user can log in.
    world.install(&code, None, false).await.0.unwrap();
    world.log_in(&anna, HOME).await.0.unwrap();
}

#[tokio::test]
async fn malformed_proofs_are_refused_without_a_word_about_the_user() {
    let world = World::new().await;
    let anna = world.subscriber("anna", false).await;
    let bad = |request: [u8; 96], login: &str| {
        LoginAsk::Start(Box::new(LoginStart {
            wanted: Wanted::Session,
            login: login.to_owned(),
            request,
            facts: vec![],
            clock: Timestamp(0),
        }))
        .encode()
    };
    let (_, request) = ClientLogin::start(world.env.rng.as_ref(), password(PASSWORD)).unwrap();
    let cases = [
        (bad([0; 96], "anna"), "LOGIN_MESSAGE_MALFORMED"),
        (bad([0xff; 96], "nobody"), "LOGIN_MESSAGE_MALFORMED"),
        (bad(request.to_bytes(), ""), "LOGIN_NAME"),
        (bad(request.to_bytes(), "an/na"), "LOGIN_NAME"),
        (LoginAsk::Finish([1; 64]).encode(), "IDENTITY_OUT_OF_TURN"),
        (LoginAsk::Factor(Proof::Code(Hidden::new("123456"))).encode(), "IDENTITY_OUT_OF_TURN"),
        (vec![], "WIRE_TRUNCATED"),
        (vec![0; exchange::MESSAGE_MAX], "WIRE_BAD_VALUE"),
    ];
    for (question, code) in cases {
        let (answer, _) = login_says(&world, &anna, &question).await;
        assert!(matches!(&answer, LoginAnswer::Refused(refused) if refused.code == code), "{code}: {answer:?}");
    }
    world.log_in(&anna, HOME).await.0.unwrap();
}

#[tokio::test]
async fn a_second_factor_is_never_skipped() {
    let world = World::new().await;
    let anna = world.subscriber("anna", true).await;
    // After the password alone, a second finish or a second start gets nothing.
    for again in [LoginAsk::Finish([1; 64]).encode(), b"\x01\x00\x01".to_vec()] {
        let (client, _) = world
            .exchange((&anna, HOME), async |asking| {
                let who = (&anna.parties, password(PASSWORD));
                aitrading_channel::identity::log_in(&world.env, asking, who, Wanted::Session, &world.facts()).await?;
                Ok(LoginAnswer::decode(&asking.ask(&again).await?).unwrap())
            })
            .await;
        assert!(matches!(client.unwrap(), LoginAnswer::Refused(_)));
    }
    assert!(world.notes.of(crate::identity::SecurityKind::LoggedIn).is_empty());
}
