//! Standard base64 with padding, strict: one text for one value. A note needs no more of it, and no other crate for it.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Encodes `bytes`.
pub(super) fn encode(bytes: &[u8]) -> String {
    let digit = |value: u32| ALPHABET.get((value & 63) as usize).map_or('=', |symbol| char::from(*symbol));
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut padded = [0; 4];
        padded.iter_mut().skip(1).zip(chunk).for_each(|(to, from)| *to = *from);
        let value = u32::from_be_bytes(padded);
        let digits = [digit(value >> 18), digit(value >> 12), digit(value >> 6), digit(value)];
        text.extend(digits.iter().take(chunk.len() + 1));
        text.extend(std::iter::repeat_n('=', 3 - chunk.len()));
    }
    text
}

/// Decodes `text`; `None` if it is not exactly what [`encode`] gives for some bytes.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for chunk in text.trim_end_matches('=').as_bytes().chunks(4) {
        let mut value = 0_u32;
        for symbol in chunk {
            let at = ALPHABET.iter().position(|known| known == symbol)?;
            value = value << 6 | u32::try_from(at).ok()?;
        }
        let value = value << (6 * (4 - chunk.len()));
        bytes.extend_from_slice(value.to_be_bytes().get(1..chunk.len())?);
    }
    (encode(&bytes) == text).then_some(bytes)
}
