//! Randomness as an argument.

use std::fmt::Debug;

/// A source of random bytes.
pub trait Rng: Send + Sync + Debug {
    /// Fills `out` with bytes fit for keys and nonces (the real source), or with a seeded stream (simulation).
    fn fill(&self, out: &mut [u8]);
}

/// Conveniences over any [`Rng`].
pub trait RngExt {
    /// An array of random bytes.
    fn bytes<const N: usize>(&self) -> [u8; N];
    /// A random number.
    fn next_u64(&self) -> u64;
    /// A random number in `0..bound`; 0 if `bound` is 0. The bias of the modulus is below 2^-32 for bounds up to 2^32.
    fn below(&self, bound: u64) -> u64;
}

impl<R: Rng + ?Sized> RngExt for R {
    fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        self.fill(&mut out);
        out
    }

    fn next_u64(&self) -> u64 {
        u64::from_le_bytes(self.bytes())
    }

    fn below(&self, bound: u64) -> u64 {
        self.next_u64().checked_rem(bound).unwrap_or(0)
    }
}

/// The operating system's generator.
#[derive(Debug, Clone, Copy)]
pub struct RealRng;

impl Rng for RealRng {
    /// # Panics
    /// If the operating system has no randomness to give: going on would mean weak keys.
    #[expect(clippy::panic, reason = "without randomness every key and nonce would be guessable")]
    fn fill(&self, out: &mut [u8]) {
        if let Err(error) = getrandom::fill(out) {
            panic!("the operating system's random generator failed: {error}");
        }
    }
}
