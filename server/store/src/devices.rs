//! The port for the devices that may speak.

use crate::{StoreError, UserId, bounds::require};
use aitrading_model::{AccountId, DeviceId, TenantId, Timestamp};
use async_trait::async_trait;

/// An enrolled client installation and the account that it trades.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// Whose.
    pub tenant: TenantId,
    /// The account.
    pub account: AccountId,
    /// The device.
    pub device: DeviceId,
    /// Its Ed25519 key.
    #[serde(with = "crate::hex")]
    pub public_key: [u8; 32],
    /// No longer trusted. Cannot be taken back.
    pub revoked: bool,
    /// Its Noise key (X25519); this and all that follows is `None` for a device that was enrolled by hand.
    #[serde(with = "crate::hex::optional")]
    pub noise_key: Option<[u8; 32]>,
    /// SHA-256 of its certificate.
    #[serde(with = "crate::hex::optional")]
    pub certificate: Option<[u8; 32]>,
    /// SHA-256 of the certificate that it was given to go on with. Until it comes with that one, both are good.
    #[serde(with = "crate::hex::optional")]
    pub next_certificate: Option<[u8; 32]>,
    /// When it was enrolled.
    pub enrolled_at: Option<Timestamp>,
    /// When it was there last.
    pub last_seen_at: Option<Timestamp>,
    /// Hash of what its machine looks like: a sign of risk, not an identity.
    #[serde(with = "crate::hex::optional")]
    pub fingerprint: Option<[u8; 32]>,
    /// The user whose it is.
    pub user: Option<UserId>,
}

const REVOKED: StoreError = StoreError::Conflict { what: "the device is revoked for good; enrol a new one" };

impl Device {
    /// A device of which no more is known than its key.
    #[must_use]
    pub const fn new(tenant: TenantId, account: AccountId, device: DeviceId, public_key: [u8; 32]) -> Self {
        Self {
            tenant,
            account,
            device,
            public_key,
            revoked: false,
            noise_key: None,
            certificate: None,
            next_certificate: None,
            enrolled_at: None,
            last_seen_at: None,
            fingerprint: None,
            user: None,
        }
    }

    /// The rules that every adapter enforces.
    ///
    /// # Errors
    /// [`StoreError::Invalid`].
    pub fn check(&self) -> Result<(), StoreError> {
        require(
            self.next_certificate.is_none() || self.next_certificate != self.certificate,
            "the certificate that a device goes on with is another one",
        )
    }

    /// May this be written in the place of `stored`?
    ///
    /// # Errors
    /// [`StoreError::Conflict`].
    pub const fn check_replaces(&self, stored: &Self) -> Result<(), StoreError> {
        if stored.revoked && !self.revoked { Err(REVOKED) } else { Ok(()) }
    }

    /// With this certificate to go on with; an earlier one that was not used is void.
    ///
    /// # Errors
    /// [`StoreError::Conflict`].
    pub fn offered(self, next: [u8; 32]) -> Result<Self, StoreError> {
        if self.revoked {
            return Err(REVOKED);
        }
        let next_certificate = (self.certificate != Some(next)).then_some(next);
        Ok(Self { next_certificate, ..self })
    }

    /// With this certificate alone, which is the one that it was given to go on with or goes on with already.
    ///
    /// # Errors
    /// [`StoreError::Conflict`].
    pub fn confirmed(self, certificate: [u8; 32]) -> Result<Self, StoreError> {
        if self.revoked {
            return Err(REVOKED);
        }
        if self.next_certificate == Some(certificate) {
            return Ok(Self { certificate: Some(certificate), next_certificate: None, ..self });
        }
        // Confirmed before; one that was offered since stays offered.
        if self.certificate == Some(certificate) {
            return Ok(self);
        }
        Err(StoreError::Conflict { what: "the device was not given this certificate, or another one since" })
    }

    /// There at `at`, or later.
    #[must_use]
    pub fn seen(self, at: Timestamp) -> Self {
        Self { last_seen_at: self.last_seen_at.max(Some(at)), ..self }
    }
}

/// Keeps devices.
#[async_trait]
pub trait DeviceStore: Send + Sync {
    /// Writes or replaces. Returns when it is durable.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if the device is revoked and `device` says that it is not.
    async fn put(&self, device: Device) -> Result<(), StoreError>;
    /// One device; `None` means: not enrolled.
    async fn get(&self, tenant: TenantId, account: AccountId, device: DeviceId) -> Result<Option<Device>, StoreError>;
    /// Up to `limit` devices of a tenant, by account and device.
    async fn of_tenant(&self, tenant: TenantId, limit: usize) -> Result<Vec<Device>, StoreError>;
    /// The device was there at `at`. An earlier time changes nothing, and nothing else is changed.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it is not enrolled.
    async fn seen(
        &self,
        tenant: TenantId,
        account: AccountId,
        device: DeviceId,
        at: Timestamp,
    ) -> Result<(), StoreError>;
    /// First step of a renewal: the device is given a certificate (SHA-256) to go on with. Returns when it is durable.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it is not enrolled or revoked.
    async fn offer_certificate(
        &self,
        tenant: TenantId,
        account: AccountId,
        device: DeviceId,
        next: &[u8; 32],
    ) -> Result<(), StoreError>;
    /// Second step: the device came with the certificate that it was given, and the one before is not good any more. Doing it
    /// again changes nothing. Returns when it is durable.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if it is not enrolled, revoked, or was given another one.
    async fn confirm_certificate(
        &self,
        tenant: TenantId,
        account: AccountId,
        device: DeviceId,
        certificate: &[u8; 32],
    ) -> Result<(), StoreError>;
}

/// What one is told who changes a device that is not there.
#[must_use]
pub const fn not_enrolled() -> StoreError {
    StoreError::Conflict { what: "there is no such device; enrol it" }
}
