//! A process that is watched while it runs.

use std::borrow::Cow;
use std::fmt;
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Outcome;

/// Far more than anything here takes: a process that has not come so far by
/// then hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process whose output is read as it comes. It is killed when dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: Captured,
    stderr: Captured,
}

impl Running {
    /// Starts a command.
    ///
    /// # Panics
    ///
    /// When it cannot be run.
    #[track_caller]
    pub fn start(command: &mut Command) -> Running {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary can be run");
        let stdout = Captured::new(child.stdout.take());
        let stderr = Captured::new(child.stderr.take());
        Running {
            child,
            stdout,
            stderr,
        }
    }

    /// The number of the process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes to standard input, which was asked to be a pipe.
    ///
    /// # Panics
    ///
    /// When the process does not take it.
    #[track_caller]
    pub fn send(&mut self, text: &str) {
        let stdin = self.child.stdin.as_mut().expect("the pipe was asked for");
        let sent = stdin.write_all(text.as_bytes());
        sent.expect("the process reads its input");
    }

    /// Ends standard input.
    pub fn end_input(&mut self) {
        self.child.stdin = None;
    }

    /// Waits until standard output has at least this many lines.
    ///
    /// # Panics
    ///
    /// When the process ends before, or hangs.
    #[track_caller]
    pub fn wait_for_lines(&mut self, lines: usize) {
        self.wait(&format!("{lines} lines"), |stdout| stdout.lines >= lines);
    }

    /// Waits until standard output has this text.
    ///
    /// # Panics
    ///
    /// When the process ends before, or hangs.
    #[track_caller]
    pub fn wait_for_output(&mut self, expected: &str) {
        self.wait(expected, |stdout| stdout.text().contains(expected));
    }

    /// Waits until standard error has this text.
    ///
    /// # Panics
    ///
    /// When the process ends before, or hangs.
    #[track_caller]
    pub fn wait_for_error(&mut self, expected: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.stderr.text().contains(expected) {
            if let Err(error) = self.stderr.take(deadline) {
                self.fail(&format!("`{expected}` did not come: {error}"));
            }
        }
    }

    /// Waits for a report of `--progress json` for which this holds.
    ///
    /// # Panics
    ///
    /// When the process ends before, or hangs.
    #[track_caller]
    pub fn wait_for_report(&mut self, what: &str, holds: impl Fn(&Value) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let text = self.stderr.text();
            let mut reports = text
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok());
            if reports.any(|report: Value| holds(&report)) {
                return;
            }
            drop(text);
            if let Err(error) = self.stderr.take(deadline) {
                self.fail(&format!("`{what}` is not reported: {error}"));
            }
        }
    }

    /// Whether the process has ended.
    ///
    /// # Panics
    ///
    /// When nobody knows.
    #[must_use]
    pub fn has_ended(&mut self) -> bool {
        let status = self.child.try_wait();
        status.expect("a child can be asked for").is_some()
    }

    /// Ends the process as `kill -9` does; it may have ended before.
    ///
    /// # Panics
    ///
    /// When the process has panicked.
    #[track_caller]
    pub fn kill(mut self) -> Outcome {
        // It fails only if the process has already ended.
        let _ = self.child.kill();
        self.finish()
    }

    #[track_caller]
    fn wait(&mut self, what: &str, holds: impl Fn(&Captured) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(&self.stdout) {
            if let Err(error) = self.stdout.take(deadline) {
                self.fail(&format!("`{what}` did not come: {error}"));
            }
        }
    }

    /// Sends a signal, such as `INT`.
    ///
    /// # Panics
    ///
    /// When it cannot be sent.
    #[track_caller]
    pub fn signal(&self, name: &str) {
        send_signal(self.child.id(), name);
    }

    /// Waits for the end.
    ///
    /// # Panics
    ///
    /// When the process hangs, or has panicked.
    #[must_use]
    #[track_caller]
    pub fn finish(mut self) -> Outcome {
        let deadline = Instant::now() + PATIENCE;
        for captured in [&mut self.stdout, &mut self.stderr] {
            while captured.take(deadline).is_ok() {}
        }
        if Instant::now() > deadline {
            self.fail("the process does not end");
        }
        let status = self.child.wait().expect("a child can be waited for");
        let (stdout, stderr) = (self.stdout.text(), self.stderr.text());
        Outcome::new(status, stdout.into_owned(), stderr.into_owned())
    }

    #[track_caller]
    fn fail(&mut self, why: &str) -> ! {
        let now = Instant::now();
        while self.stderr.take(now).is_ok() {}
        let (stdout, stderr) = (self.stdout.text(), self.stderr.text());
        panic!("{why}\n--- stdout\n{stdout}\n--- stderr\n{stderr}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only if the process has already ended and been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal, such as `INT`, to the process of this number.
///
/// # Panics
///
/// When it cannot be sent.
#[track_caller]
pub fn send_signal(process: impl fmt::Display, name: &str) {
    let kill = format!("kill -{name} {process}");
    let status = Command::new("sh").args(["-c", &kill]).status();
    assert!(status.is_ok_and(|status| status.success()), "{kill}");
}

/// What comes through a pipe. A thread reads it; it is handed over in pieces, so
/// that a process that prints without end waits for us.
#[derive(Debug)]
struct Captured {
    pieces: Receiver<Vec<u8>>,
    bytes: Vec<u8>,
    lines: usize,
}

impl Captured {
    fn new(pipe: Option<impl Read + Send + 'static>) -> Captured {
        let mut pipe = pipe.expect("the pipe was asked for");
        let (sender, pieces) = mpsc::sync_channel(256);
        thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(length @ 1..) = pipe.read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Captured {
            pieces,
            bytes: Vec::new(),
            lines: 0,
        }
    }

    /// Takes the next piece. The error is the end of the text, or the deadline.
    fn take(&mut self, deadline: Instant) -> Result<(), RecvTimeoutError> {
        let patience = deadline.saturating_duration_since(Instant::now());
        let piece = self.pieces.recv_timeout(patience)?;
        self.lines += piece.iter().filter(|byte| **byte == b'\n').count();
        self.bytes.extend_from_slice(&piece);
        Ok(())
    }

    /// What came so far.
    fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.bytes)
    }
}
