//! How a run of the binary ended.

use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Output};

use serde_json::Value;

/// What a process printed, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The exit status; the negative number of the signal for a process that a
    /// signal ended.
    pub status: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Outcome {
    /// Runs a command to its end.
    ///
    /// # Panics
    ///
    /// When it cannot be run, or itself panicked.
    #[track_caller]
    pub fn of(command: &mut Command) -> Outcome {
        let output = command.output().expect("the binary can be run");
        Outcome::from(output)
    }

    pub(crate) fn new(status: ExitStatus, stdout: String, stderr: String) -> Outcome {
        assert!(
            !stderr.contains("panicked at") && !stderr.contains("internal error"),
            "a defect shows:\n{stderr}"
        );
        let by_signal = || -status.signal().unwrap_or_default();
        Outcome {
            status: status.code().unwrap_or_else(by_signal),
            stdout,
            stderr,
        }
    }

    /// Asserts the exit status 0.
    ///
    /// # Panics
    ///
    /// On any other.
    #[track_caller]
    pub fn success(self) -> Outcome {
        self.ends_with(0)
    }

    /// Asserts a failure: this exit status, an empty standard output, and a
    /// message that is an error.
    ///
    /// # Panics
    ///
    /// When it is not so.
    #[track_caller]
    pub fn failure(self, status: i32) -> Outcome {
        let outcome = self.ends_with(status);
        assert!(outcome.stderr.contains("error: "), "{}", outcome.stderr);
        assert_eq!(outcome.stdout, "", "half of an answer was printed");
        outcome
    }

    /// Asserts the exit status.
    ///
    /// # Panics
    ///
    /// On any other.
    #[track_caller]
    pub fn ends_with(self, status: i32) -> Outcome {
        let Outcome { stdout, stderr, .. } = &self;
        assert_eq!(
            self.status, status,
            "exit status\n--- stdout\n{stdout}\n--- stderr\n{stderr}"
        );
        self
    }

    /// Asserts that standard error has all of these texts.
    ///
    /// # Panics
    ///
    /// When one is missing.
    #[track_caller]
    pub fn tells(self, texts: &[&str]) -> Outcome {
        for text in texts {
            assert!(
                self.stderr.contains(text),
                "`{text}` is not told:\n{}",
                self.stderr
            );
        }
        self
    }

    /// The rows of an answer in `ndjson`.
    ///
    /// # Panics
    ///
    /// When a line is no JSON.
    #[must_use]
    #[track_caller]
    pub fn rows(&self) -> Vec<Value> {
        let row = |line| {
            serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("`{line}` is no JSON: {error}"))
        };
        self.stdout.lines().map(row).collect()
    }

    /// The records and the rejects that the summary on standard error counts.
    ///
    /// # Panics
    ///
    /// When there is no summary.
    #[must_use]
    #[track_caller]
    pub fn counts(&self) -> (u64, u64) {
        let summary = self
            .stderr
            .lines()
            .rfind(|line| line.ends_with(" records/s"));
        let count = |unit: &str| {
            let part = summary?
                .split(", ")
                .find_map(|part| part.strip_suffix(unit));
            part?.replace(',', "").parse().ok()
        };
        match (count(" records"), count(" rejects")) {
            (Some(records), Some(rejects)) => (records, rejects),
            _ => panic!("there is no summary:\n{}", self.stderr),
        }
    }
}

impl From<Output> for Outcome {
    #[track_caller]
    fn from(output: Output) -> Outcome {
        let text = |bytes| String::from_utf8(bytes).expect("output is UTF-8");
        Outcome::new(output.status, text(output.stdout), text(output.stderr))
    }
}
