//! Files that only one thread can read, from start to end.

use std::sync::Arc;

use datafusion::error::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchReceiverStream;

use super::columns::Columns;
use super::worker::Metrics;
use crate::sources::SourceFile;
use crate::table::{Kind, external};

/// Batches that reading may be ahead of the query.
const BATCHES_AHEAD: usize = 4;

/// The decoded columns of a file, or its rejects: undone and decoded on a thread
/// of its own, so that one large file keeps two busy. Dropping the stream ends it.
pub(super) fn read(
    file: SourceFile,
    columns: &Columns,
    metrics: Metrics,
) -> SendableRecordBatchStream {
    let schema = match columns.kind {
        Kind::Flows => columns.decoded_schema(),
        Kind::Rejects => vpcflow_record::rejects_schema(),
    };
    let (kind, options) = (columns.kind, columns.options());
    let mut stream = RecordBatchReceiverStream::builder(Arc::clone(&schema), BATCHES_AHEAD);
    let output = stream.tx();
    stream.spawn_blocking(move || -> Result<()> {
        let mut decoder = file.decode(options).map_err(external)?;
        let mut before = decoder.counts();
        // Nobody receives any more: the query has all that it wants.
        while !output.is_closed()
            && let Some(decoded) = decoder.next()
        {
            let decoded = decoded.map_err(external)?;
            file.counts.reached(decoder.counts());
            metrics.count(before, decoder.counts());
            before = decoder.counts();
            let batch = match kind {
                Kind::Flows => decoded.rows,
                Kind::Rejects => decoded.rejects,
            };
            if batch.num_rows() > 0 && output.blocking_send(Ok(batch)).is_err() {
                return Ok(());
            }
        }
        file.counts.reached(decoder.counts());
        metrics.count(before, decoder.counts());
        Ok(())
    });
    stream.build()
}
