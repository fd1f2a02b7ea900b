//! Certificates are renewed in two phases.

use super::world::*;
use crate::identity::SecurityKind;
use aitrading_security::{
    pki::{ed25519_key, spki_pin},
    sha256,
    token::{RefreshBody, TokenRefused},
};

#[tokio::test]
async fn the_old_certificate_is_good_until_the_new_one_was_used() {
    let world = World::new().await;
    let anna = world.subscriber("anna", false).await;
    let signed_in = world.log_in(&anna, HOME).await.0.unwrap();
    let old = anna.peer(HOME);
    let renewed = world.identity.renew(&old).await.unwrap();
    let (leaf, before) = (&renewed.chain[0], anna.enrolled.certificate.chain().remove(0));
    assert_eq!(ed25519_key(leaf).unwrap(), ed25519_key(&before).unwrap(), "for the same key");
    assert_eq!(spki_pin(leaf).unwrap(), spki_pin(&before).unwrap());
    assert!(renewed.expires_at > world.now() && leaf != &before);
    // The answer may be lost: the device goes on with what it has, and is given another one.
    world.identity.visitor(&old).await.unwrap();
    let again = world.identity.renew(&old).await.unwrap();
    let new = |chain: &[rustls_pki_types::CertificateDer<'static>]| peer(HOME, [1; 32], vec![chain[0].to_vec()]);
    assert_eq!(fault(world.identity.visitor(&new(&renewed.chain)).await), "IDENTITY_CERTIFICATE_RETIRED");
    world.admit(&signed_in.granted.token, &anna).unwrap();

    let mut holder = signed_in.holder.unwrap();
    let asked = holder.ask(1, world.env.rng.as_ref()).unwrap();
    let body = RefreshBody { secret: asked.secret, successor: asked.successor };
    let refreshed = world.identity.refresh(body, &new(&again.chain)).await.unwrap();
    assert_eq!(world.notes.of(SecurityKind::CertificateRenewed).len(), 1);
    let hash = sha256(&again.chain[0]);
    world.admit_at(&world.identity, refreshed.token.expose(), &hash).unwrap();
    // From here on the old one is worth nothing, and neither is what was bound to it.
    assert_eq!(fault(world.identity.visitor(&old).await), "IDENTITY_CERTIFICATE_RETIRED");
    assert_eq!(world.admit(&signed_in.granted.token, &anna).unwrap_err(), TokenRefused::Revoked);
    world.identity.visitor(&new(&again.chain)).await.unwrap();
    assert_eq!(world.notes.of(SecurityKind::CertificateRenewed).len(), 1, "confirmed once");
}

#[tokio::test]
async fn a_revoked_device_is_not_renewed_and_its_tokens_are_refused() {
    let world = World::new().await;
    let anna = world.subscriber("anna", false).await;
    let signed_in = world.log_in(&anna, HOME).await.0.unwrap();
    let granted = &anna.enrolled.granted;
    world.identity.revoke_device(granted.account, granted.device, "operator").await.unwrap();
    assert_eq!(world.admit(&signed_in.granted.token, &anna).unwrap_err(), TokenRefused::Revoked);
    assert_eq!(fault(world.identity.renew(&anna.peer(HOME)).await), "IDENTITY_DEVICE_REVOKED");
    let (client, server) = world.log_in(&anna, HOME).await;
    assert_eq!((told(client).as_str(), fault(server)), ("closed POLICY", "IDENTITY_DEVICE_REVOKED"));
}
