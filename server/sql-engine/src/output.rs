//! Results as bytes: a table to look at, CSV, JSON, or Arrow's own stream. Numbers and times are written exactly.

mod arrow;
mod json;
mod table;
mod value;

use crate::SqlError;
use datafusion::arrow::{array::RecordBatch, datatypes::SchemaRef, error::ArrowError};
use value::Values;

/// How a result is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A table to look at; long texts are cut.
    Table,
    /// CSV as RFC 4180 has it, with a header. NULL is nothing, an empty text is `""`.
    Csv,
    /// One JSON object per line.
    JsonLines,
    /// One JSON array of objects.
    Json,
    /// An Arrow IPC stream.
    Arrow,
}

impl Format {
    /// The media type for an HTTP answer.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Table => "text/plain; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8",
            Self::JsonLines => "application/x-ndjson",
            Self::Json => "application/json",
            Self::Arrow => "application/vnd.apache.arrow.stream",
        }
    }
}

/// Writes batches in one format.
pub(crate) struct Encoder {
    schema: SchemaRef,
    kind: Kind,
}

enum Kind {
    Table(table::Table),
    Csv,
    Json { lines: bool, first: bool },
    Arrow(Box<arrow::Writer>),
}

fn broken(source: ArrowError) -> SqlError {
    SqlError::Engine { doing: "writing a result", source: source.into() }
}

impl Encoder {
    pub(crate) fn new(format: Format, schema: &SchemaRef) -> Self {
        let kind = match format {
            Format::Table => Kind::Table(table::Table::default()),
            Format::Csv => Kind::Csv,
            Format::JsonLines => Kind::Json { lines: true, first: true },
            Format::Json => Kind::Json { lines: false, first: true },
            Format::Arrow => Kind::Arrow(Box::new(arrow::Writer::new(schema))),
        };
        Self { schema: SchemaRef::clone(schema), kind }
    }

    /// What stands before the first row.
    pub(crate) fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), SqlError> {
        match &mut self.kind {
            Kind::Csv => {
                let names = self.schema.fields().iter().map(|field| csv_field(field.name()));
                out.extend_from_slice(names.collect::<Vec<_>>().join(",").as_bytes());
                out.extend_from_slice(b"\r\n");
            }
            Kind::Json { lines: false, .. } => out.push(b'['),
            Kind::Arrow(writer) => writer.begin(out).map_err(broken)?,
            Kind::Table(_) | Kind::Json { .. } => {}
        }
        Ok(())
    }

    /// Some rows.
    pub(crate) fn batch(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), SqlError> {
        if let Kind::Arrow(writer) = &mut self.kind {
            return writer.batch(batch, out).map_err(broken);
        }
        let values = Values::of(batch).map_err(broken)?;
        match &mut self.kind {
            Kind::Table(table) => table.batch(&self.schema, &values, out),
            Kind::Csv => csv(&values, out),
            Kind::Json { lines, first } => json::batch(&self.schema, &values, *lines, first, out),
            Kind::Arrow(_) => {}
        }
        Ok(())
    }

    /// What stands behind the last row.
    pub(crate) fn end(&mut self, out: &mut Vec<u8>) -> Result<(), SqlError> {
        match &mut self.kind {
            Kind::Table(table) => table.end(&self.schema, out),
            Kind::Csv | Kind::Json { lines: true, .. } => {}
            Kind::Json { lines: false, .. } => out.extend_from_slice(b"]\n"),
            Kind::Arrow(writer) => writer.end(out).map_err(broken)?,
        }
        Ok(())
    }
}

fn csv(values: &Values, out: &mut Vec<u8>) {
    for row in 0..values.rows() {
        for (place, column) in values.columns().iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            if let Some(text) = column.text(row) {
                out.extend_from_slice(csv_field(&text).as_bytes());
            }
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// Quoted where it must be.
fn csv_field(text: &str) -> String {
    let quote = text.is_empty() || text.contains([',', '"', '\r', '\n']);
    if quote { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
