//! Who is let in, and who is spoken to.

use super::{IMPATIENT, code, eventually, open, password_file, refused, settings, write_password};
use crate::{postgres::Ahead, world::block_on};
use aitrading_config::Unseal;
use aitrading_database_link::{ClientFiles, LinkState, Secrets, ServerSettings, TlsFiles, Transport};
use aitrading_database_service::PostgresStores;
use aitrading_env::Env;
use aitrading_error::{Coded, chain};
use aitrading_testkit::servers::{Certificates, Postgres};
use secrecy::SecretString;
use std::{
    error::Error,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

#[test]
fn no_public_authority_vouches_for_a_database_server() {
    assert!(webpki_roots::TLS_SERVER_ROOTS.is_empty(), "patches/webpki-roots is not in force");
}

#[test]
fn a_server_of_another_authority_is_not_spoken_to() {
    let Some(server) = Postgres::start() else { return };
    let stranger = Certificates::issue(&server.folder().join("stranger"));
    let mut settings = settings(&server, server.address());
    settings.transport = Transport::Tls(TlsFiles { ca: stranger.ca, client: None });
    let error = refused(&settings);
    assert_eq!(error.dna().code, "STORE_UNAVAILABLE");
    let causes = chain(&error).to_string();
    assert!(causes.contains("invalid peer certificate"), "{causes}");
}

/// Forwards to the server from 127.0.0.2, which its certificate does not name.
async fn elsewhere(env: &Env, server: SocketAddr) -> SocketAddr {
    let listener = env.net.listen("127.0.0.2:0".parse().unwrap()).await.unwrap();
    let (address, net, spawn) = (listener.local_addr().unwrap(), Arc::clone(&env.net), Arc::clone(&env.spawn));
    let forward = async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = net.connect(server).await.unwrap();
            drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
        }
    };
    drop(spawn.task("elsewhere", Box::pin(forward)));
    address
}

#[test]
fn a_server_under_a_name_that_its_certificate_does_not_have_is_not_spoken_to() {
    let Some(server) = Postgres::start() else { return };
    block_on(async {
        let address = elsewhere(&Env::real(), server.address()).await;
        let mut settings = settings(&server, address);
        settings.host = address.ip().to_string();
        let error = open(&settings).await.map(drop).unwrap_err();
        let causes = chain(&error).to_string();
        assert!(causes.contains("not valid for name"), "{causes}");
    });
}

#[test]
fn sessions_are_encrypted_and_a_server_that_wants_tls_gets_no_plain_text() {
    let Some(server) = Postgres::start() else { return };
    let sealed = settings(&server, server.address());
    let plain = ServerSettings { transport: Transport::Plaintext, ..sealed.clone() };
    assert_eq!(refused(&plain).dna().code, "STORE_UNAUTHORISED");
    block_on(async {
        let postgres = open(&sealed).await.unwrap();
        let statement = "select bool_and(s.ssl), count(*) > 0 from pg_stat_ssl s join pg_stat_activity a using (pid)
             where a.application_name = 'aitrading'";
        assert_eq!(server.sql(statement).trim(), "t|t");
        postgres.close().await;
    });
}

#[test]
fn a_wrong_password_is_told_as_such_and_nowhere_shown() {
    let Some(server) = Postgres::start() else { return };
    let mut wrong = settings(&server, server.address());
    wrong.password = Some(password_file(&server, "not-the-one"));
    let mut nobody = wrong.clone();
    nobody.password = None;
    for (case, settings) in [("a wrong one", wrong), ("none", nobody)] {
        let error = refused(&settings);
        assert_eq!(error.dna().code, "STORE_UNAUTHORISED", "{case}: {error:?}");
        let said = format!("{error:?} {}", chain(&error));
        assert!(!said.contains("not-the-one"), "{case}: {said}");
    }
}

