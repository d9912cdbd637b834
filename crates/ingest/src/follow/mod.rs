//! Following a log group without loss.
//!
//! Flow log records reach a log group minutes after their event time and in no
//! order, so neither a forward token nor a cursor at the newest timestamp finds
//! them all. Instead, event time is cut into buckets of a minute. Each bucket is
//! read again and again, at growing intervals, until it is *settled*: a full
//! reading began at least [`FollowOptions::lateness`] after its end. Events that
//! were seen before are told by their ids.
//!
//! * [`Follow`] is the state machine. It is pure: time and pages are inputs.
//! * [`follow`] drives it against a [`LogGroup`](crate::LogGroup).

mod bucket;
mod driver;
mod state;

pub use driver::{FollowError, follow};
pub use state::{Follow, FollowOptions, Progress, Step};
