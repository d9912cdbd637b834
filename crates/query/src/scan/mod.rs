//! A scan of flow log text: the engine's plan of it, and how it is run.
//!
//! * [`TextScan`] is the plan: which columns, conditions and how many rows.
//! * `work` is what its partitions share: whoever is idle takes the next part of a
//!   file, or the next file.
//! * `worker` is a partition: it reads, decodes, and keeps the rows that the
//!   conditions hold for.
//! * `pick` reads columns only of the lines whose rows are kept.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Statistics, internal_err};
use datafusion::datasource::source::{DataSource, OpenArgs};
use datafusion::error::Result;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_expr::utils::reassign_expr_columns;
use datafusion::physical_expr::{EquivalenceProperties, Partitioning};
use datafusion::physical_plan::execution_plan::SchedulingType;
use datafusion::physical_plan::expressions::Column;
use datafusion::physical_plan::filter_pushdown::{FilterPushdownPropagation, PushedDown};
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion::physical_plan::{DisplayFormatType, PhysicalExpr};

use crate::sources::Sources;
use crate::table::Kind;
use columns::Columns;
use work::Work;
use worker::Worker;

mod columns;
mod condition;
mod pick;
mod whole;
mod work;
mod worker;

pub(crate) use self::condition::{Condition, Kept};

/// A scan of text files, and of batches that were decoded from text before.
#[derive(Debug, Clone)]
pub(crate) struct TextScan {
    kind: Kind,
    sources: Arc<Sources>,
    /// The columns of `flows`, which the decoder needs for both tables.
    flows: SchemaRef,
    table: SchemaRef,
    /// The columns of the table that are asked for.
    projection: Vec<usize>,
    /// These columns.
    schema: SchemaRef,
    /// What has to hold of a row, over the columns of the table.
    conditions: Vec<Arc<dyn PhysicalExpr>>,
    /// Rows that are enough, of all partitions together.
    fetch: Option<usize>,
    partitions: usize,
    metrics: ExecutionPlanMetricsSet,
}

impl TextScan {
    /// A scan of all rows, by at most so many partitions. `flows` has the columns
    /// of the records, `table` those of the table.
    pub(crate) fn new(
        kind: Kind,
        sources: Arc<Sources>,
        flows: SchemaRef,
        table: SchemaRef,
        partitions: usize,
    ) -> TextScan {
        let parts: u64 = sources.files.iter().map(|file| file.parts()).sum();
        let parts = parts + u64::from(!sources.batches(kind).is_empty());
        let partitions = usize::try_from(parts).unwrap_or(usize::MAX).min(partitions);
        TextScan {
            kind,
            sources,
            flows,
            projection: (0..table.fields().len()).collect(),
            schema: Arc::clone(&table),
            table,
            conditions: Vec::new(),
            fetch: None,
            partitions: partitions.max(1),
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }

    /// Only these columns of the table.
    pub(crate) fn with_projection(self, projection: Vec<usize>) -> Result<TextScan> {
        Ok(TextScan {
            schema: Arc::new(self.table.project(&projection)?),
            projection,
            ..self
        })
    }

    /// Only rows for which these hold too, over the columns of the table.
    pub(crate) fn with_conditions(
        mut self,
        conditions: impl IntoIterator<Item = Arc<dyn PhysicalExpr>>,
    ) -> TextScan {
        self.conditions.extend(conditions);
        self
    }

    /// So many rows are enough.
    pub(crate) fn with_limit(self, fetch: Option<usize>) -> TextScan {
        TextScan { fetch, ..self }
    }

    fn predicate(&self) -> Option<String> {
        let conditions: Vec<String> = self.conditions.iter().map(ToString::to_string).collect();
        (!conditions.is_empty()).then(|| conditions.join(" AND "))
    }
}

impl DataSource for TextScan {
    fn open(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        self.open_with_args(OpenArgs::new(partition, context))
    }

    fn create_sibling_state(&self, _: &ConfigOptions) -> Option<Arc<dyn Any + Send + Sync>> {
        Some(Arc::new(Work::new(&self.sources, self.kind, self.fetch)))
    }

    fn open_with_args(&self, args: OpenArgs) -> Result<SendableRecordBatchStream> {
        let work = args.sibling_state.map(Arc::downcast::<Work>);
        let Some(Ok(work)) = work else {
            return internal_err!("the partitions of a scan of text share what there is to read");
        };
        let columns = Columns::new(self, &self.conditions)?;
        let batch_rows = args.context.session_config().batch_size();
        Ok(Worker::new(self, work, columns, batch_rows, args.partition).into_stream())
    }