#[test]
fn a_rotated_password_is_used_without_a_restart() {
    let Some(server) = Postgres::start() else { return };
    let settings = settings(&server, server.address());
    let path = server.folder().join("client-password");
    let clock = Ahead::new();
    let env = Env { clock: Arc::<Ahead>::clone(&clock), ..Env::real() };
    block_on(async {
        let postgres = PostgresStores::open(&env, &settings, &Secrets::default()).await.unwrap();
        let meta = postgres.stores().meta;
        meta.put("a", b"1").await.unwrap();
        // The server lets old connections live on: only the file says that it is time.
        write_password(&path, "wrong");
        meta.get("a").await.unwrap();
        clock.advance(Duration::from_secs(6));
        assert_eq!(code(meta.get("a").await), "STORE_UNAUTHORISED");
        drop(server.sql("alter role aitrading password 'fresh'"));
        write_password(&path, "fresh");
        clock.advance(Duration::from_secs(6));
        assert_eq!(meta.get("a").await.unwrap().as_deref(), Some(b"1".as_slice()));
    });
}

/// Opens the sealed password: the old one at first, the new one after it was asked `old` times.
struct Turning {
    asked: AtomicU32,
    old: u32,
    new: String,
}

impl Unseal for Turning {
    fn unseal(&self, _key: &str, _sealed: &str) -> Result<SecretString, Box<dyn Error + Send + Sync>> {
        let turned = self.asked.fetch_add(1, Ordering::SeqCst) >= self.old;
        Ok(SecretString::from(if turned { self.new.as_str() } else { "old" }))
    }
}

#[test]
fn a_password_that_turns_while_we_knock_is_read_again_and_tried_once() {
    let Some(server) = Postgres::start() else { return };
    let mut settings = settings(&server, server.address());
    settings.password = Some("sealed:anything".parse().unwrap());
    // Asked when the link is opened, and when the connection is.
    for (old, expected) in [(2, "done"), (3, "STORE_UNAUTHORISED")] {
        let turning = Turning { asked: AtomicU32::new(0), old, new: server.password().to_owned() };
        let secrets = Secrets { unseal: Arc::new(turning), ..Secrets::default() };
        let opened = block_on(PostgresStores::open(&Env::real(), &settings, &secrets));
        assert_eq!(code(opened), expected, "after {old}");
    }
}

#[test]
fn a_server_that_wants_our_certificate_gets_it() {
    let Some(server) = Postgres::start() else { return };
    let without = settings(&server, server.address());
    let door = "hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-full\n";
    let file = server.folder().join("data/pg_hba.conf");
    // Over what is there: the server's account has to keep it.
    let open_file = Env::real().fs.open(&file, aitrading_env::OpenMode::ReadWrite).unwrap();
    open_file.set_len(0).unwrap();
    open_file.write_all_at(door.as_bytes(), 0).unwrap();
    server.restart();
    assert_eq!(refused(&without).dna().code, "STORE_UNAUTHORISED");
    let keys = server.certificates();
    let key = format!("file:{}", keys.client_key.display()).parse().unwrap();
    let client = Some(ClientFiles { certificate: keys.client.clone(), key });
    let with = ServerSettings { transport: Transport::Tls(TlsFiles { ca: keys.ca.clone(), client }), ..without };
    block_on(async { open(&with).await.unwrap().stores().meta.put("a", b"1").await.unwrap() });
}

#[test]
fn a_server_that_takes_no_writes_is_refused_at_the_start_and_noticed_later() {
    let Some(server) = Postgres::start() else { return };
    let settings = ServerSettings { limits: IMPATIENT, ..settings(&server, server.address()) };
    block_on(async {
        let postgres = eventually(|| open(&settings)).await;
        let meta = postgres.stores().meta;
        meta.put("a", b"1").await.unwrap();
        drop(server.sql("alter database postgres set default_transaction_read_only = on"));
        drop(server.sql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'aitrading'"));
        assert_eq!(eventually(|| meta.get("a")).await.as_deref(), Some(b"1".as_slice()), "reading goes on");
        assert_eq!(code(meta.put("a", b"2").await), "STORE_READ_ONLY");
        let health = postgres.probe().await.unwrap();
        assert!(health.note.as_ref().is_some_and(|note| note.contains("STORE_READ_ONLY")), "{health:?}");
        assert_eq!(health.state, LinkState::Down, "nothing can be decided with it");
        assert_eq!(code(open(&settings).await), "STORE_READ_ONLY");
    });
}
