//! The handshake against published vectors.

use super::{Transport, initiator, prologue, resolver::Resolver, responder};
use crate::ChannelError;
use aitrading_env::Env;
use aitrading_security::NoiseKeyPair;
use bytes::Bytes;
use serde_json::Value;
use snow::{Builder, HandshakeState, TransportState};

fn vectors(file: &str) -> Option<Vec<Value>> {
    let path = aitrading_testkit::shared_data()?.join("vectors/noise").join(file);
    let bytes = Env::real().fs.read(&path, 8 << 20).unwrap();
    let all: Value = serde_json::from_slice(&bytes).unwrap();
    Some(all["vectors"].as_array().unwrap().clone())
}

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes().chunks(2).map(|p| u8::from_str_radix(std::str::from_utf8(p).unwrap(), 16).unwrap()).collect()
}

fn hex(value: &Value) -> Option<Vec<u8>> {
    value.as_str().map(unhex)
}

fn side(vector: &Value, side: &str) -> HandshakeState {
    let name = vector["protocol_name"].as_str().unwrap();
    let field = |what: &str| hex(&vector[format!("{side}_{what}")]);
    let (own, remote, ephemeral) = (field("static"), field("remote_static"), field("ephemeral"));
    let prologue = field("prologue").unwrap_or_default();
    let psks: Vec<[u8; 32]> = vector[format!("{side}_psks")]
        .as_array()
        .map_or(vec![], |psks| psks.iter().map(|psk| hex(psk).unwrap().try_into().unwrap()).collect());
    let mut builder = Builder::with_resolver(name.parse().unwrap(), Box::new(Resolver::new(&Env::real())));
    builder = builder.prologue(&prologue).unwrap();
    if let Some(key) = &own {
        builder = builder.local_private_key(key).unwrap();
    }
    if let Some(key) = &remote {
        builder = builder.remote_public_key(key).unwrap();
    }
    if let Some(key) = &ephemeral {
        builder = builder.fixed_ephemeral_key_for_testing_only(key);
    }
    // The places are in the name: IKpsk1+psk2 takes two.
    let places = name.split("psk").skip(1).map(|rest| rest.as_bytes()[0] - b'0');
    for (place, psk) in places.zip(&psks) {
        builder = builder.psk(place, psk).unwrap();
    }
    if side == "init" { builder.build_initiator().unwrap() } else { builder.build_responder().unwrap() }
}

enum Stage {
    Handshake(Box<(HandshakeState, HandshakeState)>),
    Transport(Box<(TransportState, TransportState)>),
}

fn exchange(stage: &mut Stage, from_initiator: bool, payload: &[u8]) -> Vec<u8> {
    let (mut message, mut plain) = ([0; 1024], [0; 1024]);
    let (sent, read) = match stage {
        Stage::Handshake(pair) => {
            let (init, resp) = pair.as_mut();
            let (from, to) = if from_initiator { (init, resp) } else { (resp, init) };
            let sent = from.write_message(payload, &mut message).unwrap();
            (sent, to.read_message(&message[..sent], &mut plain).unwrap())
        }
        Stage::Transport(pair) => {
            let (init, resp) = pair.as_mut();
            let (from, to) = if from_initiator { (init, resp) } else { (resp, init) };
            let sent = from.write_message(payload, &mut message).unwrap();
            (sent, to.read_message(&message[..sent], &mut plain).unwrap())
        }
    };
    assert_eq!(&plain[..read], payload);
    message[..sent].to_vec()
}

/// Plays a vector's messages through both sides, handshake and (if it goes on) transport.
fn check_vector(vector: &Value, transport_too: bool) -> usize {
    let name = vector["protocol_name"].as_str().unwrap();
    let one_way = ["Noise_N_", "Noise_K_", "Noise_X_", "Noise_Npsk", "Noise_Kpsk", "Noise_Xpsk"].iter();
    let one_way = one_way.clone().any(|start| name.starts_with(start));
    let mut stage = Stage::Handshake(Box::new((side(vector, "init"), side(vector, "resp"))));
    let mut from_initiator = true;
    let mut played = 0;
    for message in vector["messages"].as_array().unwrap() {
        if let Stage::Handshake(pair) = stage {
            let (init, resp) = *pair;
            stage = if init.is_handshake_finished() {
                assert_eq!(init.get_handshake_hash(), resp.get_handshake_hash());
                if let Some(hash) = hex(&vector["handshake_hash"]) {
                    assert_eq!(init.get_handshake_hash(), hash, "{name}");
                }
                if !transport_too {
                    return played;
                }
                Stage::Transport(Box::new((init.into_transport_mode().unwrap(), resp.into_transport_mode().unwrap())))
            } else {
                Stage::Handshake(Box::new((init, resp)))
            };
        }
        let sent = exchange(&mut stage, from_initiator, &hex(&message["payload"]).unwrap());
        assert_eq!(sent, hex(&message["ciphertext"]).unwrap(), "{name}, message {played}");
        from_initiator = one_way || !from_initiator;
        played += 1;
    }
    played
}

