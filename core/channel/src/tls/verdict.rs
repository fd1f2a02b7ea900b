//! What a TLS failure means, for either side.
//!
//! In TLS 1.3 a client that the server refuses sees its handshake succeed; the alert arrives with the first read. So the same
//! translation serves handshake and first read.

use super::pin::NotPinned;
use crate::ChannelError;
use rustls::{AlertDescription as Alert, CertificateError as Bad, Error};
use std::io;

/// Translates an error of a TLS handshake, or of the first read after it.
#[must_use]
pub fn handshake_error(error: io::Error) -> ChannelError {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()).cloned();
    match tls {
        Some(Error::InvalidCertificate(bad)) => certificate(bad),
        Some(Error::AlertReceived(alert)) => alert_received(alert),
        Some(Error::NoCertificatesPresented) => ChannelError::NoCertificate(Box::new(Error::NoCertificatesPresented)),
        Some(other) => ChannelError::Tls(Box::new(other)),
        None => ChannelError::Connect(error),
    }
}

/// The error of a client whose certificate chain is missing where one is required.
#[must_use]
pub fn no_client_certificate() -> ChannelError {
    ChannelError::NoCertificate(Box::new(Error::NoCertificatesPresented))
}

fn certificate(bad: Bad) -> ChannelError {
    match bad {
        Bad::Other(inner) if inner.0.is::<NotPinned>() => ChannelError::PinMismatch,
        Bad::Expired | Bad::ExpiredContext { .. } | Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
            ChannelError::PeerCertExpired(Box::new(Error::InvalidCertificate(bad)))
        }
        other => ChannelError::PeerCertRefused(Box::new(Error::InvalidCertificate(other))),
    }
}

fn alert_received(alert: Alert) -> ChannelError {
    let source = Box::new(Error::AlertReceived(alert));
    match alert {
        Alert::CertificateExpired => ChannelError::OwnCertExpired(source),
        Alert::CertificateRequired => ChannelError::NoCertificate(source),
        Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::CertificateUnknown
        | Alert::UnknownCA
        | Alert::AccessDenied
        | Alert::DecryptError => ChannelError::OwnCertRefused(source),
        _ => ChannelError::Tls(source),
    }
}
