//! The records of one Parquet file, without a query: to be stored.

use std::fmt;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::DataType;
use datafusion::prelude::{DataFrame, SessionContext, cast, ident};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use vpcflow_functions::Functions;
use vpcflow_ingest::{Decoded, InputFile, ParquetDecoder, SinkError};
use vpcflow_record::{Field, rejects_schema};

use super::table::ParquetTable;
use crate::error::Error;
use crate::limits::Limits;
use crate::session::new_context;

/// Reads Parquet files as records.
///
/// A column that AWS does not document becomes text, as an unknown field of text does.
#[derive(Clone)]
pub struct ParquetRecords {
    context: SessionContext,
}

impl fmt::Debug for ParquetRecords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParquetRecords").finish_non_exhaustive()
    }
}

impl ParquetRecords {
    /// A reader with the usual limits, which makes no temporary files: rows are read
    /// in their order.
    ///
    /// # Errors
    /// None that are known.
    pub fn new() -> Result<ParquetRecords, Error> {
        let limits = Limits {
            spill_directory: None,
            ..Limits::default()
        };
        let context = new_context(&Functions::new(), &limits)?;
        Ok(ParquetRecords { context })
    }
}

impl ParquetDecoder for ParquetRecords {
    fn decode(&self, file: InputFile) -> BoxStream<'static, Result<Decoded, SinkError>> {
        let context = self.context.clone();
        let mut unread_bytes = file.size_bytes;
        let batches = async move {
            let frame = records(&context, file).await?;
            let batches = frame.execute_stream().await?;
            Ok::<_, Error>(batches.map_err(Error::from))
        };
        let decoded = move |rows: RecordBatch| Decoded {
            rows,
            rejects: RecordBatch::new_empty(rejects_schema()),
            // All of the file is read for its first rows.
            bytes: std::mem::take(&mut unread_bytes),
            cut: 0,
        };
        futures::stream::once(batches)
            .try_flatten()
            .map_ok(decoded)
            .map_err(|error| match error {
                // Under the type that tells what is wrong with a source.
                Error::Input(error) => error.into(),
                error => SinkError::from(error),
            })
            .boxed()
    }
}

/// The records of a file.
async fn records(context: &SessionContext, file: InputFile) -> Result<DataFrame, Error> {
    let mut tables = ParquetTable::open(&context.runtime_env(), vec![file]).await?;
    let Some(table) = tables.pop() else {
        return Ok(context.read_empty()?);
    };
    let frame = context.read_table(table)?;
    let columns: Vec<_> = frame
        .schema()
        .fields()
        .iter()
        .map(|field| match Field::from_name(field.name()) {
            None if *field.data_type() != DataType::Utf8View => {
                cast(ident(field.name()), DataType::Utf8View).alias(field.name())
            }
            _ => ident(field.name()),
        })
        .collect();
    Ok(frame.select(columns)?)
}
