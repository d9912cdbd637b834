//! The table over Parquet files.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{DFSchema, project_schema};
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::object_store::ObjectMeta;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use futures::{StreamExt, TryStreamExt};
use vpcflow_ingest::{InputFile, format_tellers};

use super::adapt::FlowsAdapters;
use super::files::{FoundFile, Place, SourceFiles, failure};
use super::scan::{ParquetScan, for_pruning, shared};
use super::schema::table_schema;
use crate::error::Error;
use crate::reach::Reach;
use crate::scans::Scans;
use crate::sources::ReadCounts;
use crate::store::{StoreFiles, matching};

/// Footers that are read at a time.
const READ_AT_ONCE: usize = 16;

/// Parquet files of this machine, or of one bucket, as one table.
#[derive(Debug)]
pub(crate) struct ParquetTable {
    place: Place,
    schema: SchemaRef,
    found: Vec<FoundFile>,
    files: Arc<HashMap<datafusion::object_store::path::Path, InputFile>>,
    scans: Scans,
}

impl ParquetTable {
    /// A table for each place that files are in.
    ///
    /// # Errors
    /// When a file is not there, or is no Parquet.
    pub(crate) async fn open(
        environment: &Arc<RuntimeEnv>,
        files: Vec<InputFile>,
    ) -> Result<Vec<Arc<ParquetTable>>, Error> {
        let mut places: BTreeMap<String, (Place, Vec<InputFile>)> = BTreeMap::new();
        for file in files {
            let place = Place::of(&file)?;
            let name = place.root.as_str().to_owned();
            let (_, files) = places.entry(name).or_insert_with(|| (place, Vec::new()));
            files.push(file);
        }
        let mut tables = Vec::new();
        for (place, files) in places.into_values() {
            tables.push(Arc::new(
                ParquetTable::new(environment, place, files).await?,
            ));
        }
        Ok(tables)
    }

    async fn new(
        environment: &Arc<RuntimeEnv>,
        place: Place,
        files: Vec<InputFile>,
    ) -> Result<ParquetTable, Error> {
        environment.register_object_store(place.root.as_ref(), Arc::clone(&place.objects));
        let found: Vec<_> = files.iter().map(|file| place.find(file)).collect();
        let found = futures::stream::iter(found).buffered(READ_AT_ONCE);
        let found: Vec<ObjectMeta> = found.try_collect().await?;
        // All files of a flow log have one format: the first tells it.
        let mut tellers = format_tellers(&files);
        tellers.sort_unstable();
        tellers.dedup();
        let cache = environment.cache_manager.get_file_metadata_cache();
        let schema = |index: usize| {
            let (objects, cache) = (&place.objects, Arc::clone(&cache));
            let (file, meta) = (&files[index], &found[index]);
            async move {
                let metadata = DFParquetMetadata::new(objects, meta);
                let metadata = metadata.with_file_metadata_cache(Some(cache));
                let schema = metadata.fetch_schema().await;
                schema.map_err(|error| Error::from(failure(file, &error)))
            }
        };
        let schemas = futures::stream::iter(tellers)
            .map(schema)
            .buffered(READ_AT_ONCE);
        let schemas: Vec<Schema> = schemas.try_collect().await?;
        let known = found.iter().cloned().zip(&files);
        let known = known
            .map(|(meta, file)| FoundFile::new(meta, file))
            .collect();
        let named = found.into_iter().map(|meta| meta.location).zip(files);
        Ok(ParquetTable {
            schema: table_schema(schemas.iter()),
            files: Arc::new(named.collect()),
            place,
            found: known,
            scans: Scans::default(),
        })
    }

    /// The files that may have rows for which all filters hold, by their names.
    fn matching(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<&FoundFile>> {
        let columns = DFSchema::try_from(Arc::clone(&self.schema))?;
        let Some(condition) = for_pruning(filters, &columns) else {
            return Ok(self.found.iter().collect());
        };
        let condition = state.create_physical_expr(condition, &columns)?;
        Ok(matching(&self.found, &self.schema, condition))
    }

    /// Adds the rows and bytes that were read.
    pub(crate) fn add_to(&self, counts: &mut ReadCounts) {
        let (records, bytes) = self.scans.read();
        counts.records += records;
        counts.bytes += bytes;
    }

    /// Counts anew from here on.
    pub(crate) fn forget_counts(&self) {
        self.scans.forget();
    }

    /// How far the files are read.
    pub(crate) fn reach(&self) -> Reach {
        self.scans.reach()
    }
}

#[async_trait]
impl TableProvider for ParquetTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
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
        let found = self.matching(state, filters)?;
        if found.is_empty() {
            let schema = project_schema(&self.schema, projection)?;
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let scanned = found.into_iter().map(|file| file.meta.clone());
        let scanned = scanned.map(PartitionedFile::new_from_meta);
        let partitions = state.config().target_partitions().max(1);
        let readers = StoreFiles::new(Arc::clone(&self.place.objects), state);
        let scan = ParquetScan {
            root: self.place.root.clone(),
            readers: Arc::new(SourceFiles::new(readers, Arc::clone(&self.files))),
            columns: TableSchema::builder(Arc::clone(&self.schema)).build(),
            adapters: Some(Arc::new(FlowsAdapters)),
            groups: shared(scanned.collect(), partitions),
            ordering: None,
            statistics: None,
        };
        let config = scan.config(state, projection, filters, limit)?;
        self.scans.add(config.file_source().metrics().clone(), None);
        Ok(DataSourceExec::from_data_source(config))
    }
}
