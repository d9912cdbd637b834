//! What the scans of a table's files have read.

use std::sync::{Mutex, PoisonError};

use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;

/// What each scan of a table counts.
#[derive(Debug, Default)]
pub(crate) struct Scans(Mutex<Vec<ExecutionPlanMetricsSet>>);

impl Scans {
    /// A scan begins.
    pub(crate) fn add(&self, metrics: ExecutionPlanMetricsSet) {
        let mut scans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        scans.push(metrics);
    }

    /// Rows and bytes: the most of all scans, so that a query that reads a table twice
    /// counts its records once.
    pub(crate) fn read(&self) -> (u64, u64) {
        let scans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut rows, mut bytes) = (0, 0);
        for metrics in scans.iter().map(ExecutionPlanMetricsSet::clone_inner) {
            let scanned = metrics.sum_by_name("bytes_scanned");
            rows = rows.max(metrics.output_rows().unwrap_or_default());
            bytes = bytes.max(scanned.map_or(0, |bytes| bytes.as_usize()));
        }
        (rows as u64, bytes as u64)
    }
}
