//! Everything that can go wrong in the bridge.

use aitrading_error::{Category, Coded, Dna, FaultSide, Retry, Severity};
use aitrading_journal::{JournalError, Position};
use aitrading_model::Cursor;
use aitrading_store::StoreError;
use aitrading_wire::services::ServiceError;
use std::{io, path::PathBuf, sync::Arc};

/// Why the bridge refused or failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BridgeError {
    /// The tick journal refused or failed.
    #[error("the tick journal failed; nothing of this batch is acknowledged")]
    Journal(#[source] JournalError),
    /// The tick store refused or failed.
    #[error("the tick store did not take ticks from the journal; they stay there until it does")]
    Store(#[source] Arc<StoreError>),
    /// The tick store did not tell what it has.
    #[error("the tick store could not be asked for stored ticks; what waits for its answer goes on when it gives one")]
    Unreadable(#[source] Arc<StoreError>),
    /// A file operation beside the journal failed.
    #[error("the bridge could not {action} {path:?}; check the disk and the directory's owner")]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// As the operating system says.
        #[source]
        source: Arc<io::Error>,
    },
    /// The batch does not follow on what is known of its source.
    #[error("the batch does not follow on the source's cursor; ask for the cursor and go on from there")]
    OutOfStep {
        /// Where the source stands.
        cursor: Cursor,
    },
    /// A record became durable although one before it did not: it counts for nothing.
    #[error("a batch before this one could not be made durable; send both again")]
    Void,
    /// A batch of no ticks, or of too many.
    #[error("a batch holds 1 to {max} ticks")]
    BatchSize {
        /// At most.
        max: usize,
    },
    /// More sources than the bridge may keep.
    #[error("the bridge keeps {max} tick sources and may not take another; raise `sources_max`")]
    TooManySources {
        /// At most.
        max: usize,
    },
    /// The checkpoint file is gone or broken although older journal segments were removed.
    #[error("the tick journal's checkpoint {path:?} is missing or broken; restore it together with the journal")]
    Checkpoint {
        /// The file.
        path: PathBuf,
    },
    /// Journal, checkpoint and tick store belong to different times.
    #[error("the tick {what} stands at {found:?}, outside the journal; restore store and journal from the same backup")]
    Diverged {
        /// `store` or `checkpoint`.
        what: &'static str,
        /// Where it stands.
        found: Position,
    },
    /// More sessions than the bridge may have.
    #[error("the bridge has {max} sessions and may not take another; close some or raise `sessions_max`")]
    SessionsMax {
        /// At most.
        max: usize,
    },
    /// The device takes nothing off our hands.
    #[error("the device does not acknowledge what it was sent; its signal stays in the outbox")]
    DeviceBusy,
    /// The session before this one has not ended yet.
    #[error("an older session of this device is still being worked off; connect again in a moment")]
    SeatBusy,
    /// The engine refused what the client said.
    #[error("{0}")]
    Engine(ServiceError),
    /// The device has no session.
    #[error("the device is not connected; its signal stays in the outbox until it is")]
    Offline,
    /// The peer may not open a session.
    #[error("this peer may not open a client session; use a device certificate for this account")]
    NotAdmitted,
    /// The device is not in the registry, or has another key there.
    #[error("this device is not enrolled for this account; let the operator enrol it")]
    NotEnrolled,
    /// The device was revoked.
    #[error("this device was revoked; enrol a new one")]
    Revoked,
    /// The peer sent something that it may not.
    #[error("the client broke the protocol: {what}")]
    Protocol {
        /// What it did.
        what: &'static str,
    },
    /// Another session of the same device took over.
    #[error("a newer session of this device took over")]
    Superseded,
    /// The bridge is shutting down.
    #[error("the bridge is shutting down; connect again later")]
    Stopping,
    /// A setting contradicts another.
    #[error("data bridge settings: {what}")]
    Settings {
        /// Which rule is broken.
        what: &'static str,
    },
    /// A thread or task could not be started, or died.
    #[error("a background thread of the bridge could not be started or died; check the system's limits and the log")]
    Background,
}

impl BridgeError {
    /// Is what is stored damaged? Then asking again does not help until somebody restores it.
    pub(crate) fn is_damage(&self) -> bool {
        matches!(self, Self::Store(error) | Self::Unreadable(error) if matches!(**error, StoreError::Corrupt { .. }))
    }
}

impl From<JournalError> for BridgeError {
    fn from(error: JournalError) -> Self {
        Self::Journal(error)
    }
}

impl Coded for BridgeError {
    fn dna(&self) -> Dna {
        let dna = |code, category| Dna::new("data-bridge", code, category);
        let caller = |code, category| dna(code, category).side(FaultSide::Caller).severity(Severity::Warning);
        match self {
            // The journal's own code says more than one of ours could.
            Self::Journal(error) => error.dna(),
            Self::Store(error) | Self::Unreadable(error) => error.dna(),
            Self::Io { .. } => dna("BRIDGE_IO", Category::Storage).side(FaultSide::Dependency),
            Self::OutOfStep { .. } => caller("BRIDGE_OUT_OF_STEP", Category::Input).retry(Retry::VerifyFirst),
            Self::Void => dna("BRIDGE_BATCH_VOID", Category::Storage).retry(Retry::Later),
            Self::BatchSize { .. } => caller("BRIDGE_BATCH_SIZE", Category::Input),
            Self::TooManySources { .. } => dna("BRIDGE_SOURCES_MAX", Category::Capacity),
            Self::Checkpoint { .. } => dna("BRIDGE_CHECKPOINT", Category::Storage).severity(Severity::Critical),
            Self::Diverged { .. } => dna("BRIDGE_DIVERGED", Category::Storage).severity(Severity::Critical),
            Self::SessionsMax { .. } => dna("BRIDGE_SESSIONS_MAX", Category::Capacity).retry(Retry::Later),
            Self::DeviceBusy => dna("BRIDGE_DEVICE_BUSY", Category::Capacity).retry(Retry::Later),
            Self::SeatBusy => dna("BRIDGE_SEAT_BUSY", Category::Capacity).retry(Retry::Later),
            Self::Engine(error) => error.dna,
            Self::Offline => {
                dna("BRIDGE_DEVICE_OFFLINE", Category::Network).severity(Severity::Info).retry(Retry::Later)
            }
            Self::NotAdmitted => caller("BRIDGE_NOT_ADMITTED", Category::Access),
            Self::NotEnrolled => caller("DEVICE_NOT_ENROLLED", Category::Access),
            Self::Revoked => caller("DEVICE_REVOKED", Category::Access),
            Self::Protocol { .. } => caller("BRIDGE_PROTOCOL", Category::Input),
            Self::Superseded => caller("BRIDGE_SUPERSEDED", Category::Network),
            Self::Stopping => dna("BRIDGE_STOPPING", Category::Capacity).severity(Severity::Info).retry(Retry::Later),
            Self::Settings { .. } => dna("BRIDGE_SETTINGS", Category::Config).side(FaultSide::Caller),
            Self::Background => dna("BRIDGE_BACKGROUND", Category::Internal),
        }
    }

    fn public_message(&self) -> String {
        match self {
            Self::Journal(error) => error.public_message(),
            // Paths stay inside.
            Self::Io { action, .. } => format!("the bridge could not {action} a file"),
            Self::Checkpoint { .. } => "the tick journal's checkpoint is missing or broken".to_owned(),
            other => other.to_string(),
        }
    }
}
