//! A `moto_server` process for the time of a test.

use std::env;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::NamedTempFile;

use crate::{http, unused_port};

/// Names the executable to use instead of `moto_server` from `PATH`.
const EXECUTABLE_VARIABLE: &str = "VPCFLOW_MOTO";
/// When set, a missing executable is a failure instead of a skipped test.
const REQUIRED_VARIABLE: &str = "VPCFLOW_REQUIRE_MOTO";

/// 300 looks, 100 ms apart: a cold Python start on a busy machine takes several
/// seconds.
const START_ATTEMPTS: u32 = 300;
const START_INTERVAL: Duration = Duration::from_millis(100);

/// A running [moto](https://docs.getmoto.org/en/latest/docs/server_mode.html)
/// server: an emulator of the AWS control plane, on a loopback port of its own.
/// The process ends when the value is dropped.
///
/// ```no_run
/// use vpcflow_testkit::Moto;
///
/// let Some(moto) = Moto::start() else { return };
/// println!("{}", moto.endpoint_url());
/// ```
#[derive(Debug)]
pub struct Moto {
    process: Child,
    port: u16,
    output: NamedTempFile,
}

impl Moto {
    /// Starts the server and waits until it answers.
    ///
    /// The executable is the one that `VPCFLOW_MOTO` names, else `moto_server`
    /// from `PATH`. `None` when there is none: the reason is on standard error,
    /// and the test should return.
    ///
    /// Blocks the calling thread for as long as the server takes to start.
    ///
    /// # Panics
    ///
    /// When the executable exists but does not start (the message has its
    /// output), and when there is none although `VPCFLOW_REQUIRE_MOTO` is set.
    #[must_use]
    pub fn start() -> Option<Self> {
        let executable =
            PathBuf::from(env::var_os(EXECUTABLE_VARIABLE).unwrap_or_else(|| "moto_server".into()));
        let port = unused_port();
        let output = NamedTempFile::new().expect("a temporary file can be created");
        let process = match spawn(&executable, port, output.as_file()) {
            Ok(process) => process,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                skip(&executable);
                return None;
            }
            Err(error) => panic!("`{}` cannot be run: {error}", executable.display()),
        };
        let mut moto = Self {
            process,
            port,
            output,
        };
        moto.wait_until_ready();
        Some(moto)
    }

    /// The URL to give to an AWS client, for every service.
    #[must_use]
    pub fn endpoint_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The loopback port that the server listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Forgets every resource that was created.
    ///
    /// # Panics
    ///
    /// When the server does not answer.
    pub fn reset(&self) {
        match http::request(self.port, "POST", "/moto-api/reset", &[], "") {
            Ok((200, _)) => {}
            answer => panic!("moto was not reset: {answer:?}\n{}", self.output()),
        }
    }

    fn wait_until_ready(&mut self) {
        for _ in 0..START_ATTEMPTS {
            if matches!(
                http::request(self.port, "GET", "/moto-api/", &[], ""),
                Ok((200, _))
            ) {
                return;
            }
            if let Ok(Some(status)) = self.process.try_wait() {
                panic!("moto ended with {status} at its start:\n{}", self.output());
            }
            thread::sleep(START_INTERVAL);
        }
        panic!(
            "moto does not answer on port {}:\n{}",
            self.port,
            self.output()
        );
    }

    /// What the process has printed so far.
    fn output(&self) -> String {
        fs::read_to_string(self.output.path()).unwrap_or_else(|error| error.to_string())
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        // Both fail only if the process has already ended and been waited for.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(executable: &Path, port: u16, output: &File) -> io::Result<Child> {
    Command::new(executable)
        .args(["-H", "127.0.0.1", "-p", &port.to_string()])
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output.try_clone()?)
        .spawn()
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn skip(executable: &Path) {
    let executable = executable.display();
    assert!(
        env::var_os(REQUIRED_VARIABLE).is_none(),
        "{REQUIRED_VARIABLE} is set, but there is no `{executable}`: \
         install it with `pip install 'moto[server]'` or name it in {EXECUTABLE_VARIABLE}"
    );
    eprintln!("skipped: there is no `{executable}` ({EXECUTABLE_VARIABLE} can name one)");
}

#[cfg(test)]
mod tests {
    use super::*;

    // Moto takes the service from the scope of the signature, unchecked.
    const CREATE_GROUP: [(&str, &str); 3] = [
        (
            "Authorization",
            "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/logs/aws4_request, \
             SignedHeaders=host, Signature=0",
        ),
        ("X-Amz-Target", "Logs_20140328.CreateLogGroup"),
        ("Content-Type", "application/x-amz-json-1.1"),
    ];

    #[test]
    fn starts_answers_and_forgets_on_reset() {
        let Some(moto) = Moto::start() else { return };
        let create = || {
            let body = r#"{"logGroupName":"flows"}"#;
            http::request(moto.port, "POST", "/", &CREATE_GROUP, body).unwrap()
        };
        assert_eq!(create().0, 200);
        assert_eq!(create().0, 400, "the group exists");
        moto.reset();
        assert_eq!(create().0, 200);
    }

    #[test]
    fn ends_its_process_when_dropped() {
        let Some(moto) = Moto::start() else { return };
        let port = moto.port;
        drop(moto);
        assert!(http::request(port, "GET", "/moto-api/", &[], "").is_err());
    }
}
