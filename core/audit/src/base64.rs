//! Standard base64 with padding, strict: one text for one value, so that a flipped bit never goes unnoticed.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Encodes `bytes`.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0_u32, |word, b| word << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for position in 0..4 {
            let digit = (word >> (18 - 6 * position)) as usize & 63;
            let symbol = ALPHABET.get(digit).copied().unwrap_or_default();
            out.push(if position > chunk.len() { '=' } else { char::from(symbol) });
        }
    }
    out
}

/// Decodes `text`, or `None` if it is not exactly what [`encode`] gives for some bytes.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let body = text.trim_end_matches('=').as_bytes();
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    for chunk in body.chunks(4) {
        let mut word = 0_u32;
        for symbol in chunk {
            word = word << 6 | u32::try_from(ALPHABET.iter().position(|a| a == symbol)?).ok()?;
        }
        let bytes = (word << (6 * (4 - chunk.len()))).to_be_bytes();
        out.extend_from_slice(bytes.get(1..chunk.len())?);
    }
    (encode(&out) == text).then_some(out)
}
