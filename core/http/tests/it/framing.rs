//! What two parsers could read in two ways is refused (T61).

use crate::world::{check_serves, dial, echo, exchange, plain, read_all};
use aitrading_env::Env;
use std::net::SocketAddr;
use tokio::io::AsyncWriteExt;

/// Raw requests that must be refused, each followed by a request that a smuggler would slip in.
const CORPUS: &[(&str, &str)] = &[
    (
        "length, then chunked",
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 6\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nG",
    ),
    (
        "chunked, then length",
        "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ncontent-length: 6\r\n\r\n0\r\n\r\nG",
    ),
    ("chunked alone", "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("two lengths", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"),
    ("a list of lengths", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1, 1\r\n\r\na"),
    ("a signed length", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: +1\r\n\r\na"),
    ("a negative length", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n"),
    ("an endless length", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999999999999\r\n\r\n"),
    ("an unknown coding", "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n"),
    ("chunked not last", "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n"),
    ("a coding in HTTP/1.0", "POST / HTTP/1.0\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
    ("a blank before the colon", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length : 1\r\n\r\na"),
    ("a folded header", "POST / HTTP/1.1\r\nhost: x\r\nx: a\r\n b\r\n\r\n"),
    ("no host", "GET / HTTP/1.1\r\n\r\n"),
    ("two hosts", "GET / HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n"),
    ("a zero byte", "GET / HTTP/1.1\r\nhost: x\r\nx: a\0b\r\n\r\n"),
    ("two equal lengths", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 1\r\n\r\na"),
    (
        "two equal lengths in other letters",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nhost: x\r\ncONTENT-lENGTH: 1\r\n\r\na",
    ),
    ("a length and a length of nothing", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length:\r\ncontent-length: 1\r\n\r\na"),
    ("a hexadecimal length", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0x1\r\n\r\na"),
    (
        "a length behind many blanks",
        "POST / HTTP/1.1\r\nhost: x\r\ncontent-length:                                                  1\r\n\r\na",
    ),
    ("a length with a vertical tab", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: \x0b1\r\n\r\na"),
    ("chunked behind a vertical tab", "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    ("a bad chunk size", "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\na\r\n0\r\n\r\n"),
    (
        "a chunk size that overflows",
        "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\na\r\n0\r\n\r\n",
    ),
    (
        "a chunk size with a sign",
        "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n",
    ),
    ("a folded length", "POST / HTTP/1.1\r\nhost: x\r\ncontent-length:\r\n 1\r\n\r\na"),
    ("a folded first header", "POST / HTTP/1.1\r\n host: x\r\ncontent-length: 1\r\n\r\na"),
    ("bare line feeds", "POST / HTTP/1.1\nhost: x\ncontent-length: 1\n\na"),
    ("a bare line feed behind the request line", "POST / HTTP/1.1\nhost: x\r\ncontent-length: 1\r\n\r\na"),
    ("a bare line feed within the head", "POST / HTTP/1.1\r\nhost: x\ncontent-length: 1\r\n\r\na"),
    ("a bare line feed at its end", "GET / HTTP/1.1\r\nhost: x\r\n\n"),
    ("a bare line feed before it", "\nGET / HTTP/1.1\r\nhost: x\r\n\r\n"),
    ("a bare carriage return", "POST / HTTP/1.1\r\nhost: x\r\nx: a\rcontent-length: 1\r\n\r\n"),
    ("two carriage returns", "POST / HTTP/1.1\r\nhost: x\r\r\ncontent-length: 1\r\n\r\na"),
    ("a zero byte in the name", "GET / HTTP/1.1\r\nhost: x\r\nx\0y: a\r\n\r\n"),
    ("a zero byte in the target", "GET /\0 HTTP/1.1\r\nhost: x\r\n\r\n"),
    ("an absolute target", "GET http://x/ HTTP/1.1\r\nhost: x\r\n\r\n"),
    ("an absolute target of another host", "GET http://other/admin HTTP/1.1\r\nhost: x\r\n\r\n"),
    ("a target without a path", "OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n"),
    ("a tunnel", "CONNECT other:443 HTTP/1.1\r\nhost: other:443\r\n\r\n"),
    ("a tunnel to a path", "CONNECT /x HTTP/1.1\r\nhost: x\r\n\r\n"),
    ("a header without a colon", "GET / HTTP/1.1\r\nhost: x\r\ncontent-length 1\r\n\r\n"),
    ("a header without a name", "GET / HTTP/1.1\r\nhost: x\r\n: 1\r\n\r\n"),
    ("a version that is none", "GET / HTTP/1.2\r\nhost: x\r\n\r\n"),
    ("two blanks in the request line", "GET  / HTTP/1.1\r\nhost: x\r\n\r\n"),
    ("garbage", "\x16\x03\x01\x02\r\n\r\n"),
    ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
];

#[tokio::test]
async fn t61_ambiguous_requests_are_refused_and_nothing_follows_them() {
    let env = Env::real();
    let door = echo(&env, plain()).await;
    let mut taken = Vec::new();
    for (name, request) in CORPUS {
        taken.extend(refusal_fails(door.addr, name, request).await);
    }
    assert!(taken.is_empty(), "{taken:#?}");
}

/// The answer to a request that has to be refused, if it was not.
async fn refusal_fails(addr: SocketAddr, name: &str, request: &str) -> Option<String> {
    let smuggled = format!("{request}POST /smuggled HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\npwnd");
    let answer = exchange(addr, smuggled.as_bytes()).await;
    // Foreign protocols may be closed without a word.
    let silent = ["garbage", "HTTP/2"].contains(&name) && answer.is_empty();
    let refused = silent || answer.starts_with("HTTP/1.1 400 ") || answer.starts_with("HTTP/1.0 400 ");
    let alone = answer.matches("HTTP/1.").count() == usize::from(!silent) && !answer.contains("pwnd");
    (!refused || !alone).then(|| format!("{name}: {answer}"))
}

#[tokio::test]
async fn t61_the_corpus_is_refused_on_a_connection_that_has_served_before_and_however_it_is_cut() {
    let env = Env::real();
    let door = echo(&env, plain()).await;
    for (name, request) in CORPUS {
        for size in [1, 7] {
            let mut stream = dial(door.addr).await;
            check_serves(&mut stream).await;
            for piece in request.as_bytes().chunks(size) {
                // The door may have hung up by then.
                if stream.write_all(piece).await.is_err() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            let answer = read_all(&mut stream).await;
            assert!(answer.is_empty() || answer.contains(" 400 "), "{name} in pieces of {size}: {answer}");
            assert!(answer.matches("HTTP/1.").count() <= 1, "{name} in pieces of {size}: {answer}");
        }
    }
}

#[tokio::test]
async fn t61_honest_requests_follow_each_other_on_one_connection() {
    let door = echo(&Env::real(), plain()).await;
    let requests = "GET / HTTP/1.1\r\nhost: x\r\n\r\n\
        POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\na\nb\0\n\n\r\nc\
        POST / HTTP/1.1\r\nhost: x\r\ncontent-length:\t0 \r\n\r\n\
        \r\nPOST / HTTP/1.1\r\nhost: x\r\nContent-Length: 003\r\nx-content-length: 7\r\n\r\nend\
        GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    for size in [1, 13, 1_000] {
        let mut stream = dial(door.addr).await;
        for piece in requests.as_bytes().chunks(size) {
            stream.write_all(piece).await.unwrap();
        }
        let answer = read_all(&mut stream).await;
        assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 5, "{answer}");
        assert!(answer.contains("a\nb\0\n\n\r\nc") && answer.contains("end"), "{answer}");
    }
}

#[tokio::test]
async fn t61_an_upgrade_that_is_not_granted_ends_the_connection() {
    let door = echo(&Env::real(), plain()).await;
    let head = "POST / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: anything\r\ncontent-length: 2\r\n\r\nok";
    // Behind such a head nobody follows the bytes, so nothing may come of them.
    let smuggled = format!("{head}POST /smuggled HTTP/1.1\nhost: x\ncontent-length: 4\n\npwnd");
    let answer = exchange(door.addr, smuggled.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("connection: close"), "{answer}");
    assert!(!answer.contains("pwnd"), "{answer}");
}
