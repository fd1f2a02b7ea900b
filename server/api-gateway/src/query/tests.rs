//! Queries that are answered, and those that are refused by name.

use super::Query;
use crate::error::ApiError;
use aitrading_model::Timestamp;

fn refused(done: Result<impl std::fmt::Debug, ApiError>) -> String {
    match done {
        Err(ApiError::Query { name, .. }) => name,
        other => panic!("{other:?}"),
    }
}

#[test]
fn values_are_decoded_and_typed() {
    let mut query = Query::parse(Some("symbol=EUR%2FUSD&limit=7&from=1000&after=a%20b")).unwrap();
    assert_eq!(query.text("symbol").unwrap(), "EUR/USD");
    assert_eq!(query.limit().unwrap(), 7);
    assert_eq!(query.moment("from").unwrap(), Some(Timestamp(1_000_000_000)));
    assert_eq!(query.text("after").unwrap(), "a b");
    query.done().unwrap();
    assert_eq!(Query::parse(None).unwrap().limit().unwrap(), 100);
}

#[test]
fn what_is_wrong_is_named() {
    assert_eq!(refused(Query::parse(Some("a=1&b=2&a=3"))), "a");
    assert_eq!(refused(Query::parse(Some("limti=5")).unwrap().done()), "limti");
    for text in ["limit=0", "limit=1001", "limit=-1", "limit=x", "limit="] {
        assert_eq!(refused(Query::parse(Some(text)).unwrap().limit()), "limit", "{text}");
    }
    for text in ["from=9223372036854775807", "from=1.5", "from=now"] {
        assert_eq!(refused(Query::parse(Some(text)).unwrap().moment("from")), "from", "{text}");
    }
    assert_eq!(refused(Query::parse(Some(&"a".repeat(5_000)))), "query");
    let many: String = (0..40).map(|n| format!("v{n}=1&")).collect();
    assert_eq!(refused(Query::parse(Some(&many))), "query");
}
