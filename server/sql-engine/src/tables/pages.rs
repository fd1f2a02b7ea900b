//! Pages of rows from the store as one stream of batches.

use crate::{
    SqlError,
    home::{Home, Pages},
};
use datafusion::{
    arrow::{array::RecordBatch, datatypes::SchemaRef},
    error::Result,
    execution::{SendableRecordBatchStream, TaskContext},
    physical_plan::{
        ExecutionPlan,
        stream::RecordBatchStreamAdapter,
        streaming::{PartitionStream, StreamingTableExec},
    },
};
use futures_util::stream;
use std::{fmt, sync::Arc};

type Open<T> = Box<dyn Fn(&Home) -> Pages<T> + Send + Sync>;

/// Asks the store for pages when it is run, and turns each into a batch.
struct PageStream<T> {
    schema: SchemaRef,
    home: Home,
    open: Arc<Open<T>>,
    pack: fn(&SchemaRef, &[T]) -> Result<RecordBatch>,
}

impl<T> fmt::Debug for PageStream<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PageStream").finish_non_exhaustive()
    }
}

impl<T: Send + 'static> PartitionStream for PageStream<T> {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (home, schema, pack) = (self.home.clone(), Arc::clone(&self.schema), self.pack);
        let pages = (self.open)(&home);
        let batches = stream::try_unfold(pages, move |mut pages| {
            let (home, schema) = (home.clone(), Arc::clone(&schema));
            async move {
                match pages.next().await {
                    None => Ok(None),
                    Some(Ok(page)) => Ok(Some((pack(&schema, &page)?, pages))),
                    Some(Err(error)) => Err(home.fail(SqlError::Store(error))),
                }
            }
        });
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches))
    }
}

/// A plan that streams the pages.
pub(super) fn plan<T: Send + 'static>(
    schema: &SchemaRef,
    home: &Home,
    open: Open<T>,
    pack: fn(&SchemaRef, &[T]) -> Result<RecordBatch>,
    projection: Option<&Vec<usize>>,
    limit: Option<usize>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let stream = PageStream { schema: Arc::clone(schema), home: home.clone(), open: Arc::new(open), pack };
    let exec = StreamingTableExec::try_new(Arc::clone(schema), vec![Arc::new(stream)], projection, [], false, limit)?;
    Ok(Arc::new(exec))
}
