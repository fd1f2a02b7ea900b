//! The published description (OpenAPI 3.1), made from the table of endpoints. It is committed as `openapi.json`, and a test
//! compares the two.

use crate::{
    call::KIND,
    endpoint::{Endpoint, Gate, Parameter},
    table::ENDPOINTS,
};
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

/// Where the description is served.
pub(crate) const PATH: &str = "/api/v1/openapi.json";

/// What stands above all endpoints.
const ABOUT: &str = "\
The door for people and programs. Say who you are with `Authorization: Bearer` and a token that was issued for the client \
certificate of the connection; a token over another certificate is refused. Every call that changes something names itself \
with `Idempotency-Key`: the same key with the same request gives the same answer again and changes nothing twice. Errors are \
`application/problem+json` (RFC 9457) with a stable `code`. Moments are milliseconds since 1970-01-01 in UTC, prices and \
volumes are decimal texts. What belongs to somebody else is answered as if it did not exist (404).";

/// The description as it is served, and committed.
pub(crate) fn text() -> Vec<u8> {
    // A value made of strings and numbers has a JSON form.
    let mut text = serde_json::to_vec_pretty(&describe(ENDPOINTS)).unwrap_or_default();
    text.push(b'\n');
    text
}

/// The description of `endpoints`.
pub(crate) fn describe(endpoints: &[Endpoint]) -> Value {
    let mut schemas = SchemaSettings::draft2020_12()
        .with(|settings| {
            settings.definitions_path = "/components/schemas".into();
            settings.meta_schema = None;
        })
        .into_generator();
    let mut paths = Map::new();
    for endpoint in endpoints {
        let operation = operation(endpoint, &mut schemas);
        let at = paths.entry(endpoint.path).or_insert_with(|| Value::Object(Map::new()));
        if let Value::Object(at) = at {
            at.insert(endpoint.verb.key().to_owned(), operation);
        }
    }
    let problem = problem();
    let mut components = schemas.take_definitions(true);
    components.insert("Problem".to_owned(), problem);
    json!({
        "openapi": "3.1.0",
        "info": { "title": "aitrading", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
                "certificate": { "type": "mutualTLS" },
            },
        },
    })
}

fn operation(endpoint: &Endpoint, schemas: &mut SchemaGenerator) -> Value {
    let mut operation = Map::new();
    let mut put = |key: &str, value: Value| operation.insert(key.to_owned(), value);
    put("operationId", json!(endpoint.id));
    put("summary", json!(endpoint.summary));
    put("tags", json!([endpoint.area()]));
    put("security", security(endpoint.gate));
    put("x-permission", json!(endpoint.gate.word()));
    put("x-level", json!(endpoint.gate.level()));
    put("x-roles", endpoint.gate.roles().into_iter().map(|(role, reach)| (role.to_owned(), json!(reach))).collect());
    put("x-rate-limit", json!(endpoint.limit.name()));
    put("x-audited", json!(endpoint.verb.changes()));
    put("parameters", parameters(endpoint));
    if let Some(body) = endpoint.body {
        let schema = body(schemas);
        put("requestBody", json!({ "required": true, "content": { "application/json": { "schema": schema } } }));
    }
    put("responses", responses(endpoint, schemas));
    Value::Object(operation)
}

fn parameters(endpoint: &Endpoint) -> Value {
    let in_path = endpoint.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let in_path = in_path.map(|name| {
        json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string", "maxLength": 128 } })
    });
    let in_query = endpoint.query.iter().map(|Parameter { name, what, kind, required }| {
        json!({ "name": name, "in": "query", "description": what, "required": required, "schema": { "type": kind } })
    });
    let key = endpoint.verb.changes().then(|| {
        json!({
            "name": "Idempotency-Key", "in": "header", "required": true,
            "description": "Names the change: new for each one that is meant, the same when it is sent again.",
            "schema": { "type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$" },
        })
    });
    in_path.chain(in_query).chain(key).collect()
}

fn responses(endpoint: &Endpoint, schemas: &mut SchemaGenerator) -> Value {
    let good = match endpoint.answer {
        Some(schema) => json!({ "description": "Done.", "content": { KIND: { "schema": schema(schemas) } } }),
        None => json!({ "description": "Done." }),
    };
    let refused = json!({
        "description": "Refused: see `code` and `detail`.",
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
    });
    let refusals = endpoint.refusals().into_iter().map(|status| (status.to_string(), refused.clone()));
    std::iter::once((endpoint.status.as_str().to_owned(), good)).chain(refusals).collect()
}

/// The certificate alone is somebody too, for whom less is permitted.
fn security(gate: Gate) -> Value {
    match gate {
        Gate::Anybody => json!([{}]),
        Gate::Recognised | Gate::May(_) => json!([{ "token": [], "certificate": [] }, { "certificate": [] }]),
    }
}

fn problem() -> Value {
    json!({
        "type": "object",
        "required": ["type", "title", "status", "detail", "code", "retry"],
        "properties": {
            "type": { "type": "string", "description": "`urn:aitrading:problem:` and the code." },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string", "description": "Cause and cure." },
            "code": { "type": "string", "description": "Stable: for programs." },
            "retry": { "enum": ["never", "later", "verify_first"] },
        },
    })
}
