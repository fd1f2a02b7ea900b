//! The client's estimate of the server's wall clock, from heartbeats.

/// What a quartz may drift between two samples: 200 parts per million.
const DRIFT_PPM: u64 = 200;

/// The server's wall time is `local monotonic time + offset_ns`, give or take `err_ns`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockEstimate {
    /// Server wall time minus local monotonic time.
    pub offset_ns: i64,
    /// Half the round trip of the best sample, plus what the clocks may have drifted since.
    pub err_ns: u64,
}

impl ClockEstimate {
    /// The server's wall time at local monotonic time `mono_ns`.
    #[must_use]
    pub fn wall_at(&self, mono_ns: u64) -> i64 {
        self.offset_ns.saturating_add(signed(mono_ns))
    }
}

/// The best sample so far.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ClockKeeper {
    sample: Option<(ClockEstimate, u64)>,
}

impl ClockKeeper {
    /// Takes a round trip: sent at `sent`, answered with the server's wall time, answer received at `received`.
    pub(crate) fn add(&mut self, sent: u64, server_wall_ns: i64, received: u64) {
        let half = received.saturating_sub(sent) / 2;
        let offset_ns = server_wall_ns.saturating_add(signed(half)).saturating_sub(signed(received));
        let fresh = ClockEstimate { offset_ns, err_ns: half };
        let keep = self.at(received).is_some_and(|old| {
            // A difference beyond both errors means that the server's clock was set: the old sample is void then.
            let apart = old.offset_ns.abs_diff(offset_ns);
            old.err_ns < half && apart <= old.err_ns.saturating_add(half)
        });
        if !keep {
            self.sample = Some((fresh, received));
        }
    }

    /// The estimate at local monotonic time `mono_ns`.
    pub(crate) fn at(&self, mono_ns: u64) -> Option<ClockEstimate> {
        self.sample.map(|(estimate, taken)| {
            let drift = mono_ns.saturating_sub(taken) / (1_000_000 / DRIFT_PPM);
            ClockEstimate { err_ns: estimate.err_ns.saturating_add(drift), ..estimate }
        })
    }
}

fn signed(ns: u64) -> i64 {
    i64::try_from(ns).unwrap_or(i64::MAX)
}
