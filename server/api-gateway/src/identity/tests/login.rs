//! Logins: who is let in, who is not, and that nobody learns why.

use super::world::*;
use crate::identity::{IdentityStores, SecurityKind, Wish};
use aitrading_channel::{exchange, identity::IdentityError};
use aitrading_env::RngExt as _;
use aitrading_model::TenantId;
use aitrading_security::login::{ClientLogin, Deployment, LoginName, LoginResponse, Parties};
use aitrading_store::{LoginName as StoredName, StoreError, User, UserId, UserStatus, UserStore, Version, Versioned};
use aitrading_wire::identity::{Hidden, LoginAnswer, LoginAsk, LoginStart, Proof, Timestamp, Wanted};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

/// Ten devices' worth of guesses: each try that is let through costs the guesser a handshake and the server three
/// multiplications.
const GUESSES: usize = 200;

fn start(world: &World, login: &str) -> (ClientLogin, LoginAsk) {
    let (client, request) = ClientLogin::start(world.env.rng.as_ref(), password("a wrong password")).unwrap();
    let start = LoginStart {
        wanted: Wanted::Session,
        login: login.to_owned(),
        request: request.to_bytes(),
        facts: vec![],
        clock: Timestamp(0),
    };
    (client, LoginAsk::Start(Box::new(start)))
}

