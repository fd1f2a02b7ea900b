//! Leaf format v1 (docs/specs/audit-log.md section 3): what is hashed, and nothing else. One value has one encoding.

mod event;
mod field;
#[cfg(test)]
mod tests;

pub use event::EventKind;
pub use field::{Field, FieldKey, Side};

/// First two bytes of every leaf.
const MAGIC: u16 = 0xA101;
/// The only schema so far.
const SCHEMA: u16 = 1;
/// Longest leaf.
pub const MAX_LEAF_BYTES: usize = 4096;
/// Bytes before the public fields.
const HEAD: usize = 98;
/// Bytes of one body descriptor.
const BODY: usize = 85;

/// A reference by pseudonym; zeros if there is none.
pub type Ref = [u8; 16];

/// How much an entry weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Level {
    /// Normal course of business.
    Info = 1,
    /// Worth a look.
    Warning = 2,
    /// A function was lost.
    Error = 3,
    /// Money, safety or proof.
    Critical = 4,
}

impl Level {
    fn from_number(number: u8) -> Option<Self> {
        [Self::Info, Self::Warning, Self::Error, Self::Critical].into_iter().find(|l| *l as u8 == number)
    }
}

/// Why an entry or leaf is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    /// A field that the event's allow-list does not name.
    #[error("field {0:?} is not on the allow-list of {1:?}: drop it, or add it to the list with a reason")]
    FieldNotAllowed(FieldKey, EventKind),
    /// The same field twice.
    #[error("field {0:?} is given twice: give it once")]
    FieldTwice(FieldKey),
    /// Text that is empty, too long or not printable ASCII.
    #[error("the text of field {0:?} is empty, too long or not printable ASCII: use the short code or name")]
    Text(FieldKey),
    /// Longer than [`MAX_LEAF_BYTES`].
    #[error("the leaf would be longer than {MAX_LEAF_BYTES} bytes: log a hash instead of the value")]
    TooLong,
    /// Bytes that are no leaf v1: wrong magic, schema, flags, level, event, lengths, or bytes left over.
    #[error("these bytes are not a leaf of version 1 ({0}): the file was altered or is from another version")]
    Malformed(&'static str),
}

/// What a component asks the log to record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Weight.
    pub level: Level,
    /// What happened.
    pub event: EventKind,
    /// Who did it (pseudonym).
    pub actor_ref: Ref,
    /// Whom it concerns (pseudonym).
    pub subject_ref: Ref,
    /// The trace that it belongs to.
    pub trace_id: [u8; 16],
    /// Facts, each on the event's allow-list.
    pub public: Vec<Field>,
}

impl Entry {
    /// An entry without references and fields.
    #[must_use]
    pub fn new(level: Level, event: EventKind) -> Self {
        Self { level, event, actor_ref: [0; 16], subject_ref: [0; 16], trace_id: [0; 16], public: Vec::new() }
    }

    /// Sets the actor.
    #[must_use]
    pub fn actor(mut self, actor: Ref) -> Self {
        self.actor_ref = actor;
        self
    }

    /// Sets the subject.
    #[must_use]
    pub fn subject(mut self, subject: Ref) -> Self {
        self.subject_ref = subject;
        self
    }

    /// Sets the trace id.
    #[must_use]
    pub fn trace(mut self, trace: [u8; 16]) -> Self {
        self.trace_id = trace;
        self
    }

    /// Adds a fact.
    #[must_use]
    pub fn with(mut self, field: Field) -> Self {
        self.public.push(field);
        self
    }
}

/// An entry whose fields are checked and encoded: all that the writer's thread still adds is place and time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prepared {
    level: Level,
    event: EventKind,
    refs: [[u8; 16]; 3],
    public: Vec<u8>,
}

/// Where and when a leaf was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) log_seq: u64,
    pub(crate) wall_ns: i64,
    pub(crate) boot_id: [u8; 16],
    pub(crate) mono_ns: u64,
}

impl Prepared {
    pub(crate) fn new(entry: &Entry) -> Result<Self, LeafError> {
        let public = field::encode(entry.event, &entry.public)?;
        let prepared = Self {
            level: entry.level,
            event: entry.event,
            refs: [entry.actor_ref, entry.subject_ref, entry.trace_id],
            public,
        };
        if prepared.len() > MAX_LEAF_BYTES { Err(LeafError::TooLong) } else { Ok(prepared) }
    }

    /// Bytes of the leaf.
    pub(crate) fn len(&self) -> usize {
        HEAD + self.public.len() + 1
    }

    /// Appends the leaf to `out`. The writer emits no bodies yet.
    pub(crate) fn write(&self, stamp: &Stamp, out: &mut Vec<u8>) {
        write_leaf(out, self.level, self.event, stamp, &self.refs, &self.public, &[]);
    }
}

/// What a leaf says of a detached, encrypted body (spec section 3.3). No writer emits one yet; readers know the form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyRef {
    /// `true` for class P (personal), `false` for class B (business).
    pub personal: bool,
    /// The key that the body is encrypted under.
    pub dek_id: [u8; 16],
    /// Bytes of ciphertext.
    pub ct_len: u32,
    /// Hash over the ciphertext.
    pub ct_hash: [u8; 32],
    /// Commitment to the key.
    pub key_commit: [u8; 32],
}

