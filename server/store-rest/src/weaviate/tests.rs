//! What is sent to Weaviate and read back, as text alone.

use super::{
    NUMBERS_MAX, OBJECTS_MAX,
    object::{Deleted, Kept, Object, Stored, moment, uuid},
    portions, query, schema,
    shard::Shard,
};
use aitrading_error::Coded;
use aitrading_model::{TenantId, Timestamp};
use aitrading_store::{Near, Pattern, PatternKind, StoreError};
use serde_json::{Value, json};

const HOSTILE: [&str; 7] = [
    "",
    "\"}) { id } } Aggregate { Other { meta { count } } } #",
    "\\\" \\\\ \u{0} \u{1b}[0m \u{7f}",
    "line\r\nline\u{2028}\u{2029}",
    "{{ $vector }} ${x} @x",
    "é 🦀 \u{202e}",
    "'; DROP TABLE patterns; --",
];

fn pattern(text: &str) -> Pattern {
    let vector = vec![0.1, -1.234_567_8e18, 1.0e-40, 0.0, -0.0, 16_777_217.0];
    let (tenant, at) = (TenantId(u64::MAX), Timestamp(1_700_000_000_123_456_789));
    Pattern { tenant, id: *b"\0\x01 an odd \xfe\xff id.", kind: PatternKind::Threat, vector, text: text.to_owned(), at }
}

fn question() -> Near {
    let (tenant, vector) = (TenantId(7), vec![1.5, -0.25]);
    Near { tenant, kind: None, vector, since: None, distance_max: 2.0, limit: 9 }
}

/// What GraphQL would give back for an object.
fn given_back(object: &Value) -> Kept {
    let properties = &object["properties"];
    serde_json::from_value(json!({
        "kind": properties["kind"], "at": properties["at"], "text": properties["text"], "exact": properties["exact"],
        "_additional": { "id": object["id"], "distance": 0.5 },
    }))
    .unwrap()
}

#[test]
fn an_object_comes_back_as_the_pattern_that_it_was() {
    for text in HOSTILE {
        let pattern = pattern(text);
        let sent = serde_json::to_vec(&Object::new("AitradingPatterns", &pattern)).unwrap();
        let sent: Value = serde_json::from_slice(&sent).unwrap();
        assert_eq!(sent["tenant"], "tenant-18446744073709551615-6");
        assert_eq!(sent["properties"]["text"], text);
        let back = given_back(&sent).pattern(pattern.tenant).unwrap();
        assert_eq!(back, pattern);
        assert_eq!(back.vector[4].to_bits(), (-0.0_f32).to_bits());
    }
}

#[test]
fn what_cannot_be_read_back_is_corrupt() {
    let sent = serde_json::to_value(Object::new("A", &pattern("a"))).unwrap();
    for (field, value) in [
        ("exact", json!("AAA=")),
        ("exact", json!("!")),
        ("exact", json!("")),
        ("exact", json!("AADAfw==")), // NaN
        ("at", json!("tomorrow")),
        ("kind", json!(9)),
        ("id", json!("00000000-0000-0000-0000-0000000000zz")),
        ("id", json!("01")),
    ] {
        let mut damaged = sent.clone();
        let place = if field == "id" { &mut damaged["id"] } else { &mut damaged["properties"][field] };
        *place = value.clone();
        let error = given_back(&damaged).pattern(TenantId(1)).unwrap_err();
        assert_eq!(error.dna().code, "STORE_CORRUPT", "{field} {value}");
    }
}

#[test]
fn ids_are_uuids_and_different_ids_are_different_ones() {
    assert_eq!(uuid([0; 16]), "00000000-0000-0000-0000-000000000000");
    assert_eq!(uuid([255; 16]), "ffffffff-ffff-ffff-ffff-ffffffffffff");
    assert_eq!(uuid(*b"0123456789abcdef"), "30313233-3435-3637-3839-616263646566");
}

#[test]
fn a_moment_is_exact_in_two_numbers() {
    for at in [0, 1, -1, i64::MAX, i64::MIN, 1_700_000_000_123_456_789, 999_999_999, -1_000_000_000] {
        let (seconds, nanos) = moment(Timestamp(at));
        assert!((0.0..1e9).contains(&nanos), "{at}");
        assert_eq!(i128::from(at), seconds as i128 * 1_000_000_000 + nanos as i128);
    }
}

