//! Keys of groups as numbers.
//!
//! The engine compares a row's texts with those of its group, which of some hundred
//! thousand groups are in no cache. Most questions about flow logs group by addresses:
//! here those of IPv4 are numbers of 32 bits, all other texts get numbers as they come,
//! and the keys of a group are one number, which is made where the engine groups and
//! taken apart when it has.
//!
//! * `address` is the number of an address, and its text; `memo` has those that came lately,
//!   and `dictionaries` whole dictionaries of files.
//! * [`Texts`] are the texts that are no addresses of IPv4, by their numbers.
//! * `layout` is which keys are in a number, and where.
//! * [`NumberOf`] is the number of a text, where a scan can make it.
//! * [`Packed`] makes the number of a row, [`Unpacked`] a key of a number.
//! * [`NumberedKeys`] is the rule that has both put into a plan.

mod address;
mod dictionaries;
mod layout;
mod memo;
mod number;
mod packed;
mod rule;
mod texts;
mod unpacked;

use self::number::NumberOf;
pub(crate) use self::packed::Packed;
pub(crate) use self::rule::NumberedKeys;
use self::texts::Texts;
use self::unpacked::Unpacked;

#[cfg(test)]
pub(crate) mod tests;
