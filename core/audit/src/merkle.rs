//! The Merkle tree of RFC 6962: hashes, the right edge that appends need, proofs and their verification. Pure computation.

mod frontier;
mod proof;
#[cfg(test)]
mod tests;

pub use frontier::Frontier;
pub use proof::{ProofError, consistency_proof, inclusion_proof, verify_consistency, verify_inclusion};

use sha2::{Digest, Sha256};

/// A SHA-256 value.
pub type Hash = [u8; 32];

/// Hash of a leaf: `SHA-256(0x00 || leaf)`. The prefix keeps a leaf from being taken for a node.
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Sha256::new().chain_update([0]).chain_update(leaf).finalize().into()
}

/// Hash of an inner node: `SHA-256(0x01 || left || right)`.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// Root of the tree without leaves: `SHA-256("")`.
#[must_use]
pub fn empty_root() -> Hash {
    Sha256::digest([]).into()
}

/// Where the hashes of complete subtrees come from: tiles on disk, or a tree in memory.
pub trait Nodes {
    /// Why a hash could not be had.
    type Error;
    /// Hash over the `2^level` leaves from `index * 2^level` on, all of which exist.
    ///
    /// # Errors
    /// If the source cannot be read.
    fn node(&self, level: u32, index: u64) -> Result<Hash, Self::Error>;
}

/// Hash over the leaves `start..end` (RFC 6962 section 2.1), where `start` is a multiple of the next power of two of the length.
///
/// # Errors
/// As the source says.
pub fn range_root<N: Nodes>(nodes: &N, start: u64, end: u64) -> Result<Hash, N::Error> {
    let count = end.saturating_sub(start);
    if count == 0 {
        return Ok(empty_root());
    }
    if count.is_power_of_two() {
        let level = count.trailing_zeros();
        return nodes.node(level, start >> level);
    }
    let middle = start + split(count);
    Ok(node_hash(&range_root(nodes, start, middle)?, &range_root(nodes, middle, end)?))
}

/// The largest power of two below `count` (which is at least 2): where RFC 6962 splits a tree.
const fn split(count: u64) -> u64 {
    1 << (63 - count.saturating_sub(1).leading_zeros())
}
