//! Devices: whom a certificate names, whether the registry still says so, and how certificates are renewed.

use super::{CERTIFICATE_LIFE, Identity, IdentityFault, SecurityKind};
use aitrading_error::{Coded, Severity};
use aitrading_http::Peer;
use aitrading_model::{AccountId, DeviceId, Timestamp};
use aitrading_security::{
    PeerIdentity, SecurityError, equal_in_constant_time, parse_identity,
    pki::{ed25519_key, spki_pin, validity},
    sha256,
    signing::VerifyingKey,
    token::RevocationScope,
};
use aitrading_store::Device;
use rustls_pki_types::CertificateDer;
use std::net::IpAddr;

/// A device that is enrolled, and came with a certificate that is good.
#[derive(Debug, Clone, Copy)]
pub struct Visitor {
    /// The device.
    pub device: Device,
    /// SHA-256 of its certificate (DER): what its tokens are bound to.
    pub certificate: [u8; 32],
    /// SHA-256 of its public key (SPKI): what its logins are bound to.
    pub key: [u8; 32],
    /// From where.
    pub address: IpAddr,
}

impl Visitor {
    /// The account that it may speak for.
    #[must_use]
    pub fn account(&self) -> Option<AccountId> {
        Some(self.device.account).filter(|account| *account != NO_ACCOUNT)
    }

    pub(super) fn name(&self) -> String {
        device_name(self.device.device)
    }
}

/// In place of an account, in the registry and in certificates, for devices that speak for none: no broker has a login 0.
pub(super) const NO_ACCOUNT: AccountId = AccountId(0);

pub(super) fn device_name(device: DeviceId) -> String {
    format!("device {device}")
}

/// A certificate to go on with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewed {
    /// In DER, leaf first, without the authority.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its end.
    pub expires_at: Timestamp,
}

impl Identity {
    /// The device at the other end. Its first visit with a certificate that it was given to go on with ends the one before.
    ///
    /// # Errors
    /// [`IdentityFault`]: no certificate, or none that the registry stands for; an unreadable registry stands for none.
    pub async fn visitor(&self, peer: &Peer) -> Result<Visitor, IdentityFault> {
        let found = self.look_up(peer).await;
        if let Err(fault) = &found {
            let dna = fault.dna();
            self.note(SecurityKind::DeviceRefused, (dna.code, dna.severity), "", Some(peer.addr.ip()));
        }
        found
    }

    async fn look_up(&self, peer: &Peer) -> Result<Visitor, IdentityFault> {
        let tls = peer.tls.as_ref().ok_or(IdentityFault::NoTls)?;
        let der = tls.certificates.first().ok_or(IdentityFault::NoDevice)?;
        let leaf = CertificateDer::from(der.as_slice());
        let Ok(PeerIdentity::Device { tenant, device, account }) = parse_identity(&leaf) else {
            return Err(IdentityFault::NoDevice);
        };
        if tenant != self.settings.tenant {
            return Err(IdentityFault::NotEnrolled);
        }
        let stored = self.stores.devices.get(tenant, account, device).await?.ok_or(IdentityFault::NotEnrolled)?;
        if stored.revoked {
            return Err(IdentityFault::DeviceRevoked);
        }
        if !equal_in_constant_time(&ed25519_key(&leaf)?, &stored.public_key) {
            return Err(IdentityFault::NotEnrolled);
        }
        let certificate = sha256(der);
        // One that was enrolled by hand has no certificate on record, and none is good in its place.
        let present = stored.certificate.ok_or(IdentityFault::NotEnrolled)?;
        if certificate != present {
            if stored.next_certificate != Some(certificate) {
                return Err(IdentityFault::CertificateRetired);
            }
            self.confirm(&stored, present, certificate, peer.addr.ip()).await?;
        }
        Ok(Visitor { device: stored, certificate, key: spki_pin(&leaf)?, address: peer.addr.ip() })
    }

    /// The second phase of a renewal: the new certificate was used, so the old one is good no longer, and neither is what is
    /// bound to it.
    async fn confirm(
        &self,
        device: &Device,
        old: [u8; 32],
        new: [u8; 32],
        address: IpAddr,
    ) -> Result<(), IdentityFault> {
        let Device { tenant, account, device, .. } = *device;
        self.stores.devices.confirm_certificate(tenant, account, device, &new).await?;
        self.note_ok(SecurityKind::CertificateRenewed, device_name(device), Some(address));
        let expires_at = self.now().plus(CERTIFICATE_LIFE);
        let scope = RevocationScope::Certificate { sha256: old, expires_at };
        self.revoke(scope, "certificate.renewed", &device_name(device)).await
    }

    /// The first phase of a renewal: a certificate for the same key and the next 24 hours. The present one stays good until the
    /// device comes with this one. An offer that was not used is void with the next.
    ///
    /// # Errors
    /// [`IdentityFault`].
    pub async fn renew(&self, peer: &Peer) -> Result<Renewed, IdentityFault> {
        let visitor = self.visitor(peer).await?;
        let Device { tenant, account, device, public_key, .. } = visitor.device;
        let key = VerifyingKey::from_bytes(&public_key)?;
        let chain = self.certify(PeerIdentity::Device { tenant, device, account }, &key).await?;
        let leaf = chain.first().ok_or(IdentityFault::Damaged("certificate chain"))?;
        let (_, end) = validity(leaf)?;
        self.stores.devices.offer_certificate(tenant, account, device, &sha256(leaf)).await?;
        Ok(Renewed { expires_at: Timestamp(end.saturating_mul(1_000_000_000)), chain })
    }

    pub(super) async fn certify(
        &self,
        peer: PeerIdentity,
        key: &VerifyingKey,
    ) -> Result<Vec<CertificateDer<'static>>, SecurityError> {
        self.certificates.issue(&self.env, &peer, key, CERTIFICATE_LIFE).await
    }

    /// A device that is to come in no more. Its tokens are refused from now on, and so is its next connection.
    ///
    /// # Errors
    /// [`IdentityFault`]; then it is not known whether it is durable: do it again.
    pub async fn revoke_device(&self, account: AccountId, device: DeviceId, by: &str) -> Result<(), IdentityFault> {
        let tenant = self.settings.tenant;
        let stored = self.stores.devices.get(tenant, account, device).await?.ok_or(IdentityFault::NotEnrolled)?;
        self.stores.devices.put(Device { revoked: true, ..stored }).await?;
        self.note(SecurityKind::Revoked, ("OK", Severity::Warning), device_name(device), None);
        self.revoke(RevocationScope::Device { tenant, device }, "device.revoked", by).await
    }
}
