//! Following a log group without loss.
//!
//! Flow log records reach a log group minutes after their event time and in no
//! order, so neither a forward token nor a cursor at the newest timestamp finds
//! them all. Instead, event time is cut into buckets of ten seconds. The newest
//! are read often; each is read again, at growing intervals, until it is
//! *settled*: a full reading began at least [`FollowOptions::lateness`] after
//! its end. A day later it is audited. Events that were seen before are told by
//! their ids.
//!
//! * [`Follow`] is the state machine. It is pure: time and pages are inputs.
//!   `plan` chooses what to read, `intake` takes what was read.
//! * [`GroupCheckpoint`] is where it stands, for a sink to keep with the rows.
//! * [`Follower`] drives it against a [`LogGroup`](crate::LogGroup).

mod audit;
mod bucket;
mod checkpoint;
mod driver;
mod intake;
mod lag;
mod options;
mod plan;
mod progress;
mod seen;
mod state;
mod streams;
mod sweep;
#[cfg(test)]
mod tests;

pub use checkpoint::{GroupCheckpoint, GroupDelta};
pub use driver::{FollowError, Follower};
pub use options::FollowOptions;
pub use progress::Progress;
pub use seen::CommittedEvents;
pub use state::{Delivery, Follow, Read, ReadId, Step};
pub use sweep::ReadKind;