/// One guess at the wire, without the guesser's stretching: KE1, and a KE3 of zeros if there was an answer. All answers.
async fn guess(world: &World, device: &Installed, login: &str, address: &str) -> Vec<LoginAnswer> {
    let (client, _) = world
        .exchange((device, address), async |asking| {
            let (_, ask) = start(world, login);
            let mut answers = vec![LoginAnswer::decode(&asking.ask(&ask.encode()).await?).unwrap()];
            if matches!(answers[0], LoginAnswer::Respond(_)) {
                let finish = LoginAsk::Finish([0; 64]).encode();
                answers.push(LoginAnswer::decode(&asking.ask(&finish).await?).unwrap());
            }
            Ok(answers)
        })
        .await;
    client.unwrap()
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_counted_although_no_proof_of_it_arrives() {
    let world = World::new().await;
    let anna = world.subscriber("anna", false).await;
    for _ in 0..3 {
        let (client, server) =
            world.log_in_as(&anna, (&anna.parties, "not the right words"), HOME, Wanted::Session).await;
        assert_eq!((told(client).as_str(), fault(server)), ("LOGIN_REFUSED", "TRUNCATED"));
    }
    assert_eq!(world.notes.of(SecurityKind::LoginRefused).len(), 3);
    let (client, server) = world.log_in_as(&anna, (&anna.parties, "not the right words"), HOME, Wanted::Session).await;
    assert_eq!(
        (told(client).as_str(), fault(server)),
        ("LOGIN_REFUSED", "TRUNCATED"),
        "the fourth is the last without a wait"
    );
    let (client, _) = world.log_in(&anna, HOME).await;
    assert_eq!(told(client), "LOGIN_TOO_SOON", "the right one waits as well");
    world.clock.advance(Duration::from_secs(3));
    world.log_in(&anna, HOME).await.0.unwrap();
}

#[tokio::test]
async fn t26_a_user_that_there_is_not_is_answered_like_one_that_there_is() {
    let world = World::new().await;
    let anna = world.subscriber("anna", true).await;
    let locked = world.subscriber("locked", true).await;
    let name = StoredName::new("locked").unwrap();
    let Versioned { value, version } = world.stores.users.by_login(TENANT, &name).await.unwrap().unwrap();
    let status = UserStatus::Locked;
    world.stores.users.put(User { status, ..value }, version).await.unwrap();
    let damaged = world.subscriber("damaged", false).await;
    let name = StoredName::new("damaged").unwrap();
    let Versioned { value, version } = world.stores.users.by_login(TENANT, &name).await.unwrap().unwrap();
    world.stores.users.put(User { opaque: vec![9; 7], ..value }, version).await.unwrap();
    let stranger = world.stranger().await;
    let mut said = Vec::new();
    for login in ["anna", "nobody", "locked", "damaged"] {
        let answers = guess(&world, &stranger, login, "198.51.100.1").await;
        said.push(
            answers
                .iter()
                .map(|answer| match answer {
                    LoginAnswer::Respond(_) => (320, String::new()),
                    LoginAnswer::Refused(refused) => (answer.encode().len(), format!("{refused:?}")),
                    other => panic!("{other:?}"),
                })
                .collect::<Vec<_>>(),
        );
    }
    assert!(said.windows(2).all(|pair| pair[0] == pair[1]), "{said:?}");
    assert!(said[0][1].1.contains("LOGIN_REFUSED"));
    // With the right password neither gets in.
    for device in [&locked, &damaged] {
        assert_eq!(told(world.log_in(device, HOME).await.0), "LOGIN_REFUSED");
    }
    drop(anna);
}

#[tokio::test]
async fn t25_lockout_does_not_lock_out_the_owner() {
    let world = World::new().await;
    let anna = world.subscriber("anna", false).await;
    let stranger = world.stranger().await;
    let mut let_through = 0;
    for n in 0..GUESSES {
        // From ever new networks, as a botnet would.
        let address = format!("198.51.{}.1", n % 250);
        let answers = guess(&world, &stranger, "anna", &address).await;
        let_through += usize::from(matches!(answers[0], LoginAnswer::Respond(_)));
    }
    assert!(let_through <= 20, "{let_through} guesses got an answer; strangers together have 20");
    let edges = world.notes.codes(SecurityKind::Locked);
    assert_eq!(edges, ["LOGIN_STRANGERS_HELD"], "told once");
    world.log_in(&anna, HOME).await.0.unwrap();
    // The end is told too, and the count is durable.
    let other = world.other_process().await.unwrap();
    world.clock.advance(Duration::from_hours(24));
    world.identity.reload().await.unwrap();
    other.reload().await.unwrap();
    guess(&world, &stranger, "anna", "198.51.1.1").await;
    assert_eq!(world.notes.of(SecurityKind::Unlocked).len(), 1);
}

#[tokio::test]
async fn t25_guesses_on_a_known_device_are_locked_and_the_lock_survives_the_process() {
    let world = World::new().await;
    let anna = world.subscriber("anna", false).await;
    let mut codes = Vec::new();
    for _ in 0..14 {
        match guess(&world, &anna, "anna", HOME).await.pop().unwrap() {
            LoginAnswer::Refused(refused) => codes.push(refused.code),
            other => panic!("{other:?}"),
        }
        world.clock.advance(Duration::from_secs(130));
    }
    assert_eq!(codes.iter().filter(|code| *code == "LOGIN_REFUSED").count(), 10, "{codes:?}");
    assert!(codes[10..].iter().all(|code| code == "LOGIN_LOCKED"), "{codes:?}");
    assert_eq!(world.notes.codes(SecurityKind::Locked), ["LOGIN_LOCKED"]);
    let world = World { identity: world.other_process().await.unwrap(), ..world };
    assert_eq!(told(world.log_in(&anna, HOME).await.0), "LOGIN_LOCKED");
    world.identity.unlock(&LoginName::new("anna").unwrap()).await.unwrap();
    world.log_in(&anna, HOME).await.0.unwrap();
}

#[tokio::test]
async fn t27_a_login_that_is_relayed_between_two_channels_fails() {
    let world = World::new().await;
    let anna = world.subscriber("anna", false).await;
    let mallory = world.stranger().await;
    // Mallory has even stolen the server's Noise key: the client takes her for it.
    let (victim, middle, exporter) = world.pipe();
    let (relay, server, far) = world.pipe();
    let key = anna.enrolled.granted.noise_key;
    let limits = exchange::ExchangeLimits::default();
    let host = exchange::Host {
        env: world.env.clone(),
        noise_static: world.identity.keys.noise.clone(),
        limits,
        work: Arc::new(tokio::sync::Semaphore::new(1)),
    };
    let client = async {
        let mut asking = exchange::login_over(&world.env, limits, (victim, exporter), &anna.noise, &key).await.unwrap();
        let who = (&anna.parties, password(PASSWORD));
        aitrading_channel::identity::log_in(&world.env, &mut asking, who, Wanted::Session, &world.facts()).await
    };
    let between = async {
        let mut near = exchange::serve_login(&host, (middle, exporter)).await.unwrap();
        let mut far = exchange::login_over(&world.env, limits, (relay, far), &mallory.noise, &key).await.unwrap();
        while let Ok(question) = near.question().await {
            let answer = far.ask(&question).await.unwrap();
            near.answer(&answer).await.unwrap();
        }
    };
    let peer = peer(HOME, far, mallory.certificates());
    let (client, (), served) = tokio::join!(client, between, world.identity.serve_login(server, &peer));
    assert_eq!((told(client).as_str(), fault(served)), ("LOGIN_REFUSED", "TRUNCATED"));
    assert!(world.notes.of(SecurityKind::LoggedIn).is_empty());
}

#[tokio::test]
async fn t27_a_proof_of_one_login_is_worth_nothing_in_another() {
    let world = World::new().await;
    let anna = world.subscriber("anna", false).await;
    let mut proof = None;
    let parties = anna.parties.clone();
    // A whole login, of which the last message is kept back.
    let (client, _) = world
        .exchange((&anna, HOME), async |asking| {
            let (login, request) = ClientLogin::start(world.env.rng.as_ref(), password(PASSWORD)).unwrap();
            let ask = |request| {
                LoginAsk::Start(Box::new(LoginStart {
                    wanted: Wanted::Session,
                    login: "anna".to_owned(),
                    request,
                    facts: vec![],
                    clock: Timestamp(0),
                }))
            };
            let answer = asking.ask(&ask(request.to_bytes()).encode()).await?;
            let LoginAnswer::Respond(response) = LoginAnswer::decode(&answer).unwrap() else { panic!("an answer") };
            let channel = aitrading_security::login::ChannelHash(asking.hash());
            let response = LoginResponse::from_bytes(&response[..]).unwrap();
            let done = login.finish(world.env.rng.as_ref(), &parties, &channel, response).unwrap();
            proof = Some(done.finish.to_bytes());
            Ok(())
        })
        .await;
    client.unwrap();
    let (client, server) = world
        .exchange((&anna, HOME), async |asking| {
            asking.ask(&start(&world, "anna").1.encode()).await?;
            let answer = asking.ask(&LoginAsk::Finish(proof.unwrap()).encode()).await?;
            Ok(LoginAnswer::decode(&answer).unwrap())
        })
        .await;
    assert!(matches!(client.unwrap(), LoginAnswer::Refused(refused) if refused.code == "LOGIN_REFUSED"));
    assert_eq!(fault(server), "LOGIN_REFUSED");
}

#[tokio::test]
async fn another_tenant_or_deployment_means_another_password() {
    let world = World::new().await;
    let anna = world.subscriber("anna", false).await;
    let name = LoginName::new("anna").unwrap();
    let other = [
        Parties::new(TenantId(2), name.clone(), Deployment::new("desk.example").unwrap()),
        Parties::new(TENANT, name, Deployment::new("other.example").unwrap()),
    ];
    for parties in other {
        let (client, _) = world.log_in_as(&anna, (&parties, PASSWORD), HOME, Wanted::Session).await;
        assert_eq!(told(client), "LOGIN_REFUSED");
    }
}

#[tokio::test]
async fn recovery_codes_are_good_once_each_in_place_of_a_code() {
    let world = World::new().await;
    let anna = world.subscriber("anna", true).await;
    let with = async |code: &Hidden| {
        let log_in = world.exchange((&anna, HOME), async |asking| {
            let who = (&anna.parties, password(PASSWORD));
            aitrading_channel::identity::log_in(&world.env, asking, who, Wanted::Session, &world.facts()).await?;
            aitrading_channel::identity::prove(asking, Proof::Recovery(code.clone())).await
        });
        log_in.await.0
    };
    assert_eq!(with(&anna.recovery[3]).await.unwrap().granted.recovery_left, 9);
    assert_eq!(told(with(&anna.recovery[3]).await), "FACTOR_REFUSED");
    assert_eq!(with(&anna.recovery[4]).await.unwrap().granted.recovery_left, 8);
    assert_eq!(told(with(&Hidden::new("nothing")).await), "FACTOR_REFUSED");
    assert_eq!(world.notes.codes(SecurityKind::LoginRefused), ["FACTOR_WRONG", "FACTOR_MALFORMED"]);
}

/// Lets others in between reading and writing, as a database does.
struct Yielding(Arc<dyn UserStore>);

#[async_trait]
impl UserStore for Yielding {
    async fn put(&self, user: User, expected: Version) -> Result<Version, StoreError> {
        tokio::task::yield_now().await;
        self.0.put(user, expected).await
    }

    async fn get(&self, tenant: TenantId, id: UserId) -> Result<Option<Versioned<User>>, StoreError> {
        let found = self.0.get(tenant, id).await;
        tokio::task::yield_now().await;
        found
    }

    async fn by_login(&self, tenant: TenantId, login: &StoredName) -> Result<Option<Versioned<User>>, StoreError> {
        self.0.by_login(tenant, login).await
    }

    async fn of_tenant(
        &self,
        tenant: TenantId,
        after: Option<&StoredName>,
        limit: usize,
    ) -> Result<Vec<Versioned<User>>, StoreError> {
        self.0.of_tenant(tenant, after, limit).await
    }

    async fn erase(&self, tenant: TenantId, id: UserId, expected: Version) -> Result<(), StoreError> {
        self.0.erase(tenant, id, expected).await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t29_64_parallel_logins_with_one_code() {
    const LOGINS: usize = 64;
    let world = World::with(|settings, stores| {
        settings.lockout = patient();
        settings.exchanges_max = LOGINS;
        let users = Arc::new(Yielding(Arc::clone(&stores.users)));
        *stores = IdentityStores { users, ..stores.clone() };
    })
    .await;
    let anna = world.subscriber("anna", true).await;
    // On four devices, so that no source alone has failures enough to be a sign of risk.
    let mut devices = vec![];
    for _ in 0..4 {
        let login = Some(StoredName::new("anna").unwrap());
        let code = world.invite(Wish::Device { account: ACCOUNT, login }).await;
        devices.push(world.install(&code, None, false).await.0.unwrap());
    }
    let code = anna.authenticator.as_ref().unwrap().code(world.now()).unwrap().expose().clone();
    // All of them are through the password before any shows the code.
    let ready = tokio::sync::Barrier::new(LOGINS);
    let stretching = tokio::sync::Semaphore::new(2);
    let one = async |n: usize| {
        let (client, _) = world
            .exchange((&devices[n % 4], HOME), async |asking| {
                let room = stretching.acquire().await.unwrap();
                let who = (&anna.parties, password(PASSWORD));
                let proved =
                    aitrading_channel::identity::log_in(&world.env, asking, who, Wanted::Session, &world.facts()).await;
                drop(room);
                ready.wait().await;
                proved?;
                aitrading_channel::identity::prove(asking, Proof::Code(Hidden::new(code.as_str()))).await
            })
            .await;
        client
    };
    let ended = futures_util::future::join_all((0..LOGINS).map(one)).await;
    let (won, lost): (Vec<_>, Vec<_>) = ended.into_iter().partition(Result::is_ok);
    assert_eq!((won.len(), lost.len()), (1, LOGINS - 1));
    for lost in lost {
        assert_eq!(told(lost), "FACTOR_REFUSED");
    }
    assert_eq!(world.notes.of(SecurityKind::LoggedIn).len(), 1);
}

#[tokio::test]
async fn a_device_with_other_keys_than_it_was_enrolled_with_does_not_get_to_a_password() {
    let world = World::new().await;
    let anna = world.subscriber("anna", false).await;
    let other = aitrading_security::NoiseKeyPair::generate(&world.env);
    let mixed = Installed { noise: other, ..world.subscriber("bert", false).await };
    let (client, server) = world.log_in(&mixed, HOME).await;
    assert_eq!((told(client).as_str(), fault(server)), ("closed POLICY", "IDENTITY_NOISE_KEY"));
    // Without a certificate, or with that of somebody else's authority, not even to a handshake.
    let nobody = peer(HOME, world.env.rng.bytes(), vec![]);
    assert_eq!(fault(world.identity.visitor(&nobody).await), "IDENTITY_NO_DEVICE");
    let foreign = World::seeded(6, |_, _| {}).await.subscriber("carl", false).await;
    assert_eq!(fault(world.identity.visitor(&foreign.peer(HOME)).await), "IDENTITY_NOT_ENROLLED");
    let damaged = peer(HOME, [0; 32], vec![anna.certificates()[0][..40].to_vec()]);
    assert_eq!(fault(world.identity.visitor(&damaged).await), "IDENTITY_NO_DEVICE");
    assert_eq!(world.notes.of(SecurityKind::DeviceRefused).len(), 4);
}

#[tokio::test]
async fn an_old_image_of_a_device_in_a_new_network_is_refused_and_a_new_network_is_told() {
    let world = World::new().await;
    let anna = world.subscriber("anna", false).await;
    world.log_in(&anna, HOME).await.0.unwrap();
    assert!(world.notes.of(SecurityKind::Risk).is_empty());
    world.log_in(&anna, "203.0.113.9").await.0.unwrap();
    assert_eq!(world.notes.codes(SecurityKind::Risk), ["LOGIN_UNUSUAL"]);
    // A recording, or a copy: the device's own clock stands an hour before what it said.
    world.clock.jump_wall(-3_600_000_000_000);
    let (client, server) = world.log_in(&anna, "198.18.0.1").await;
    assert_eq!((told(client).as_str(), fault(server)), ("LOGIN_REFUSED", "LOGIN_RISK"));
}

#[tokio::test]
async fn t21_no_token_is_issued_while_the_clock_stands_before_the_last_one_also_after_a_restart() {
    let world = World::new().await;
    let anna = world.subscriber("anna", false).await;
    world.log_in(&anna, HOME).await.0.unwrap();
    world.clock.jump_wall(-60_000_000_000);
    let identity = world.other_process().await.unwrap();
    let world = World { identity, ..world };
    let (client, server) = world.log_in(&anna, HOME).await;
    assert_eq!((told(client).as_str(), fault(server)), ("IDENTITY_UNAVAILABLE", "TOKEN_CLOCK_BACK"));
}

#[tokio::test]
async fn a_refusal_for_a_wrong_password_is_the_clients_own_word() {
    let world = World::new().await;
    let anna = world.subscriber("anna", false).await;
    let (client, _) = world.log_in_as(&anna, (&anna.parties, "not the right words"), HOME, Wanted::Session).await;
    assert!(matches!(client, Err(IdentityError::Login(_))), "the server's proof does not open");
}
