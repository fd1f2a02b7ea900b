//! The one suite of OPAQUE, and the stretching of the password that makes a stolen record expensive to guess against.

use super::LoginError;
use aitrading_env::{Rng, RngExt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use opaque_ke::{
    CipherSuite, TripleDh,
    errors::{InternalError, ProtocolError},
    generic_array::{ArrayLength, GenericArray},
    ksf::Ksf,
    rand::{CryptoRng, Error, RngCore},
};
use zeroize::Zeroize;

/// Argon2id's memory, in KiB. The client alone pays it, and it can never change under a registered password: so it is
/// well above the 19 MiB that are the least (RFC 9106 recommends these 64 MiB for machines that are not servers).
pub(crate) const MEMORY_KIB: u32 = 64 * 1024;
/// Argon2id's passes over the memory.
pub(crate) const PASSES: u32 = 2;
/// Argon2id's lanes.
pub(crate) const LANES: u32 = 1;
/// RFC 9807 fixes the salt at zeros: what salts is the OPRF, with a key for every user.
const SALT: [u8; 16] = [0; 16];
/// Names the suite with its costs; part of the context, so that two sides with different suites never agree.
pub(crate) const SUITE: &[u8] = b"ristretto255-sha512/3dh-ristretto255/argon2id-65536-2-1";
/// Argon2id of 64 zero bytes with these costs, by the reference implementation in C.
const KNOWN_ANSWER: [u8; 64] = [
    0xac, 0xb0, 0xb3, 0x05, 0x28, 0xbc, 0x6a, 0xd2, 0xcc, 0xc1, 0x67, 0xd0, 0xa7, 0x73, 0x43, 0xec, 0xad, 0x23, 0x26,
    0x35, 0x65, 0x56, 0xbf, 0x8f, 0x4e, 0x4b, 0x7f, 0x15, 0x3a, 0x13, 0x3f, 0xb8, 0x06, 0x1b, 0xed, 0xdb, 0x62, 0xb3,
    0xd1, 0x2b, 0xa2, 0x30, 0x72, 0x87, 0x6a, 0x3f, 0x7f, 0x01, 0xf0, 0x50, 0x3c, 0x60, 0x5d, 0xfc, 0x58, 0xf4, 0x58,
    0x5d, 0xed, 0xc7, 0xd4, 0x22, 0xab, 0x78,
];

/// OPAQUE-3DH with ristretto255 and SHA-512, which RFC 9807 recommends, and [`Stretch`].
#[derive(Debug)]
pub(super) struct Suite;

impl CipherSuite for Suite {
    type OprfCs = opaque_ke::Ristretto255;
    // The hash is taken from the OPRF's suite: no name of this crate leads to the older SHA-2 that opaque-ke stands on.
    type KeyExchange = TripleDh<opaque_ke::Ristretto255, <voprf::Ristretto255 as voprf::CipherSuite>::Hash>;
    type Ksf = Stretch;
}

/// How the password is stretched; the default is the only way that ships.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Stretch {
    /// With the costs above.
    #[default]
    Argon2id,
    /// Not at all, as the published vectors do.
    #[cfg(test)]
    Identity,
}

impl Ksf for Stretch {
    fn hash<L: ArrayLength<u8>>(&self, input: GenericArray<u8, L>) -> Result<GenericArray<u8, L>, InternalError> {
        match self {
            Self::Argon2id => {
                let mut out = GenericArray::default();
                argon2id(&input, &mut out).ok_or(InternalError::KsfError)?;
                Ok(out)
            }
            #[cfg(test)]
            Self::Identity => Ok(input),
        }
    }
}

impl Stretch {
    /// Does this build really stretch? A client that does not would leave a record that is guessed a million times
    /// faster, and the server cannot see it (T28).
    pub(crate) fn self_test(self) -> Result<(), LoginError> {
        let input = GenericArray::<u8, opaque_ke::generic_array::typenum::U64>::default();
        let out = self.hash(input).map_err(|_| LoginError::StretchingFailed)?;
        if out.as_slice() == KNOWN_ANSWER { Ok(()) } else { Err(LoginError::WeakStretching) }
    }
}

fn argon2id(input: &[u8], out: &mut [u8]) -> Option<()> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).ok()?;
    let blocks = params.block_count();
    let mut memory = Vec::new();
    // Where memory is short this is an error to show, not the end of the process.
    memory.try_reserve_exact(blocks).ok()?;
    memory.resize(blocks, Block::new());
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let done = argon2.hash_password_into_with_memory(input, &SALT, out, &mut memory);
    memory.zeroize();
    done.ok()
}

/// Our randomness as opaque-ke asks for it.
pub(super) struct Dice<'a>(pub(super) &'a dyn Rng);

impl RngCore for Dice<'_> {
    fn next_u32(&mut self) -> u32 {
        u32::from_le_bytes(self.0.bytes())
    }

    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, out: &mut [u8]) {
        self.0.fill(out);
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Error> {
        self.0.fill(out);
        Ok(())
    }
}

impl CryptoRng for Dice<'_> {}

/// What an error of opaque-ke means to us, met while `what` was worked on.
pub(super) fn refusal(error: ProtocolError, what: &'static str) -> LoginError {
    match error {
        ProtocolError::InvalidLoginError => LoginError::Refused,
        ProtocolError::LibraryError(InternalError::KsfError) => LoginError::StretchingFailed,
        _ => LoginError::MessageMalformed(what),
    }
}

/// The bytes of a library's array whose length is `N`; its length is checked by a test of every message.
pub(super) fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    out
}
