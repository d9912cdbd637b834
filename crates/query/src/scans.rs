//! What the scans of a table's files have read.

use std::sync::{Mutex, PoisonError};

use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;

use crate::reach::Reach;

/// The scans of a table.
#[derive(Debug, Default)]
pub(crate) struct Scans(Mutex<Vec<Scan>>);

/// A scan of some files.
#[derive(Debug)]
struct Scan {
    /// What it counts.
    metrics: ExecutionPlanMetricsSet,
    /// Of the files, where that is known.
    size: Option<Size>,
}

/// What there is in some files.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) rows: u64,
    pub(crate) bytes: u64,
}

impl Scans {
    /// A scan of files of this size begins.
    pub(crate) fn add(&self, metrics: ExecutionPlanMetricsSet, size: Option<Size>) {
        let mut scans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        scans.push(Scan { metrics, size });
    }

    /// Rows and bytes: the most of all scans, so that a query that reads a table twice
    /// counts its records once.
    pub(crate) fn read(&self) -> (u64, u64) {
        let scans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        scans.iter().fold((0, 0), |(rows, bytes), scan| {
            (rows.max(scan.rows()), bytes.max(scan.bytes()))
        })
    }

    /// Leaves the scans so far.
    pub(crate) fn forget(&self) {
        let mut scans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        scans.clear();
    }

    /// Bytes of files that all scans have behind them, and that they have to read:
    /// of a file so much as of its rows, since not all columns are read.
    pub(crate) fn reach(&self) -> Reach {
        let scans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut reach = Reach::of(0, Some(0));
        for scan in scans.iter() {
            reach.add(match scan.size {
                None => Reach::of(scan.bytes(), None),
                Some(size) => {
                    let part = (scan.rows() as f64 / size.rows.max(1) as f64).min(1.0);
                    Reach::of((part * size.bytes as f64) as u64, Some(size.bytes))
                }
            });
        }
        reach
    }
}

impl Scan {
    fn rows(&self) -> u64 {
        self.metrics.clone_inner().output_rows().unwrap_or_default() as u64
    }

    fn bytes(&self) -> u64 {
        let scanned = self.metrics.clone_inner().sum_by_name("bytes_scanned");
        scanned.map_or(0, |bytes| bytes.as_usize() as u64)
    }
}