#[test]
fn the_cacophony_vectors_hold_transport_messages_included() {
    let Some(vectors) = vectors("cacophony_25519_AESGCM_SHA256.json") else { return };
    assert_eq!(vectors.len(), 59);
    let played: usize = vectors.iter().map(|vector| check_vector(vector, true)).sum();
    assert!(played >= 59 * 4, "{played} messages");
    for pattern in ["IK", "XX", "KK", "NK", "IKpsk2", "XXpsk3"] {
        let name = format!("Noise_{pattern}_25519_AESGCM_SHA256");
        assert!(vectors.iter().any(|v| v["protocol_name"] == name.as_str()), "{name}");
    }
}

#[test]
fn the_snow_vectors_hold_for_the_handshake() {
    let Some(vectors) = vectors("snow_25519_AESGCM_SHA256.json") else { return };
    assert!(vectors.len() >= 49);
    assert!(vectors.iter().map(|vector| check_vector(vector, false)).sum::<usize>() >= vectors.len());
}

type Pair = (Box<dyn Transport>, Box<dyn Transport>);

fn session(prologues: [&[u8]; 2]) -> Result<Pair, ChannelError> {
    let env = Env::real();
    let (client, server) = (NoiseKeyPair::generate(&env), NoiseKeyPair::generate(&env));
    let mut init = initiator(&env, &client, &server.public(), prologues[0])?;
    let mut resp = responder(&env, &server, prologues[1])?;
    resp.read(&init.write()?)?;
    init.read(&resp.write()?)?;
    let (init, resp) = (init.finish()?, resp.finish()?);
    assert_eq!((init.hash, init.peer, resp.peer), (resp.hash, server.public(), client.public()));
    Ok((init.transport, resp.transport))
}

fn sealed(transport: &mut dyn Transport, n: usize) -> Vec<Bytes> {
    (0..n).map(|i| transport.seal(&[u8::try_from(i).unwrap(); 32]).unwrap().freeze()).collect()
}

/// T05. With a nonce that advanced on failure, the true message after a forged one would no longer open.
#[test]
fn t05_every_flipped_bit_is_refused_and_moves_no_counter() {
    let (mut a, mut b) = session([b"p", b"p"]).unwrap();
    for message in sealed(a.as_mut(), 3) {
        for bit in 0..message.len() * 8 {
            let mut bad = message.to_vec();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(b.open(&bad), Err(ChannelError::Decrypt)), "bit {bit}");
        }
        for len in 0..message.len() {
            assert!(b.open(&message[..len]).is_err(), "cut at {len}");
        }
        b.open(&message).unwrap();
    }
}

fn permutations(n: usize) -> Vec<Vec<usize>> {
    if n == 0 {
        return vec![vec![]];
    }
    let insert = |shorter: &Vec<usize>| -> Vec<Vec<usize>> {
        (0..n).map(|at| [&shorter[..at], &[n - 1], &shorter[at..]].concat()).collect()
    };
    permutations(n - 1).iter().flat_map(insert).collect()
}

/// T02. With an explicit nonce instead of the counter, every order would open.
#[test]
fn t02_of_all_orders_only_the_true_one_opens() {
    let all = permutations(5);
    assert_eq!(all.len(), 120);
    for order in all {
        let (mut a, mut b) = session([b"p", b"p"]).unwrap();
        let messages = sealed(a.as_mut(), 5);
        let opened = order.iter().take_while(|i| b.open(&messages[**i]).is_ok()).count();
        let true_prefix = order.iter().enumerate().take_while(|(at, i)| at == *i).count();
        assert_eq!(opened, true_prefix, "{order:?}");
    }
}

/// T06. Without the exporter in the prologue, a session could be moved to another TLS connection.
#[test]
fn another_connection_or_policy_or_server_key_is_refused() {
    let good = prologue(&[1; 32], b"policy");
    assert!(session([&good, &good]).is_ok());
    for other in [prologue(&[2; 32], b"policy"), prologue(&[1; 32], b"police")] {
        assert!(matches!(session([&good, &other]), Err(ChannelError::HandshakeRefused)));
    }
    let env = Env::real();
    let (client, server) = (NoiseKeyPair::generate(&env), NoiseKeyPair::generate(&env));
    let mut init = initiator(&env, &client, &client.public(), &good).unwrap();
    let mut resp = responder(&env, &server, &good).unwrap();
    assert!(resp.read(&init.write().unwrap()).is_err());
}

/// T06. With one key for both directions a message could be sent back to its sender.
#[test]
fn t06_a_reflected_message_is_refused() {
    let (mut a, mut b) = session([b"p", b"p"]).unwrap();
    let message = a.seal(b"hello").unwrap();
    assert!(a.open(&message).is_err());
    assert_eq!(b.open(&message).unwrap(), b"hello".as_slice());
}

/// A key of low order would make the shared secret public knowledge.
#[test]
fn a_server_key_of_low_order_is_refused() {
    let env = Env::real();
    let mut init = initiator(&env, &NoiseKeyPair::generate(&env), &[0; 32], b"p").unwrap();
    assert!(matches!(init.write(), Err(ChannelError::HandshakeRefused)));
}

#[test]
fn garbage_is_refused_at_every_stage() {
    let env = Env::real();
    let keys = NoiseKeyPair::generate(&env);
    for len in [0, 1, 31, 32, 95, 96, 97, 255, 4096] {
        let mut resp = responder(&env, &keys, b"p").unwrap();
        assert!(resp.read(&vec![0x55; len]).is_err(), "{len} bytes");
    }
}
