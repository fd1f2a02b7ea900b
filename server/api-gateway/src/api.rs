//! What the interface works with: stores, the gate for tokens, limits, and the audit log.

use crate::{GatewaySettings, cors::Pages, error::ApiError};
use aitrading_env::Env;
use aitrading_http::{Peer, Request, header};
use aitrading_model::{TenantId, Timestamp};
use aitrading_security::{
    Authenticator,
    access::{Actor, Identity, authenticate},
    limits::{Limiter, Proxies},
    sha256,
    token::{Moment, TokenGate},
};
use aitrading_store::{PlatformStores, Stores};
use aitrading_wire::services::ChangeSink;
use rustls_pki_types::CertificateDer;
use std::{fmt, net::IpAddr, sync::Arc};

/// The audience of tokens that this door takes.
pub(crate) const AUDIENCE: &str = "aitrading-api";

/// What the composer hands in.
pub struct ApiParts {
    /// The world.
    pub env: Env,
    /// Market data, signals, accounts, devices, subscriptions.
    pub stores: Stores,
    /// Users, sessions, security.
    pub platform: PlatformStores,
    /// Takes down every change before it is made.
    pub changes: Arc<dyn ChangeSink>,
    /// Lets tokens in.
    pub tokens: Arc<TokenGate>,
    /// Says whom a client certificate names.
    pub authenticator: Arc<dyn Authenticator>,
}

impl fmt::Debug for ApiParts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiParts").finish_non_exhaustive()
    }
}

/// What the interface works with.
pub(crate) struct Api {
    pub(crate) env: Env,
    pub(crate) stores: Stores,
    pub(crate) platform: PlatformStores,
    pub(crate) changes: Arc<dyn ChangeSink>,
    pub(crate) tokens: Arc<TokenGate>,
    authenticator: Arc<dyn Authenticator>,
    pub(crate) limiter: Limiter,
    proxies: Proxies,
    pub(crate) pages: Pages,
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("proxies", &self.proxies).finish_non_exhaustive()
    }
}

impl Api {
    pub(crate) fn new(parts: ApiParts, settings: &GatewaySettings) -> Self {
        let ApiParts { env, stores, platform, changes, tokens, authenticator } = parts;
        let (proxies, pages) = (settings.proxies.clone(), Pages::only(settings.origins.clone()));
        let limiter = Limiter::new(settings.quotas.clone());
        Self { env, stores, platform, changes, tokens, authenticator, limiter, proxies, pages }
    }

    /// The caller's own address.
    pub(crate) fn address(&self, request: &Request) -> IpAddr {
        let forwarded: Vec<&[u8]> =
            request.headers().get_all("x-forwarded-for").iter().map(aitrading_http::HeaderValue::as_bytes).collect();
        self.proxies.caller(request.peer.addr.ip(), forwarded)
    }

    /// Who asks: the bearer of a token, or whom the client certificate alone names; `None` for somebody who shows neither.
    ///
    /// # Errors
    /// [`ApiError::Token`], [`ApiError::Certificate`], [`ApiError::Unavailable`]: what is shown has to be good.
    pub(crate) async fn recognise(&self, request: &Request, now: Timestamp) -> Result<Option<Actor>, ApiError> {
        let certificates = certificates(&request.peer);
        let given = request.headers().contains_key(header::AUTHORIZATION);
        let Some(certificate) = certificates.first() else {
            // A token without its certificate is a stolen one, or a client that was set up wrongly.
            return if given { Err(ApiError::Unbound) } else { Ok(None) };
        };
        let holder = authenticate(&*self.authenticator, &certificates).map_err(ApiError::Certificate)?;
        self.check_device(&holder, certificate).await?;
        if !given {
            return Ok(Some(holder));
        }
        let token = request.header(header::AUTHORIZATION.as_str()).and_then(bearer).ok_or(ApiError::Unknown)?;
        let moment = Moment { wall: now, mono_ns: self.env.clock.mono_ns() };
        let verified = self.tokens.admit(token, &sha256(certificate), AUDIENCE, moment).map_err(ApiError::Token)?;
        let actor = Actor::of_token(&verified);
        if actor.tenant() != holder.tenant() || (actor.device().is_some() && actor.device() != holder.device()) {
            return Err(ApiError::Unbound);
        }
        Ok(Some(actor))
    }

    /// An installation is known, not revoked, and comes with the certificate that it was given.
    async fn check_device(&self, holder: &Actor, certificate: &[u8]) -> Result<(), ApiError> {
        let (Some(account), Some(device)) = (holder.account(), holder.device()) else { return Ok(()) };
        let known = self.stores.devices.get(holder.tenant(), account, device).await?;
        let known = known.filter(|known| !known.revoked).ok_or(ApiError::DeviceRefused)?;
        let shown = sha256(certificate);
        let given = [known.certificate, known.next_certificate];
        // Devices of before certificates were written down are known by their keys alone.
        let good = given == [None, None] || given.contains(&Some(shown));
        if good { Ok(()) } else { Err(ApiError::DeviceRefused) }
    }
}

fn certificates(peer: &Peer) -> Vec<CertificateDer<'_>> {
    let chain = peer.tls.as_ref().map_or(&[][..], |tls| &tls.certificates);
    chain.iter().map(|der| CertificateDer::from(der.as_slice())).collect()
}

/// The token of a header of the scheme Bearer (RFC 6750), whose name has any case.
fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
    let good = scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && token.bytes().all(plain);
    good.then_some(token)
}

/// 16 bytes that stand for an actor of a tenant where changes are counted and taken down.
pub(crate) fn actor_id(actor: &Actor) -> [u8; 16] {
    let device = |actor: &Actor| actor.device().map_or([0; 16], |device| device.0);
    match actor.identity() {
        Identity::User(id) => *id,
        Identity::Device => device(actor),
        Identity::Service(name) => {
            let mut id = [0; 16];
            id.iter_mut().zip(sha256(name.as_bytes())).for_each(|(to, from)| *to = from);
            id
        }
    }
}

/// What stands for nobody in particular, at operations for anybody.
pub(crate) const NOBODY: (TenantId, [u8; 16]) = (TenantId(0), [0; 16]);
