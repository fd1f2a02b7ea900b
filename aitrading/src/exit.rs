//! How a command ends: a message for a human and an exit code for a script.

use aitrading_error::{Coded, chain};
use std::{fmt, process::ExitCode};

/// Exit codes, in the sense of `sysexits.h` where it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Ran, and what it checks does not hold.
    CheckFailed = 1,
    /// A word on the command line means nothing here.
    Usage = 2,
    /// An input file is malformed.
    Data = 65,
    /// An input file is missing.
    NoInput = 66,
    /// A port is taken, or a peer cannot be reached.
    Unavailable = 69,
    /// A defect of ours.
    Internal = 70,
    /// A directory or file cannot be made or written.
    CannotCreate = 73,
    /// Reading or writing failed on the way: disk full, disk broken, a limit of the machine.
    Io = 74,
    /// Another process holds the data directory.
    Busy = 75,
    /// Configuration.
    Config = 78,
}

/// The table that `--help` shows.
pub(crate) const HELP: &str = "\
Exit codes:
  0   done, and everything that was checked holds
  1   a check does not hold (demo figures, audit log tampered with, a service not ready)
  2   wrong usage; for `audit verify`: the verifier could not run
  65  an input file is malformed (line and column are named) or contradicts what is stored, or a statement in SQL
  66  an input file is missing
  69  a port is taken, or a service cannot be reached
  70  a defect of ours
  73  a directory cannot be created or written, or holds already what was to be made
  74  reading or writing failed: disk full or broken, or a limit of the machine or of a query is reached
  75  another process is using the data directory, too many queries run, or a journal waits for a start of the server
  78  the configuration is not valid (every problem is listed)";

/// A command that did not end well.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: u8,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit: exit as u8, message: message.into() }
    }

    /// Keeps the error's code, text and causes; the exit code follows its DNA.
    pub(crate) fn coded(error: &impl Coded) -> Self {
        let dna = error.dna();
        Self { exit: exit_of(dna) as u8, message: format!("{} [{}]", chain(error), dna.code) }
    }

    pub(crate) fn io(what: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        use std::io::ErrorKind as K;
        let (exit, cure) = match error.kind() {
            K::NotFound => (Exit::NoInput, "check the path"),
            K::NotADirectory | K::AlreadyExists => (
                Exit::CannotCreate,
                "it cannot be written there, for a file is in the way; choose a directory that you may write",
            ),
            K::PermissionDenied | K::ReadOnlyFilesystem => {
                (Exit::CannotCreate, "choose a directory that you may write, or mend its permissions")
            }
            K::StorageFull | K::QuotaExceeded => (Exit::Io, "free some space, or choose another disk"),
            _ => (Exit::Io, "check the disk"),
        };
        Self::new(exit, format!("{what} {}: {error}; {cure}", path.display()))
    }

    /// The end of a question in SQL, told by its code: the same here and from a server.
    pub(crate) fn sql(code: &str, text: &str) -> Self {
        let exit = match code {
            "SQL_INVALID" | "SQL_NOT_ALLOWED" | "SQL_TOO_LONG" | "SQL_TOO_LARGE" | "SQL_BAD_VALUE" => Exit::Data,
            "SQL_KEPT_ELSEWHERE" => Exit::Data,
            "SQL_TIMED_OUT" | "SQL_OUT_OF_MEMORY" | "SQL_TOO_MANY_ROWS" | "SQL_TOO_MANY_BYTES" => Exit::Io,
            "SQL_DAMAGED_FILE" | "SQL_STORE" => Exit::Io,
            "SQL_BUSY" => Exit::Busy,
            "SQL_ROLE_REFUSED" | "CERT_NO_IDENTITY" | "CERT_NOT_FOR_CLIENTS" => Exit::Config,
            _ => Exit::Internal,
        };
        Self::new(exit, format!("{text} [{code}]"))
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.exit)
    }
}

fn exit_of(dna: aitrading_error::Dna) -> Exit {
    use aitrading_error::Category as C;
    match (dna.code, dna.category) {
        ("STORE_IN_USE" | "AUDIT_LOCKED", _) => Exit::Busy,
        ("PORT_IN_USE", _) | (_, C::Network) => Exit::Unavailable,
        (_, C::Config | C::Crypto | C::Access) => Exit::Config,
        (_, C::Storage | C::Capacity) => Exit::Io,
        (_, C::Input) => Exit::Data,
        (_, C::Trading) => Exit::CheckFailed,
        (_, C::Internal) => Exit::Internal,
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl<E: Coded> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::coded(&error)
    }
}
