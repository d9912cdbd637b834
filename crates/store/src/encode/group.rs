//! A file of one row group, whose columns are encoded by whoever has time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ParquetMetaData;

use super::tools::Tools;
use super::{Closed, EncoderOptions, Shape, append_group};

/// Rows that become a file of one row group. Each column is encoded once, by one of
/// the threads that are in [`Group::work`].
#[derive(Debug)]
pub(crate) struct Group {
    shape: Shape,
    batches: Vec<RecordBatch>,
    order: Option<Vec<u32>>,
    /// The column that is taken next.
    next: AtomicUsize,
    /// Those that are encoded.
    done: Mutex<Vec<Option<Closed>>>,
}

impl Group {
    /// The rows of all batches behind each other, in this order of theirs or as they
    /// are. All batches have the schema.
    pub(crate) fn new(
        schema: &SchemaRef,
        options: EncoderOptions,
        batches: Vec<RecordBatch>,
        order: Option<Vec<u32>>,
    ) -> Result<Group> {
        let shape = Shape::new(schema, options)?;
        let nothing = (0..shape.len()).map(|_| None).collect();
        Ok(Group {
            shape,
            batches,
            order,
            next: AtomicUsize::new(0),
            done: Mutex::new(nothing),
        })
    }

    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.shape.schema
    }

    /// Encodes columns until none is left to take. Other threads may still be at
    /// theirs then.
    pub(crate) fn work(&self) -> Result<()> {
        let mut tools = Tools::take()?;
        let take = || {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            (index < self.shape.len()).then_some(index)
        };
        while let Some(index) = take() {
            let mut column = self.shape.column(index, &mut tools);
            let parts: Vec<_> = self.batches.iter().map(|b| b.column(index)).collect();
            column.add(&parts, self.order.as_deref(), &mut tools)?;
            let closed = column.close(&mut tools)?;
            self.done()[index] = Some(closed);
        }
        tools.give_back();
        Ok(())
    }

    /// Whether all columns are encoded.
    pub(crate) fn is_done(&self) -> bool {
        self.done().iter().all(Option::is_some)
    }

    /// The bytes of the file, and what its end says, when all columns are encoded.
    pub(crate) fn finish(&self) -> Result<(Vec<u8>, ParquetMetaData)> {
        let columns = std::mem::take(&mut *self.done());
        let missing = || ParquetError::General("a column was not encoded".to_owned());
        let columns = columns.into_iter().map(|done| done.ok_or_else(missing));
        let mut file = self.shape.file()?;
        append_group(&mut file, columns)?;
        let metadata = file.finish()?;
        Ok((std::mem::take(file.inner_mut()), metadata))
    }

    fn done(&self) -> MutexGuard<'_, Vec<Option<Closed>>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