/// A leaf that was read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Its index in the log.
    pub log_seq: u64,
    /// Wall clock when it was sequenced, Unix nanoseconds.
    pub wall_ns: i64,
    /// The run of the writer.
    pub boot_id: [u8; 16],
    /// Monotonic clock of that run.
    pub mono_ns: u64,
    /// What was recorded; fields in key order.
    pub entry: Entry,
    /// Detached bodies.
    pub bodies: Vec<BodyRef>,
}

impl Leaf {
    /// Reads a leaf; any byte out of place is an error.
    ///
    /// # Errors
    /// [`LeafError`] naming the part that is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, LeafError> {
        if bytes.len() > MAX_LEAF_BYTES {
            return Err(LeafError::TooLong);
        }
        let mut cursor = Cursor(bytes);
        if cursor.u16()? != MAGIC {
            return Err(LeafError::Malformed("magic"));
        }
        if cursor.u8()? != 0 {
            return Err(LeafError::Malformed("flags"));
        }
        let level = Level::from_number(cursor.u8()?).ok_or(LeafError::Malformed("level"))?;
        let event = EventKind::from_number(cursor.u16()?).ok_or(LeafError::Malformed("event"))?;
        if cursor.u16()? != SCHEMA {
            return Err(LeafError::Malformed("schema"));
        }
        let (log_seq, wall_ns) = (u64::from_be_bytes(cursor.array()?), i64::from_be_bytes(cursor.array()?));
        let (boot_id, mono_ns) = (cursor.array()?, u64::from_be_bytes(cursor.array()?));
        let (actor_ref, subject_ref, trace_id) = (cursor.array()?, cursor.array()?, cursor.array()?);
        let public_len = usize::from(cursor.u16()?);
        let public = field::decode(event, cursor.take(public_len)?)?;
        let count = cursor.u8()?;
        let bodies = (0..count).map(|_| cursor.body()).collect::<Result<_, _>>()?;
        if !cursor.0.is_empty() {
            return Err(LeafError::Malformed("bytes left over"));
        }
        let entry = Entry { level, event, actor_ref, subject_ref, trace_id, public };
        Ok(Self { log_seq, wall_ns, boot_id, mono_ns, entry, bodies })
    }

    /// The leaf's bytes.
    ///
    /// # Errors
    /// [`LeafError`] if the fields break the event's allow-list or the leaf is too long.
    pub fn encode(&self) -> Result<Vec<u8>, LeafError> {
        let public = field::encode(self.entry.event, &self.entry.public)?;
        let stamp =
            Stamp { log_seq: self.log_seq, wall_ns: self.wall_ns, boot_id: self.boot_id, mono_ns: self.mono_ns };
        let refs = [self.entry.actor_ref, self.entry.subject_ref, self.entry.trace_id];
        let length = HEAD + public.len() + 1 + self.bodies.len() * BODY;
        if length > MAX_LEAF_BYTES {
            return Err(LeafError::TooLong);
        }
        let mut out = Vec::with_capacity(length);
        write_leaf(&mut out, self.entry.level, self.entry.event, &stamp, &refs, &public, &self.bodies);
        Ok(out)
    }
}

/// The one place that knows the order of a leaf's parts. Lengths were checked: nothing here exceeds [`MAX_LEAF_BYTES`].
fn write_leaf(
    out: &mut Vec<u8>,
    level: Level,
    event: EventKind,
    stamp: &Stamp,
    refs: &[[u8; 16]; 3],
    public: &[u8],
    bodies: &[BodyRef],
) {
    out.extend_from_slice(&MAGIC.to_be_bytes());
    out.extend_from_slice(&[0, level as u8]);
    out.extend_from_slice(&event.number().to_be_bytes());
    out.extend_from_slice(&SCHEMA.to_be_bytes());
    out.extend_from_slice(&stamp.log_seq.to_be_bytes());
    out.extend_from_slice(&stamp.wall_ns.to_be_bytes());
    out.extend_from_slice(&stamp.boot_id);
    out.extend_from_slice(&stamp.mono_ns.to_be_bytes());
    for reference in refs {
        out.extend_from_slice(reference);
    }
    out.extend_from_slice(&(public.len() as u16).to_be_bytes());
    out.extend_from_slice(public);
    out.push(bodies.len() as u8);
    for body in bodies {
        out.push(if body.personal { b'P' } else { b'B' });
        out.extend_from_slice(&body.dek_id);
        out.extend_from_slice(&body.ct_len.to_be_bytes());
        out.extend_from_slice(&body.ct_hash);
        out.extend_from_slice(&body.key_commit);
    }
}

/// The `log_seq` of a leaf, without reading the rest.
pub(crate) fn peek_seq(leaf: &[u8]) -> Option<u64> {
    leaf.get(8..16)?.try_into().ok().map(u64::from_be_bytes)
}

/// What is left to read.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], LeafError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(LeafError::Malformed("too short"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], LeafError> {
        self.take(N)?.try_into().map_err(|_| LeafError::Malformed("too short"))
    }

    fn u8(&mut self) -> Result<u8, LeafError> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    fn u16(&mut self) -> Result<u16, LeafError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    fn body(&mut self) -> Result<BodyRef, LeafError> {
        let personal = match self.u8()? {
            b'P' => true,
            b'B' => false,
            _ => return Err(LeafError::Malformed("body class")),
        };
        Ok(BodyRef {
            personal,
            dek_id: self.array()?,
            ct_len: u32::from_be_bytes(self.array()?),
            ct_hash: self.array()?,
            key_commit: self.array()?,
        })
    }
}
