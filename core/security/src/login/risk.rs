//! Signs that a login is not what it seems. They never admit anybody: they only ask for more, or refuse.

use crate::{Secret, equal_in_constant_time, mac};
use aitrading_model::Timestamp;
use std::{collections::BTreeSet, fmt, net::IpAddr, time::Duration};

/// Failures of one source within the caller's window from which on more is asked for.
const FAILURES_MANY: u32 = 5;
/// Failures of one source within the caller's window from which on it is refused.
const FAILURES_TOO_MANY: u32 = 20;
/// How many earlier logins are looked at; a store need not keep more of a user.
pub const SEEN_MAX: usize = 64;
/// How far a device's clock may lie behind what it said at an earlier login: clocks are set, by minutes.
const CLOCK_BACK: Duration = Duration::from_mins(10);
/// Facts of a device that are looked at, and bytes of each; more are left out.
const FACTS_MAX: usize = 16;
const FACT_BYTES_MAX: usize = 256;

/// The network that an address belongs to: /24 of IPv4, /48 of IPv6. Providers move subscribers within these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Network {
    /// The first three bytes.
    V4([u8; 3]),
    /// The first six bytes.
    V6([u8; 6]),
}

impl Network {
    /// Of an address; IPv4 in IPv6's clothes is IPv4.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                let [a, b, c, _] = v4.octets();
                Self::V4([a, b, c])
            }
            IpAddr::V6(v6) => {
                let [a, b, c, d, e, f, ..] = v6.octets();
                Self::V6([a, b, c, d, e, f])
            }
        }
    }
}

/// Stable facts of a device, hashed under the tenant's salt: equal for equal devices, and telling nothing of them.
#[derive(Clone, Copy)]
pub struct DeviceFingerprint(pub [u8; 32]);

impl DeviceFingerprint {
    /// From names and values, in any order: system, machine id, terminal. At most 16 facts of 256 bytes count. What the
    /// client says here is a claim; it is a sign of risk and never a credential.
    #[must_use]
    pub fn of(salt: &Secret<[u8; 32]>, facts: &[(&str, &str)]) -> Self {
        let sorted: BTreeSet<(&[u8], &[u8])> = facts.iter().take(FACTS_MAX).map(|(n, v)| (cut(n), cut(v))).collect();
        let mut message = b"aitrading/device-fingerprint/1\0".to_vec();
        for part in sorted.into_iter().flat_map(|(name, value)| [name, value]) {
            // The length keeps neighbours apart; it is at most 256.
            message.extend_from_slice(&u16::try_from(part.len()).unwrap_or(u16::MAX).to_be_bytes());
            message.extend_from_slice(part);
        }
        Self(mac::hmac_sha256(salt.expose(), &message))
    }
}

fn cut(text: &str) -> &[u8] {
    text.as_bytes().get(..FACT_BYTES_MAX).unwrap_or(text.as_bytes())
}

impl PartialEq for DeviceFingerprint {
    fn eq(&self, other: &Self) -> bool {
        equal_in_constant_time(&self.0, &other.0)
    }
}

impl Eq for DeviceFingerprint {}

impl fmt::Debug for DeviceFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceFingerprint(")?;
        self.0.iter().take(4).try_for_each(|b| write!(f, "{b:02x}"))?;
        f.write_str("..)")
    }
}

/// An earlier login of this user that succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// From where.
    pub network: Network,
    /// On what.
    pub device: DeviceFingerprint,
    /// What the device's clock said.
    pub device_clock: Timestamp,
}

/// The login at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    /// What is seen of it.
    pub seen: Seen,
    /// Failed logins of this *source* (network and device) within the window of the caller's counter. Failures of the
    /// account as a whole do not belong here: they would let strangers lock its owner out (T25).
    pub failures: u32,
}

/// One sign of risk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RiskSignal {
    /// No earlier login came from this network.
    NewNetwork,
    /// No earlier login was on this device.
    NewDevice,
    /// The device's clock lies before what the same device said earlier: an old image of it, or a recording.
    ImpossibleClock,
    /// Five failures or more.
    ManyFailures,
    /// Twenty failures or more.
    TooManyFailures,
}

/// The signs of one login.
pub type RiskSignals = BTreeSet<RiskSignal>;

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RiskVerdict {
    /// Nothing is unusual.
    Continue,
    /// The second factor is to be proved again before anything else.
    AskStepUp,
    /// Not from this source.
    Refuse,
}

/// What is unusual about `sight`, compared with the first [`SEEN_MAX`] of `earlier`, the newest first. Without any, network
/// and device are new.
#[must_use]
pub fn observe(earlier: &[Seen], sight: &Sight) -> RiskSignals {
    let now = &sight.seen;
    let earlier = earlier.get(..SEEN_MAX).unwrap_or(earlier);
    let same_device = || earlier.iter().filter(|seen| seen.device == now.device);
    let back = |seen: &Seen| seen.device_clock > now.device_clock.plus(CLOCK_BACK);
    let signs = [
        (RiskSignal::NewNetwork, !earlier.iter().any(|seen| seen.network == now.network)),
        (RiskSignal::NewDevice, same_device().next().is_none()),
        (RiskSignal::ImpossibleClock, same_device().any(back)),
        (RiskSignal::ManyFailures, sight.failures >= FAILURES_MANY),
        (RiskSignal::TooManyFailures, sight.failures >= FAILURES_TOO_MANY),
    ];
    signs.into_iter().filter_map(|(signal, there)| there.then_some(signal)).collect()
}

/// What follows from the signs: too many failures refuse, and so does an impossible clock in a new network; any sign
/// asks for more.
#[must_use]
pub fn assess(signals: &RiskSignals) -> RiskVerdict {
    let has = |signal| signals.contains(&signal);
    let copied = has(RiskSignal::ImpossibleClock) && has(RiskSignal::NewNetwork);
    if has(RiskSignal::TooManyFailures) || copied {
        RiskVerdict::Refuse
    } else if signals.is_empty() {
        RiskVerdict::Continue
    } else {
        RiskVerdict::AskStepUp
    }
}
