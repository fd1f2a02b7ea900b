//! The way in: `/v1/channel` upgrades a client with a device certificate to a session; everything else goes to the next
//! handler.

use crate::{BridgeError, bridge::Core, meters, session};
use aitrading_channel::{PATH, ResumeTable};
use aitrading_env::{BoxStream, RngExt};
use aitrading_error::{Coded, Fault};
use aitrading_http::{Handler, HttpError, Request, Response, TlsPeer, problem, status_of, websocket};
use aitrading_model::TraceId;
use aitrading_security::{PeerIdentity, pki::spki_pin, sha256};
use aitrading_wire::services::{AuditEvent, AuditEventKind, Seat};
use rustls_pki_types::CertificateDer;
use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

#[cfg(test)]
mod tests;

/// Sessions that one device may keep for resuming.
const RESUMES_PER_DEVICE: usize = 4;
/// Devices whose sessions are remembered.
const RESUMABLE_MAX: usize = 4096;
/// How long a session may be resumed after its connection ended.
const RESUME_KEEP: Duration = Duration::from_mins(5);
/// DER of an Ed25519 public key up to the key itself (RFC 8410).
const ED25519_SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// What each device may resume. One table per device, so that one that has to start afresh can be forgotten.
#[derive(Debug, Default)]
pub(crate) struct Resumes(Mutex<BTreeMap<PeerIdentity, Arc<ResumeTable>>>);

impl Resumes {
    fn of(&self, peer: &PeerIdentity) -> Arc<ResumeTable> {
        let mut tables = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tables.len() >= RESUMABLE_MAX && !tables.contains_key(peer) {
            // Whoever is forgotten starts afresh, which loses nothing.
            let victim = tables.keys().next().cloned();
            victim.and_then(|victim| tables.remove(&victim));
        }
        let table =
            tables.entry(peer.clone()).or_insert_with(|| Arc::new(ResumeTable::new(RESUMES_PER_DEVICE, RESUME_KEEP)));
        Arc::clone(table)
    }

    fn forget(&self, peer: &PeerIdentity) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(peer);
    }
}

/// Handles the requests of the bridge's door.
pub(crate) struct Entrance {
    pub(crate) core: Arc<Core>,
    /// Health, metrics, and the answer to unknown paths.
    pub(crate) other: Arc<dyn Handler>,
}

impl fmt::Debug for Entrance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entrance").finish_non_exhaustive()
    }
}

/// Who comes in.
struct Visitor {
    peer: PeerIdentity,
    seat: Seat,
    device_key: [u8; 32],
    exporter: [u8; 32],
}

#[async_trait::async_trait]
impl Handler for Entrance {
    async fn handle(&self, request: Request) -> Response {
        if request.path() != PATH {
            return self.other.handle(request).await;
        }
        let visitor = match self.identify(request.peer.tls.as_ref()) {
            Ok(visitor) => visitor,
            Err(fault) => {
                self.refused(&fault).await;
                return problem(status_of(&fault.dna()), &fault);
            }
        };
        match websocket::upgrade(request, &websocket::Origins::none()) {
            Ok((response, stream)) => {
                let core = Arc::clone(&self.core);
                let run = async move { enter(core, visitor, stream.await).await };
                drop(self.core.env.spawn.task("bridge-session", Box::pin(run)));
                response
            }
            Err(error) => {
                let fault = Fault::new(error);
                problem(status_of(&fault.dna()), &fault)
            }
        }
    }
}

impl Entrance {
    fn identify(&self, tls: Option<&TlsPeer>) -> Result<Visitor, Fault> {
        let tls = tls.ok_or_else(|| Fault::new(BridgeError::NotAdmitted))?;
        let chain: Vec<_> = tls.certificates.iter().map(|der| CertificateDer::from(der.as_slice())).collect();
        let peer = self.core.keys.authenticator.authenticate(&chain).map_err(Fault::new)?;
        let PeerIdentity::Device { tenant, device, account } = peer else {
            return Err(Fault::new(BridgeError::NotAdmitted));
        };
        let key = chain.first().and_then(ed25519_key).ok_or_else(|| Fault::new(BridgeError::NotAdmitted))?;
        Ok(Visitor { peer, seat: Seat { tenant, account, device }, device_key: key, exporter: tls.exporter })
    }

    async fn refused(&self, fault: &Fault) {
        let trace = TraceId(self.core.env.rng.bytes());
        let code = fault.dna().code;
        meters::peers_refused(code).increment(1);
        let event = AuditEvent { kind: AuditEventKind::PeerRefused, seat: None, trace, code: Some(code) };
        if let Err(error) = self.core.ports.audit.append(event).await {
            tracing::warn!(%trace, code = error.dna.code, "a refused peer was not audited");
        }
    }
}

async fn enter(core: Arc<Core>, visitor: Visitor, stream: Result<BoxStream, HttpError>) {
    let Ok(stream) = stream else { return };
    let Visitor { peer, seat, device_key, exporter } = visitor;
    let table = core.resumes.of(&peer);
    let accepted =
        aitrading_channel::accept(&core.env, &core.keys.channel, stream, exporter, peer.clone(), &table).await;
    match accepted {
        Ok(channel) => {
            if session::run(Arc::clone(&core), seat, device_key, channel).await {
                core.resumes.forget(&peer);
            }
        }
        Err(error) => {
            let code = error.dna().code;
            meters::handshakes_failed(code).increment(1);
            tracing::info!(code, account = %seat.account, "no session");
        }
    }
}

/// The Ed25519 key that a certificate certifies. The pin, computed by a real parser, says which bytes are the right ones.
fn ed25519_key(certificate: &CertificateDer<'_>) -> Option<[u8; 32]> {
    let pin = spki_pin(certificate).ok()?;
    let mut candidates = certificate.windows(ED25519_SPKI.len() + 32).filter(|w| w.starts_with(&ED25519_SPKI));
    let found = candidates.find(|candidate| sha256(candidate) == pin)?;
    found.last_chunk().copied()
}
