//! Totals of all rows beside a ranking of them.
//!
//! `sum(sum(bytes)) OVER ()` makes a share of what is ranked. The engine puts all groups
//! into one batch in one thread to write the total beside each, and ranks them then. Here
//! the threads rank the groups as they come and add them up, and the total is written
//! beside those that are left.
//!
//! * [`Totals`] are what is added up.
//! * `added` adds up the rows that go through, `beside` writes the totals beside rows.
//! * [`TotalsBesideRanking`] is the rule that has both put into a plan.

mod added;
mod beside;
mod rule;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::FieldRef;
use datafusion::common::ScalarValue;
use datafusion::error::Result;
use datafusion::logical_expr::Accumulator;
use datafusion::physical_expr::aggregate::AggregateFunctionExpr;

pub(crate) use self::rule::TotalsBesideRanking;

/// What is added up of all rows, by all threads.
#[derive(Debug)]
pub(crate) struct Totals {
    aggregates: Vec<AggregateFunctionExpr>,
    state: Mutex<State>,
}

/// Of one execution.
#[derive(Default)]
struct State {
    accumulators: Vec<Box<dyn Accumulator>>,
    /// Partitions of the rows, once one of them has begun.
    partitions: Option<usize>,
    ended: usize,
}

impl Totals {
    fn new(aggregates: Vec<AggregateFunctionExpr>) -> Totals {
        Totals {
            aggregates,
            state: Mutex::default(),
        }
    }

    /// The columns that they are.
    fn fields(&self) -> impl Iterator<Item = FieldRef> {
        self.aggregates.iter().map(AggregateFunctionExpr::field)
    }

    /// Begins anew, before any row.
    fn begin(&self) -> Result<()> {
        let accumulators = self.aggregates.iter();
        let accumulators = accumulators.map(AggregateFunctionExpr::create_accumulator);
        *self.state() = State {
            accumulators: accumulators.collect::<Result<_>>()?,
            ..State::default()
        };
        Ok(())
    }

    /// A partition of so many begins.
    fn begin_partition(&self, partitions: usize) {
        self.state().partitions = Some(partitions);
    }

    fn add(&self, rows: &RecordBatch) -> Result<()> {
        let values = |aggregate: &AggregateFunctionExpr| {
            let values = aggregate.expressions().into_iter();
            let values = values.map(|value| value.evaluate(rows)?.into_array(rows.num_rows()));
            values.collect::<Result<Vec<_>>>()
        };
        let values: Vec<_> = self.aggregates.iter().map(values).collect::<Result<_>>()?;
        let mut state = self.state();
        for (accumulator, values) in state.accumulators.iter_mut().zip(&values) {
            accumulator.update_batch(values)?;
        }
        Ok(())
    }

    /// A partition has no more rows.
    fn end_partition(&self) {
        self.state().ended += 1;
    }

    /// The totals, once all partitions have ended.
    fn values(&self) -> Result<Option<Vec<ScalarValue>>> {
        let mut state = self.state();
        if state.partitions != Some(state.ended) {
            return Ok(None);
        }
        let values = state.accumulators.iter_mut();
        let values = values.map(|accumulator| accumulator.evaluate());
        Ok(Some(values.collect::<Result<_>>()?))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("partitions", &self.partitions)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.aggregates.iter().map(|total| total.name()).collect();
        write!(f, "[{}]", names.join(", "))
    }
}

/// The same totals, for the one who adds them up and the one who writes them.
type SharedTotals = Arc<Totals>;
