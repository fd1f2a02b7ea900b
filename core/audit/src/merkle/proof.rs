//! Inclusion and consistency proofs: making them from stored hashes, checking them from nothing (RFC 9162 2.1.3.2, 2.1.4.2).

use super::{Hash, Nodes, empty_root, node_hash, range_root, split};

/// Why a proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The index is not below the size, or the old size is above the new one.
    #[error("the proof speaks of a leaf or a size beyond the tree: ask for a proof of the right tree")]
    Range,
    /// More or fewer hashes than this position and size have.
    #[error("the proof has the wrong number of hashes: it belongs to another position or size")]
    Length,
    /// The hashes do not lead to the root.
    #[error("the proof does not lead to the expected root: one of the two was altered")]
    Root,
}

/// The hashes from leaf `index` to the root of the first `size` leaves, lowest first. Empty if `index` is not in the tree.
///
/// # Errors
/// As the source says.
pub fn inclusion_proof<N: Nodes>(nodes: &N, index: u64, size: u64) -> Result<Vec<Hash>, N::Error> {
    let mut proof = Vec::new();
    let (mut low, mut high) = (0, if index < size { size } else { 0 });
    while high - low > 1 {
        let middle = low + split(high - low);
        if index < middle {
            proof.push(range_root(nodes, middle, high)?);
            high = middle;
        } else {
            proof.push(range_root(nodes, low, middle)?);
            low = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// The hashes that show the first `old` leaves to be a prefix of the first `new`. Empty for `old` = 0 and `old` = `new`.
///
/// # Errors
/// As the source says.
pub fn consistency_proof<N: Nodes>(nodes: &N, old: u64, new: u64) -> Result<Vec<Hash>, N::Error> {
    let mut proof = Vec::new();
    if old == 0 || old >= new {
        return Ok(proof);
    }
    let (mut low, mut high) = (0, new);
    while old != high {
        let middle = low + split(high - low);
        if old <= middle {
            proof.push(range_root(nodes, middle, high)?);
            high = middle;
        } else {
            proof.push(range_root(nodes, low, middle)?);
            low = middle;
        }
    }
    // The verifier knows the old root; any other complete subtree it must be told.
    if low > 0 {
        proof.push(range_root(nodes, low, high)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Checks that the leaf with hash `leaf` is at `index` of the tree of `size` leaves with root `root`.
///
/// # Errors
/// [`ProofError`] if it does not follow.
pub fn verify_inclusion(index: u64, size: u64, leaf: &Hash, proof: &[Hash], root: &Hash) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::Range);
    }
    let mut walk = Walk { node: index, last: size - 1 };
    let mut hash = *leaf;
    for sibling in proof {
        hash = if walk.step()? { node_hash(sibling, &hash) } else { node_hash(&hash, sibling) };
    }
    walk.end(hash == *root)
}

/// Checks that the tree (`old`, `old_root`) is a prefix of the tree (`new`, `new_root`).
///
/// Policy for the empty tree: it is a prefix of every tree, shown by an empty proof, provided that the old root is the empty
/// tree's (C2SP tlog-witness reads it so; RFC 9162 asks for sizes above 0). Two trees of size 0 must both have that root.
///
/// # Errors
/// [`ProofError`] if it does not follow.
pub fn verify_consistency(
    old: u64,
    new: u64,
    old_root: &Hash,
    new_root: &Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old > new {
        return Err(ProofError::Range);
    }
    if old == 0 || old == new {
        let sound = (old > 0 || *old_root == empty_root()) && (old < new || old_root == new_root);
        return match (proof.is_empty(), sound) {
            (false, _) => Err(ProofError::Length),
            (true, false) => Err(ProofError::Root),
            (true, true) => Ok(()),
        };
    }
    // The old tree's rightmost complete subtree is where both walks start; if it is the whole old tree, its hash is known.
    let mut walk = Walk { node: old - 1, last: new - 1 };
    let skip = walk.node.trailing_ones();
    walk = Walk { node: walk.node >> skip, last: walk.last >> skip };
    let (start, rest) = if old.is_power_of_two() {
        (*old_root, proof)
    } else {
        proof.split_first().map(|(first, rest)| (*first, rest)).ok_or(ProofError::Length)?
    };
    if rest.is_empty() {
        return Err(ProofError::Length);
    }
    let (mut old_hash, mut new_hash) = (start, start);
    for sibling in rest {
        if walk.step()? {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
    }
    walk.end(old_hash == *old_root && new_hash == *new_root)
}

/// The way from a node up to the root, beside the way of the tree's last node.
struct Walk {
    node: u64,
    last: u64,
}

impl Walk {
    /// One step up. `true` if the sibling is on the left.
    fn step(&mut self) -> Result<bool, ProofError> {
        if self.last == 0 {
            return Err(ProofError::Length);
        }
        let left = self.node & 1 == 1 || self.node == self.last;
        if left && self.node & 1 == 0 {
            // The last node has no right sibling on these levels: it moves up unchanged.
            let up = self.node.trailing_zeros().min(u64::BITS - 1);
            self.node >>= up;
            self.last >>= up;
        }
        self.node >>= 1;
        self.last >>= 1;
        Ok(left)
    }

    fn end(&self, same_root: bool) -> Result<(), ProofError> {
        match (self.last, same_root) {
            (0, true) => Ok(()),
            (0, false) => Err(ProofError::Root),
            _ => Err(ProofError::Length),
        }
    }
}
