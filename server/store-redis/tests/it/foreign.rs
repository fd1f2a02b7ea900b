//! Servers that refuse, and data that is not ours.

use crate::world::{IMPATIENT, LONG, admin, key, open, password_file, run, settings};
use aitrading_database_link::{ClientFiles, LinkState, ServerSettings, TlsFiles, Transport};
use aitrading_env::Env;
use aitrading_error::{Coded, chain};
use aitrading_store::{CacheKey, SHARED_VALUE_MAX, SharedCache, StoreError};
use aitrading_store_redis::RedisCache;
use aitrading_testkit::servers::{Certificates, Door, Redis};

/// The codes of a read, a write, a removal and a comparison.
async fn codes(cache: &RedisCache) -> [Option<&'static str>; 4] {
    let a = key("a");
    let code = |error: StoreError| error.dna().code;
    [
        cache.get(&a).await.err().map(code),
        cache.put(&a, b"1", LONG).await.err().map(code),
        cache.remove(&a).await.err().map(code),
        cache.compare_and_set(&a, None, Some(b"1"), LONG).await.err().map(code),
    ]
}

#[test]
fn a_wrong_password_is_told_as_such_by_every_call() {
    let Some(server) = Redis::start(Door::Password) else { return };
    let mut wrong = settings(&server, server.address());
    wrong.password = Some(password_file(&server, "wrong"));
    let mut nobody = wrong.clone();
    nobody.password = None;
    for (case, settings) in [("a wrong one", wrong), ("none", nobody)] {
        run(async {
            let cache = open(&settings);
            assert_eq!(codes(&cache).await, [Some("STORE_UNAUTHORISED"); 4], "{case}");
            let refused = cache.invalidations().await.map(drop).unwrap_err();
            assert_eq!(refused.dna().code, "STORE_UNAUTHORISED", "{case}");
            assert_ne!(cache.health().state, LinkState::Down, "{case}: a refusal is an answer");
        });
    }
}

#[test]
fn a_user_without_rights_is_told_so() {
    let Some(server) = Redis::start(Door::Password) else { return };
    assert_eq!(admin(&server, "ACL SETUSER aitrading -@write"), "+OK");
    let expected = [None, Some("STORE_UNAUTHORISED"), Some("STORE_UNAUTHORISED"), Some("STORE_UNAUTHORISED")];
    assert_eq!(run(codes_of(&settings(&server, server.address()))), expected);
}

async fn codes_of(settings: &ServerSettings) -> [Option<&'static str>; 4] {
    codes(&open(settings)).await
}

#[test]
fn a_server_of_another_authority_is_not_spoken_to() {
    let Some(server) = Redis::start(Door::Tls) else { return };
    let stranger = Certificates::issue(&server.folder().join("stranger"));
    let mut settings = settings(&server, server.address());
    settings.transport = Transport::Tls(TlsFiles { ca: stranger.ca, client: None });
    let error = run(async { open(&settings).get(&key("a")).await.unwrap_err() });
    assert_eq!(error.dna().code, "STORE_UNAVAILABLE");
    let causes = chain(&error).to_string();
    assert!(causes.contains("invalid peer certificate"), "{causes}");
}

/// With the certificate and the key of these, to the server of its own authority.
fn shown(server: &Redis, keys: &Certificates) -> ServerSettings {
    let key = format!("file:{}", keys.client_key.display()).parse().unwrap();
    let client = Some(ClientFiles { certificate: keys.client.clone(), key });
    let transport = Transport::Tls(TlsFiles { ca: server.ca_file().to_owned(), client });
    ServerSettings { transport, ..settings(server, server.address()) }
}

#[test]
fn a_server_that_wants_our_certificate_gets_it() {
    let Some(server) = Redis::start(Door::Tls) else { return };
    let (fs, file) = (Env::real().fs, server.folder().join("redis.conf"));
    let said = String::from_utf8(fs.read(&file, 1 << 16).unwrap()).unwrap();
    let wanted = said.replace("tls-auth-clients optional", "tls-auth-clients yes");
    assert_ne!(wanted, said);
    fs.write_atomic(&file, wanted.as_bytes()).unwrap();
    server.restart();
    let stranger = Certificates::issue(&server.folder().join("stranger"));
    let without = settings(&server, server.address());
    for (case, settings) in [("none", without), ("a stranger's", shown(&server, &stranger))] {
        let settings = ServerSettings { limits: IMPATIENT, ..settings };
        assert_eq!(run(codes_of(&settings)), [Some("STORE_UNAVAILABLE"); 4], "{case}");
    }
    run(async {
        let cache = open(&shown(&server, server.certificates()));
        let mut hears = cache.invalidations().await.unwrap();
        let other = open(&shown(&server, server.certificates()));
        assert_eq!(codes(&other).await, [None; 4]);
        other.remove(&key("a")).await.unwrap();
        let heard = hears.next().await.unwrap();
        assert!(matches!(&heard, aitrading_store::Invalidation::Key { name, .. } if name == "a"), "{heard:?}");
    });
}

