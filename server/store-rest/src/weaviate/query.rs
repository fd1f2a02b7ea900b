//! What is asked of Weaviate in GraphQL, and how it answers.
//!
//! No text of a user is ever part of a question: it is made of constants, of the collection's and the shard's names, both
//! of letters, digits, `_` and `-`, and of numbers written as JSON, which GraphQL reads alike.

use super::{
    object::{Kept, moment},
    shard::Shard,
};
use aitrading_store::{Match, Near, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The server's single precision is this good. It is asked for a little more, and what is too far is left out here.
const SLACK: f32 = 1e-4;
/// The greatest cosine distance.
const OPPOSITE: f32 = 2.0;

/// A question.
#[derive(Debug, Serialize)]
pub(super) struct Question {
    pub(super) query: String,
}

/// For the patterns near to a vector.
pub(super) fn near(class: &str, shard: Shard, near: &Near) -> Result<String, serde_json::Error> {
    let vector = serde_json::to_string(&near.vector)?;
    let bound = near.distance_max + SLACK;
    let bound =
        if bound < OPPOSITE { format!(", distance: {}", serde_json::to_string(&bound)?) } else { String::new() };
    let filter = filter(near)?.map(|filter| format!(", where: {filter}")).unwrap_or_default();
    let (tenant, limit) = (serde_json::to_string(&shard.to_string())?, near.limit);
    Ok(format!(
        "{{ Get {{ {class}(tenant: {tenant}, limit: {limit}, nearVector: {{ vector: {vector}{bound} }}{filter}) \
         {{ kind at text exact _additional {{ id distance }} }} }} }}"
    ))
}

/// Of the kind, and not before the moment.
fn filter(near: &Near) -> Result<Option<String>, serde_json::Error> {
    let mut conditions = Vec::new();
    if let Some(kind) = near.kind {
        conditions.push(format!(r#"{{ path: ["kind"], operator: Equal, valueInt: {} }}"#, kind as u8));
    }
    if let Some(since) = near.since {
        let (seconds, nanos) = moment(since);
        let number = |name: &str, operator: &str, value: f64| {
            let value = serde_json::to_string(&value)?;
            Ok::<_, serde_json::Error>(format!(r#"{{ path: ["{name}"], operator: {operator}, valueNumber: {value} }}"#))
        };
        let same_second =
            [number("seconds", "Equal", seconds)?, number("nanos", "GreaterThanEqual", nanos)?].join(", ");
        let later = number("seconds", "GreaterThan", seconds)?;
        conditions
            .push(format!("{{ operator: Or, operands: [{later}, {{ operator: And, operands: [{same_second}] }}] }}"));
    }
    Ok(match conditions.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        more => Some(format!("{{ operator: And, operands: [{}] }}", more.join(", "))),
    })
}

/// For the number of patterns in a shard.
pub(super) fn count(class: &str, shard: Shard) -> String {
    format!(r#"{{ Aggregate {{ {class}(tenant: "{shard}") {{ meta {{ count }} }} }} }}"#)
}

/// The removal of objects by their ids, as the batch interface wants it.
pub(super) fn removal(class: &str, ids: &[String]) -> Value {
    let filter = json!({ "path": ["id"], "operator": "ContainsAny", "valueTextArray": ids });
    json!({ "match": { "class": class, "where": filter }, "output": "minimal" })
}

/// An answer in GraphQL's form: with errors there is no data to rely on.
#[derive(Debug, Deserialize)]
pub(super) struct Answer<T> {
    #[serde(default = "Option::default")]
    data: Option<T>,
    #[serde(default)]
    errors: Vec<Fault>,
}

#[derive(Debug, Deserialize)]
struct Fault {
    #[serde(default)]
    message: String,
}

impl<T> Answer<T> {
    /// What was asked for, or what the server complains of.
    pub(super) fn data(self) -> Result<T, String> {
        match (self.data, self.errors.into_iter().next()) {
            (_, Some(fault)) => Err(fault.message),
            (None, None) => Err("there is neither data nor an error in the answer".to_owned()),
            (Some(data), None) => Ok(data),
        }
    }
}

/// Patterns that were found.
#[derive(Debug, Deserialize)]
pub(super) struct Found {
    #[serde(rename = "Get")]
    get: BTreeMap<String, Vec<Kept>>,
}

impl Found {
    /// Those that are really near, nearest first.
    pub(super) fn matches(mut self, class: &str, near: &Near) -> Result<Vec<Match>, StoreError> {
        let kept = self.get.remove(class).ok_or_else(|| StoreError::corrupt("an answer of the Weaviate server"))?;
        let mut matches = Vec::with_capacity(kept.len().min(near.limit));
        for one in kept {
            let distance = one.additional.distance.clamp(0.0, OPPOSITE);
            let pattern = one.pattern(near.tenant)?;
            if distance <= near.distance_max && pattern.vector.len() == near.vector.len() {
                matches.push(Match { pattern, distance });
            }
        }
        matches.sort_by(|a, b| a.distance.total_cmp(&b.distance));
        matches.truncate(near.limit);
        Ok(matches)
    }
}

/// A number of patterns.
#[derive(Debug, Deserialize)]
pub(super) struct Counted {
    #[serde(rename = "Aggregate")]
    aggregate: BTreeMap<String, Vec<Group>>,
}

#[derive(Debug, Deserialize)]
struct Group {
    meta: Total,
}

#[derive(Debug, Deserialize)]
struct Total {
    count: u64,
}

impl Counted {
    pub(super) fn count(&self, class: &str) -> Result<u64, StoreError> {
        match self.aggregate.get(class).map(Vec::as_slice) {
            Some([group]) => Ok(group.meta.count),
            _ => Err(StoreError::corrupt("an answer of the Weaviate server")),
        }
    }
}
