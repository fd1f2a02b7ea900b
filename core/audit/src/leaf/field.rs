//! Public facts: typed, numbered, and encoded as one deterministic CBOR map (RFC 8949 section 4.2.1).

use super::{EventKind, LeafError, MAX_LEAF_BYTES};
use minicbor::{Decoder, Encoder, data::Type, encode::Error};
use std::convert::Infallible;

/// Longest text of a field.
const MAX_TEXT: usize = 48;

/// Buy or sell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// 1 in the leaf.
    Buy,
    /// 2 in the leaf.
    Sell,
}

/// How a field's value is encoded.
trait Value: Sized {
    fn write(&self, out: &mut Encoder<Vec<u8>>) -> Result<(), Error<Infallible>>;
    fn read(from: &mut Decoder<'_>) -> Option<Self>;
    fn sound(&self) -> bool {
        true
    }
}

impl Value for u64 {
    fn write(&self, out: &mut Encoder<Vec<u8>>) -> Result<(), Error<Infallible>> {
        out.u64(*self).map(drop)
    }
    fn read(from: &mut Decoder<'_>) -> Option<Self> {
        from.u64().ok()
    }
}

impl Value for i64 {
    fn write(&self, out: &mut Encoder<Vec<u8>>) -> Result<(), Error<Infallible>> {
        out.i64(*self).map(drop)
    }
    fn read(from: &mut Decoder<'_>) -> Option<Self> {
        from.i64().ok()
    }
}

impl Value for String {
    fn write(&self, out: &mut Encoder<Vec<u8>>) -> Result<(), Error<Infallible>> {
        out.str(self).map(drop)
    }
    fn read(from: &mut Decoder<'_>) -> Option<Self> {
        from.str().ok().map(str::to_owned)
    }
    /// Printable ASCII alone: a leaf can be shown on one line without escaping.
    fn sound(&self) -> bool {
        (1..=MAX_TEXT).contains(&self.len()) && self.bytes().all(|b| (0x20..0x7f).contains(&b))
    }
}

impl<const N: usize> Value for [u8; N] {
    fn write(&self, out: &mut Encoder<Vec<u8>>) -> Result<(), Error<Infallible>> {
        out.bytes(self).map(drop)
    }
    fn read(from: &mut Decoder<'_>) -> Option<Self> {
        from.bytes().ok()?.try_into().ok()
    }
}

impl Value for Side {
    fn write(&self, out: &mut Encoder<Vec<u8>>) -> Result<(), Error<Infallible>> {
        out.u8(if *self == Self::Buy { 1 } else { 2 }).map(drop)
    }
    fn read(from: &mut Decoder<'_>) -> Option<Self> {
        match from.u8().ok()? {
            1 => Some(Self::Buy),
            2 => Some(Self::Sell),
            _ => None,
        }
    }
}

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident($type:ty) = $number:literal;)*) => {
        /// The number of a fact. Numbers are part of the format: never reuse one.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum FieldKey { $($(#[$doc])* $name = $number,)* }

        /// One fact. Money, prices and volumes are in units of 1e-8.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Field { $($(#[$doc])* $name($type),)* }

        impl Field {
            /// Its number.
            #[must_use]
            pub const fn key(&self) -> FieldKey {
                match self { $(Self::$name(_) => FieldKey::$name,)* }
            }

            fn write(&self, out: &mut Encoder<Vec<u8>>) -> Result<(), Error<Infallible>> {
                match self { $(Self::$name(value) => value.write(out),)* }
            }

            fn sound(&self) -> bool {
                match self { $(Self::$name(value) => value.sound(),)* }
            }

            fn read(number: u8, from: &mut Decoder<'_>) -> Option<Self> {
                match number { $($number => <$type as Value>::read(from).map(Self::$name),)* _ => None }
            }
        }
    };
}

