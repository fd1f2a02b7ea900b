//! Bytes of segment headers and records (docs/specs/journal.md). Pure.

/// Bytes before the first record of a segment.
pub(crate) const SEGMENT_HEADER: u64 = 64;
/// Bytes before a record's body.
pub(crate) const RECORD_HEADER: u64 = 20;
/// Records start at multiples of this, so that a scan for survivors has few places to look at.
pub(crate) const ALIGN: u64 = 8;
/// Format of this crate.
const VERSION: u16 = 1;
const MAGIC: [u8; 4] = *b"ATJL";
/// Where the header's checksum stands.
const HEADER_CRC_AT: usize = 60;

/// The first bytes of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) purpose: [u8; 4],
    pub(crate) number: u64,
    pub(crate) first_seq: u64,
    pub(crate) id: [u8; 16],
}

/// Why bytes are not a segment header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeaderFault {
    /// Cannot be believed.
    Damaged,
    /// Intact, of another format version.
    Version,
}

impl SegmentHeader {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_CRC_AT + 4);
        out.extend(MAGIC);
        out.extend(VERSION.to_le_bytes());
        out.extend((HEADER_CRC_AT as u16 + 4).to_le_bytes());
        out.extend(self.purpose);
        out.extend([0; 4]);
        out.extend(self.number.to_le_bytes());
        out.extend(self.first_seq.to_le_bytes());
        out.extend(self.id);
        out.resize(HEADER_CRC_AT, 0);
        out.extend(crc32c::crc32c(&out).to_le_bytes());
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, HeaderFault> {
        let parse = || -> Option<([u8; 4], u16, Self, bool)> {
            let (body, rest) = bytes.split_at_checked(HEADER_CRC_AT)?;
            let intact = u32::from_le_bytes(*rest.first_chunk()?) == crc32c::crc32c(body);
            let mut from = body;
            let magic = take(&mut from)?;
            let version = u16::from_le_bytes(take(&mut from)?);
            let _length: [u8; 2] = take(&mut from)?;
            let purpose = take(&mut from)?;
            let _reserved: [u8; 4] = take(&mut from)?;
            let number = u64::from_le_bytes(take(&mut from)?);
            let first_seq = u64::from_le_bytes(take(&mut from)?);
            let header = Self { purpose, number, first_seq, id: take(&mut from)? };
            Some((magic, version, header, intact))
        };
        match parse() {
            Some((MAGIC, VERSION, header, true)) => Ok(header),
            Some((MAGIC, _, _, true)) => Err(HeaderFault::Version),
            _ => Err(HeaderFault::Damaged),
        }
    }

    /// Start value of every record's checksum in this segment: bytes of another segment never pass.
    pub(crate) fn seed(&self) -> u32 {
        crc32c::crc32c(&self.id)
    }
}

/// The bytes before a record's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordHeader {
    pub(crate) len: u32,
    crc: u32,
    pub(crate) seq: u64,
    /// How many records before this one were written by the same group.
    pub(crate) back: u32,
}

impl RecordHeader {
    /// `None` if there are too few bytes.
    pub(crate) fn decode(mut bytes: &[u8]) -> Option<Self> {
        Some(Self {
            len: u32::from_le_bytes(take(&mut bytes)?),
            crc: u32::from_le_bytes(take(&mut bytes)?),
            seq: u64::from_le_bytes(take(&mut bytes)?),
            back: u32::from_le_bytes(take(&mut bytes)?),
        })
    }

    /// All zeros: never written. Sequence numbers start at 1, so no record looks like this.
    pub(crate) fn is_blank(&self) -> bool {
        *self == Self { len: 0, crc: 0, seq: 0, back: 0 }
    }

    pub(crate) fn matches(&self, seed: u32, body: &[u8]) -> bool {
        self.crc == checksum(seed, self.len, self.seq, self.back, body)
    }

    /// Sequence number of the first record of its group.
    pub(crate) fn group(&self) -> u64 {
        self.seq.saturating_sub(u64::from(self.back))
    }
}

/// Bytes that a record takes in the file, padding included.
pub(crate) fn framed_len(body: usize) -> u64 {
    (RECORD_HEADER + body as u64).next_multiple_of(ALIGN)
}

/// Appends one framed record to `out`, which must hold whole records only.
pub(crate) fn put_record(out: &mut Vec<u8>, seed: u32, seq: u64, back: u32, body: &[u8]) {
    // The writer refuses bodies beyond `max_record`, which the settings keep below 4 GiB.
    let len = u32::try_from(body.len()).unwrap_or(u32::MAX);
    out.extend(len.to_le_bytes());
    out.extend(checksum(seed, len, seq, back, body).to_le_bytes());
    out.extend(seq.to_le_bytes());
    out.extend(back.to_le_bytes());
    out.extend_from_slice(body);
    out.resize(out.len().next_multiple_of(ALIGN as usize), 0);
}

fn checksum(seed: u32, len: u32, seq: u64, back: u32, body: &[u8]) -> u32 {
    let mut crc = seed;
    crc = crc32c::crc32c_append(crc, &len.to_le_bytes());
    crc = crc32c::crc32c_append(crc, &seq.to_le_bytes());
    crc = crc32c::crc32c_append(crc, &back.to_le_bytes());
    crc32c::crc32c_append(crc, body)
}

fn take<const N: usize>(from: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = from.split_first_chunk()?;
    *from = rest;
    Some(*head)
}
