//! Pages that may call, and pages that may not.

use super::{Pages, is_origin};
use aitrading_http::{HeaderMap, HeaderValue, Method, StatusCode, empty};

const DESK: &str = "https://desk.example:8000";

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, HeaderValue::from_static(value));
    }
    headers
}

fn preflight(pages: &Pages, origin: &'static str) -> Option<HeaderMap> {
    let asked = headers(&[("origin", origin), ("access-control-request-method", "POST")]);
    pages.preflight(&Method::OPTIONS, &asked).map(|answer| answer.headers().clone())
}

#[test]
fn a_named_page_is_admitted_and_no_other() {
    let pages = Pages::only(vec![DESK.to_owned()]);
    let said = preflight(&pages, DESK).unwrap();
    assert_eq!(said["access-control-allow-origin"], DESK);
    assert!(said.contains_key("access-control-allow-methods"));
    assert!(!said.contains_key("access-control-allow-credentials"));
    for foreign in ["https://desk.example", "http://desk.example:8000", "https://desk.example:8000.evil", "null", "*"] {
        let said = preflight(&pages, foreign).unwrap();
        assert!(!said.contains_key("access-control-allow-origin"), "{foreign}");
        assert!(!said.contains_key("access-control-allow-methods"), "{foreign}");
    }
}

#[test]
fn two_origins_are_none() {
    let pages = Pages::only(vec![DESK.to_owned()]);
    let mut answer = empty(StatusCode::OK);
    pages.dress(&headers(&[("origin", DESK), ("origin", DESK)]), &mut answer);
    assert!(!answer.headers().contains_key("access-control-allow-origin"));
    assert_eq!(answer.headers()["vary"], "origin");
}

#[test]
fn without_pages_nothing_is_said_of_pages() {
    let pages = Pages::default();
    assert!(!preflight(&pages, DESK).unwrap().contains_key("access-control-allow-origin"));
    assert!(pages.preflight(&Method::OPTIONS, &headers(&[("origin", DESK)])).is_none());
    assert!(pages.preflight(&Method::GET, &headers(&[("access-control-request-method", "GET")])).is_none());
}

#[test]
fn origins_are_written_as_browsers_write_them() {
    for good in [DESK, "http://127.0.0.1:8000", "http://[::1]:8000", "https://a"] {
        assert!(is_origin(good), "{good}");
    }
    for bad in ["", "*", "null", "desk.example", "https://", "https://a/", "https://A", "https://a b", "ftp://a"] {
        assert!(!is_origin(bad), "{bad}");
    }
}