#[test]
fn a_server_without_tls_is_not_spoken_to_when_tls_is_asked_for() {
    let Some(server) = Redis::start(Door::Open) else { return };
    // It waits for the end of a line that never comes.
    let mut settings = ServerSettings { limits: IMPATIENT, ..settings(&server, server.address()) };
    settings.transport = Transport::Tls(TlsFiles { ca: server.ca_file().to_owned(), client: None });
    assert_eq!(run(codes_of(&settings)), [Some("STORE_UNAVAILABLE"); 4]);
}

#[test]
fn a_replica_is_read_and_says_that_it_takes_no_writes() {
    let Some(server) = Redis::start(Door::Open) else { return };
    run(async {
        let cache = open(&settings(&server, server.address()));
        cache.put(&key("b"), b"1", LONG).await.unwrap();
        // A primary that is not there: what the replica has, it keeps.
        assert_eq!(admin(&server, "REPLICAOF 127.0.0.1 1"), "+OK");
        let read_only = Some("STORE_READ_ONLY");
        assert_eq!(codes(&cache).await, [None, read_only, read_only, read_only]);
        assert_eq!(cache.get(&key("b")).await.unwrap().as_deref(), Some(b"1".as_slice()));
    });
}

#[test]
fn a_full_server_says_so_and_keeps_what_it_has() {
    let Some(server) = Redis::start(Door::Open) else { return };
    run(async {
        let cache = open(&settings(&server, server.address()));
        cache.put(&key("b"), b"1", LONG).await.unwrap();
        assert_eq!(admin(&server, "CONFIG SET maxmemory 1"), "+OK");
        let full = Some("STORE_FULL");
        assert_eq!(codes(&cache).await, [None, full, None, full]);
        assert_eq!(cache.get(&key("b")).await.unwrap().as_deref(), Some(b"1".as_slice()));
        assert_eq!(admin(&server, "CONFIG SET maxmemory 0"), "+OK");
        assert_eq!(codes(&cache).await, [None; 4]);
    });
}

#[test]
fn values_that_nobody_put_are_damage_and_can_be_removed() {
    let Some(server) = Redis::start(Door::Open) else { return };
    run(async {
        let cache = open(&settings(&server, server.address()));
        assert_eq!(admin(&server, "RPUSH aitrading:1:test:list 1"), ":1");
        assert_eq!(
            admin(&server, &format!("SETRANGE aitrading:1:test:big {SHARED_VALUE_MAX} x")),
            format!(":{}", SHARED_VALUE_MAX + 1)
        );
        for name in ["list", "big"] {
            assert_eq!(cache.get(&key(name)).await.unwrap_err().dna().code, "STORE_CORRUPT", "{name}");
            cache.remove(&key(name)).await.unwrap();
            assert_eq!(cache.get(&key(name)).await.unwrap(), None, "{name}");
        }
    });
}

#[test]
fn deployments_with_different_prefixes_share_a_server_without_noticing() {
    let Some(server) = Redis::start(Door::Open) else { return };
    let named = |name: &str| ServerSettings { database: name.to_owned(), ..settings(&server, server.address()) };
    run(async {
        let (one, two) = (open(&named("a")), open(&named("a:1")));
        let mut hears = two.invalidations().await.unwrap();
        let told = CacheKey::new(key("x").tenant, "test", "told");
        one.put(&key("x"), b"1", LONG).await.unwrap();
        assert_eq!(two.get(&key("x")).await.unwrap(), None);
        two.put(&told, b"2", LONG).await.unwrap();
        let heard = hears.next().await.unwrap();
        assert!(matches!(&heard, aitrading_store::Invalidation::Key { name, .. } if name == "told"), "{heard:?}");
    });
}
