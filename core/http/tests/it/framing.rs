//! What two parsers could read in two ways is refused (T61).

use crate::world::{echo, exchange, plain};
use aitrading_env::Env;

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
    ("garbage", "\x16\x03\x01\x02\r\n\r\n"),
    ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
];

#[tokio::test]
async fn ambiguous_requests_are_refused_and_nothing_follows_them() {
    let env = Env::real();
    let door = echo(&env, plain()).await;
    for (name, request) in CORPUS {
        let smuggled = format!("{request}POST /smuggled HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n\r\npwnd");
        let answer = exchange(door.addr, smuggled.as_bytes()).await;
        // Foreign protocols may be closed without a word.
        let silent = ["garbage", "HTTP/2"].contains(name) && answer.is_empty();
        assert!(
            silent || answer.starts_with("HTTP/1.1 400 ") || answer.starts_with("HTTP/1.0 400 "),
            "{name}: {answer}"
        );
        assert_eq!(answer.matches("HTTP/1.").count(), usize::from(!silent), "{name}: {answer}");
        assert!(!answer.contains("pwnd"), "{name}: {answer}");
    }
}
