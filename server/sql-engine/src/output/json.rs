//! JSON: decimals as numbers with all their digits, times as text.

use super::value::{Shape, Values};
use datafusion::arrow::datatypes::SchemaRef;

/// Writes the rows of a batch as objects.
pub(super) fn batch(schema: &SchemaRef, values: &Values, lines: bool, first: &mut bool, out: &mut Vec<u8>) {
    let names: Vec<String> = schema.fields().iter().map(|field| quoted(field.name())).collect();
    for row in 0..values.rows() {
        if !lines && !std::mem::take(first) {
            out.extend_from_slice(b",\n");
        }
        out.push(b'{');
        for (place, (column, name)) in values.columns().iter().zip(&names).enumerate() {
            if place > 0 {
                out.push(b',');
            }
            out.extend_from_slice(name.as_bytes());
            out.push(b':');
            let value = match (column.text(row), column.shape) {
                (None, _) => "null".to_owned(),
                (Some(text), Shape::Plain) => text.into_owned(),
                // JSON has no word for infinities and for no number.
                (Some(text), Shape::Float) if text.bytes().any(|b| b.is_ascii_alphabetic() && b != b'e') => {
                    "null".to_owned()
                }
                (Some(text), Shape::Float) => text.into_owned(),
                (Some(text), Shape::Text) => quoted(&text),
            };
            out.extend_from_slice(value.as_bytes());
        }
        out.push(b'}');
        if lines {
            out.push(b'\n');
        }
    }
}

/// A JSON text.
fn quoted(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len().saturating_add(2));
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            // Writing to a String cannot fail.
            c if c.is_control() => write!(out, "\\u{:04x}", u32::from(c)).unwrap_or_default(),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
