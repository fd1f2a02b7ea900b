//! What a server said, or did not say, as the cause behind a store's error.

use aitrading_error::{Category, Coded, Dna, FaultSide, Retry};
use aitrading_store::StoreError;
use serde::Deserialize;

/// Characters that are kept of what a server says.
const WORDS_MAX: usize = 300;
/// ArangoDB: the server takes no writes.
const ARANGO_READ_ONLY: i64 = 1004;
/// ArangoDB: no space.
const ARANGO_DISK_FULL: i64 = 1104;
/// ArangoDB: the query was ended, because it took longer than it was given.
const ARANGO_QUERY_KILLED: i64 = 1500;

/// Why a server's answer is none.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// The server refuses.
    #[error("the server answers with status {status}: {message:?}; its own log has more")]
    Refused {
        /// HTTP status; 0 where the refusal came inside a good answer.
        status: u16,
        /// The beginning of what it says.
        message: String,
    },
    /// The answer is too long.
    #[error("the server's answer is longer than {limit} bytes; ask for less")]
    TooLong {
        /// Most bytes of an answer.
        limit: usize,
    },
    /// The answer cannot be read.
    #[error("the server's answer has another form than its interface promises; is it the right server?")]
    Form {
        /// What the parser says.
        source: serde_json::Error,
    },
    /// The connection failed.
    #[error("the connection to the server failed; check address, certificate and network")]
    Transport {
        /// What the library says.
        source: reqwest::Error,
    },
    /// The HTTP client cannot be made.
    #[error("the HTTP client cannot be made; check the certificates in the settings")]
    Client {
        /// What the library says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The task that was writing ended without a result.
    #[error("the writing task was ended; the process is probably stopping")]
    Ended,
}

impl Coded for RestError {
    fn dna(&self) -> Dna {
        let network = |code| Dna::new("store-rest", code, Category::Network).side(FaultSide::Dependency);
        match self {
            Self::Refused { .. } => network("REST_REFUSED"),
            Self::TooLong { .. } => network("REST_TOO_LONG"),
            Self::Form { .. } => network("REST_FORM"),
            Self::Transport { .. } => network("REST_TRANSPORT").retry(Retry::Later),
            Self::Client { .. } => Dna::new("store-rest", "REST_CLIENT", Category::Config).side(FaultSide::Caller),
            Self::Ended => network("REST_ENDED").retry(Retry::VerifyFirst),
        }
    }
}

impl RestError {
    /// As the ports say it.
    pub(crate) fn unavailable(self, doing: &'static str) -> StoreError {
        StoreError::Unavailable { doing, source: Box::new(self) }
    }

    /// As the ports say it, for what came back and cannot be.
    pub(crate) fn corrupt(self, what: &'static str) -> StoreError {
        StoreError::Corrupt { what: what.to_owned(), source: Some(Box::new(self)) }
    }
}

/// How both vendors word an error: ArangoDB with a number and a message, Weaviate with a list of messages.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Complaint {
    /// ArangoDB's number of the error.
    pub(crate) error_num: Option<i64>,
    error_message: Option<String>,
    #[serde(rename = "error")]
    messages: serde_json::Value,
    message: Option<String>,
}

impl Complaint {
    /// From an answer's body; of one that is no JSON the beginning is the message.
    pub(crate) fn read(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_else(|_| {
            let beginning = body.get(..WORDS_MAX).unwrap_or(body);
            Self { message: Some(String::from_utf8_lossy(beginning).into_owned()), ..Self::default() }
        })
    }

    pub(crate) fn text(&self) -> String {
        let listed = self.messages.as_array().into_iter().flatten().filter_map(|one| one.get("message")?.as_str());
        let all = self.error_message.as_deref().or(self.message.as_deref()).into_iter().chain(listed);
        let all = all.collect::<Vec<_>>().join("; ");
        all.chars().filter(|c| !c.is_control()).take(WORDS_MAX).collect()
    }
}

