//! The collection that holds the patterns: how it is made, and whether the one that is there will do.

use aitrading_store::StoreError;
use serde::Deserialize;
use serde_json::{Value, json};

/// Bytes that a database's name may have here.
const NAME_MAX: usize = 100;

/// Name, type, and whether it is asked for.
const PROPERTIES: [(&str, &str, bool); 6] = [
    ("kind", "int", true),
    // GraphQL's integers have 32 bits and JSON's numbers 53: time is asked for in two numbers and kept as text.
    ("seconds", "number", true),
    ("nanos", "number", true),
    ("at", "text", false),
    ("text", "text", false),
    // The server may keep a normalised vector; this one comes back as it was put.
    ("exact", "blob", false),
];

/// `AitradingPatterns` for `aitrading`.
pub(super) fn class_name(database: &str) -> Result<String, StoreError> {
    let (first, rest) = database.split_at_checked(1).unwrap_or_default();
    let letter = first.bytes().all(|b| b.is_ascii_alphabetic()) && !first.is_empty();
    let good = rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') && database.len() <= NAME_MAX;
    if !(letter && good) {
        let what = "the database of a Weaviate server is a letter and up to 99 letters, digits and '_'";
        return Err(StoreError::Invalid { what });
    }
    Ok(format!("{}{rest}Patterns", first.to_ascii_uppercase()))
}

/// The collection as it is made.
pub(super) fn class(name: &str) -> Value {
    let property = |(name, kind, asked): (&str, &str, bool)| match kind {
        // A blob has no index to say anything about.
        "blob" => json!({ "name": name, "dataType": [kind] }),
        "text" => json!({
            "name": name, "dataType": [kind], "tokenization": "field",
            "indexFilterable": asked, "indexSearchable": false,
        }),
        _ => json!({
            "name": name, "dataType": [kind], "indexFilterable": asked, "indexRangeFilters": kind == "number",
        }),
    };
    json!({
        "class": name,
        "description": "Patterns of errors and threats",
        "vectorizer": "none",
        "vectorIndexType": "hnsw",
        "vectorIndexConfig": { "distance": "cosine" },
        "multiTenancyConfig": { "enabled": true, "autoTenantCreation": true, "autoTenantActivation": true },
        "properties": PROPERTIES.map(property),
    })
}

/// What matters of the collection that is there.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Class {
    vectorizer: Option<String>,
    #[serde(default)]
    vector_index_config: Value,
    #[serde(default)]
    multi_tenancy_config: MultiTenancy,
    #[serde(default)]
    properties: Vec<Property>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct MultiTenancy {
    enabled: bool,
    auto_tenant_creation: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Property {
    name: String,
    data_type: Vec<String>,
}

/// A collection of another form is left alone.
pub(super) fn check(class: &Class) -> Result<(), StoreError> {
    let refuse = |what| Err(StoreError::Conflict { what });
    if class.vectorizer.as_deref() != Some("none") {
        return refuse("the collection on the Weaviate server makes vectors of its own; name another database");
    }
    if class.vector_index_config.get("distance").and_then(Value::as_str) != Some("cosine") {
        return refuse("the collection on the Weaviate server measures no cosine distance; name another database");
    }
    if !(class.multi_tenancy_config.enabled && class.multi_tenancy_config.auto_tenant_creation) {
        return refuse("the collection on the Weaviate server does not keep tenants apart; name another database");
    }
    let has = |(name, kind, _): &(&str, &str, bool)| {
        class.properties.iter().any(|one| one.name == *name && one.data_type.iter().eq([kind]))
    };
    if !PROPERTIES.iter().all(has) {
        return refuse("the collection on the Weaviate server lacks a property; name another database");
    }
    Ok(())
}
