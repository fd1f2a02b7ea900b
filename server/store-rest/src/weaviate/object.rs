//! Patterns as Weaviate's objects, written and read back.

use super::shard::Shard;
use aitrading_model::{TenantId, Timestamp};
use aitrading_store::{Pattern, PatternKind, StoreError, check_vector};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

const NANOS: i64 = 1_000_000_000;

/// The id in the form of a UUID. It needs no tenant in it: each tenant's objects are in shards of its own.
pub(super) fn uuid(id: [u8; 16]) -> String {
    let hex = format!("{:032x}", u128::from_be_bytes(id));
    let part = |from, to| hex.get(from..to).unwrap_or_default();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let id = u128::from_str_radix(&text.replace('-', ""), 16).ok()?.to_be_bytes();
    (uuid(id) == text).then_some(id)
}

/// Whole seconds and the rest of a moment, both exact as floating-point numbers.
pub(super) fn moment(at: Timestamp) -> (f64, f64) {
    (at.0.div_euclid(NANOS) as f64, at.0.rem_euclid(NANOS) as f64)
}

/// What is written at once.
#[derive(Debug, Serialize)]
pub(super) struct Batch<'a> {
    pub(super) objects: Vec<Object<'a>>,
}

/// A pattern as it is written.
#[derive(Debug, Serialize)]
pub(super) struct Object<'a> {
    class: &'a str,
    id: String,
    tenant: String,
    vector: &'a [f32],
    properties: Properties<'a>,
}

#[derive(Debug, Serialize)]
struct Properties<'a> {
    kind: u8,
    seconds: f64,
    nanos: f64,
    at: String,
    text: &'a str,
    exact: String,
}

impl<'a> Object<'a> {
    pub(super) fn new(class: &'a str, pattern: &'a Pattern) -> Self {
        let (seconds, nanos) = moment(pattern.at);
        let bytes: Vec<u8> = pattern.vector.iter().flat_map(|x| x.to_le_bytes()).collect();
        let properties = Properties {
            kind: pattern.kind as u8,
            seconds,
            nanos,
            at: pattern.at.0.to_string(),
            text: &pattern.text,
            exact: STANDARD.encode(bytes),
        };
        let (id, tenant) = (uuid(pattern.id), Shard::of(pattern).to_string());
        Self { class, id, tenant, vector: &pattern.vector, properties }
    }
}

/// What the server says of one written object.
#[derive(Debug, Deserialize)]
pub(super) struct Stored {
    #[serde(default)]
    pub(super) id: String,
    #[serde(default)]
    result: Outcome,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Outcome {
    status: Option<String>,
    errors: Option<serde_json::Value>,
}

impl Stored {
    /// Why it is not stored. Only a plain success counts as one.
    pub(super) fn failure(&self) -> Option<String> {
        if self.result.errors.is_none() && self.result.status.as_deref() == Some("SUCCESS") {
            return None;
        }
        Some(self.result.errors.as_ref().map_or_else(|| "a pattern was not stored".to_owned(), ToString::to_string))
    }
}

/// What the server says of a removal.
#[derive(Debug, Deserialize)]
pub(super) struct Deleted {
    #[serde(default)]
    results: Option<Removal>,
}

#[derive(Debug, Deserialize)]
struct Removal {
    matches: f64,
    successful: f64,
    failed: f64,
}

impl Deleted {
    pub(super) fn is_complete(&self) -> bool {
        self.results.as_ref().is_some_and(|results| results.failed == 0.0 && results.matches == results.successful)
    }
}

/// A pattern as GraphQL gives it back.
#[derive(Debug, Deserialize)]
pub(super) struct Kept {
    kind: u8,
    at: String,
    text: String,
    exact: String,
    #[serde(rename = "_additional")]
    pub(super) additional: Additional,
}

#[derive(Debug, Deserialize)]
pub(super) struct Additional {
    id: String,
    pub(super) distance: f32,
}

impl Kept {
    /// The pattern as it was put.
    pub(super) fn pattern(self, tenant: TenantId) -> Result<Pattern, StoreError> {
        let damaged = || StoreError::corrupt("a pattern on the Weaviate server");
        let bytes = STANDARD.decode(self.exact).map_err(|_| damaged())?;
        let (numbers, rest) = bytes.as_chunks::<4>();
        let vector: Vec<f32> = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        if !rest.is_empty() || check_vector(&vector).is_err() {
            return Err(damaged());
        }
        Ok(Pattern {
            tenant,
            id: parse_uuid(&self.additional.id).ok_or_else(damaged)?,
            kind: PatternKind::from_number(self.kind).ok_or_else(damaged)?,
            vector,
            text: self.text,
            at: Timestamp(self.at.parse().map_err(|_| damaged())?),
        })
    }
}
