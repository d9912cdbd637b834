//! Which files a condition needs, by what the log says of them.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanArray, UInt64Array};
use datafusion::arrow::datatypes::{Field, SchemaRef};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column, ScalarValue};
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::PhysicalExpr;

use super::file::StoredFile;

/// The files that may have rows for which `condition` holds.
pub(super) fn matching<'a>(
    files: &'a [StoredFile],
    schema: &SchemaRef,
    condition: Arc<dyn PhysicalExpr>,
) -> Vec<&'a StoredFile> {
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
struct Known<'a> {
    files: &'a [StoredFile],
    schema: &'a SchemaRef,
}

impl Known<'_> {
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

impl PruningStatistics for Known<'_> {
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
        let counts = self.files.iter().map(StoredFile::rows);
        Some(Arc::new(UInt64Array::from_iter_values(counts)))
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