#[test]
fn only_names_that_we_give_are_shards_of_ours() {
    for shard in [Shard { tenant: TenantId(0), dimensions: 1 }, Shard { tenant: TenantId(u64::MAX), dimensions: 4_096 }]
    {
        assert_eq!(Shard::parse(&shard.to_string()), Some(shard));
    }
    for other in
        ["", "tenant-1", "tenant-01-2", "tenant-+1-2", "tenant-1-2-3", "Tenant-1-2", "tenant--1-2", "tenant-1-"]
    {
        assert_eq!(Shard::parse(other), None, "{other:?}");
    }
}

#[test]
fn a_question_says_what_is_wanted_and_nothing_else() {
    let shard = Shard { tenant: TenantId(7), dimensions: 2 };
    let any = question();
    let fields = "{ kind at text exact _additional { id distance } } } }";
    let start = r#"{ Get { AitradingPatterns(tenant: "tenant-7-2", limit: 9, nearVector: { vector: [1.5,-0.25]"#;
    let kind = r#"{ path: ["kind"], operator: Equal, valueInt: 1 }"#;
    let since = concat!(
        r#"{ operator: Or, operands: [{ path: ["seconds"], operator: GreaterThan, valueNumber: -1.0 }, "#,
        r#"{ operator: And, operands: [{ path: ["seconds"], operator: Equal, valueNumber: -1.0 }, "#,
        r#"{ path: ["nanos"], operator: GreaterThanEqual, valueNumber: 999999999.0 }] }] }"#
    );
    let threat = Some(PatternKind::Threat);
    let moment = Some(Timestamp(-1));
    for (near, rest) in [
        (any.clone(), " })".to_owned()),
        (Near { distance_max: 0.25, ..any.clone() }, ", distance: 0.2501 })".to_owned()),
        (Near { kind: threat, ..any.clone() }, format!(" }}, where: {kind})")),
        (Near { since: moment, ..any.clone() }, format!(" }}, where: {since})")),
        (
            Near { since: moment, kind: threat, ..any.clone() },
            format!(" }}, where: {{ operator: And, operands: [{kind}, {since}] }})"),
        ),
    ] {
        assert_eq!(query::near("AitradingPatterns", shard, &near).unwrap(), format!("{start}{rest} {fields}"));
    }
    let counted = query::count("AitradingPatterns", shard);
    assert_eq!(counted, r#"{ Aggregate { AitradingPatterns(tenant: "tenant-7-2") { meta { count } } } }"#);
}

#[test]
fn a_collections_name_cannot_leave_its_place() {
    for (database, expected) in
        [("aitrading", Some("AitradingPatterns")), ("Test_2", Some("Test_2Patterns")), ("a", Some("APatterns"))]
    {
        assert_eq!(schema::class_name(database).ok().as_deref(), expected);
    }
    let long = "a".repeat(101);
    for database in ["", "1a", "_a", "a-b", "a/b", "a b", "a?b", "a(b", "é", "aé", "a\n", &long] {
        let refused = schema::class_name(database);
        assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{database:?}: {refused:?}");
    }
}

#[test]
fn a_collection_of_another_form_is_refused() {
    let own = schema::class("A");
    let check = |class: &Value| schema::check(&serde_json::from_value(class.clone()).unwrap());
    check(&own).unwrap();
    for (pointer, value) in [
        ("/vectorizer", json!("text2vec-openai")),
        ("/vectorIndexConfig/distance", json!("dot")),
        ("/vectorIndexConfig", json!({})),
        ("/multiTenancyConfig/enabled", json!(false)),
        ("/multiTenancyConfig/autoTenantCreation", json!(false)),
        ("/multiTenancyConfig", json!({})),
        ("/properties/0/dataType", json!(["text"])),
        ("/properties/5/name", json!("other")),
        ("/properties", json!([])),
    ] {
        let mut other = own.clone();
        *other.pointer_mut(pointer).unwrap() = value;
        assert_eq!(check(&other).unwrap_err().dna().code, "STORE_CONFLICT", "{pointer}");
    }
}

#[test]
fn only_a_plain_success_is_one() {
    for (answer, good) in [
        (json!({ "id": "a", "result": { "status": "SUCCESS" } }), true),
        (json!({ "id": "a", "result": { "status": "FAILED" } }), false),
        (json!({ "id": "a", "result": { "status": "SUCCESS", "errors": { "error": [{ "message": "x" }] } } }), false),
        (json!({ "id": "a", "result": {} }), false),
        (json!({ "id": "a" }), false),
    ] {
        let stored: Stored = serde_json::from_value(answer.clone()).unwrap();
        assert_eq!(stored.failure().is_none(), good, "{answer}");
    }
    for (results, good) in [
        (json!({ "matches": 2, "successful": 2, "failed": 0 }), true),
        (json!({ "matches": 0, "successful": 0, "failed": 0 }), true),
        (json!({ "matches": 2, "successful": 1, "failed": 0 }), false),
        (json!({ "matches": 2, "successful": 2, "failed": 1 }), false),
        (json!(null), false),
    ] {
        let deleted: Deleted = serde_json::from_value(json!({ "results": results })).unwrap();
        assert_eq!(deleted.is_complete(), good, "{results}");
    }
}

#[test]
fn an_answer_with_errors_has_no_data() {
    for (answer, expected) in [
        (json!({ "data": { "Get": {} } }), Ok(())),
        (json!({ "data": { "Get": {} }, "errors": [{ "message": "x" }] }), Err("x")),
        (json!({ "data": null, "errors": [{ "message": "y" }] }), Err("y")),
        (json!({ "errors": [{}] }), Err("")),
        (json!({}), Err("there is neither data nor an error in the answer")),
    ] {
        let read: query::Answer<query::Found> = serde_json::from_value(answer.clone()).unwrap();
        assert_eq!(read.data().map(|_| ()), expected.map_err(str::to_owned), "{answer}");
    }
}

#[test]
fn found_patterns_are_sorted_and_cut_here_too() {
    let found = |distance: f64, id: u8| {
        let one = Pattern { id: [id; 16], vector: vec![1.0, f32::from(id)], ..pattern("a") };
        let mut object = serde_json::to_value(Object::new("A", &one)).unwrap();
        object["distance"] = json!(distance);
        json!({
            "kind": 0, "at": "0", "text": "", "exact": object["properties"]["exact"],
            "_additional": { "id": object["id"], "distance": distance },
        })
    };
    let longer = serde_json::to_value(Object::new("A", &pattern("a"))).unwrap();
    let mut longer = json!({ "kind": 0, "at": "0", "text": "", "exact": longer["properties"]["exact"] });
    longer["_additional"] = json!({ "id": uuid([9; 16]), "distance": 0.0 });
    let answer =
        json!({ "Get": { "A": [found(0.5, 1), found(-1e-7, 2), longer, found(0.500_01, 3), found(2.000_000_2, 4)] } });
    for (distance_max, limit, expected) in
        [(2.0, 9, vec![2, 1, 3, 4]), (0.5, 9, vec![2, 1]), (2.0, 1, vec![2]), (0.0, 9, vec![2])]
    {
        let near = Near { distance_max, limit, ..question() };
        let answer: query::Found = serde_json::from_value(answer.clone()).unwrap();
        let matches = answer.matches("A", &near).unwrap();
        assert_eq!(matches.iter().map(|found| found.pattern.id[0]).collect::<Vec<_>>(), expected);
        assert!(matches.iter().all(|found| (0.0..=2.0).contains(&found.distance)));
    }
    let elsewhere: query::Found = serde_json::from_value(answer).unwrap();
    assert_eq!(elsewhere.matches("B", &question()).unwrap_err().dna().code, "STORE_CORRUPT");
}

#[test]
fn what_is_written_is_cut_into_bounded_requests() {
    for (dimensions, patterns, expected) in
        [(1, OBJECTS_MAX, 1), (1, OBJECTS_MAX + 1, 2), (4_096, 32, 1), (4_096, 33, 2), (3, 1_000, 5), (1, 0, 0)]
    {
        let all = vec![Pattern { vector: vec![1.0; dimensions], ..pattern("") }; patterns];
        let cut = portions(all.iter());
        assert_eq!((cut.len(), cut.iter().map(Vec::len).sum::<usize>()), (expected, patterns));
        let numbers = |portion: &Vec<&Pattern>| portion.iter().map(|one| one.vector.len()).sum::<usize>();
        assert!(cut.iter().all(|portion| numbers(portion) <= NUMBERS_MAX && portion.len() <= OBJECTS_MAX));
    }
}
