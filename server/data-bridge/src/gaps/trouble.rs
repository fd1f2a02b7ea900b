//! Why a question to a client came to nothing, and who has to do with it.

use super::answer::Wrong;
use crate::BridgeError;
use aitrading_model::HistoryFault;
use aitrading_store::StoreError;
use std::sync::Arc;

/// Why a question came to nothing.
pub(super) enum Trouble {
    /// It may be asked again.
    Fault(HistoryFault),
    /// The client broke the rules: its session ends.
    Broken(&'static str),
    /// Our own journal or store.
    Own(BridgeError),
}

impl From<Wrong> for Trouble {
    fn from(wrong: Wrong) -> Self {
        match wrong {
            Wrong::Broken(what) => Self::Broken(what),
            Wrong::Fault(fault) => Self::Fault(fault),
        }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Own(BridgeError::Unreadable(Arc::new(error)))
    }
}
