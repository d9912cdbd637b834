//! Texts that a scan numbers for a grouping.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::datasource::physical_plan::{
    FileScanConfig, FileScanConfigBuilder, FileSource, ParquetSource,
};
use datafusion::datasource::source::DataSourceExec;
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::projection::{ProjectionExpr, ProjectionExprs};
use datafusion::physical_expr::utils::collect_columns;
use datafusion::physical_plan::aggregates::AggregateExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::{
    ExecutionPlan, Partitioning, PhysicalExpr, replace_children_if_necessary,
};

use crate::keys::Packed;
use crate::parquet::CodedFiles;

/// A scan in place of that below a step, which makes numbers of the texts of its key that
/// nobody else asks for. Files of Parquet have most of them with a dictionary, and each
/// text of it is numbered once; a filter in between has four bytes to move in place of
/// sixteen.
///
/// `None` if there is no such text.
pub(super) fn numbering_scan(step: &AggregateExec) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    let [(key, _)] = step.group_expr().expr() else {
        return Ok(None);
    };
    let (Some(packed), Some(below)) = (key.downcast_ref::<Packed>(), Below::of(step.input()))
    else {
        return Ok(None);
    };
    below.numbered(&below.texts(step, packed), packed)
}

/// A scan of Parquet files, and what is between it and a step.
struct Below<'a> {
    filter: Option<&'a FilterExec>,
    config: &'a FileScanConfig,
    source: &'a ParquetSource,
}

impl<'a> Below<'a> {
    fn of(input: &'a Arc<dyn ExecutionPlan>) -> Option<Below<'a>> {
        let mut filter = None;
        let mut plan = input;
        loop {
            if let Some(scan) = plan.downcast_ref::<DataSourceExec>() {
                let (config, source) = scan.downcast_to_file_source::<ParquetSource>()?;
                let below = Below {
                    filter,
                    config,
                    source,
                };
                return below.is_worth_it().then_some(below);
            }
            plan = if let Some(next) = plan.downcast_ref::<FilterExec>()
                && filter.is_none()
            {
                filter = Some(next);
                next.input()
            } else {
                let exchange = plan.downcast_ref::<RepartitionExec>()?;
                let is_plain = matches!(exchange.partitioning(), Partitioning::RoundRobinBatch(_));
                is_plain.then(|| exchange.input())?
            };
        }
    }

    /// Whether to number the texts of all rows takes little. It does where files have
    /// dictionaries, as those of a store, unless hardly any row is read.
    fn is_worth_it(&self) -> bool {
        let is_narrow = self.source.table_parquet_options().global.pushdown_filters;
        let is_of_others = self.config.expr_adapter_factory.is_some();
        !(is_narrow || is_of_others && self.filter.is_some())
    }

    /// Where the scan makes a column that comes to the step.
    fn place(&self, column: &Column) -> Option<usize> {
        let places = self.filter.and_then(|filter| filter.projection().as_ref());
        match places {
            Some(places) => places.get(column.index()).copied(),
            None => Some(column.index()),
        }
    }

    /// The column of the files that the scan makes in a place.
    fn column(&self, place: usize) -> Option<&Column> {
        let column = self.source.projection()?.iter().nth(place)?;
        column.expr.downcast_ref::<Column>()
    }

    /// The places of texts that are asked for as keys alone.
    fn texts(&self, step: &AggregateExec, packed: &Packed) -> HashSet<usize> {
        let filter = self.filter.into_iter();
        let conditions = filter.flat_map(|filter| collect_columns(filter.predicate()));
        let mut others: HashSet<usize> = conditions.map(|column| column.index()).collect();
        let values = step
            .aggr_expr()
            .iter()
            .flat_map(|value| value.expressions());
        let filters = step.filter_expr().iter().flatten().cloned();
        for expr in values.chain(filters).chain(packed.other_texts().cloned()) {
            let columns = collect_columns(&expr);
            others.extend(columns.iter().filter_map(|column| self.place(column)));
        }
        // By their names: files are pruned by what they say of text.
        let pruned = self.source.filter();
        let pruned = pruned.iter().flat_map(collect_columns);
        let pruned: HashSet<_> = pruned.map(|column| column.name().to_owned()).collect();
        let is_free = |place: &usize| {
            let column = self.column(*place);
            !others.contains(place) && column.is_some_and(|column| !pruned.contains(column.name()))
        };
        let texts = packed.texts();
        let places = texts.filter_map(|text| self.place(text.downcast_ref::<Column>()?));
        places.filter(is_free).collect()
    }

    /// The scan, with numbers in these places.
    fn numbered(
        &self,
        texts: &HashSet<usize>,
        packed: &Packed,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let files = self.source.parquet_file_reader_factory();
        let (false, Some(files)) = (texts.is_empty(), files) else {
            return Ok(None);
        };
        let names = texts.iter().filter_map(|place| self.column(*place));
        let names = names.map(|column| column.name().to_owned());
        let files = Arc::new(CodedFiles::new(Arc::clone(files), names.collect()));
        let schema = self.config.projected_schema()?;
        let partitions = self.config.file_groups.len();
        let columns = schema.fields().iter().enumerate().map(|(place, field)| {
            let column: Arc<dyn PhysicalExpr> = Arc::new(Column::new(field.name(), place));
            ProjectionExpr {
                alias: field.name().clone(),
                expr: match texts.contains(&place) {
                    true => packed.number_of(column, partitions),
                    false => column,
                },
            }
        });
        let source = self.source.clone().with_parquet_file_reader_factory(files);
        let source = source.try_pushdown_projection(&ProjectionExprs::new(columns))?;
        let Some(source) = source else {
            return Ok(None);
        };
        let config = FileScanConfigBuilder::from(self.config.clone()).with_source(source);
        Ok(Some(DataSourceExec::from_data_source(config.build())))
    }
}

/// What is over a scan, over another one.
pub(super) fn over(
    plan: Arc<dyn ExecutionPlan>,
    scan: Arc<dyn ExecutionPlan>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let below = match plan.children()[..] {
        [below] => Arc::clone(below),
        _ => return Ok(scan),
    };
    replace_children_if_necessary(plan, vec![over(below, scan)?])
}
