//! Arrow's IPC stream, in types that every reader knows.

use datafusion::arrow::{
    array::RecordBatch,
    compute::cast,
    datatypes::{DataType, Field, Schema, SchemaRef},
    error::ArrowError,
    ipc::writer::StreamWriter,
};
use std::sync::Arc;

/// Writes the stream piece by piece.
pub(super) struct Writer {
    schema: SchemaRef,
    stream: Option<StreamWriter<Vec<u8>>>,
}

/// Text views are younger than many readers.
fn common(field: &Arc<Field>) -> Arc<Field> {
    match field.data_type() {
        DataType::Utf8View => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8)),
        _ => Arc::clone(field),
    }
}

impl Writer {
    pub(super) fn new(schema: &SchemaRef) -> Self {
        let fields: Vec<Arc<Field>> = schema.fields().iter().map(common).collect();
        Self { schema: Arc::new(Schema::new(fields)), stream: None }
    }

    pub(super) fn begin(&mut self, out: &mut Vec<u8>) -> Result<(), ArrowError> {
        let mut stream = StreamWriter::try_new(Vec::new(), &self.schema)?;
        out.append(stream.get_mut());
        self.stream = Some(stream);
        Ok(())
    }

    pub(super) fn batch(&mut self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<(), ArrowError> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let columns = batch.columns().iter().zip(self.schema.fields());
        let columns = columns.map(|(column, field)| cast(column, field.data_type())).collect::<Result<_, _>>()?;
        stream.write(&RecordBatch::try_new(Arc::clone(&self.schema), columns)?)?;
        out.append(stream.get_mut());
        Ok(())
    }

    pub(super) fn end(&mut self, out: &mut Vec<u8>) -> Result<(), ArrowError> {
        if let Some(stream) = &mut self.stream {
            stream.finish()?;
            out.append(stream.get_mut());
        }
        Ok(())
    }
}
