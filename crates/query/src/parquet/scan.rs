//! A scan of Parquet files by the engine's own source.

use std::sync::Arc;

use datafusion::catalog::Session;
use datafusion::common::{DFSchema, Statistics};
use datafusion::config::TableParquetOptions;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{
    FileGroup, FileScanConfig, FileScanConfigBuilder, ParquetFileReaderFactory, ParquetSource,
};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::utils::conjunction;
use datafusion::physical_expr::LexOrdering;
use datafusion::physical_expr_adapter::PhysicalExprAdapterFactory;
use vpcflow_functions::implied_by_networks;

/// Pieces that files are divided into for each partition: whoever is idle takes the
/// next, so that all end at about the same time.
const PIECES: u64 = 16;
/// The least bytes of a piece. A piece has the row groups whose middle is in it, which
/// may be none; then it costs a look at the metadata.
const MIN_PIECE_BYTES: u64 = 1024 * 1024;

/// Parquet files to be read as one table.
pub(crate) struct ParquetScan {
    /// Where they are.
    pub(crate) root: ObjectStoreUrl,
    pub(crate) readers: Arc<dyn ParquetFileReaderFactory>,
    pub(crate) columns: TableSchema,
    /// Turns what is asked of the table into what is asked of a file, where their
    /// columns differ by more than that some are missing.
    pub(crate) adapters: Option<Arc<dyn PhysicalExprAdapterFactory>>,
    /// For each partition; see [`shared`].
    pub(crate) groups: Vec<FileGroup>,
    /// Of the rows of each group.
    pub(crate) ordering: Option<LexOrdering>,
    pub(crate) statistics: Option<Statistics>,
}

impl ParquetScan {
    /// The scan of these columns; row groups are left out that have no row for which
    /// `filters` hold.
    pub(crate) fn config(
        self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<FileScanConfig> {
        let options = TableParquetOptions {
            global: state.config_options().execution.parquet.clone(),
            ..TableParquetOptions::default()
        };
        let mut source = ParquetSource::new(self.columns.clone())
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(self.readers);
        // The engine adds the filters themselves.
        let columns = DFSchema::try_from(Arc::clone(self.columns.table_schema()))?;
        if let Some(implied) = conjunction(implied(filters, &columns)) {
            source = source.with_predicate(state.create_physical_expr(implied, &columns)?);
        }
        let mut config = FileScanConfigBuilder::new(self.root, Arc::new(source))
            .with_file_groups(self.groups)
            .with_output_ordering(self.ordering.into_iter().collect())
            .with_projection_indices(projection.cloned())?
            .with_expr_adapter(self.adapters)
            .with_limit(limit);
        if let Some(statistics) = self.statistics {
            config = config.with_statistics(statistics);
        }
        Ok(config.build())
    }
}

/// The conditions on rows, and what they say of the text of addresses: by what files
/// and row groups are left out.
pub(crate) fn for_pruning(filters: &[Expr], columns: &DFSchema) -> Option<Expr> {
    conjunction(filters.iter().cloned().chain(implied(filters, columns)))
}

fn implied(filters: &[Expr], columns: &DFSchema) -> impl Iterator<Item = Expr> {
    let filters = filters.iter();
    filters.filter_map(|filter| implied_by_networks(filter, columns))
}

/// Files in pieces for so many partitions, which share them in any order.
pub(crate) fn shared(files: Vec<PartitionedFile>, partitions: usize) -> Vec<FileGroup> {
    let total: u64 = files.iter().map(|file| file.object_meta.size).sum();
    let piece_bytes = (total / (PIECES * partitions as u64)).max(MIN_PIECE_BYTES);
    let pieces = files.into_iter().flat_map(|file| pieces(file, piece_bytes));
    FileGroup::new(pieces.collect()).split_files(partitions)
}

/// A file in pieces of at most so many bytes, all of one size.
fn pieces(file: PartitionedFile, piece_bytes: u64) -> Vec<PartitionedFile> {
    let size = file.object_meta.size;
    let count = size.div_ceil(piece_bytes);
    if count <= 1 {
        return vec![file];
    }
    // Sizes of files are far from what these types hold.
    let place = |piece: u64| (u128::from(size) * u128::from(piece) / u128::from(count)) as i64;
    let piece = |index| file.clone().with_range(place(index), place(index + 1));
    (0..count).map(piece).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_all_of_a_file() {
        let pieces = |size, bytes| -> Vec<(i64, i64)> {
            let file = PartitionedFile::new("a.parquet", size);
            let pieces = pieces(file, bytes).into_iter();
            let ranges = pieces.map(|piece| piece.range.map(|range| (range.start, range.end)));
            ranges
                .map(|range| range.unwrap_or((0, size as i64)))
                .collect()
        };
        assert_eq!(pieces(10, 10), [(0, 10)]);
        assert_eq!(pieces(10, 4), [(0, 3), (3, 6), (6, 10)]);
        assert_eq!(pieces(0, 4), [(0, 0)]);
    }

    #[test]
    fn large_files_are_divided_and_small_ones_are_not() {
        let file = |name: &str, mib: u64| PartitionedFile::new(name, mib * 1024 * 1024);
        let counts = |files, partitions| -> Vec<usize> {
            let groups = shared(files, partitions);
            groups.iter().map(FileGroup::len).collect()
        };
        assert_eq!(counts(vec![file("a", 1), file("b", 1)], 2), [1, 1]);
        assert_eq!(counts(vec![file("a", 62), file("b", 2)], 2), [16, 16]);
        assert_eq!(counts(vec![file("a", 5)], 1), [5]);
        assert!(counts(Vec::new(), 2).is_empty());
    }
}
