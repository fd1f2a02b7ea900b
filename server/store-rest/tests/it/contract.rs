//! The vendors' descriptions of their interfaces, and what breaks them.

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};
use std::sync::OnceLock;

/// The largest file has about 1 MB.
const FILE_MAX: u64 = 16 << 20;

/// One vendor's interface.
pub(crate) struct Contract {
    file: Value,
    /// Before every path of the file.
    base: &'static str,
}

/// An operation of the interface.
pub(crate) struct Operation<'a> {
    /// `GET /schema/{className}`.
    pub(crate) name: String,
    described: &'a Value,
    shared: &'a Value,
}

fn load(file: &str, base: &'static str) -> Option<Contract> {
    let path = aitrading_testkit::shared_data()?.join("contracts").join(file);
    let bytes = aitrading_env::Env::real().fs.read(&path, FILE_MAX).ok()?;
    Some(Contract { file: serde_json::from_slice(&bytes).unwrap(), base })
}

fn once(cell: &'static OnceLock<Option<Contract>>, file: &str, base: &'static str) -> Option<&'static Contract> {
    let contract = cell.get_or_init(|| load(file, base)).as_ref();
    if contract.is_none() {
        println!("skipped: {file} is not there; AITRADING_SHARED_DATA names the folder that holds contracts/");
    }
    contract
}

/// Weaviate's interface, if its file is there.
pub(crate) fn weaviate() -> Option<&'static Contract> {
    static CELL: OnceLock<Option<Contract>> = OnceLock::new();
    once(&CELL, "weaviate-openapi.swagger2.json", "/v1")
}

/// ArangoDB's interface, if its file is there.
pub(crate) fn arango() -> Option<&'static Contract> {
    static CELL: OnceLock<Option<Contract>> = OnceLock::new();
    once(&CELL, "arangodb-core-3.12.openapi.json", "")
}

/// How well a path fits a template: none, or the number of words that fit literally.
fn fits(template: &str, path: &str) -> Option<usize> {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    if template.len() != path.len() {
        return None;
    }
    let pairs = || template.iter().zip(&path);
    let fits = pairs().all(|(wanted, given)| wanted == given || (wanted.starts_with('{') && !given.is_empty()));
    fits.then(|| pairs().filter(|(wanted, given)| wanted == given).count())
}

/// Attributes that the interface does not know are mistakes, though schemas seldom say so.
fn closed(schema: &Value) -> Value {
    match schema {
        Value::Array(all) => all.iter().map(closed).collect(),
        Value::Object(all) => {
            let mut all: Map<String, Value> = all.iter().map(|(key, value)| (key.clone(), closed(value))).collect();
            // Variants of one call were merged: one that takes anything would hide mistakes in all others.
            if let Some(Value::Array(variants)) = all.get_mut("anyOf") {
                variants.retain(|variant| variant.get("properties").is_some());
            }
            let describes = all.get("properties").is_some_and(Value::is_object) && !all.contains_key("allOf");
            // An attribute that is called `properties` describes itself and closes nothing.
            let is_schema = all.get("type").is_none_or(|kind| kind == "object");
            if describes && is_schema && !all.contains_key("additionalProperties") && !all.contains_key("$ref") {
                all.insert("additionalProperties".to_owned(), json!(false));
            }
            Value::Object(all)
        }
        other => other.clone(),
    }
}

