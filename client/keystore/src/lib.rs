//! The client's keys at rest: the port, and a store of sealed files. It opens no socket, and shows no key.
#![warn(missing_docs)]

mod error;
mod files;
mod keys;
#[cfg(test)]
mod tests;

pub use error::KeyStoreError;
pub use files::SealedFiles;
pub use keys::DeviceKeys;

use aitrading_security::token::RefreshHolder;

/// Where a device's keys are kept. On Windows the operating system will stand behind it.
pub trait KeyStore: Send + Sync + std::fmt::Debug {
    /// Reads all keys.
    ///
    /// # Errors
    /// [`KeyStoreError`]: nothing is handed out unless everything is intact.
    fn open(&self) -> Result<DeviceKeys, KeyStoreError>;

    /// Replaces the device's certificate and key after a renewal; the other keys stay.
    ///
    /// # Errors
    /// [`KeyStoreError`]: the old ones then still stand.
    fn renew(&self, certificate: &aitrading_security::pki::Issued) -> Result<(), KeyStoreError>;

    /// What the login is refreshed with; `None` if nobody is logged in.
    ///
    /// # Errors
    /// [`KeyStoreError`].
    fn login(&self) -> Result<Option<RefreshHolder>, KeyStoreError>;

    /// Keeps what the login is refreshed with: after every [`RefreshHolder::ask`], before anything is sent. `None` forgets it.
    ///
    /// # Errors
    /// [`KeyStoreError`]; then nothing may be sent.
    fn keep_login(&self, holder: Option<&RefreshHolder>) -> Result<(), KeyStoreError>;
}
