//! What every [`DeviceStore`](crate::DeviceStore) promises.

use super::race::{Racer, check_conflict, check_refused, join_all};
use crate::{Device, StoreError, Stores, UserId};
use aitrading_model::{AccountId, DeviceId, TenantId, Timestamp};
use std::sync::Arc;

type Checked = Result<(), StoreError>;

const KEY: (TenantId, AccountId, DeviceId) = (TenantId(1), AccountId(7), DeviceId([1; 16]));

fn device() -> Device {
    Device::new(KEY.0, KEY.1, KEY.2, [2; 32])
}

/// A device that was enrolled over the channel.
fn enrolled() -> Device {
    Device {
        noise_key: Some([3; 32]),
        certificate: Some([0xc1; 32]),
        enrolled_at: Some(Timestamp(100)),
        last_seen_at: Some(Timestamp(100)),
        fingerprint: Some([4; 32]),
        user: Some(UserId([5; 16])),
        ..device()
    }
}

/// Every field comes back, and what nobody said stays unsaid.
pub async fn every_field_of_a_device_survives(stores: Stores) -> Checked {
    let store = stores.devices;
    let full = Device {
        tenant: TenantId(u64::MAX),
        account: AccountId(u64::MAX),
        next_certificate: Some([0xff; 32]),
        enrolled_at: Some(Timestamp(i64::MIN)),
        last_seen_at: Some(Timestamp(i64::MAX)),
        ..enrolled()
    };
    let revoked = Device { device: DeviceId([2; 16]), revoked: true, ..device() };
    for device in [full, revoked, enrolled()] {
        store.put(device).await?;
        assert_eq!(store.get(device.tenant, device.account, device.device).await?, Some(device));
    }
    assert_eq!(store.of_tenant(KEY.0, 9).await?, [enrolled(), revoked]);
    assert_eq!(store.of_tenant(KEY.0, 1).await?, [enrolled()]);
    Ok(())
}

/// No later word makes a revoked device good again, and it gets no certificate any more.
pub async fn revocation_is_final(stores: Stores) -> Checked {
    let store = stores.devices;
    let device = device();
    store.put(device).await?;
    assert_eq!(store.get(KEY.0, KEY.1, device.device).await?, Some(device));
    assert_eq!(store.get(KEY.0, AccountId(8), device.device).await?, None);
    store.offer_certificate(KEY.0, KEY.1, KEY.2, &[9; 32]).await?;
    let revoked = Device { revoked: true, next_certificate: Some([9; 32]), ..device };
    store.put(revoked).await?;
    store.put(revoked).await?;
    check_conflict(store.put(Device { public_key: [3; 32], ..device }).await);
    check_conflict(store.offer_certificate(KEY.0, KEY.1, KEY.2, &[8; 32]).await);
    check_conflict(store.confirm_certificate(KEY.0, KEY.1, KEY.2, &[9; 32]).await);
    assert_eq!(store.of_tenant(KEY.0, 9).await?, [revoked]);
    assert_eq!(store.of_tenant(TenantId(2), 9).await?, []);
    Ok(())
}

/// The old certificate is good until the device comes with the new one, however often either is told.
pub async fn a_certificate_is_renewed_in_two_steps(stores: Stores) -> Checked {
    let (store, (tenant, account, id)) = (stores.devices, KEY);
    let (old, new) = ([0xc1; 32], [0xc2; 32]);
    store.put(enrolled()).await?;
    let certificates = || async {
        let device = store.get(tenant, account, id).await?;
        Ok::<_, StoreError>(device.map(|device| (device.certificate, device.next_certificate)))
    };
    check_conflict(store.confirm_certificate(tenant, account, id, &new).await);
    for _ in 0..2 {
        store.offer_certificate(tenant, account, id, &new).await?;
        assert_eq!(certificates().await?, Some((Some(old), Some(new))));
    }
    store.confirm_certificate(tenant, account, id, &old).await?;
    assert_eq!(certificates().await?, Some((Some(old), Some(new))), "it still comes with the old one");
    check_conflict(store.confirm_certificate(tenant, account, id, &[0xc3; 32]).await);
    for _ in 0..2 {
        store.confirm_certificate(tenant, account, id, &new).await?;
        assert_eq!(certificates().await?, Some((Some(new), None)));
    }
    check_conflict(store.confirm_certificate(tenant, account, id, &old).await);
    assert_eq!(store.get(tenant, account, id).await?, Some(Device { certificate: Some(new), ..enrolled() }));
    let twice = Device { next_certificate: Some(new), certificate: Some(new), ..enrolled() };
    check_refused(store.put(twice).await);
    Ok(())
}

/// A device that is told of and renewed at once loses neither.
pub async fn raced_changes_of_a_device_are_all_kept(stores: Stores) -> Checked {
    let (store, (tenant, account, id)) = (stores.devices, KEY);
    store.put(enrolled()).await?;
    let seen = (0_i64..12).map(|n| {
        let store = Arc::clone(&store);
        let racer: Racer<'_, Checked> =
            Box::pin(async move { store.seen(tenant, account, id, Timestamp(100 + n * 7 % 12)).await });
        racer
    });
    let mut racers: Vec<_> = seen.collect();
    let renewing = Arc::clone(&store);
    racers.insert(
        6,
        Box::pin(async move {
            renewing.offer_certificate(tenant, account, id, &[0xc2; 32]).await?;
            renewing.confirm_certificate(tenant, account, id, &[0xc2; 32]).await
        }),
    );
    join_all(racers).await.into_iter().collect::<Checked>()?;
    let stands = Device { certificate: Some([0xc2; 32]), last_seen_at: Some(Timestamp(111)), ..enrolled() };
    assert_eq!(store.get(tenant, account, id).await?, Some(stands));
    store.seen(tenant, account, id, Timestamp(5)).await?;
    assert_eq!(store.get(tenant, account, id).await?, Some(stands), "what was seen earlier changes nothing");
    Ok(())
}

/// Nothing is made up: a device that is not enrolled is not seen and not certified.
pub async fn an_unknown_device_is_refused(stores: Stores) -> Checked {
    let (store, (tenant, account, id)) = (stores.devices, KEY);
    check_conflict(store.seen(tenant, account, id, Timestamp(1)).await);
    check_conflict(store.offer_certificate(tenant, account, id, &[1; 32]).await);
    check_conflict(store.confirm_certificate(tenant, account, id, &[1; 32]).await);
    assert_eq!(store.get(tenant, account, id).await?, None);
    Ok(())
}
