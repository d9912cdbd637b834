//! What the end-to-end tests share: the binary in an environment of its own,
//! what it printed, and AWS as another client sees it.
//!
//! Being for tests, the crate panics where a test could only fail.

mod boto3;
mod browser;
mod dice;
mod logs;
mod outcome;
mod place;
mod running;
mod screen;
mod tally;
mod terminal;

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub use boto3::Boto3;
pub use browser::{Browser, Scheme};
pub use dice::Dice;
pub use logs::Logs;
pub use outcome::Outcome;
pub use place::Place;
pub use running::{Running, send_signal};
pub use screen::Screen;
pub use tally::Tally;
pub use terminal::{TerminalSize, on_a_terminal, on_a_terminal_of};

/// The region of every test.
pub const REGION: &str = "us-east-1";

/// Variables that a process needs to run at all, or that coverage tools set.
const KEPT_VARIABLES: [&str; 3] = ["PATH", "TMPDIR", "LLVM_PROFILE_FILE"];

/// The binary, in an environment that has nothing of the user's: no AWS
/// configuration, no instance metadata, no home, no input.
///
/// # Panics
///
/// When the binary has not been built.
#[must_use]
pub fn vpcflow() -> Command {
    let mut command = Command::new(binary());
    command
        .env_clear()
        .envs(KEPT_VARIABLES.iter().filter_map(|name| {
            let value = env::var_os(name)?;
            Some((name, value))
        }))
        .env("HOME", "/nonexistent")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("NO_COLOR", "1")
        .stdin(Stdio::null());
    command
}

/// [`vpcflow`] with credentials and region, for a server at this address.
#[must_use]
pub fn vpcflow_at(endpoint_url: &str) -> Command {
    let mut command = vpcflow();
    command
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_REGION", REGION)
        .env("AWS_ENDPOINT_URL", endpoint_url);
    command
}

/// Where the binary is: in the directory above that of the test executables.
///
/// # Panics
///
/// When it is not there: this package does not build it.
#[must_use]
pub fn binary() -> PathBuf {
    let executable = env::current_exe().expect("a process knows its executable");
    let deps = executable.parent().expect("an executable is in a folder");
    let binary = deps.with_file_name("vpcflow");
    assert!(
        binary.is_file(),
        "there is no `{}`: run `cargo test --workspace`, which builds it",
        binary.display()
    );
    binary
}

/// A path in the workspace.
#[must_use]
pub fn workspace(path: &str) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("tests is in a folder").join(path)
}

/// Milliseconds since the Unix epoch. An emulator refuses old events, so
/// theirs are near this time; nothing is asserted about it.
///
/// # Panics
///
/// When the clock is before 1970.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "an end-to-end test's own clock")]
pub fn now_ms() -> i64 {
    let since_1970 = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("the clock is after 1970");
    i64::try_from(since_1970.as_millis()).expect("the clock is before the year 292 million")
}

/// A version-2 record of a second of traffic. `bytes` tells one record from
/// another in the tests that count them.
#[must_use]
pub fn record(interface: &str, source: &str, action: &str, bytes: u64, start_ms: i64) -> String {
    let start = start_ms / 1000;
    let end = start + 1;
    format!(
        "2 123456789012 {interface} {source} 10.0.0.5 40000 443 6 1 {bytes} {start} {end} {action} OK"
    )
}