/// A refusal in the ports' words.
pub(crate) fn refusal(doing: &'static str, status: u16, complaint: &Complaint) -> StoreError {
    let message = complaint.text();
    let read_only = complaint.error_num == Some(ARANGO_READ_ONLY) || says_read_only(&message);
    let source = RestError::Refused { status, message: message.clone() };
    let boxed = |source| Box::new(source);
    match (status, complaint.error_num) {
        _ if read_only => StoreError::ReadOnly { doing, source: boxed(source) },
        (507, _) | (_, Some(ARANGO_DISK_FULL)) => StoreError::Full { doing, source: boxed(source) },
        (_, Some(ARANGO_QUERY_KILLED)) | (408, _) => StoreError::TooSlow { doing },
        (401 | 403, _) => StoreError::Unauthorised { doing, source: boxed(source) },
        (404, _) => source.corrupt("what was set up on the database server is not there any more"),
        (409 | 412, _) => {
            tracing::info!(doing, status, message, "the database server says that another change came first");
            StoreError::Conflict { what: "another change on the database server came first; do it again" }
        }
        (400 | 405 | 406 | 411 | 413..=415 | 422, _) => {
            tracing::warn!(doing, status, message, "the database server does not take a request");
            StoreError::Invalid { what: "the database server does not take the request; its reason is in the log" }
        }
        _ => source.unavailable(doing),
    }
}

/// A refusal that came inside an answer with a good status.
pub(crate) fn refusal_within(doing: &'static str, message: String) -> StoreError {
    refusal(doing, 0, &Complaint { message: Some(message), ..Complaint::default() })
}

/// Weaviate makes a shard read-only when its disk is nearly full, and says so in words alone.
fn says_read_only(message: &str) -> bool {
    message.contains("read-only") || message.contains("read only")
}

#[cfg(test)]
mod tests {
    use super::{Complaint, WORDS_MAX, refusal, refusal_within};
    use aitrading_error::Coded;

    #[test]
    fn every_status_has_its_error() {
        for (status, body, code) in [
            (401, "", "STORE_UNAUTHORISED"),
            (403, r#"{"errorNum": 11, "errorMessage": "forbidden"}"#, "STORE_UNAUTHORISED"),
            (403, r#"{"errorNum": 1004, "errorMessage": "read only"}"#, "STORE_READ_ONLY"),
            (404, "", "STORE_CORRUPT"),
            (408, "", "STORE_TOO_SLOW"),
            (409, r#"{"errorNum": 1200}"#, "STORE_CONFLICT"),
            (410, r#"{"errorNum": 1500}"#, "STORE_TOO_SLOW"),
            (410, "", "STORE_UNAVAILABLE"),
            (412, "", "STORE_CONFLICT"),
            (400, "", "STORE_INVALID"),
            (413, "", "STORE_INVALID"),
            (422, r#"{"error": [{"message": "no such property"}]}"#, "STORE_INVALID"),
            (422, r#"{"error": [{"message": "store is read-only"}]}"#, "STORE_READ_ONLY"),
            (429, "", "STORE_UNAVAILABLE"),
            (500, r#"{"errorNum": 1104}"#, "STORE_FULL"),
            (500, "<html>", "STORE_UNAVAILABLE"),
            (503, "", "STORE_UNAVAILABLE"),
            (507, "", "STORE_FULL"),
            (302, "", "STORE_UNAVAILABLE"),
            (204, "", "STORE_UNAVAILABLE"),
        ] {
            let error = refusal("trying", status, &Complaint::read(body.as_bytes()));
            assert_eq!(error.dna().code, code, "{status} {body}");
        }
        assert_eq!(refusal_within("trying", "store is read-only".to_owned()).dna().code, "STORE_READ_ONLY");
        assert_eq!(refusal_within("trying", "no leader".to_owned()).dna().code, "STORE_UNAVAILABLE");
    }

    #[test]
    fn of_what_a_server_says_little_is_kept_and_no_control_characters() {
        for (body, expected) in [
            (r#"{"errorMessage": "one\ntwo"}"#, "onetwo"),
            (r#"{"error": [{"message": "a"}, {"message": "b"}]}"#, "a; b"),
            (r#"{"error": true, "errorMessage": "a"}"#, "a"),
            (r#"{"message": "limit"}"#, "limit"),
            (r#"{"error": [1, {"message": 2}]}"#, ""),
            ("\u{1b}[31mred", "[31mred"),
            ("", ""),
        ] {
            assert_eq!(Complaint::read(body.as_bytes()).text(), expected, "{body:?}");
        }
        let long = "é".repeat(5_000);
        assert!(Complaint::read(long.as_bytes()).text().chars().count() <= WORDS_MAX);
        let listed = format!(r#"{{"errorMessage": "{long}"}}"#);
        assert_eq!(Complaint::read(listed.as_bytes()).text().chars().count(), WORDS_MAX);
    }
}
