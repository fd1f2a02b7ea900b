//! Batches of rows as Arrow IPC streams, and back.
//!
//! A batch is one stream: its schema, one record batch, the end. What arrives is read against our own schema, and everything
//! that the reader relies on is checked before: it would end the task on a buffer that lies outside of what was sent.

mod columns;
mod frame;

use crate::message::{Malformed, malformed};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_ipc::{reader::read_record_batch, writer::StreamWriter};
use arrow_schema::{ArrowError, Field, Schema};
use bytes::Bytes;
use frame::Sent;
use std::sync::Arc;

/// Rows of one kind as columns. A column never changes its meaning: one that would gets another name.
pub(crate) trait Rows: Sized {
    /// Names and types.
    fn fields() -> Vec<Field>;
    /// The columns in that order.
    fn columns(rows: &[Self]) -> Result<Vec<ArrayRef>, ArrowError>;
    /// The rows back; `None` if a value is out of its bounds.
    fn rows(columns: &[ArrayRef]) -> Option<Vec<Self>>;
}

fn failed(error: &ArrowError) -> Malformed {
    Malformed(format!("the rows are no Arrow batch: {error}"))
}

/// Writes rows.
pub(crate) fn encode<R: Rows>(rows: &[R]) -> Result<Bytes, Malformed> {
    write(rows).map_err(|error| failed(&error))
}

fn write<R: Rows>(rows: &[R]) -> Result<Bytes, ArrowError> {
    let schema = Arc::new(Schema::new(R::fields()));
    let batch = RecordBatch::try_new(Arc::clone(&schema), R::columns(rows)?)?;
    let mut writer = StreamWriter::try_new(Vec::new(), &schema)?;
    writer.write(&batch)?;
    writer.finish()?;
    Ok(writer.into_inner()?.into())
}

/// Reads rows.
pub(crate) fn decode<R: Rows>(bytes: &Bytes) -> Result<Vec<R>, Malformed> {
    let fields = R::fields();
    let sent = Sent::find(bytes, &fields)?;
    let schema = Arc::new(Schema::new(fields));
    let batch = read_record_batch(&sent.body, sent.batch, schema, &Default::default(), None, &sent.version)
        .map_err(|error| failed(&error))?;
    let missing =
        batch.columns().iter().zip(batch.schema().fields()).any(|(c, f)| !f.is_nullable() && c.null_count() > 0);
    let rows = if missing { None } else { R::rows(batch.columns()) };
    rows.ok_or_else(|| malformed("a value of a row is missing or out of its bounds"))
}
