//! Which files a condition needs, by what the log says of them.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, UInt64Array};
use datafusion::arrow::datatypes::{Field, SchemaRef};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, ScalarValue};
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::PhysicalExpr;

/// What is known of a file without reading it.
pub(crate) trait KnownFile {
    /// A value that none in the column is below, and one that none is above. `None` when
    /// that is not known, or the column is NULL.
    fn bounds(&self, field: &Field) -> Option<(ScalarValue, ScalarValue)>;

    /// How many of its rows are NULL in a column.
    fn null_count(&self, column: &str) -> Option<u64>;

    /// How many rows it has.
    fn rows(&self) -> Option<u64>;
}

/// The files that may have rows for which `condition` holds.
pub(crate) fn matching<'a, F: KnownFile>(
    files: &'a [F],
    schema: &SchemaRef,
    condition: Arc<dyn PhysicalExpr>,
) -> Vec<&'a F> {
    let kept = PruningPredicateBuilder::new()
        .with_file_schema(Arc::clone(schema))
        .try_build(condition)
        .and_then(|predicate| predicate.prune(&Known { files, schema }));
    match kept {
        Ok(kept) => {
            let files = files.iter().zip(kept);
            files
                .filter_map(|(file, kept)| kept.then_some(file))
                .collect()
        }
        // A condition that bounds cannot decide: the rows will.
        Err(_) => files.iter().collect(),
    }
}

/// What is known of some files, a column at a time.
struct Known<'a, F> {
    files: &'a [F],
    schema: &'a SchemaRef,
}

impl<F: KnownFile> Known<'_, F> {
    fn bounds(
        &self,
        column: &Column,
        pick: impl Fn((ScalarValue, ScalarValue)) -> ScalarValue,
    ) -> Option<ArrayRef> {
        let field: &Field = self.schema.field_with_name(column.name()).ok()?;
        let unknown = ScalarValue::try_from(field.data_type()).ok()?;
        let bounds = self
            .files
            .iter()
            .map(|file| file.bounds(field).map_or_else(|| unknown.clone(), &pick));
        ScalarValue::iter_to_array(bounds).ok()
    }
}

impl<F: KnownFile> PruningStatistics for Known<'_, F> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(column, |(least, _)| least)
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.bounds(column, |(_, greatest)| greatest)
    }

    fn num_containers(&self) -> usize {
        self.files.len()
    }

    fn null_counts(&self, column: &Column) -> Option<ArrayRef> {
        let counts = self.files.iter().map(|file| file.null_count(column.name()));
        Some(Arc::new(UInt64Array::from_iter(counts)))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        let counts = self.files.iter().map(KnownFile::rows);
        Some(Arc::new(UInt64Array::from_iter(counts)))
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
