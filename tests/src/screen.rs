//! A terminal that a process draws on, watched while it runs.

use std::fmt;
use std::io::{Read, Write};
use std::num::NonZero;
use std::process::{Child, ChildStdin, Command};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use vt100::Parser;

use crate::terminal::{TerminalSize, script, skip};

/// Far more than anything here takes: what has not come by then never does.
const PATIENCE: Duration = Duration::from_secs(60);
/// The question where the cursor is, which a terminal answers.
const WHERE_IS_THE_CURSOR: &[u8] = b"\x1b[6n";

/// A process on a terminal of its own. It is killed when dropped.
pub struct Screen {
    child: Child,
    keyboard: Option<ChildStdin>,
    pieces: Receiver<Vec<u8>>,
    parser: Parser,
    /// All that came.
    bytes: Vec<u8>,
    /// So much of it is on the screen: the rest may be the begin of a question.
    shown: usize,
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Screen")
            .field("child", &self.child)
            .finish_non_exhaustive()
    }
}

impl Screen {
    /// Starts a command. `None` when there is no `script`, the program of util-linux
    /// that gives a terminal.
    ///
    /// # Panics
    ///
    /// When its pipes are not there, or the size is none.
    #[must_use]
    pub fn start(command: &Command, size: TerminalSize) -> Option<Screen> {
        let Ok(mut child) = script(command, Some(size)).spawn() else {
            skip();
            return None;
        };
        let keyboard = child.stdin.take();
        let mut output = child.stdout.take().expect("the pipe was asked for");
        let (sender, pieces) = mpsc::sync_channel(256);
        thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(length @ 1..) = output.read(&mut buffer) {
                if sender.send(buffer[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        let (columns, rows) = size;
        let some = |number| NonZero::new(number).expect("a terminal has columns and rows");
        Some(Screen {
            child,
            keyboard,
            pieces,
            parser: Parser::new(some(rows), some(columns), 0),
            bytes: Vec::new(),
            shown: 0,
        })
    }

    /// Presses keys.
    ///
    /// # Panics
    ///
    /// When nobody reads them.
    #[track_caller]
    pub fn press(&mut self, keys: &str) {
        let keyboard = self.keyboard.as_mut().expect("nothing closes it");
        keyboard.write_all(keys.as_bytes()).expect("keys are read");
        keyboard.flush().expect("keys are read");
    }

    /// What is on the screen.
    #[must_use]
    pub fn contents(&self) -> String {
        self.parser.screen().contents()
    }

    /// Waits until this is on the screen.
    ///
    /// # Panics
    ///
    /// When the process ends before, or hangs.
    #[track_caller]
    pub fn wait_for(&mut self, expected: &str) {
        self.wait_until(expected, |screen| screen.contains(expected));
    }

    /// Waits until this holds for the screen.
    ///
    /// # Panics
    ///
    /// When the process ends before, or hangs.
    #[track_caller]
    pub fn wait_until(&mut self, what: &str, holds: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds(&self.contents()) {
            if !self.take(deadline) {
                panic!("`{what}` is not on the screen:\n{}", self.contents());
            }
        }
    }

    /// Takes what comes next; false at the end, or when it takes too long.
    fn take(&mut self, deadline: Instant) -> bool {
        let patience = deadline.saturating_duration_since(Instant::now());
        let Ok(piece) = self.pieces.recv_timeout(patience) else {
            return false;
        };
        self.bytes.extend_from_slice(&piece);
        self.show();
        true
    }

    /// Puts what came on the screen, and answers what a terminal is asked.
    fn show(&mut self) {
        let question = WHERE_IS_THE_CURSOR;
        let asked = |rest: &[u8]| {
            let mut windows = rest.windows(question.len());
            windows.position(|window| window == question)
        };
        while let Some(place) = asked(&self.bytes[self.shown..]) {
            let end = self.shown + place + question.len();
            self.parser.process(&self.bytes[self.shown..end]);
            self.shown = end;
            let (line, column) = self.parser.screen().cursor_position();
            if let Some(keyboard) = &mut self.keyboard {
                // One that has gone does not hear it.
                let _ = write!(keyboard, "\x1b[{};{}R", line + 1, column + 1);
            }
        }
        let rest = &self.bytes[self.shown..];
        let begun = (0..question.len().min(rest.len() + 1))
            .rev()
            .find(|length| question.starts_with(&rest[rest.len() - length..]));
        let whole = rest.len() - begun.unwrap_or(0);
        self.parser.process(&rest[..whole]);
        self.shown += whole;
    }

    /// Waits for the end. Returns whether the terminal is as it was, as far as the
    /// screen tells, with what is on it.
    ///
    /// # Panics
    ///
    /// When the process hangs.
    #[track_caller]
    pub fn finish(&mut self) -> (bool, String) {
        let deadline = Instant::now() + PATIENCE;
        while self.take(deadline) {}
        assert!(
            Instant::now() < deadline,
            "the process does not end:\n{}",
            self.contents()
        );
        let screen = self.parser.screen();
        let is_given_back = !screen.alternate_screen() && !screen.hide_cursor();
        (is_given_back, screen.contents())
    }

    /// The exit status of a process that has ended.
    ///
    /// # Panics
    ///
    /// When it cannot be had.
    #[track_caller]
    pub fn status(&mut self) -> Option<i32> {
        self.child.wait().expect("a child can be waited for").code()
    }

    /// What the terminal knows of its screen: colours, modes.
    #[must_use]
    pub fn terminal(&self) -> &vt100::Screen {
        self.parser.screen()
    }

    /// Every byte that the process wrote to the terminal.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // Both fail only if the process has already ended and been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
