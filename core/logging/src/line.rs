//! From an event to its one line.

use crate::{
    Format,
    escape::{escape_into, is_harmful},
    redact::{REDACTED, is_denied},
    time::rfc3339,
};
use std::fmt::{self, Debug, Write};
use tracing::{
    Level,
    field::{Field, Visit},
};

/// Bytes of one field's text; what is longer is cut, so that one event cannot fill the disk.
const FIELD_BYTES: usize = 8 * 1024;
/// Name of the field that holds an event's message.
const MESSAGE: &str = "message";

/// One field, already redacted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Recorded {
    pub(crate) name: &'static str,
    pub(crate) value: Value,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// Numbers and booleans, as they are written in JSON too.
    Bare(String),
    Text(String),
}

/// The fields of an event or a span.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields(pub(crate) Vec<Recorded>);

/// What a line says besides its event's own fields.
pub(crate) struct Head<'a> {
    pub(crate) wall_ns: i64,
    pub(crate) level: Level,
    pub(crate) target: &'a str,
    /// Names and fields of the spans around it, outermost first.
    pub(crate) spans: Vec<(&'static str, Fields)>,
}

impl Fields {
    /// Keeps one field. A second value under the same name replaces the first (spans record late).
    fn keep(&mut self, field: &Field, value: impl FnOnce() -> Value) {
        let name = field.name();
        let value = if name != MESSAGE && is_denied(name) { Value::Text(REDACTED.to_owned()) } else { value() };
        self.0.retain(|f| f.name != name);
        self.0.push(Recorded { name, value });
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.keep(field, || Value::Text(bounded(format_args!("{value:?}"))));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.keep(field, || Value::Text(bounded(format_args!("{value}"))));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.keep(field, || Value::Text(bounded(format_args!("{}", aitrading_error::chain(value)))));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.keep(field, || Value::Bare(value.to_string()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.keep(field, || Value::Bare(value.to_string()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.keep(field, || Value::Bare(value.to_string()));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON knows no infinity and no NaN.
        let bare = value.is_finite();
        self.keep(field, || if bare { Value::Bare(format!("{value:?}")) } else { Value::Text(value.to_string()) });
    }
}

/// Writes the line, ending with the only line break in it.
pub(crate) fn write(format: Format, head: &Head<'_>, fields: &Fields) -> String {
    let mut out = String::with_capacity(256);
    match format {
        Format::Json => json(&mut out, head, fields),
        Format::Text => text(&mut out, head, fields),
    }
    out.push('\n');
    out
}

fn json(out: &mut String, head: &Head<'_>, fields: &Fields) {
    let (message, rest) = split(fields);
    put(out, format_args!("{{\"time\":\"{}\",\"level\":\"{}\",\"target\":", rfc3339(head.wall_ns), head.level));
    quoted(out, head.target);
    out.push_str(",\"message\":");
    quoted(out, message);
    out.push_str(",\"fields\":{");
    json_fields(out, rest);
    out.push_str("},\"spans\":[");
    for (at, (name, fields)) in head.spans.iter().enumerate() {
        out.push_str(if at == 0 { "{\"name\":" } else { ",{\"name\":" });
        quoted(out, name);
        out.push_str(",\"fields\":{");
        json_fields(out, fields.0.iter());
        out.push_str("}}");
    }
    out.push_str("]}");
}

fn json_fields<'a>(out: &mut String, fields: impl Iterator<Item = &'a Recorded>) {
    for (at, field) in fields.enumerate() {
        if at > 0 {
            out.push(',');
        }
        quoted(out, field.name);
        out.push(':');
        match &field.value {
            Value::Bare(bare) => out.push_str(bare),
            Value::Text(text) => quoted(out, text),
        }
    }
}

fn text(out: &mut String, head: &Head<'_>, fields: &Fields) {
    let (message, rest) = split(fields);
    put(out, format_args!("{} {:5} {}: ", rfc3339(head.wall_ns), head.level, head.target));
    escape_into(out, message);
    text_fields(out, rest);
    for (name, fields) in &head.spans {
        out.push_str(" in ");
        escape_into(out, name);
        text_fields(out, fields.0.iter());
    }
}

fn text_fields<'a>(out: &mut String, fields: impl Iterator<Item = &'a Recorded>) {
    for field in fields {
        out.push(' ');
        escape_into(out, field.name);
        out.push('=');
        match &field.value {
            Value::Bare(bare) => out.push_str(bare),
            Value::Text(text) if is_plain(text) => out.push_str(text),
            Value::Text(text) => quoted(out, text),
        }
    }
}

/// Can be read without quotes, and cannot be mistaken for another field.
fn is_plain(text: &str) -> bool {
    let odd = |c: char| c.is_whitespace() || is_harmful(c) || matches!(c, '"' | '\\' | '=');
    !text.is_empty() && !text.contains(odd)
}

fn split(fields: &Fields) -> (&str, impl Iterator<Item = &Recorded>) {
    let message = fields.0.iter().find(|f| f.name == MESSAGE).map_or("", |f| match &f.value {
        Value::Bare(text) | Value::Text(text) => text.as_str(),
    });
    (message, fields.0.iter().filter(|f| f.name != MESSAGE))
}

fn quoted(out: &mut String, text: &str) {
    out.push('"');
    escape_into(out, text);
    out.push('"');
}

fn put(out: &mut String, text: fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    out.write_fmt(text).unwrap_or(());
}

/// Formats up to the bound, and says if something was cut.
fn bounded(text: fmt::Arguments<'_>) -> String {
    struct Bounded(String);
    impl Write for Bounded {
        fn write_str(&mut self, s: &str) -> fmt::Result {
            let room = FIELD_BYTES.saturating_sub(self.0.len());
            if s.len() <= room {
                self.0.push_str(s);
                return Ok(());
            }
            let end = (0..=room).rev().find(|&at| s.is_char_boundary(at)).unwrap_or(0);
            self.0.push_str(s.get(..end).unwrap_or_default());
            // The error ends the formatting: what follows would be thrown away.
            Err(fmt::Error)
        }
    }
    let mut out = Bounded(String::new());
    if out.write_fmt(text).is_err() {
        out.0.push_str("...");
    }
    out.0
}
