//! The first step of a grouping in a plan.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::common::internal_err;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::metrics::{
    BaselineMetrics, Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet, RecordOutput,
};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr, PlanProperties,
    replace_children_if_necessary,
};
use futures::{StreamExt, stream};

use super::FirstStep;
use super::condition::{Filter, is_harmless};

/// Does what a first step of the engine does, whose key is a number.
#[derive(Debug)]
pub(super) struct FirstStepExec {
    step: AggregateExec,
    /// Decided here, where values of rows that it does not hold for do no harm.
    filter: Option<FilterExec>,
    metrics: ExecutionPlanMetricsSet,
}

impl FirstStepExec {
    /// Of a step whose key is a number.
    pub(super) fn new(step: AggregateExec) -> FirstStepExec {
        let filter = step.input().downcast_ref::<FilterExec>();
        let filter = filter.filter(|filter| filter.fetch().is_none() && is_harmless(&step));
        FirstStepExec {
            filter: filter.cloned(),
            step,
            metrics: ExecutionPlanMetricsSet::new(),
        }
    }
}

impl DisplayAs for FirstStepExec {
    fn fmt_as(&self, kind: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FirstStepExec: ")?;
        if let Some(filter) = &self.filter {
            write!(f, "where={}, ", filter.predicate())?;
        }
        self.step.fmt_as(kind, f)
    }
}

impl ExecutionPlan for FirstStepExec {
    fn name(&self) -> &'static str {
        "FirstStepExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.step.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        match &self.filter {
            Some(filter) => filter.children(),
            None => self.step.children(),
        }
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        if let Some(filter) = &self.filter {
            filter.apply_expressions(f)?;
        }
        self.step.apply_expressions(f)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let children = match &self.filter {
            Some(filter) => {
                let filter = Arc::new(filter.clone());
                vec![replace_children_if_necessary(filter, children)?]
            }
            None => children,
        };
        let step = replace_children_if_necessary(Arc::new(self.step.clone()), children)?;
        match step.downcast_ref::<AggregateExec>() {
            Some(step) => Ok(Arc::new(FirstStepExec::new(step.clone()))),
            None => internal_err!("{} is no step of a grouping", step.name()),
        }
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let options = &context.session_config().options().execution;
        let counter = |name| MetricBuilder::new(&self.metrics).counter(name, partition);
        let memory = MemoryConsumer::new(format!("FirstStep[{partition}]"))
            .with_can_spill(true)
            .register(context.memory_pool());
        let batch_rows = context.session_config().batch_size();
        let (input, filter) = match &self.filter {
            Some(filter) => (filter.input(), Some(Filter::of(filter))),
            None => (self.step.input(), None),
        };
        let groups = Groups {
            input: input.execute(partition, Arc::clone(&context))?,
            step: FirstStep::new(&self.step, filter, batch_rows)?,
            memory,
            probe: Probe {
                rows: 0,
                least_rows: options.skip_partial_aggregation_probe_rows_threshold,
                ratio: options.skip_partial_aggregation_probe_ratio_threshold,
            },
            output: None,
            batch_rows,
            state: State::Groups,
            baseline: BaselineMetrics::new(&self.metrics, partition),
            skipped: counter("skipped_aggregation_rows"),
        };
        let batches = stream::try_unfold(groups, |mut groups| async move {
            let batch = groups.next().await?;
            Ok(batch.map(|batch| (batch.record_output(&groups.baseline), groups)))
        });
        let schema = self.schema();
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches)))
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// The groups of a partition, as they are asked for.
struct Groups {
    input: SendableRecordBatchStream,
    step: FirstStep,
    memory: MemoryReservation,
    probe: Probe,
    /// Groups that are handed out.
    output: Option<RecordBatch>,
    batch_rows: usize,
    state: State,
    baseline: BaselineMetrics,
    skipped: Count,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Rows are grouped.
    Groups,
    /// Hardly any row has a group already: each is handed out as one.
    Passes,
    Ended,
}

/// Whether there are fewer groups than rows.
struct Probe {
    rows: usize,
    /// So many rows are grouped before it is asked.
    least_rows: usize,
    /// Groups a row from which they are hardly fewer.
    ratio: f64,
}

impl Probe {
    fn is_for_nothing(&mut self, rows: usize, groups: usize) -> bool {
        self.rows += rows;
        self.rows >= self.least_rows && groups as f64 / self.rows as f64 > self.ratio
    }
}

impl Groups {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Some(batch) = self.next_output() {
                return Ok(Some(batch));
            }
            if self.state == State::Ended {
                return Ok(None);
            }
            let batch = self.input.next().await.transpose()?;
            let elapsed = self.baseline.elapsed_compute().clone();
            let _timer = elapsed.timer();
            let Some(batch) = batch else {
                self.state = State::Ended;
                self.output = self.step.take()?;
                continue;
            };
            if self.state == State::Passes {
                let groups = self.step.as_groups(&batch)?;
                self.skipped.add(groups.num_rows());
                if groups.num_rows() > 0 {
                    return Ok(Some(groups));
                }
                continue;
            }
            let rows = self.step.add(&batch)?;
            if self.probe.is_for_nothing(rows, self.step.len()) {
                self.state = State::Passes;
                self.output = self.step.take()?;
            }
            match self.memory.try_resize(self.step.size_bytes()) {
                Ok(()) => {}
                // The next step puts groups together that come twice.
                Err(DataFusionError::ResourcesExhausted(_)) if self.step.len() > 0 => {
                    self.output = self.step.take()?;
                    self.memory.try_resize(self.step.size_bytes())?;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn next_output(&mut self) -> Option<RecordBatch> {
        let output = self.output.take()?;
        let rows = output.num_rows();
        if rows > self.batch_rows {
            self.output = Some(output.slice(self.batch_rows, rows - self.batch_rows));
        }
        Some(output.slice(0, rows.min(self.batch_rows)))
    }
}
