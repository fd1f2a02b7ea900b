//! The operator's certificate, with which the operator's tool asks a running server. Whoever can open this directory's keys is
//! its operator, so it is made whenever there is none that is good.

use super::{SERVER_LIFE, Seal, WARN_BEFORE};
use crate::exit::Failure;
use aitrading_channel::tls;
use aitrading_env::Env;
use aitrading_http::ClientTls;
use aitrading_model::TenantId;
use aitrading_security::{
    PeerIdentity, parse_identity,
    pki::{Authority, Issued, certificates_from_pem, spki_pin, validity},
};
use std::path::Path;

/// The name in the certificate, which the services know as a role.
const ROLE: &str = "operator";
/// Certificate and key in one envelope: one write changes both.
const FILE: &str = "operator.pem";

/// The operator's certificate for `tenant`; made if there is none, or none that lasts.
pub(crate) fn open(env: &Env, dir: &Path, tenant: TenantId) -> Result<Issued, Failure> {
    let seal = Seal::open(env, dir)?;
    let path = seal.path(FILE);
    if env.fs.metadata(&path).map_err(|e| Failure::io("cannot look at", &path, &e))?.is_some() {
        let text = seal.text(FILE)?;
        let kept = Issued::from_pem(&text, &text)?;
        if lasts(env, &kept, tenant) {
            return Ok(kept);
        }
    }
    let authority = Authority::from_pem(&seal.plain("ca.pem")?, &seal.text("ca.key")?)?;
    let issued = authority.issue_service(env, tenant, ROLE, SERVER_LIFE)?;
    let text = format!("{}{}", issued.chain_pem(), issued.key_pem().expose());
    seal.put(FILE, text.as_bytes())?;
    Ok(issued)
}

fn lasts(env: &Env, kept: &Issued, tenant: TenantId) -> bool {
    let wanted = PeerIdentity::Service { tenant, name: ROLE.to_owned() };
    let now = env.clock.wall_ns() / 1_000_000_000;
    let until = now.saturating_add(WARN_BEFORE.as_secs().cast_signed());
    let chain = kept.chain();
    chain.first().is_some_and(|leaf| {
        parse_identity(leaf).is_ok_and(|found| found == wanted)
            && validity(leaf).is_ok_and(|(from, to)| from <= now && until < to)
    })
}

/// TLS with that certificate, towards this directory's own server alone.
pub(crate) fn tls(env: &Env, dir: &Path, tenant: TenantId) -> Result<ClientTls, Failure> {
    let own = open(env, dir, tenant)?;
    let seal = Seal::open(env, dir)?;
    let first = |name| -> Result<_, Failure> { Ok(certificates_from_pem(&seal.plain(name)?)?.into_iter().next()) };
    let (Some(authority), Some(server)) = (first("ca.pem")?, first("server.pem")?) else {
        return Err(Failure::new(crate::exit::Exit::Config, "the directory's certificates are empty"));
    };
    Ok(tls::client_config(env, &authority, own.chain(), own.key(), &[spki_pin(&server)?])?)
}
