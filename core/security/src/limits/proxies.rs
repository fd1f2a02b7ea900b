//! The caller's address when proxies of ours stand in front.

use super::Prefix;
use std::net::{IpAddr, SocketAddr};

/// Most ranges in a list of proxies.
pub const PROXIES_MAX: usize = 64;
/// Most hops that are followed.
pub const HOPS_MAX: usize = 16;
/// Most bytes of X-Forwarded-For that are looked at, from the right.
pub const FORWARDED_BYTES_MAX: usize = 1_024;

/// A list of proxies that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProxiesInvalid {
    /// Too long.
    #[error("at most 64 ranges of proxies can be given; join neighbouring ranges")]
    TooMany,
    /// Everybody would be a proxy.
    #[error(
        "a range that holds every address makes every caller a proxy, whose word about others is believed; name your proxies"
    )]
    Everybody,
}

/// The proxies that are ours, and whose word about their own callers is believed. Nobody by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies(Vec<Prefix>);

impl Proxies {
    /// No proxy: the peer of the connection is the caller.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// These.
    ///
    /// # Errors
    /// [`ProxiesInvalid`].
    pub fn only(ranges: Vec<Prefix>) -> Result<Self, ProxiesInvalid> {
        let everybody = |range: &Prefix| range.to_string().ends_with("/0");
        if ranges.len() > PROXIES_MAX {
            Err(ProxiesInvalid::TooMany)
        } else if ranges.iter().any(everybody) {
            Err(ProxiesInvalid::Everybody)
        } else {
            Ok(Self(ranges))
        }
    }

    /// Is it one of ours?
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|range| range.contains(address))
    }

    /// Who calls over the connection of `peer`. `forwarded` are the values of all X-Forwarded-For headers in the order in
    /// which they came.
    ///
    /// Each hop appended the address it was called from, so the list is read from the right, and an entry counts only if
    /// all to the right of it are proxies of ours: whatever stands further left is the caller's own invention. An entry
    /// that is no address ends the walk at the hop that wrote it, whose callers then share its quota; nobody gains one.
    #[must_use]
    pub fn caller<'a, I>(&self, peer: IpAddr, forwarded: I) -> IpAddr
    where
        I: IntoIterator<Item = &'a [u8]>,
        I::IntoIter: DoubleEndedIterator,
    {
        let mut at = peer.to_canonical();
        let mut budget = FORWARDED_BYTES_MAX;
        let hops = forwarded.into_iter().rev().flat_map(|value| value.rsplit(|b| *b == b','));
        for hop in hops.take(HOPS_MAX) {
            let Some(left) = budget.checked_sub(hop.len()).filter(|_| self.contains(at)) else { return at };
            budget = left;
            match address(hop) {
                Some(next) => at = next,
                None => return at,
            }
        }
        at
    }
}

/// An address with or without a port, as proxies write it.
fn address(hop: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(hop.trim_ascii()).ok()?;
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().or_else(|_| text.parse::<SocketAddr>().map(|with_port| with_port.ip())).ok()?;
    Some(IpAddr::to_canonical(&address))
}
