//! Who a certificate names: the SAN URI is the identity, and nothing else in the certificate is.

use crate::SecurityError;
use aitrading_error::{Category, Coded, Dna, FaultSide, Severity};
/// Ids of the model, for crates that know identities but not the model.
pub use aitrading_model::{AccountId, DeviceId, TenantId};
use rustls_pki_types::CertificateDer;
use std::fmt;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

const PREFIX: &str = "spiffe://aitrading/tenant/";
const MAX_NAME: usize = 63;

/// The authenticated peer of a connection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeerIdentity {
    /// A subscriber's installation, bound to one account.
    Device {
        /// Whose data.
        tenant: TenantId,
        /// Which installation.
        device: DeviceId,
        /// For which account it may speak.
        account: AccountId,
    },
    /// One of our services, or an operator's tool.
    Service {
        /// Whose data.
        tenant: TenantId,
        /// Its name: a-z, 0-9 and '-'.
        name: String,
    },
}

impl PeerIdentity {
    /// The tenant that everything of this peer belongs to.
    #[must_use]
    pub const fn tenant(&self) -> TenantId {
        match self {
            Self::Device { tenant, .. } | Self::Service { tenant, .. } => *tenant,
        }
    }
}

impl fmt::Display for PeerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device { tenant, device, account } => {
                write!(f, "{PREFIX}{tenant}/device/{device}/account/{account}")
            }
            Self::Service { tenant, name } => write!(f, "{PREFIX}{tenant}/service/{name}"),
        }
    }
}

/// Why a certificate gives no identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no certificate.
    #[error("the peer presented no certificate; give the client its certificate and key")]
    NoCertificate,
    /// It does not parse.
    #[error("the peer's certificate could not be read; issue it again")]
    Malformed,
    /// It may not be used by a client.
    #[error("the certificate is not for client authentication, or is an authority's; use the client certificate")]
    NotForClients,
    /// No identity URI, or several, or one that is not in canonical form.
    #[error(
        "the certificate does not name exactly one device or service of this product; issue it with this product's authority"
    )]
    NoIdentity,
    /// The identity may not do this.
    #[error("this identity is not admitted here; use a certificate of the expected tenant and kind")]
    NotAdmitted,
}

impl Coded for Refused {
    fn dna(&self) -> Dna {
        let code = match self {
            Self::NoCertificate => "TLS_NO_CERT",
            Self::Malformed => "CERT_MALFORMED",
            Self::NotForClients => "CERT_NOT_FOR_CLIENTS",
            Self::NoIdentity => "CERT_NO_IDENTITY",
            Self::NotAdmitted => "IDENTITY_NOT_ADMITTED",
        };
        Dna::new("security", code, Category::Access).side(FaultSide::Caller).severity(Severity::Warning)
    }
}

/// Maps a verified certificate chain to a peer. Access tokens and revocation will stand behind the same trait.
pub trait Authenticator: Send + Sync + fmt::Debug {
    /// Who presented `chain` (leaf first)? TLS has verified its signatures, dates and issuer before.
    ///
    /// # Errors
    /// [`Refused`]; absence of a reason to admit is a refusal.
    fn authenticate(&self, chain: &[CertificateDer<'_>]) -> Result<PeerIdentity, Refused>;
}

/// Takes the identity from the leaf's SAN URI.
#[derive(Debug, Clone, Copy, Default)]
pub struct SanAuthenticator;

impl Authenticator for SanAuthenticator {
    fn authenticate(&self, chain: &[CertificateDer<'_>]) -> Result<PeerIdentity, Refused> {
        parse_identity(chain.first().ok_or(Refused::NoCertificate)?)
    }
}

/// The identity in a client certificate. It must be for client authentication *explicitly*: the path validation of TLS lets a
/// certificate without extended key usage pass as any.
///
/// # Errors
/// [`Refused`] naming what is missing.
pub fn parse_identity(certificate: &CertificateDer<'_>) -> Result<PeerIdentity, Refused> {
    let (rest, parsed) = X509Certificate::from_der(certificate).map_err(|_| Refused::Malformed)?;
    if !rest.is_empty() {
        return Err(Refused::Malformed);
    }
    let usage = parsed.extended_key_usage().map_err(|_| Refused::Malformed)?;
    if parsed.is_ca() || !usage.is_some_and(|usage| usage.value.client_auth) {
        return Err(Refused::NotForClients);
    }
    let names = parsed.subject_alternative_name().map_err(|_| Refused::Malformed)?.ok_or(Refused::NoIdentity)?;
    let mut uris = names.value.general_names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    });
    match (uris.next(), uris.next()) {
        (Some(uri), None) => parse_uri(uri).ok_or(Refused::NoIdentity),
        _ => Err(Refused::NoIdentity),
    }
}

fn parse_uri(uri: &str) -> Option<PeerIdentity> {
    let parts: Vec<&str> = uri.strip_prefix(PREFIX)?.split('/').collect();
    let peer = match parts.as_slice() {
        [tenant, "device", device, "account", account] => PeerIdentity::Device {
            tenant: tenant.parse().ok()?,
            device: device.parse().ok()?,
            account: account.parse().ok()?,
        },
        [tenant, "service", name] => {
            check_name(name).ok()?;
            PeerIdentity::Service { tenant: tenant.parse().ok()?, name: (*name).to_owned() }
        }
        _ => return None,
    };
    // One identity, one spelling: leading zeros, signs and capitals would give a peer several names.
    (peer.to_string() == uri).then_some(peer)
}

pub(crate) fn check_name(name: &str) -> Result<(), SecurityError> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(plain) {
        return Err(SecurityError::BadName);
    }
    Ok(())
}
