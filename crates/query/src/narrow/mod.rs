//! Conditions that few records fulfil, decided before the other columns are read.
//!
//! A scan of Parquet decodes all columns that a statement asks for, and a filter leaves
//! out rows then. Where hardly any row is left, as of one address, most of that is in
//! vain. The engine can decode the columns of a condition first and the others only where
//! it holds. For conditions that most rows fulfil this takes longer, so that it is done for
//! those alone that name an address or an interface, or that a join with few groups makes:
//!
//! * [`Members`] are the keys of the groups, gathered by [`GatherExec`] as they go to the
//!   join, [`Among`] is the condition to be among them, and [`AmongExec`] is where the
//!   scan of the records gets it from.
//! * [`NarrowFirst`] is the rule that has scans decide narrow conditions first.

mod among;
mod gather;
mod members;
mod rule;
#[cfg(test)]
mod tests;

use self::among::Among;
pub(crate) use self::among::AmongExec;
pub(crate) use self::gather::GatherExec;
pub(crate) use self::members::Members;
pub(crate) use self::rule::NarrowFirst;
