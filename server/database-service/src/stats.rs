//! Numbers that health and metrics show: written on the way, read without waiting.

use crate::meters;
use std::sync::{
    OnceLock,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

/// The state of the stores as far as their users have noticed.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    probe_ns: AtomicU64,
    failed: AtomicBool,
    write_ns: AtomicU64,
    files: AtomicU64,
    file_bytes: AtomicU64,
    merge_failed: AtomicBool,
    version: OnceLock<String>,
}

impl Stats {
    pub(crate) fn wrote(&self, ns: u64) {
        self.write_ns.store(ns, Ordering::Relaxed);
        meters::write_seconds().record(ns as f64 / 1e9);
    }

    pub(crate) fn probed(&self, outcome: Option<u64>) {
        self.failed.store(outcome.is_none(), Ordering::Relaxed);
        if let Some(ns) = outcome {
            self.probe_ns.store(ns, Ordering::Relaxed);
            meters::probe_seconds().set(ns as f64 / 1e9);
        }
    }

    pub(crate) fn has_files(&self, files: u64, bytes: u64) {
        self.files.store(files, Ordering::Relaxed);
        self.file_bytes.store(bytes, Ordering::Relaxed);
        meters::tick_files().set(files as f64);
        meters::tick_file_bytes().set(bytes as f64);
    }

    pub(crate) fn merged(&self, well: bool) {
        self.merge_failed.store(!well, Ordering::Relaxed);
    }

    /// The library's version, once it is known.
    pub(crate) fn version(&self) -> Option<String> {
        self.version.get().cloned()
    }

    pub(crate) fn has_version(&self, version: String) {
        // It does not change while the process lives.
        self.version.set(version).unwrap_or(());
    }

    pub(crate) fn failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    pub(crate) fn merge_failed(&self) -> bool {
        self.merge_failed.load(Ordering::Relaxed)
    }

    pub(crate) fn probe_ns(&self) -> u64 {
        self.probe_ns.load(Ordering::Relaxed)
    }

    pub(crate) fn write_ns(&self) -> u64 {
        self.write_ns.load(Ordering::Relaxed)
    }

    pub(crate) fn files(&self) -> (u64, u64) {
        (self.files.load(Ordering::Relaxed), self.file_bytes.load(Ordering::Relaxed))
    }
}
