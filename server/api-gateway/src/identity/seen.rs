//! Where a user logged in before: signs of risk, kept as a small fact of each user.

use super::{Identity, IdentityFault};
use aitrading_model::Timestamp;
use aitrading_security::{
    login::{DeviceFingerprint, Network, SEEN_MAX, Seen},
    token::Subject,
};
use aitrading_store::UserId;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const VERSION: u8 = 1;
/// Family of the network u8, its bytes 6, fingerprint 32, clock 8.
const ENTRY: usize = 47;

/// An entry: `family u8 (4, 6) | network 6 | fingerprint 32 | clock i64`.
fn put(seen: &Seen) -> [u8; ENTRY] {
    let (family, network) = match seen.network {
        Network::V4([a, b, c]) => (4, [a, b, c, 0, 0, 0]),
        Network::V6(six) => (6, six),
    };
    let mut entry = [0; ENTRY];
    let clock = seen.device_clock.0.to_be_bytes();
    let bytes = [family].into_iter().chain(network).chain(seen.device.0).chain(clock);
    entry.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    entry
}

fn get(entry: &[u8; ENTRY]) -> Option<Seen> {
    let (&[family], rest) = entry.split_first_chunk()?;
    let (&[a, b, c, d, e, f], rest) = rest.split_first_chunk()?;
    let (device, clock) = rest.split_first_chunk()?;
    let network = match family {
        4 => Network::of(IpAddr::from(Ipv4Addr::new(a, b, c, 0))),
        6 => {
            let pair = |high, low| u16::from_be_bytes([high, low]);
            Network::of(IpAddr::from(Ipv6Addr::new(pair(a, b), pair(c, d), pair(e, f), 0, 0, 0, 0, 0)))
        }
        _ => return None,
    };
    let device_clock = Timestamp(i64::from_be_bytes(clock.try_into().ok()?));
    Some(Seen { network, device: DeviceFingerprint(*device), device_clock })
}

fn key(user: UserId) -> String {
    format!("identity/seen/{}", Subject(user.0))
}

impl Identity {
    /// Earlier logins of a user, the newest first. What cannot be read was not seen: everything is new then.
    pub(super) async fn seen(&self, user: UserId) -> Result<Vec<Seen>, IdentityFault> {
        let stored = self.stores.meta.get(&key(user)).await?.unwrap_or_default();
        let Some((&VERSION, entries)) = stored.split_first() else { return Ok(Vec::new()) };
        let (entries, _) = entries.as_chunks::<ENTRY>();
        Ok(entries.iter().take(SEEN_MAX).filter_map(get).collect())
    }

    /// One more. Two logins at the same moment may leave one of them out, which costs a question later.
    pub(super) async fn remember(&self, user: UserId, seen: Seen) -> Result<(), IdentityFault> {
        let earlier = self.seen(user).await?;
        let same = |other: &Seen| other.network == seen.network && other.device == seen.device;
        // The same device in the same network again: one entry, with the later clock.
        let latest = earlier.iter().filter(|other| same(other)).map(|other| other.device_clock).max();
        let seen = Seen { device_clock: latest.map_or(seen.device_clock, |at| at.max(seen.device_clock)), ..seen };
        let rest = earlier.iter().filter(|other| !same(other)).take(SEEN_MAX.saturating_sub(1));
        let mut bytes = vec![VERSION];
        bytes.extend(std::iter::once(&seen).chain(rest).flat_map(put));
        Ok(self.stores.meta.put(&key(user), &bytes).await?)
    }
}
