//! What goes wrong on purpose, decided by seed and request alone: the same request has the same fate in every run.

use std::time::Duration;

/// How often, in thousandths of all orders, each fault strikes. Rates add up; beyond 1,000 the later ones never strike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultPlan {
    /// The order is executed, and no answer ever comes.
    pub lost_reply: u16,
    /// The order is executed, and the answer comes after [`FaultPlan::late_by`].
    pub late_reply: u16,
    /// The connection drops before the order reaches the broker.
    pub drop_before_send: u16,
    /// The order is executed, and the connection drops before the answer.
    pub drop_after_send: u16,
    /// How late a late answer is.
    pub late_by: Duration,
}

impl Default for FaultPlan {
    fn default() -> Self {
        Self { lost_reply: 0, late_reply: 0, drop_before_send: 0, drop_after_send: 0, late_by: Duration::from_secs(3) }
    }
}

/// What happens to one order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    LostReply,
    LateReply,
    DropBeforeSend,
    DropAfterSend,
}

impl FaultPlan {
    pub(super) fn draw(&self, seed: u64, request_id: u64) -> Fault {
        let mut left = dice(seed, request_id, 1) % 1_000;
        for (rate, fault) in [
            (self.lost_reply, Fault::LostReply),
            (self.late_reply, Fault::LateReply),
            (self.drop_before_send, Fault::DropBeforeSend),
            (self.drop_after_send, Fault::DropAfterSend),
        ] {
            match left.checked_sub(u64::from(rate)) {
                Some(rest) => left = rest,
                None => return fault,
            }
        }
        Fault::None
    }
}

/// A number that depends on seed, subject and purpose alone (SplitMix64).
pub(super) fn dice(seed: u64, subject: u64, purpose: u64) -> u64 {
    let mut z = seed ^ subject.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ purpose.wrapping_mul(0xd1b5_4a32_d192_ed03);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