impl Contract {
    /// The operation of a request, the most literal one first.
    pub(crate) fn operation(&self, method: &str, path: &str) -> Result<Operation<'_>, String> {
        let method = method.to_lowercase();
        let path = path.strip_prefix(self.base).ok_or_else(|| format!("{path} does not begin with {}", self.base))?;
        let all = self.file["paths"].as_object().unwrap();
        let best = all
            .iter()
            .filter(|(_, item)| item.get(&method).is_some())
            .filter_map(|(template, item)| Some((fits(template, path)?, template, item)))
            .max_by_key(|(literal, ..)| *literal);
        let (_, template, item) = best.ok_or_else(|| format!("no operation {method} {path}"))?;
        let name = format!("{} {template}", method.to_uppercase());
        Ok(Operation { name, described: &item[&method], shared: &item["parameters"] })
    }

    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str().and_then(|place| place.strip_prefix('#')) {
            Some(place) => self.file.pointer(place).unwrap(),
            None => value,
        }
    }

    /// A schema of the file on its own, with what it refers to.
    fn schema(&self, schema: &Value, close: bool) -> Validator {
        // OpenAPI's schemas refer to nothing; Swagger's refer to definitions.
        let definitions = self.file.get("definitions").cloned().unwrap_or_else(|| json!({}));
        let (schema, definitions) =
            if close { (closed(schema), closed(&definitions)) } else { (schema.clone(), definitions) };
        let whole = json!({ "allOf": [schema], "definitions": definitions });
        let options = jsonschema::options().with_draft(Draft::Draft202012).should_validate_formats(true);
        options.build(&whole).unwrap()
    }

    fn breaches(&self, what: &str, schema: &Value, close: bool, value: &Value) -> Vec<String> {
        let validator = self.schema(schema, close);
        let tell = |error: jsonschema::ValidationError<'_>| format!("{what}{}: {error}", error.instance_path());
        validator.iter_errors(value).map(tell).collect()
    }

    /// What is wrong with a request.
    pub(crate) fn check_request(&self, operation: &Operation<'_>, query: &str, body: Option<&Value>) -> Vec<String> {
        let described = [operation.shared, &operation.described["parameters"]];
        let parameters: Vec<&Value> =
            described.iter().filter_map(|all| all.as_array()).flatten().map(|one| self.resolve(one)).collect();
        let mut wrong = Vec::new();
        let given: Vec<(&str, &str)> = query
            .split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .collect();
        let known = |name: &str| parameters.iter().find(|one| one["in"] == "query" && one["name"] == name);
        wrong
            .extend(given.iter().filter(|(name, _)| known(name).is_none()).map(|(name, _)| format!("unknown ?{name}")));
        let absent = |one: &&&Value| {
            one["in"] == "query" && one["required"] == true && !given.iter().any(|(name, _)| one["name"] == **name)
        };
        wrong.extend(parameters.iter().filter(absent).map(|one| format!("absent ?{}", one["name"])));
        let swagger = parameters.iter().find(|one| one["in"] == "body");
        let open = operation.described.pointer("/requestBody/content/application~1json/schema");
        match (swagger.map(|one| &one["schema"]).or(open), body) {
            (Some(schema), Some(body)) => wrong.extend(self.breaches("body", schema, true, body)),
            (Some(_), None) => wrong.push("there is no body".to_owned()),
            (None, Some(_)) => wrong.push("a body that nobody wants".to_owned()),
            (None, None) => {}
        }
        wrong
    }

    /// What is wrong with an answer. Refusals that the file does not list have no form there.
    pub(crate) fn check_answer(&self, operation: &Operation<'_>, status: u16, body: Option<&Value>) -> Vec<String> {
        let Some(answer) = operation.described["responses"].get(status.to_string()) else {
            let fault = [400, 401, 403, 404, 408, 409, 410, 412, 422, 429, 500, 503, 507].contains(&status);
            return if fault { Vec::new() } else { vec![format!("no status {status}")] };
        };
        let open = answer.pointer("/content/application~1json/schema");
        match (answer.get("schema").or(open), body) {
            (Some(schema), Some(body)) => self.breaches("answer", schema, false, body),
            _ => Vec::new(),
        }
    }
}

#[test]
fn contract_files_are_read_as_strictly_as_the_tests_rely_on() {
    let (Some(weaviate), Some(arango)) = (weaviate(), arango()) else { return };
    let check = |contract: &Contract, (method, path, query): (&str, &str, &str), body: Option<Value>, good: bool| {
        let operation = contract.operation(method, path).unwrap();
        let wrong = contract.check_request(&operation, query, body.as_ref());
        assert_eq!(wrong.is_empty(), good, "{method} {path} {body:?}: {wrong:?}");
    };
    let batch = ("POST", "/v1/batch/objects", "");
    let id = "30313233-3435-3637-3839-616263646566";
    let object = |key: &str, value: Value| Some(json!({ "objects": [{ "class": "A", key: value }] }));
    for (body, good) in [
        (object("id", json!(id)), true),
        (object("id", json!("no id")), false),
        (object("ID", json!(id)), false),
        (object("vector", json!(["1"])), false),
        (object("properties", json!({ "free": 1 })), true),
        (Some(json!({ "object": [] })), false),
        (None, false),
    ] {
        check(weaviate, batch, body, good);
    }
    check(weaviate, ("GET", "/v1/meta", ""), None, true);
    check(weaviate, ("GET", "/v1/meta", "a=1"), None, false);
    check(weaviate, ("GET", "/v1/meta", ""), Some(json!({})), false);
    let index = |key: &str, value: Value| Some(json!({ "type": "persistent", "fields": ["a", "b"], key: value }));
    for (query, body, good) in [
        ("collection=a", index("unique", json!(true)), true),
        ("collection=a", index("unique", json!("yes")), false),
        ("collection=a", index("uniqe", json!(true)), false),
        ("", index("unique", json!(true)), false),
    ] {
        check(arango, ("POST", "/_db/a/_api/index", query), body, good);
    }
    assert_eq!(arango.operation("POST", "/_db/_system/_api/database").unwrap().name, "POST /_db/_system/_api/database");
    for (contract, method, path) in
        [(weaviate, "GET", "/meta"), (weaviate, "PATCH", "/v1/meta"), (arango, "GET", "/_api/none")]
    {
        assert!(contract.operation(method, path).is_err(), "{method} {path}");
    }
}
