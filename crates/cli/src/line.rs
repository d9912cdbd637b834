//! A line at the bottom of the terminal that is drawn again and again.

use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, PoisonError};

/// The line. It has no colours, so that there are none to switch off.
#[derive(Debug, Clone, Default)]
pub(crate) struct Line {
    /// The line is on the terminal, and has to go before anything else.
    shown: Arc<Mutex<bool>>,
}

impl Line {
    /// Whether standard error is a terminal that a line can be taken off again.
    pub(crate) fn is_possible() -> bool {
        io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
    }

    /// Takes the line off the terminal.
    pub(crate) fn clear(&self) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::take(&mut *shown) {
            // Nobody is left to tell when standard error is gone.
            let _ = io::stderr().write_all(b"\r\x1b[K");
        }
    }

    /// Puts the line in place of the last one: in one write, so that it does
    /// not flicker, and no longer than the terminal is wide.
    pub(crate) fn draw(&self, text: &str) {
        let width = terminal_size::terminal_size_of(io::stderr());
        let width = width.map_or(usize::MAX, |(width, _)| usize::from(width.0));
        let text: String = text.chars().take(width.saturating_sub(1)).collect();
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        *shown = io::stderr()
            .write_all(format!("\r{text}\x1b[K").as_bytes())
            .is_ok();
    }
}
