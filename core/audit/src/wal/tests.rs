//! Batches: what was sealed is read back; anything else is no batch.

use super::*;
use proptest::prelude::*;

fn sealed(leaves: &[Vec<u8>]) -> Vec<u8> {
    let mut buffer = BatchBuffer::default();
    buffer.clear();
    for leaf in leaves {
        buffer.push(|out| out.extend_from_slice(leaf));
    }
    buffer.seal(&[5; 16], Link { batch_no: 9, previous: [6; 32] }).to_vec()
}

proptest! {
    #[test]
    fn a_batch_is_read_back(leaves in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 1..20)) {
        let bytes = sealed(&leaves);
        prop_assert_eq!(bytes.len() % ALIGN, 0);
        let batch = parse(&bytes, &[5; 16]).unwrap();
        prop_assert_eq!(batch.leaves, leaves);
        prop_assert_eq!(batch.link, Link { batch_no: 9, previous: [6; 32] });
        prop_assert!(parse(&bytes, &[4; 16]).is_none(), "bytes of another segment are no batch");
    }

    #[test]
    fn an_altered_or_cut_batch_is_none(at in 0_usize..2048, mask in 1_u8..) {
        let mut bytes = sealed(&[vec![1; 700], vec![2; 200]]);
        let at = at % bytes.len();
        prop_assert!(parse(&bytes[..at], &[5; 16]).is_none());
        bytes[at] ^= mask;
        prop_assert!(parse(&bytes, &[5; 16]).is_none());
    }
}
