//! A port on the loopback interface that no other test of this user takes meanwhile, also not between two starts of a server.

use std::{
    fs::{File, OpenOptions, TryLockError},
    net::{Ipv4Addr, TcpListener},
};

/// Below the ports that the system hands out to outgoing connections, so that none of those can be in the way.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// A reserved port; free again when dropped.
#[derive(Debug)]
pub(super) struct Port {
    number: u16,
    _lock: File,
}

impl Port {
    /// Finds a free port and reserves it by a lock on a file that all tests agree on.
    pub(super) fn reserve() -> Self {
        let folder = std::env::temp_dir().join(format!("aitrading-test-ports-{}", whoami()));
        std::fs::create_dir_all(&folder).expect("a folder for the locks of ports");
        let start = std::process::id().wrapping_mul(7919) % u32::from(COUNT);
        for offset in 0..u32::from(COUNT) {
            let number = FIRST + u16::try_from((start + offset) % u32::from(COUNT)).unwrap_or_default();
            let lock = OpenOptions::new().create(true).append(true).open(folder.join(number.to_string()));
            let lock = lock.expect("a lock file of a port");
            match lock.try_lock() {
                Ok(()) if TcpListener::bind((Ipv4Addr::LOCALHOST, number)).is_ok() => {
                    return Self { number, _lock: lock };
                }
                Ok(()) | Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => panic!("the lock of port {number} cannot be asked: {error}"),
            }
        }
        panic!("no port from {FIRST} on is free: end the servers that earlier tests left behind");
    }

    pub(super) fn number(&self) -> u16 {
        self.number
    }
}

/// Two users cannot share lock files.
fn whoami() -> String {
    std::env::var("USER").unwrap_or_else(|_| "anybody".to_owned())
}
