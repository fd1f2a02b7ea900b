//! A value that one component makes while it starts, and that those which need it take.

use crate::HubError;
use std::sync::{Arc, OnceLock};

/// A slot that is filled once. Clones share it; the graph's order makes sure that it is filled before it is read.
#[derive(Debug)]
pub struct Handover<T> {
    what: &'static str,
    slot: Arc<OnceLock<T>>,
}

impl<T> Clone for Handover<T> {
    fn clone(&self) -> Self {
        Self { what: self.what, slot: Arc::clone(&self.slot) }
    }
}

impl<T: Clone> Handover<T> {
    /// An empty slot; `what` names the value in errors.
    #[must_use]
    pub fn new(what: &'static str) -> Self {
        Self { what, slot: Arc::new(OnceLock::new()) }
    }

    /// Fills the slot. Call it before [`crate::ReadyHandle::up`].
    ///
    /// # Errors
    /// [`HubError::HandedOverTwice`].
    pub fn give(&self, value: T) -> Result<(), HubError> {
        self.slot.set(value).map_err(|_| HubError::HandedOverTwice { what: self.what })
    }

    /// The value.
    ///
    /// # Errors
    /// [`HubError::NotHandedOver`] if the maker is not ready yet: the need was not declared.
    pub fn get(&self) -> Result<T, HubError> {
        self.slot.get().cloned().ok_or(HubError::NotHandedOver { what: self.what })
    }
}
