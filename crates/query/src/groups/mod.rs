//! The first step of a grouping by numbers.
//!
//! The engine looks for the group of one row after the other, and of a million groups
//! each look waits for memory three times. Here the looks of some rows go on at the same
//! time. What is added up for a group, the exchange of groups between threads and the
//! second step, which may write groups to files, stay the engine's.
//!
//! * [`NarrowIndex`] and [`WideIndex`] find the groups of keys.
//! * [`FirstStep`] has an index, and what is added up.
//! * `condition` is what has to hold of rows, decided in the step.
//! * [`FirstStepExec`] is the step in a plan.
//! * `scan` has texts of the key numbered where they are read.
//! * [`GroupsOfNumbers`] is the rule that puts it there.

mod condition;
mod exec;
mod index;
mod rule;
mod scan;
mod step;

use self::exec::FirstStepExec;
use self::index::{NarrowIndex, WideIndex};
pub(crate) use self::rule::GroupsOfNumbers;
use self::step::FirstStep;

#[cfg(test)]
mod tests;
