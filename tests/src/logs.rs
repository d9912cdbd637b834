//! An awkward CloudWatch Logs for the binary to call.

use std::ops::Deref;
use std::process::Command;

use tokio::runtime::Runtime;
use vpcflow_testkit::{FakeLogs, FakeLogsBuilder};

use crate::vpcflow_at;

/// A [`FakeLogs`] on threads of its own: the test waits for the binary.
#[derive(Debug)]
pub struct Logs {
    server: FakeLogs,
    _runtime: Runtime,
}

impl Logs {
    /// Starts a server.
    ///
    /// # Panics
    ///
    /// When threads or the server cannot be started.
    #[must_use]
    pub fn start(builder: FakeLogsBuilder) -> Logs {
        let runtime = Runtime::new().expect("threads can be started");
        let server = runtime.block_on(builder.start());
        Logs {
            server,
            _runtime: runtime,
        }
    }

    /// The binary with these arguments, for this server.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = vpcflow_at(&self.server.endpoint_url());
        command.args(arguments);
        command
    }
}

impl Deref for Logs {
    type Target = FakeLogs;

    fn deref(&self) -> &FakeLogs {
        &self.server
    }
}
