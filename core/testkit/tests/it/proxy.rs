//! The proxy forwards, delays and cuts.

use aitrading_testkit::servers::Proxy;
use std::{
    io::{ErrorKind, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

/// Answers every byte with itself.
fn echo() -> std::net::SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut back = stream.try_clone().unwrap();
            thread::spawn(move || std::io::copy(&mut &stream, &mut back));
        }
    });
    address
}

fn connect(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

fn ask(mut stream: &TcpStream) -> std::io::Result<u8> {
    stream.write_all(b"x")?;
    let mut answer = [0];
    stream.read_exact(&mut answer)?;
    Ok(answer[0])
}

#[test]
fn answers_come_late_by_the_delay_and_at_once_after_it_is_taken_away() {
    let proxy = Proxy::start(echo());
    let stream = connect(&proxy);
    let delay = Duration::from_millis(300);
    proxy.set_delay(delay);
    let start = Instant::now();
    assert_eq!(ask(&stream).unwrap(), b'x');
    assert!(start.elapsed() >= delay, "after {:?}", start.elapsed());

    proxy.set_delay(Duration::from_secs(600));
    (&stream).write_all(b"y").unwrap();
    proxy.set_delay(Duration::ZERO);
    let mut answer = [0];
    (&stream).read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"y");
}

#[test]
fn a_cut_ends_old_and_new_connections_until_it_is_restored() {
    let proxy = Proxy::start(echo());
    let old = connect(&proxy);
    assert_eq!(ask(&old).unwrap(), b'x');
    proxy.cut();
    for stream in [&old, &connect(&proxy)] {
        let error = ask(stream).unwrap_err().kind();
        let broken = [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset, ErrorKind::BrokenPipe];
        assert!(broken.contains(&error), "{error:?}");
    }
    proxy.restore();
    assert_eq!(ask(&connect(&proxy)).unwrap(), b'x');
    assert_eq!(proxy.accepted(), 3);
}
