//! A terminal that somebody sits at: its screen, and its keys.

use std::fmt;
use std::fs;
use std::io::{Read, Write};
use std::num::NonZero;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::terminal::script;

/// Far more than anything here takes: a screen that has not changed by then
/// does not.
const PATIENCE: Duration = Duration::from_secs(60);
/// The question where the cursor is, which a terminal answers.
const WHERE_IS_THE_CURSOR: &[u8] = b"\x1b[6n";

/// A command on a terminal, of which the screen is known. It is ended when dropped.
pub struct Screen {
    child: Child,
    keyboard: ChildStdin,
    pieces: Receiver<Vec<u8>>,
    /// What came and is not on the screen yet: the begin of a question, perhaps.
    rest: Vec<u8>,
    screen: vt100::Parser,
    /// Where the number of the process is.
    place: TempDir,
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Screen")
            .field("text", &self.text())
            .finish_non_exhaustive()
    }
}

impl Screen {
    /// Starts a command on a terminal of this size.
    ///
    /// `None` when there is no `script`, the program of util-linux that gives a
    /// terminal: that is on standard error, and the test should go on without.
    ///
    /// # Panics
    ///
    /// When it cannot be run.
    #[must_use]
    pub fn start(command: &Command, lines: u16, columns: u16) -> Option<Screen> {
        let size = |number| NonZero::new(number).expect("a terminal has lines and columns");
        let place = tempfile::tempdir().expect("a temporary directory can be made");
        let number = place.path().join("process");
        let before = format!(
            "stty rows {lines} cols {columns}; echo $$ > '{}'; exec",
            number.display()
        );
        let mut script = script(command, &before)?;
        script.env("TERM", "xterm-256color");
        if let Some(directory) = command.get_current_dir() {
            script.current_dir(directory);
        }
        let mut child = script
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("`script` can be run");
        let keyboard = child.stdin.take().expect("the pipe was asked for");
        let mut output = child.stdout.take().expect("the pipe was asked for");
        let (sender, pieces) = mpsc::channel();
        thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(length @ 1..) = output.read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Some(Screen {
            child,
            keyboard,
            pieces,
            rest: Vec::new(),
            screen: vt100::Parser::new(size(lines), size(columns), 0),
            place,
        })
    }

    /// Types this.
    ///
    /// # Panics
    ///
    /// When the terminal does not take it.
    #[track_caller]
    pub fn type_in(&mut self, keys: &str) {
        let typed = self.keyboard.write_all(keys.as_bytes());
        typed.expect("the terminal takes what is typed");
    }

    /// Waits until this is on the screen.
    ///
    /// # Panics
    ///
    /// When it does not come.
    #[track_caller]
    pub fn wait_for(&mut self, expected: &str) {
        self.wait_until(expected, |text| text.contains(expected));
    }

    /// Waits until this holds for the text on the screen.
    ///
    /// # Panics
    ///
    /// When it does not come.
    #[track_caller]
    pub fn wait_until(&mut self, what: &str, holds: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(&self.text()) {
            let patience = deadline.saturating_duration_since(Instant::now());
            let Ok(piece) = self.pieces.recv_timeout(patience) else {
                panic!("`{what}` did not come. The screen:\n{}", self.text());
            };
            self.show(&piece);
        }
    }

    /// The text on the screen, without the spaces at the ends of lines.
    #[must_use]
    pub fn text(&self) -> String {
        let screen = self.screen.screen();
        let (_, columns) = screen.size();
        let lines: Vec<String> = screen.rows(0, columns.get()).collect();
        let lines: Vec<&str> = lines.iter().map(|line| line.trim_end()).collect();
        lines.join("\n").trim_end().to_owned()
    }

    /// What the terminal knows: colours, modes.
    #[must_use]
    pub fn terminal(&self) -> &vt100::Screen {
        self.screen.screen()
    }

    /// Sends a signal to the process, such as `TERM`.
    ///
    /// # Panics
    ///
    /// When it cannot be sent.
    #[track_caller]
    pub fn signal(&self, name: &str) {
        let number = fs::read_to_string(self.place.path().join("process"));
        let kill = format!("kill -{name} {}", number.expect("the process runs").trim());
        let status = Command::new("sh").args(["-c", &kill]).status();
        assert!(status.is_ok_and(|status| status.success()), "{kill}");
    }

    /// Waits for the end, and gives the exit status and the last screen.
    ///
    /// # Panics
    ///
    /// When the process hangs.
    #[must_use]
    #[track_caller]
    pub fn finish(mut self) -> (i32, String) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let patience = deadline.saturating_duration_since(Instant::now());
            match self.pieces.recv_timeout(patience) {
                Ok(piece) => self.show(&piece),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => {
                    panic!("the process does not end. The screen:\n{}", self.text())
                }
            }
        }
        let status = self.child.wait().expect("a child can be waited for");
        let text = self.text();
        assert!(!text.contains("panicked at"), "a defect shows:\n{text}");
        (status.code().unwrap_or(-1), text)
    }

    /// Puts what came on the screen, and answers what a terminal is asked.
    fn show(&mut self, piece: &[u8]) {
        self.rest.extend_from_slice(piece);
        let asks = |rest: &[u8]| {
            let mut windows = rest.windows(WHERE_IS_THE_CURSOR.len());
            windows.position(|window| window == WHERE_IS_THE_CURSOR)
        };
        while let Some(place) = asks(&self.rest) {
            let shown: Vec<u8> = self.rest.drain(..place).collect();
            self.rest.drain(..WHERE_IS_THE_CURSOR.len());
            self.screen.process(&shown);
            let (line, column) = self.screen.screen().cursor_position();
            // One that has gone does not hear it.
            let _ = write!(self.keyboard, "\x1b[{};{}R", line + 1, column + 1);
        }
        let mut kept = WHERE_IS_THE_CURSOR.len().min(self.rest.len());
        while !WHERE_IS_THE_CURSOR.starts_with(&self.rest[self.rest.len() - kept..]) {
            kept -= 1;
        }
        let shown: Vec<u8> = self.rest.drain(..self.rest.len() - kept).collect();
        self.screen.process(&shown);
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Both fail only if the process has already ended and been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