fields! {
    /// Whose data.
    Tenant(u64) = 0;
    /// Signal.
    SignalId([u8; 16]) = 1;
    /// Instrument, as the broker spells it.
    Symbol(String) = 2;
    /// Buy or sell.
    Side(Side) = 3;
    /// Volume in lots.
    Volume(i64) = 4;
    /// Price.
    Price(i64) = 5;
    /// Return code of the terminal.
    Retcode(u64) = 6;
    /// Stable code of a reason or error.
    Code(String) = 7;
    /// Hash of the risk policy in force.
    PolicyHash([u8; 32]) = 8;
    /// Account (pseudonym).
    Account([u8; 16]) = 9;
    /// SHA-256 of the signed message that the entry speaks of.
    BodyHash([u8; 32]) = 10;
    /// Order or position ticket at the broker.
    Ticket(u64) = 11;
    /// Deal at the broker.
    Deal(u64) = 12;
    /// Stop loss.
    StopLoss(i64) = 13;
    /// Take profit.
    TakeProfit(i64) = 14;
    /// Expiry, Unix milliseconds.
    ExpiresMs(i64) = 15;
    /// Session.
    SessionId([u8; 16]) = 16;
    /// Device (pseudonym).
    Device([u8; 16]) = 17;
    /// Strategy.
    Strategy(String) = 18;
    /// How many.
    Count(u64) = 19;
    /// How many bytes.
    Bytes(u64) = 20;
    /// First index, inclusive.
    FromIndex(u64) = 21;
    /// Last index, exclusive.
    ToIndex(u64) = 22;
    /// Step of a clock.
    OffsetNs(i64) = 23;
    /// Run of a process.
    BootId([u8; 16]) = 24;
    /// Fingerprint of a key.
    KeyId([u8; 32]) = 25;
    /// Hash of a configuration.
    ConfigHash([u8; 32]) = 26;
    /// Version of a program.
    Version(String) = 27;
    /// Fencing or device epoch.
    Epoch(u64) = 28;
    /// Sequence number within a session or stream.
    Sequence(u64) = 29;
    /// The value that a rule looked at.
    Value(i64) = 30;
    /// The bound that it broke.
    Bound(i64) = 31;
    /// Market time, Unix milliseconds.
    MarketMs(i64) = 32;
    /// Name of the limit whose bound was broken.
    Limit(String) = 33;
    /// Version of the limits in force.
    LimitsVersion(u64) = 34;
    /// Trading state.
    State(String) = 35;
}

/// The map of `fields`, keys ascending.
pub(super) fn encode(event: EventKind, fields: &[Field]) -> Result<Vec<u8>, LeafError> {
    let mut sorted: Vec<&Field> = fields.iter().collect();
    sorted.sort_by_key(|field| field.key());
    for field in &sorted {
        if !event.allows(field.key()) {
            return Err(LeafError::FieldNotAllowed(field.key(), event));
        }
        if !field.sound() {
            return Err(LeafError::Text(field.key()));
        }
    }
    if let Some(twice) = sorted.windows(2).find_map(|pair| match pair {
        [a, b] if a.key() == b.key() => Some(a.key()),
        _ => None,
    }) {
        return Err(LeafError::FieldTwice(twice));
    }
    let mut out = Encoder::new(Vec::with_capacity(128));
    let written = out.map(sorted.len() as u64).map(drop).and_then(|()| {
        sorted.iter().try_for_each(|field| {
            out.u8(field.key() as u8)?;
            field.write(&mut out)
        })
    });
    let out = out.into_writer();
    // Writing into a vector cannot fail; an unknown failure must not become a shorter leaf.
    if written.is_err() || out.len() > MAX_LEAF_BYTES { Err(LeafError::TooLong) } else { Ok(out) }
}

/// Reads a map back and accepts only what [`encode`] gives: any other spelling of the same facts is refused.
pub(super) fn decode(event: EventKind, bytes: &[u8]) -> Result<Vec<Field>, LeafError> {
    const MALFORMED: LeafError = LeafError::Malformed("public fields");
    let mut from = Decoder::new(bytes);
    if from.datatype().ok() != Some(Type::Map) {
        return Err(MALFORMED);
    }
    // Every field takes two bytes at least, so the count is bounded by the bytes that are there.
    let count = from.map().ok().flatten().filter(|count| *count <= bytes.len() as u64).ok_or(MALFORMED)?;
    let mut fields = Vec::new();
    for _ in 0..count {
        let number = from.u8().map_err(|_| MALFORMED)?;
        fields.push(Field::read(number, &mut from).ok_or(MALFORMED)?);
    }
    if encode(event, &fields)? == bytes { Ok(fields) } else { Err(MALFORMED) }
}
