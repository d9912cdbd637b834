//! Reads `flows` once and hands its batches to all readers.

use std::sync::Arc;

use datafusion::arrow::array::{RecordBatch, cast::AsArray};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::Schema;
use datafusion::common::{DFSchema, exec_err};
use datafusion::error::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::utils::conjunction;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties, PhysicalExpr};
use datafusion::prelude::{Expr, SessionContext, ident};
use futures::StreamExt;
use tokio::sync::mpsc::Sender;

use super::table::Reader;

/// A partition of the scan of `flows`, and who gets its batches.
pub(super) struct Feed {
    partition: usize,
    batches: SendableRecordBatchStream,
    groups: Arc<Vec<Group>>,
}

/// Readers on the same conditions.
struct Group {
    conditions: Vec<Expr>,
    /// The conditions, over the columns of the scan; `None` for all rows.
    predicate: Option<Arc<dyn PhysicalExpr>>,
    readers: Vec<Target>,
}

struct Target {
    /// Columns, by their place in the scan.
    projection: Vec<usize>,
    partitions: Vec<Sender<RecordBatch>>,
}

/// The feeds of a scan for these readers, one for each of its partitions; none where
/// nobody reads.
pub(super) async fn feeds(context: &SessionContext, readers: Vec<Reader>) -> Result<Vec<Feed>> {
    if readers.is_empty() {
        return Ok(Vec::new());
    }
    let frame = context.table("flows").await?;
    let flows = Arc::clone(frame.schema().inner());
    let common = common_conditions(&readers);
    let scanned = scanned_columns(&flows, &readers, &common);

    let frame = match conjunction(common.iter().cloned()) {
        Some(condition) => frame.filter(condition)?,
        None => frame,
    };
    let columns = scanned
        .iter()
        .map(|index| ident(flows.field(*index).name()));
    let plan = frame.select(columns)?.create_physical_plan().await?;
    let groups = Arc::new(groups(context, &plan, &scanned, readers, &common)?);
    let mut feeds = Vec::new();
    for partition in 0..plan.output_partitioning().partition_count() {
        feeds.push(Feed {
            partition,
            batches: plan.execute(partition, context.task_ctx())?,
            groups: Arc::clone(&groups),
        });
    }
    Ok(feeds)
}

/// The conditions that every reader has: the scan need not read other rows.
fn common_conditions(readers: &[Reader]) -> Vec<Expr> {
    let Some((first, others)) = readers.split_first() else {
        return Vec::new();
    };
    let has_each = |condition: &&Expr| others.iter().all(|r| r.conditions.contains(condition));
    first.conditions.iter().filter(has_each).cloned().collect()
}

/// The columns that some reader asks for, or that decide a condition of its own, by
/// their place in `flows`.
fn scanned_columns(flows: &Schema, readers: &[Reader], common: &[Expr]) -> Vec<usize> {
    let mut is_scanned = vec![false; flows.fields().len()];
    for reader in readers {
        let own = reader.conditions.iter().filter(|c| !common.contains(c));
        let in_conditions = own.flat_map(Expr::column_refs);
        let in_conditions = in_conditions.filter_map(|column| flows.index_of(column.name()).ok());
        for index in in_conditions.chain(reader.projection.iter().copied()) {
            is_scanned[index] = true;
        }
    }
    (0..is_scanned.len())
        .filter(|index| is_scanned[*index])
        .collect()
}

fn groups(
    context: &SessionContext,
    plan: &Arc<dyn ExecutionPlan>,
    scanned: &[usize],
    readers: Vec<Reader>,
    common: &[Expr],
) -> Result<Vec<Group>> {
    let columns = DFSchema::try_from(plan.schema())?;
    let mut groups: Vec<Group> = Vec::new();
    for reader in readers {
        let own = reader
            .conditions
            .into_iter()
            .filter(|c| !common.contains(c));
        let conditions: Vec<Expr> = own.collect();
        let target = Target {
            projection: places(scanned, &reader.projection),
            partitions: reader.partitions,
        };
        match groups
            .iter_mut()
            .find(|group| group.conditions == conditions)
        {
            Some(group) => group.readers.push(target),
            None => {
                let predicate = conjunction(conditions.iter().cloned())
                    .map(|condition| context.state().create_physical_expr(condition, &columns))
                    .transpose()?;
                groups.push(Group {
                    conditions,
                    predicate,
                    readers: vec![target],
                });
            }
        }
    }
    Ok(groups)
}

/// The places among the columns of the scan of these columns of `flows`.
fn places(scanned: &[usize], columns: &[usize]) -> Vec<usize> {
    columns
        .iter()
        .filter_map(|column| scanned.binary_search(column).ok())
        .collect()
}

impl Feed {
    /// Reads to the end. A reader that has gone gets no more: it tells itself what
    /// became of it.
    pub(super) async fn run(mut self) -> Result<()> {
        let mut turn = self.partition;
        while let Some(batch) = self.batches.next().await {
            let batch = batch?;
            for group in self.groups.iter() {
                group.hand_out(&batch, turn).await?;
            }
            // Threads take turns, so that a file that one has to read from start to
            // end is not counted by one as well.
            turn = turn.wrapping_add(1);
        }
        Ok(())
    }
}

impl Group {
    async fn hand_out(&self, batch: &RecordBatch, turn: usize) -> Result<()> {
        let kept = match &self.predicate {
            None => batch.clone(),
            Some(predicate) => {
                let holds = predicate.evaluate(batch)?.into_array(batch.num_rows())?;
                let Some(holds) = holds.as_boolean_opt() else {
                    return exec_err!("the condition is {}, not true or false", holds.data_type());
                };
                filter_record_batch(batch, holds)?
            }
        };
        if kept.num_rows() == 0 {
            return Ok(());
        }
        for reader in &self.readers {
            let rows = kept.project(&reader.projection)?;
            let partition = turn % reader.partitions.len();
            let _ = reader.partitions[partition].send(rows).await;
        }
        Ok(())
    }
}
