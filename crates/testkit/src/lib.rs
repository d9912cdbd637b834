//! Servers for vpcflow's tests. Nothing here is part of the product.
//!
//! - [`FakeLogs`]: an in-process CloudWatch Logs server that behaves as AWS
//!   does where emulators do not: pages cut at 1 MB, partial and empty pages,
//!   page tokens that stop working, records that become visible late,
//!   throttling. Every decision it takes comes from a seed or from the test,
//!   never from a clock.
//! - [`Moto`]: a `moto_server` process for the calls that set up flow logs.
//!   It proves that requests have the right shape; what it says about limits,
//!   permissions and paging proves nothing about AWS.
//! - [`Bucket`]: a bucket of S3 in it.
//! - [`FaultProxy`]: stands before either and lets single calls fail as AWS
//!   lets them fail.
//! - [`unused_port`]: a loopback port on which nobody listens.
//!
//! Being for tests, the crate panics where a test could only fail.

mod bucket;
mod http;
mod logs;
mod moto;
mod proxy;

pub use bucket::Bucket;
pub use logs::{BatchId, FakeLogs, FakeLogsBuilder, Fault, Traffic};
pub use moto::Moto;
pub use proxy::{Failure, FaultProxy};

/// A loopback TCP port that was free a moment ago.
///
/// Another process can take it before the caller does; that is rare, since the
/// kernel hands out ephemeral ports in turn.
///
/// # Panics
///
/// When the machine has no free port.
#[must_use]
pub fn unused_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .expect("a loopback port can be bound")
        .port()
}
