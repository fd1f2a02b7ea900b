//! The verifier (spec section 9): re-derives everything from the files alone and trusts none of them but the pinned key.

mod check;
#[cfg(test)]
mod tests;

use crate::{AuditError, LogKey, layout};
use aitrading_env::Fs;
use aitrading_error::chain;
use std::{io, path::Path};

/// A log that is being written is looked at again when a look saw it move, at most this often.
const LOOKS: usize = 5;

/// Overall result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Everything follows from the signed checkpoint, up to entries that no checkpoint covers yet.
    Clean,
    /// At least one byte is not what was written.
    Tampered,
    /// The files or the key could not be read: nothing is said about them.
    CouldNotRun,
}

impl Verdict {
    /// 0 clean, 1 tampered, 2 could not run.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Tampered => 1,
            Self::CouldNotRun => 2,
        }
    }
}

/// One observation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Stable code: `ROOT_MISMATCH`.
    pub code: &'static str,
    /// What exactly, and where.
    pub detail: String,
    /// `false` for remarks that leave the verdict as it is, such as a torn end after a crash.
    pub tampering: bool,
}

/// What the verifier says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifyReport {
    /// Overall result.
    pub verdict: Verdict,
    /// Durable entries found.
    pub entries: u64,
    /// Root over all of them, hexadecimal.
    pub root: String,
    /// Entries under the published checkpoint.
    pub checkpoint_size: Option<u64>,
    /// Bytes after the last whole batch that a crash left behind.
    pub torn_bytes: u64,
    /// Everything that was noticed.
    pub findings: Vec<Finding>,
}

/// Verifies the log in `dir`. `pinned` is the log's key as the auditor knows it; without it the key beside the log is used,
/// which then shows only that the files agree with each other.
#[must_use]
pub fn verify(fs: &dyn Fs, dir: &Path, pinned: Option<&LogKey>) -> VerifyReport {
    let mut report = look(fs, dir, pinned);
    for _ in 1..LOOKS {
        if report.0.verdict != Verdict::Tampered
            || fs.read(&layout::checkpoint(dir), layout::SMALL_FILE).ok() == report.1
        {
            break;
        }
        report = look(fs, dir, pinned);
    }
    report.0
}

/// One pass, with the checkpoint file that it saw first.
fn look(fs: &dyn Fs, dir: &Path, pinned: Option<&LogKey>) -> (VerifyReport, Option<Vec<u8>>) {
    let seen = fs.read(&layout::checkpoint(dir), layout::SMALL_FILE).ok();
    let mut check = check::Check::new(fs, dir);
    let outcome = check.run(pinned);
    let mut findings = check.findings;
    let mut could_run = true;
    if let Err(error) = outcome {
        could_run = !is_environment(&error);
        let code = if could_run { "DAMAGED" } else { "UNREADABLE" };
        findings.push(Finding { code, detail: chain(&error).to_string(), tampering: could_run });
    }
    let verdict = match (could_run, findings.iter().any(|f| f.tampering)) {
        (_, true) => Verdict::Tampered,
        (true, false) => Verdict::Clean,
        (false, false) => Verdict::CouldNotRun,
    };
    let report = VerifyReport {
        verdict,
        entries: check.hashes.len() as u64,
        root: crate::hex(&check.frontier.root()),
        checkpoint_size: check.checkpoint_size,
        torn_bytes: check.torn_bytes,
        findings,
    };
    (report, seen)
}

/// Is it the machine that failed, and not the file's content? An absent or overlong file is the log's fault.
fn is_environment(error: &AuditError) -> bool {
    let fault =
        |kind| matches!(kind, io::ErrorKind::NotFound | io::ErrorKind::FileTooLarge | io::ErrorKind::UnexpectedEof);
    matches!(error, AuditError::Io { source, .. } if !fault(source.kind()))
}
