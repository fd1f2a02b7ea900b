//! Paths that lead somewhere, and those that do not.

use super::{Found, Router};
use crate::table::ENDPOINTS;
use aitrading_http::Method;

fn lead(method: &Method, path: &str) -> String {
    match Router::new(ENDPOINTS).find(method, path) {
        Found::Endpoint(endpoint, values) => format!("{} {} {}", endpoint.id, values.get("user"), values.get("symbol")),
        Found::OtherMethods(allow) => allow.to_owned(),
        Found::Nothing => "nothing".to_owned(),
    }
}

#[test]
fn paths_lead_to_their_operations() {
    for (method, path, to) in [
        (Method::GET, "/api/v1/users", "users.list  "),
        (Method::HEAD, "/api/v1/users/ab", "users.get ab "),
        (Method::PUT, "/api/v1/users/ab", "users.change ab "),
        (Method::PATCH, "/api/v1/users/ab", "GET, HEAD, PUT, DELETE"),
        (Method::GET, "/api/v1/market/7/EUR%2FUSD/ticks", "market.ticks  EUR/USD"),
        (Method::GET, "/api/v1/users/a%2Fsessions", "users.get a/sessions "),
        (Method::GET, "/api/v1/users/%00", "nothing"),
        (Method::GET, "/api/v1/users/%ff", "nothing"),
        (Method::GET, "/api/v1/users/", "nothing"),
        (Method::GET, "/api/v1//users", "nothing"),
        (Method::GET, "api/v1/users", "nothing"),
        (Method::GET, "/API/v1/users", "nothing"),
        (Method::GET, "/api/v1/users/../users", "nothing"),
    ] {
        assert_eq!(lead(&method, path), to, "{method} {path}");
    }
    assert_eq!(lead(&Method::GET, &format!("/api/v1/users/{}", "a".repeat(129))), "nothing");
}
