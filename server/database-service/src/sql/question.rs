//! What is asked at the door.

use super::error::SqlDoorError;
use aitrading_http::Request;
use aitrading_sql_engine::Format;
use serde::{Deserialize, Serialize};

/// Bytes of a question: the longest statement, with every sign escaped.
const BODY_BYTES: usize = 512 << 10;
/// Formats by name.
const FORMATS: [(&str, Format); 5] = [
    ("table", Format::Table),
    ("csv", Format::Csv),
    ("json", Format::Json),
    ("jsonl", Format::JsonLines),
    ("arrow", Format::Arrow),
];

/// The body of a request, in JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Question {
    /// One statement.
    pub sql: String,
    /// `table`, `csv`, `json`, `jsonl` or `arrow`; else what the Accept header says, else `json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Fewer rows than the service allows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rows: Option<u64>,
    /// Less time than the service allows, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
}

impl Question {
    /// The format of this name.
    #[must_use]
    pub fn format_named(name: &str) -> Option<Format> {
        FORMATS.iter().find(|(known, _)| *known == name).map(|(_, format)| *format)
    }

    /// Reads the request.
    pub(super) async fn read(request: Request) -> Result<(Self, Format), SqlDoorError> {
        let kind = request.header("content-type").unwrap_or_default();
        // Also keeps web pages out: a form cannot send this type.
        if kind.split(';').next().unwrap_or_default().trim() != "application/json" {
            return Err(SqlDoorError::NotJson);
        }
        let accepted = request.header("accept").map(str::to_owned);
        let body = request.body.read(BODY_BYTES).await.map_err(SqlDoorError::Body)?;
        let question: Self = serde_json::from_slice(&body)
            .map_err(|error| SqlDoorError::Malformed { line: error.line(), column: error.column() })?;
        let format = match (&question.format, accepted) {
            (Some(name), _) => Self::format_named(name),
            (None, Some(accepted)) => of_accept(&accepted),
            (None, None) => Some(Format::Json),
        };
        let format = format.ok_or(SqlDoorError::UnknownFormat)?;
        Ok((question, format))
    }
}

/// The first of the accepted types that there is. Weights are not looked at: whoever cares names one type.
pub(super) fn of_accept(accepted: &str) -> Option<Format> {
    accepted.split(',').find_map(|range| {
        let kind = range.split(';').next().unwrap_or_default().trim();
        if kind == "*/*" || kind == "application/*" {
            return Some(Format::Json);
        }
        let same = |format: &Format| format.media_type().split(';').next() == Some(kind);
        FORMATS.iter().map(|(_, format)| *format).find(same)
    })
}
