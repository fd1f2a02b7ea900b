//! Why the door refuses a question before the engine sees it.

use aitrading_error::{Category, Coded, Dna, FaultSide, Severity};
use aitrading_http::HttpError;
use aitrading_security::Refused;

/// A refusal at the door.
#[derive(Debug, thiserror::Error)]
pub(super) enum SqlDoorError {
    /// The certificate names nobody.
    #[error("the certificate gives no identity; use the operator's or the auditor's")]
    Identity(#[source] Refused),
    /// The certificate names somebody else.
    #[error("{who} may not ask in SQL; use the operator's or the auditor's certificate")]
    Role { who: &'static str },
    /// The body is something else.
    #[error("a question is a JSON object; send it with Content-Type: application/json")]
    NotJson,
    /// The body is not a question.
    #[error(
        "the question is malformed at line {line}, column {column}; send {{\"sql\": \"SELECT ...\"}}, if you like with format, max_rows and timeout_ms"
    )]
    Malformed { line: usize, column: usize },
    /// Nobody knows the format.
    #[error("there is no such format; ask for table, csv, json, jsonl or arrow, or accept one of their media types")]
    UnknownFormat,
    /// The body did not arrive.
    #[error("the question could not be read")]
    Body(#[source] HttpError),
}

impl Coded for SqlDoorError {
    fn dna(&self) -> Dna {
        let caller = |code, category| {
            Dna::new("database-service", code, category).side(FaultSide::Caller).severity(Severity::Info)
        };
        let refused = |code| caller(code, Category::Access).severity(Severity::Warning);
        match self {
            Self::Identity(error) => refused(error.dna().code),
            Self::Role { .. } => refused("SQL_ROLE_REFUSED"),
            Self::NotJson => caller("SQL_NOT_JSON", Category::Input),
            Self::Malformed { .. } => caller("SQL_QUESTION_MALFORMED", Category::Input),
            Self::UnknownFormat => caller("SQL_FORMAT_UNKNOWN", Category::Input),
            Self::Body(error) => error.dna(),
        }
    }
}
