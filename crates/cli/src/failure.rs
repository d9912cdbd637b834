//! What ends a command early: a message, the way out, and the exit status.

use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    note: Option<String>,
    hint: Option<String>,
    status: u8,
}

/// The request failed, or the answer is negative.
const FAILED: u8 = 1;
/// The command line makes no sense.
const USAGE: u8 = 2;
/// A query was interrupted: 128 and the number of the signal, as shells do.
const INTERRUPTED: u8 = 130;
/// How long a process that is to end at once waits for its last words.
const PATIENCE: Duration = Duration::from_millis(500);

impl Failure {
    /// The request failed.
    pub(crate) fn new(message: impl Into<String>) -> Failure {
        Failure {
            message: message.into(),
            note: None,
            hint: None,
            status: FAILED,
        }
    }

    /// The command line makes no sense.
    pub(crate) fn usage(message: impl Into<String>) -> Failure {
        Failure {
            status: USAGE,
            ..Failure::new(message)
        }
    }

    /// The user ended a query.
    pub(crate) fn interrupted() -> Failure {
        Failure {
            status: INTERRUPTED,
            ..Failure::new("interrupted")
        }
    }

    /// Nothing to report: the reader of our output has gone, or the command has
    /// said all there is to say. With this status.
    pub(crate) fn silent(status: u8) -> Failure {
        Failure {
            status,
            ..Failure::new("")
        }
    }

    /// Whether there is nothing to report.
    pub(crate) fn is_silent(&self) -> bool {
        self.message.is_empty()
    }

    /// The answer is negative, and the output has said so.
    pub(crate) fn negative() -> Failure {
        Failure::silent(FAILED)
    }

    /// Adds the way out.
    pub(crate) fn hint(self, hint: impl Into<String>) -> Failure {
        Failure {
            hint: Some(hint.into()),
            ..self
        }
    }

    /// An error with what caused it.
    pub(crate) fn chain(error: &dyn Error) -> Failure {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let said = cause.to_string();
            // Some libraries say their cause themselves.
            if !message.ends_with(&said) {
                message = format!("{message}: {said}");
            }
            source = cause.source();
        }
        Failure::new(message)
    }

    /// As a statement that names objects fails of it.
    pub(crate) fn into_objects_error(self) -> vpcflow_query::ObjectsError {
        vpcflow_query::ObjectsError {
            message: self.message,
            hint: self.hint,
        }
    }

    fn with(self, hint: Option<String>) -> Failure {
        Failure { hint, ..self }
    }

    /// Tells the user, and gives the exit status.
    #[expect(clippy::print_stderr, reason = "the one place that reports a failure")]
    pub(crate) fn report(&self) -> ExitCode {
        if !self.message.is_empty() {
            eprintln!("error: {}", vpcflow_query::escape_lines(&self.message));
        }
        if let Some(note) = &self.note {
            eprintln!("note: {}", vpcflow_query::escape_lines(note));
        }
        if let Some(hint) = &self.hint {
            eprintln!("hint: {}", vpcflow_query::escape_lines(hint));
        }
        ExitCode::from(self.status)
    }

    /// As [`Failure::report`], unless nobody takes what it says: standard error may be
    /// the pipe that is full, and the process is to end all the same.
    pub(crate) fn report_briefly(self) -> ExitCode {
        let status = ExitCode::from(self.status);
        let (done, wait) = mpsc::channel();
        thread::spawn(move || {
            if io::stderr().is_terminal() {
                // A line that was to be redrawn may be there.
                let _ = io::stderr().write_all(b"\r\x1b[K");
            }
            self.report();
            done.send(())
        });
        let _ = wait.recv_timeout(PATIENCE);
        status
    }
}

impl From<vpcflow_query::Error> for Failure {
    fn from(error: vpcflow_query::Error) -> Failure {
        if error.is_closed_pipe() {
            return Failure::silent(0);
        }
        Failure::new(error.to_string()).with(error.hint())
    }
}

impl From<vpcflow_store::Error> for Failure {
    fn from(error: vpcflow_store::Error) -> Failure {
        let hint = error.hint();
        Failure::chain(&error).with(hint)
    }
}

impl From<vpcflow_query::FunctionsError> for Failure {
    fn from(error: vpcflow_query::FunctionsError) -> Failure {
        Failure::chain(&error).hint(error.hint())
    }
}

impl From<vpcflow_ingest::InputError> for Failure {
    fn from(error: vpcflow_ingest::InputError) -> Failure {
        Failure::new(error.to_string()).with(error.hint())
    }
}

impl From<vpcflow_ingest::ReadError> for Failure {
    fn from(error: vpcflow_ingest::ReadError) -> Failure {
        Failure::new(error.message).with(error.hint)
    }
}

impl From<vpcflow_ingest::FollowError> for Failure {
    fn from(error: vpcflow_ingest::FollowError) -> Failure {
        match error {
            vpcflow_ingest::FollowError::Read(error) => error.into(),
            vpcflow_ingest::FollowError::Sink(error) => error.into(),
        }
    }
}

/// What a sink or a file reported, under the type that it has.
impl From<vpcflow_ingest::SinkError> for Failure {
    fn from(error: vpcflow_ingest::SinkError) -> Failure {
        let error = match error.downcast::<vpcflow_query::Error>() {
            Ok(error) => return (*error).into(),
            Err(error) => error,
        };
        let error = match error.downcast::<vpcflow_store::Error>() {
            Ok(error) => return (*error).into(),
            Err(error) => error,
        };
        match error.downcast::<vpcflow_ingest::InputError>() {
            Ok(error) => (*error).into(),
            Err(error) => Failure::new(error.to_string()),
        }
    }
}

impl From<vpcflow_aws::Error> for Failure {
    fn from(error: vpcflow_aws::Error) -> Failure {
        let hint = error.hint();
        let failure = match &error {
            // The causes are all the places that had none.
            vpcflow_aws::Error::NoCredentials { .. } => Failure::new(error.to_string()),
            error => Failure::chain(error),
        };
        failure.hint(hint)
    }
}

impl From<vpcflow_setup::Error> for Failure {
    fn from(error: vpcflow_setup::Error) -> Failure {
        let hint = error.hint();
        let note = error.aftermath().map(ToString::to_string);
        let status = if error.is_interrupted() {
            INTERRUPTED
        } else {
            FAILED
        };
        Failure {
            note,
            status,
            ..Failure::chain(&error)
        }
        .with(hint)
    }
}

impl From<vpcflow_setup::WishError> for Failure {
    fn from(error: vpcflow_setup::WishError) -> Failure {
        let hint = error.hint();
        Failure {
            status: USAGE,
            ..Failure::new(error.to_string())
        }
        .with(hint)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        vpcflow_query::Error::from(error).into()
    }
}