    fn fmt_as(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files = &self.sources.files;
        let parts: u64 = files.iter().map(|file| file.parts()).sum();
        let batches = self.sources.batches(self.kind).len();
        match format {
            DisplayFormatType::Default | DisplayFormatType::Verbose => {
                write!(f, "TextScan: files={}, parts={parts}", files.len())?;
                if batches > 0 {
                    write!(f, ", batches={batches}")?;
                }
                write!(f, ", partitions={}", self.partitions)?;
                write!(f, ", projection=[{}]", names(&self.schema))?;
                if let Some(predicate) = self.predicate() {
                    write!(f, ", predicate={predicate}")?;
                }
                match self.fetch {
                    Some(fetch) => write!(f, ", limit={fetch}"),
                    None => Ok(()),
                }
            }
            DisplayFormatType::TreeRender => {
                writeln!(f, "format=text")?;
                writeln!(f, "files={}", files.len())?;
                writeln!(f, "parts={parts}")?;
                match self.predicate() {
                    Some(predicate) => writeln!(f, "predicate={predicate}"),
                    None => Ok(()),
                }
            }
        }
    }

    fn output_partitioning(&self) -> Partitioning {
        Partitioning::UnknownPartitioning(self.partitions)
    }

    fn eq_properties(&self) -> EquivalenceProperties {
        EquivalenceProperties::new(Arc::clone(&self.schema))
    }

    fn scheduling_type(&self) -> SchedulingType {
        SchedulingType::Cooperative
    }

    /// How many rows there are, only reading tells.
    fn partition_statistics(&self, partition: Option<usize>) -> Result<Arc<Statistics>> {
        let mut statistics = Statistics::new_unknown(&self.schema);
        if partition.is_none() && self.sources.batches(self.kind).is_empty() {
            let sizes = self.sources.files.iter().map(|file| file.file.size_bytes);
            // The engine takes conditions to hold for a fifth of the rows.
            let share = if self.conditions.is_empty() { 1 } else { 5 };
            let bytes = usize::try_from(sizes.sum::<u64>() / share);
            statistics.total_byte_size = bytes.map_or(Precision::Absent, Precision::Inexact);
        }
        Ok(Arc::new(statistics))
    }

    fn with_fetch(&self, limit: Option<usize>) -> Option<Arc<dyn DataSource>> {
        Some(Arc::new(self.clone().with_limit(limit)))
    }

    fn fetch(&self) -> Option<usize> {
        self.fetch
    }

    fn metrics(&self) -> ExecutionPlanMetricsSet {
        self.metrics.clone()
    }

    /// Only columns as they are: whatever is calculated, others do.
    fn try_swapping_with_projection(
        &self,
        projection: &ProjectionExprs,
    ) -> Result<Option<Arc<dyn DataSource>>> {
        let column = |expr: &Arc<dyn PhysicalExpr>, alias: &str| {
            let column = expr.downcast_ref::<Column>()?;
            (column.name() == alias).then(|| self.projection[column.index()])
        };
        let columns: Option<Vec<usize>> = projection
            .iter()
            .map(|wanted| column(&wanted.expr, &wanted.alias))
            .collect();
        match columns {
            Some(columns) => Ok(Some(Arc::new(self.clone().with_projection(columns)?))),
            None => Ok(None),
        }
    }

    /// All of them: a condition costs here what it costs elsewhere, and fewer
    /// columns may have to be read. Those that the engine finds out while it runs
    /// come this way too.
    fn try_pushdown_filters(
        &self,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        _: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn DataSource>>> {
        let taken = vec![PushedDown::Yes; filters.len()];
        let conditions = filters
            .into_iter()
            .map(|filter| reassign_expr_columns(filter, &self.table))
            .collect::<Result<Vec<_>>>()?;
        let scan: Arc<dyn DataSource> = Arc::new(self.clone().with_conditions(conditions));
        Ok(FilterPushdownPropagation::with_parent_pushdown_result(taken).with_updated_node(scan))
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        for condition in &self.conditions {
            if f(condition)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }
}

fn names(schema: &Schema) -> String {
    let fields = schema.fields().iter();
    let names: Vec<&str> = fields.map(|field| field.name().as_str()).collect();
    names.join(", ")
}
