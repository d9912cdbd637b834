//! A table of a store: a scan of its files, and of rows in memory.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::compute::SortOptions;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, Statistics, project_schema};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::memory::MemorySourceConfig;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfig};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_expr::expressions::Column;
use datafusion::physical_expr::{LexOrdering, PhysicalSortExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::prelude::SessionContext;
use vpcflow_store::{DATE_COLUMN, dates};

use super::Directory;
use super::file::StoredFile;
use super::prune::{KnownFile, matching};
use super::reader::StoreFiles;
use crate::parquet::{ParquetScan, Sought, for_pruning, shared};
use crate::reach::Reach;
use crate::scans::{Scans, Size};
use crate::table::adapt;

/// Files of a store and rows that are in no file yet, as one table.
#[derive(Debug)]
pub(crate) struct StoreTable {
    directory: Directory,
    columns: TableSchema,
    files: Vec<StoredFile>,
    hot: Vec<RecordBatch>,
    /// Of the files.
    scans: Scans,
}

impl StoreTable {
    /// `schema` has the columns of the files, `day` that of their paths.
    pub(super) fn new(
        directory: Directory,
        schema: SchemaRef,
        day: Option<&str>,
        files: Vec<StoredFile>,
        hot: Vec<RecordBatch>,
    ) -> StoreTable {
        let day = day.map(|name| Arc::new(Field::new(name, DataType::Date32, true)));
        StoreTable {
            directory,
            columns: TableSchema::builder(schema)
                .with_table_partition_cols(day.into_iter().collect::<Vec<_>>())
                .build(),
            files,
            hot,
            scans: Scans::default(),
        }
    }

    /// Tells the engine where the files are.
    pub(crate) fn register_objects(&self, context: &SessionContext) {
        let objects = Arc::clone(&self.directory.objects);
        context.register_object_store(self.directory.root.as_ref(), objects);
    }

    /// Rows and bytes read of the files, and the rows in memory.
    pub(crate) fn read(&self) -> (u64, u64) {
        let (rows, bytes) = self.scans.read();
        let hot: usize = self.hot.iter().map(RecordBatch::num_rows).sum();
        (rows + hot as u64, bytes)
    }

    /// Counts anew from here on.
    pub(crate) fn forget_counts(&self) {
        self.scans.forget();
    }

    /// How far the files are read.
    pub(crate) fn reach(&self) -> Reach {
        self.scans.reach()
    }

    /// The files that may have rows for which all filters hold.
    fn matching(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<&StoredFile>> {
        let schema = self.columns.table_schema();
        let columns = DFSchema::try_from(Arc::clone(schema))?;
        let Some(condition) = for_pruning(filters, &columns) else {
            return Ok(self.files.iter().collect());
        };
        let condition = state.create_physical_expr(condition, &columns)?;
        Ok(matching(&self.files, schema, condition))
    }

    /// `None` if no file may have such rows.
    async fn scan_files(
        &self,
        state: &dyn Session,
        mut files: Vec<&StoredFile>,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let schema = self.columns.table_schema();
        let is_needed = needed(schema, projection, filters);
        let readers = StoreFiles::new(Arc::clone(&self.directory.objects), state);
        let scanned = files.iter();
        let scanned = scanned.map(|file| file.to_scan(schema, |column| is_needed[column]));
        let mut scanned: Vec<_> = scanned.collect();
        if let Some(sought) = Sought::of(filters) {
            scanned = sought.leave(scanned, &readers).await;
            let left: HashSet<_> = scanned.iter().map(PartitionedFile::path).collect();
            files.retain(|file| left.contains(file.path()));
        }
        if files.is_empty() {
            return Ok(None);
        }
        let known = scanned.iter().filter_map(|file| file.statistics.as_deref());
        let statistics = Statistics::try_merge_iter(known, schema)?;
        let (groups, ordering) = self.groups(state, &files, scanned);

        let scan = ParquetScan {
            root: self.directory.root.clone(),
            readers: Arc::new(readers),
            columns: self.columns.clone(),
            adapters: None,
            groups,
            ordering,
            statistics: Some(statistics),
        };
        let config = scan.config(state, projection, filters, limit)?;
        let size = Size {
            rows: files.iter().map(|file| file.rows()).sum(),
            bytes: files.iter().map(|file| file.size_bytes()).sum(),
        };
        let metrics = config.file_source().metrics().clone();
        self.scans.add(metrics, Some(size));
        Ok(Some(DataSourceExec::from_data_source(config)))
    }

    /// The files for each partition. In order of `start`, and said so, when they
    /// can be read one after the other that way: files of a day that was compacted
    /// do not overlap. Where nothing comes of the order, `order` takes it back.
    fn groups(
        &self,
        state: &dyn Session,
        files: &[&StoredFile],
        scanned: Vec<PartitionedFile>,
    ) -> (Vec<FileGroup>, Option<LexOrdering>) {
        let partitions = state.config().target_partitions().max(1);
        if let Some(ordering) = self.ordering(files) {
            let all = FileGroup::new(scanned.clone());
            let groups = FileScanConfig::split_groups_by_statistics_with_target_partitions(
                self.columns.table_schema(),
                std::slice::from_ref(&all),
                &ordering,
                partitions,
            );
            if let Ok(groups) = groups
                && groups.len() <= partitions
            {
                return (groups, Some(ordering));
            }
        }
        (shared(scanned, partitions), None)
    }

    /// The order of the rows of each file. Rows without a `start` come first in a
    /// file, and so would in the middle of several: none of them may have any.
    fn ordering(&self, files: &[&StoredFile]) -> Option<LexOrdering> {
        let start = self.columns.table_schema().index_of("start").ok()?;
        let is_whole = |file: &&StoredFile| file.null_count("start") == Some(0);
        let ascending = SortOptions {
            descending: false,
            nulls_first: false,
        };
        let column = Arc::new(Column::new("start", start));
        files
            .iter()
            .all(is_whole)
            .then(|| LexOrdering::new([PhysicalSortExpr::new(column, ascending)]))?
    }

    fn scan_hot(
        &self,
        projection: Option<&Vec<usize>>,
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = project_schema(self.columns.table_schema(), projection)?;
        let batches = self
            .hot
            .iter()
            .map(|batch| match schema.index_of(DATE_COLUMN) {
                Ok(_) => adapt(&with_date(batch)?, &schema),
                Err(_) => adapt(batch, &schema),
            })
            .collect::<Result<Vec<_>>>()?;
        let config = MemorySourceConfig::try_new(&[batches], schema, None)?.with_limit(limit);
        Ok(DataSourceExec::from_data_source(config))
    }
}

#[async_trait]
impl TableProvider for StoreTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.columns.table_schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut inputs = Vec::new();
        let files = self.matching(state, filters)?;
        let scan = self.scan_files(state, files, projection, filters, limit);
        inputs.extend(scan.await?);
        if !self.hot.is_empty() {
            inputs.push(self.scan_hot(projection, limit)?);
        }
        if inputs.is_empty() {
            let schema = project_schema(self.columns.table_schema(), projection)?;
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        UnionExec::try_new(inputs)
    }
}

/// For each column whether a query asks for it, or for what the log says of it.
fn needed(schema: &Schema, projection: Option<&Vec<usize>>, filters: &[Expr]) -> Vec<bool> {
    let mut needed = vec![projection.is_none(); schema.fields().len()];
    let in_filters = filters.iter().flat_map(Expr::column_refs);
    let in_filters = in_filters.filter_map(|column| schema.index_of(column.name()).ok());
    // Files are ordered by their times.
    let times = schema.index_of("start").ok();
    for column in in_filters
        .chain(times)
        .chain(projection.into_iter().flatten().copied())
    {
        needed[column] = true;
    }
    needed
}

/// Rows with the column that files have in their paths.
fn with_date(batch: &RecordBatch) -> Result<RecordBatch> {
    let field = Arc::new(Field::new(DATE_COLUMN, DataType::Date32, true));
    let fields = batch.schema_ref().fields().iter().cloned().chain([field]);
    let date: ArrayRef = Arc::new(dates(batch));
    let columns = batch.columns().iter().cloned().chain([date]);
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    Ok(RecordBatch::try_new(schema, columns.collect())?)
}
